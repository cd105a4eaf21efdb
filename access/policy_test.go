package access_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/callgate/callgate/access"
)

const policy = `
principals:
  token:billing: {role: operator}
  oidc:*: {role: viewer, calls: all}
  spiffe://example.org/shop/*:
    role: operator
    service: shop
    incoming: ["+18005550100", "8:acs:shop_*"]
    dialing: {allow: [+1], deny: [], concurrent_calls: 2}
  spiffe://example.org/*: {role: monitor}
  token:auditor: {methods: [callgate.v1.Events/*]}
  token:root: {role: admin}
dialing:
  allow: [+1, +44]
  caller_ids: ["+18005550100"]
  calls_per_minute: 60
`

func parse(t *testing.T, content string) *access.Policy {
	t.Helper()
	p, err := access.ParsePolicy([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGrants(t *testing.T) {
	p := parse(t, policy)
	for _, tc := range []struct {
		principal, entry, service string
		role                      access.Role
		allCalls                  bool
	}{
		{"token:billing", "token:billing", "token:billing", access.Operator, false},
		{"oidc:ada", "oidc:*", "oidc:ada", access.Viewer, true},
		{"spiffe://example.org/shop/till", "spiffe://example.org/shop/*", "shop", access.Operator, false},
		{"spiffe://example.org/stock", "spiffe://example.org/*", "spiffe://example.org/stock", access.Monitor, false},
		{"token:auditor", "token:auditor", "token:auditor", "", false},
		{"token:root", "token:root", "token:root", access.Admin, true},
		{"token:nobody", "", "", "", false},
		{"dns:token:billing", "", "", "", false},
	} {
		g := p.Grant(tc.principal)
		if (g == nil) != (tc.entry == "") {
			t.Errorf("%s: %+v", tc.principal, g)
			continue
		}
		if g != nil && (g.Name != tc.entry || g.Role != tc.role || g.Service != tc.service || g.AllCalls != tc.allCalls) {
			t.Errorf("%s: %+v", tc.principal, g)
		}
	}
}

func TestIncoming(t *testing.T) {
	g := parse(t, policy).Grant("spiffe://example.org/shop/till")
	for rawID, want := range map[string]bool{
		"4:+18005550100": true, "4:+18005550101": false, "8:acs:shop_till": true, "8:acs:stock_1": false, "": false,
	} {
		if g.SeesIncoming(rawID) != want {
			t.Errorf("%q: %v", rawID, !want)
		}
	}
}

func TestDialing(t *testing.T) {
	p := parse(t, policy)
	billing, shop := &p.Grant("token:billing").Dialing, &p.Grant("spiffe://example.org/shop/till").Dialing
	anybody := &parse(t, "principals: {token:x: {role: operator}}").Grant("token:x").Dialing
	for _, tc := range []struct {
		name, number string
		dialing      *access.Dialing
		want         bool
	}{
		{"an allowed country", "+14255550123", billing, true},
		{"another country", "+4915112345678", billing, false},
		{"premium rate in an allowed country", "+19005550123", billing, false},
		{"premium rate, by an exception", "+19005550123", shop, true},
		{"the common countries are not added to one's own", "+442079460123", shop, false},
		{"where nothing is said", "+4915112345678", anybody, true},
		{"premium rate where nothing is said", "+979123456789", anybody, false},
		{"no number", "anonymous", billing, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.dialing.MayCall(tc.number); got != tc.want {
				t.Errorf("MayCall = %v", got)
			}
		})
	}
	if !billing.MayShow("+18005550100") || billing.MayShow("+18005550101") || !anybody.MayShow("+18005550101") {
		t.Error("caller ids")
	}
	if billing.CallsPerMinute != 60 || shop.CallsPerMinute != 60 || shop.ConcurrentCalls != 2 || billing.ConcurrentCalls != 0 {
		t.Errorf("limits: %+v, %+v", billing, shop)
	}
}

func TestPoliciesThatAreRefused(t *testing.T) {
	for _, tc := range []struct{ name, content, want string }{
		{"empty", "", "there are none"},
		{"no YAML", "principals: [", "yaml"},
		{"an unknown key", "principals: {token:x: {role: viewer}}\nprincipal: {}", "principal"},
		{"an unknown key inside", "principals: {token:x: {role: viewer, call: all}}", "call"},
		{"an unknown role", "principals: {token:x: {role: boss}}", "boss"},
		{"no role", "principals: {token:x: {calls: all}}", "neither"},
		{"a role and methods", "principals: {token:x: {role: viewer, methods: [a/b]}}", "which is meant"},
		{"two of one name", "principals: {token:x: {role: viewer}, token:x: {role: admin}}", "already defined"},
		{"a name that nothing proves", "principals: {x: {role: viewer}}", "not the name"},
		{"everybody", "principals: {'*': {role: viewer}}", "not the name"},
		{"a star inside", "principals: {'token:*x': {role: viewer}}", "not the name"},
		{"no name at all", "principals: {'token:': {role: viewer}}", "not the name"},
		{"calls of nobody", "principals: {token:x: {role: viewer, calls: some}}", "some"},
		{"a number without plus", "principals: {token:x: {role: viewer}}\ndialing: {allow: [44]}", "44"},
		{"a limit of nothing", "principals: {token:x: {role: viewer}}\ndialing: {calls_per_minute: 0}", "calls_per_minute"},
		{"two documents", "principals: {token:x: {role: viewer}}\n---\nprincipals: {}", "more than one"},
		{"two mistakes", "principals: {token:x: {role: boss}, token:y: {calls: some, role: viewer}}", "token:y"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := access.ParsePolicy([]byte(tc.content))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v does not speak of %q", err, tc.want)
			}
		})
	}
}

func TestPolicyIsReadAgain(t *testing.T) {
	name := writeFile(t, policy)
	var used []*access.Policy
	refuse := errors.New("not this one")
	use := func(p *access.Policy) error {
		if p.Grant("token:unwanted") != nil {
			return refuse
		}
		used = append(used, p)
		return nil
	}
	file, err := access.OpenPolicy(name, use)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		content         string
		changed, broken bool
	}{
		{policy, false, false},
		{"principals: {token:x: {role: boss}}", false, true},
		{"principals: {token:unwanted: {role: viewer}}", false, true},
		{"principals: {token:x: {role: viewer}}", true, false},
	} {
		rewrite(t, name, step.content)
		if changed, err := file.Reload(); changed != step.changed || (err != nil) != step.broken {
			t.Errorf("%s: %v, %v", step.content, changed, err)
		}
	}
	if len(used) != 2 || used[1].Grant("token:x") == nil {
		t.Errorf("%d policies were used", len(used))
	}
}

// FuzzParsePolicy: whatever is accepted grants nothing to whom nothing has proved,
// and every grant is of a known role or of methods.
func FuzzParsePolicy(f *testing.F) {
	f.Add(policy)
	f.Add(`{"principals": {"token:x": {"role": "viewer"}}}`)
	f.Add("principals: &a {token:x: {role: viewer}}\ndialing: *a")
	f.Fuzz(func(t *testing.T, content string) {
		p, err := access.ParsePolicy([]byte(content))
		if err != nil {
			return
		}
		if p.Grant("") != nil || p.Grant("x") != nil {
			t.Errorf("%q grants something to anybody", content)
		}
		for _, g := range p.Grants() {
			if (g.Role == "") == (len(g.Methods) == 0) || g.Role != "" && !slices.Contains(access.Roles(), g.Role) {
				t.Errorf("%q grants %+v", content, g)
			}
		}
	})
}
