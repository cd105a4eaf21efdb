package access

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Role is a set of methods that belong together. Each has what those before it
// have.
type Role string

// The roles.
const (
	// Monitor may see the gateway's own pages (metrics, the contract) and call
	// nothing.
	Monitor Role = "monitor"
	// Viewer may read calls and their events.
	Viewer Role = "viewer"
	// Operator may act on calls, and place and answer them.
	Operator Role = "operator"
	// Admin may do everything.
	Admin Role = "admin"
)

// Roles are all roles, from the least to the greatest.
func Roles() []Role { return []Role{Monitor, Viewer, Operator, Admin} }

// Grant is what the policy gives to a principal.
type Grant struct {
	// Name is the entry of the policy that it comes from.
	Name string
	// Role is its role; empty where it has Methods instead.
	Role Role
	// Methods are the methods that it may call: "callgate.v1.Events/ListEvents", or
	// "callgate.v1.Events/*".
	Methods []string
	// Service is who owns the calls that it makes.
	Service string
	// AllCalls lets it see the calls of every service, and not only of its own.
	AllCalls bool
	// Incoming are the numbers and raw ids whose incoming calls it sees where it
	// does not see all: as they are, or with "*" at their end.
	Incoming []string
	// Dialing bounds whom it may call, and how much.
	Dialing Dialing
}

// SeesIncoming tells whether the grant shows an incoming call to a party.
func (g *Grant) SeesIncoming(rawID string) bool {
	number := strings.TrimPrefix(rawID, "4:")
	return slices.ContainsFunc(g.Incoming, func(pattern string) bool {
		return matches(pattern, rawID) || matches(pattern, number)
	})
}

// Policy says what each principal may do.
type Policy struct {
	exact    map[string]*Grant
	patterns []*Grant // whose names end in "*", the longest first
}

// Grant is what the policy gives to a principal: by its name, else by the longest
// pattern that it matches; nil where it is not spoken of.
func (p *Policy) Grant(principal string) *Grant {
	if g := p.exact[principal]; g != nil {
		return g
	}
	for _, g := range p.patterns {
		if matches(g.Name, principal) {
			return g.of(principal)
		}
	}
	return nil
}

// of is the grant with the service of a principal that is of no other.
func (g *Grant) of(principal string) *Grant {
	if g.Service != "" {
		return g
	}
	own := *g
	own.Service = principal
	return &own
}

// Grants are all entries, by their names.
func (p *Policy) Grants() []*Grant {
	grants := slices.Collect(maps.Values(p.exact))
	return slices.SortedFunc(slices.Values(append(grants, p.patterns...)), func(a, b *Grant) int { return strings.Compare(a.Name, b.Name) })
}

// policyFile is a policy as it is written.
type policyFile struct {
	Principals map[string]grantFile `yaml:"principals"`
	Dialing    dialingFile          `yaml:"dialing"`
}

type grantFile struct {
	Role     Role        `yaml:"role"`
	Methods  []string    `yaml:"methods"`
	Service  string      `yaml:"service"`
	Calls    string      `yaml:"calls"`
	Incoming []string    `yaml:"incoming"`
	Dialing  dialingFile `yaml:"dialing"`
}

// ParsePolicy reads a policy in YAML, of which JSON is a part. What it does not
// know is an error, and it finds all of them.
func ParsePolicy(content []byte) (*Policy, error) {
	var file policyFile
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has more than one document")
	}
	var errs []error
	policy := &Policy{exact: map[string]*Grant{}}
	if len(file.Principals) == 0 {
		errs = append(errs, errors.New("principals: there are none, so nobody may do anything"))
	}
	if err := file.Dialing.validate(); err != nil {
		errs = append(errs, fmt.Errorf("dialing: %w", err))
	}
	for _, name := range slices.Sorted(maps.Keys(file.Principals)) {
		written := file.Principals[name]
		if err := errors.Join(checkName(name), written.validate()); err != nil {
			errs = append(errs, fmt.Errorf("principals: %s: %w", name, err))
			continue
		}
		grant := written.grant(name, file.Dialing)
		if strings.HasSuffix(name, "*") {
			policy.patterns = append(policy.patterns, grant)
		} else {
			policy.exact[name] = grant.of(name)
		}
	}
	slices.SortFunc(policy.patterns, func(a, b *Grant) int { return len(b.Name) - len(a.Name) })
	return policy, errors.Join(errs...)
}

func (w *grantFile) validate() error {
	var errs []error
	switch {
	case w.Role == "" && len(w.Methods) == 0:
		errs = append(errs, errors.New("it has neither a role nor methods"))
	case w.Role != "" && len(w.Methods) > 0:
		errs = append(errs, errors.New("it has a role and methods: which is meant?"))
	case w.Role != "" && !slices.Contains(Roles(), w.Role):
		errs = append(errs, fmt.Errorf("role: %q is none of %v", w.Role, Roles()))
	}
	if w.Calls != "" && w.Calls != "own" && w.Calls != "all" {
		errs = append(errs, fmt.Errorf("calls: %q is neither own nor all", w.Calls))
	}
	if w.Service != "" && !validPrincipal(w.Service) {
		errs = append(errs, errors.New("service: it is not a name"))
	}
	for _, pattern := range w.Incoming {
		if pattern == "" || strings.Contains(strings.TrimSuffix(pattern, "*"), "*") {
			errs = append(errs, errors.New("incoming: a number or raw id has its only * at the end"))
		}
	}
	if err := w.Dialing.validate(); err != nil {
		errs = append(errs, fmt.Errorf("dialing: %w", err))
	}
	return errors.Join(errs...)
}

func (w *grantFile) grant(name string, common dialingFile) *Grant {
	return &Grant{
		Name: name, Role: w.Role, Methods: w.Methods, Service: w.Service,
		AllCalls: w.Calls == "all" || w.Calls == "" && w.Role == Admin,
		Incoming: w.Incoming, Dialing: w.Dialing.over(common),
	}
}

// checkName: a pattern has its only "*" at its end, behind what proved the name,
// so that it takes in no principal that something else has proved.
func checkName(name string) error {
	rest, pattern := strings.CutSuffix(name, "*")
	for _, kind := range []string{"token:", "oidc:", "spiffe://", "dns:"} {
		if strings.HasPrefix(rest, kind) && (pattern || len(rest) > len(kind)) && validPrincipal(rest) {
			return nil
		}
	}
	return errors.New("it is not the name of a principal: token:, oidc:, spiffe:// or dns: and a name, which may end in *")
}

func matches(pattern, s string) bool {
	if prefix, is := strings.CutSuffix(pattern, "*"); is {
		return strings.HasPrefix(s, prefix)
	}
	return pattern == s
}

// maxPrincipal bounds a name, in bytes: it is part of callback addresses.
const maxPrincipal = 256

// validPrincipal tells whether a name can be one: something to read, without what
// means more in a policy or a file of tokens.
func validPrincipal(name string) bool {
	return name != "" && len(name) <= maxPrincipal && utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool {
		return r == '*' || !unicode.IsGraphic(r) || unicode.IsSpace(r)
	})
}
