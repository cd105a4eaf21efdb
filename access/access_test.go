package access_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callgate/callgate/access"
)

const token = "a token that is long enough"

// bearer is token without what no bearer token may hold.
var bearer = strings.ReplaceAll(token, " ", "-")

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func basic(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }

func TestParseAuthorization(t *testing.T) {
	for _, tc := range []struct {
		name, header, want string
		refused            bool
	}{
		{"none", "", "", false},
		{"a bearer token", "Bearer " + bearer, bearer, false},
		{"in another case", "bEARER " + bearer, bearer, false},
		{"a password", basic("anybody:" + bearer), bearer, false},
		{"a password with a colon", basic(":a:b"), "a:b", false},
		{"the scheme alone", "Bearer", "", true},
		{"an empty token", "Bearer ", "", true},
		{"two tokens", "Bearer a b", "", true},
		{"a line end", "Bearer a\nb", "", true},
		{"not ASCII", "Bearer \u00e4", "", true},
		{"too long", "Bearer " + strings.Repeat("a", 16<<10+1), "", true},
		{"another scheme", "Digest " + bearer, "", true},
		{"no scheme", bearer, "", true},
		{"a password that is not base64", "Basic ???", "", true},
		{"a user without a password", basic("anybody"), "", true},
		{"an empty password", basic("anybody:"), "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := access.ParseAuthorization(tc.header)
			if got != tc.want || (err != nil) != tc.refused || err != nil && !errors.Is(err, access.ErrUnauthenticated) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func FuzzParseAuthorization(f *testing.F) {
	for _, seed := range []string{"", "Bearer x", "Basic eDp5", "basic  eDp5 ", "Bearer", "Basic"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, err := access.ParseAuthorization(header)
		if err != nil && (got != "" || !errors.Is(err, access.ErrUnauthenticated)) || strings.ContainsAny(got, " \r\n\x00") {
			t.Errorf("%q: %q, %v", header, got, err)
		}
		if err == nil && got == "" && header != "" {
			t.Errorf("%q passes for no credential", header)
		}
	})
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	rewrite(t, name, content)
	return name
}

func rewrite(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTokens(t *testing.T) {
	now := time.Date(2026, 11, 25, 4, 0, 0, 0, time.UTC)
	tokens, err := access.OpenTokens(writeFile(t, "# services\n\n"+
		"billing:"+hashOf(bearer)+"\n"+
		"billing:"+strings.ToUpper(hashOf("the-one-before-that"+bearer))+"\r\n"+
		"visitor:"+hashOf("until-noon"+bearer)+":2026-11-25T12:00:00Z\n"+
		"gone:"+hashOf("until-three"+bearer)+":2026-11-25T03:00:00Z\n"+
		"weak:"+hashOf("password")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	who := access.Authenticator{Tokens: tokens, Now: func() time.Time { return now }}
	for _, tc := range []struct{ name, token, want string }{
		{"a good one", bearer, "token:billing"},
		{"the other of a name", "the-one-before-that" + bearer, "token:billing"},
		{"one that ends later", "until-noon" + bearer, "token:visitor"},
		{"one that has ended", "until-three" + bearer, ""},
		{"one that can be guessed", "password", ""},
		{"an unknown one", bearer + "x", ""},
		{"its hash", hashOf(bearer), ""},
		{"none", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			id, err := who.Authenticate(t.Context(), access.Credentials{Token: tc.token})
			if id.Principal != tc.want || (err == nil) != (tc.want != "") || err != nil && !errors.Is(err, access.ErrUnauthenticated) {
				t.Errorf("got %+v, %v", id, err)
			}
			if err == nil && !who.Stands(id) {
				t.Error("it does not stand")
			}
		})
	}
}

func TestTokensAreReadAgain(t *testing.T) {
	name := writeFile(t, "billing:"+hashOf(bearer))
	tokens, err := access.OpenTokens(name)
	if err != nil {
		t.Fatal(err)
	}
	who := access.Authenticator{Tokens: tokens}
	id, err := who.Authenticate(t.Context(), access.Credentials{Token: bearer})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name, content   string
		changed, broken bool
		stands          bool
	}{
		{"nothing has changed", "billing:" + hashOf(bearer), false, false, true},
		{"a broken file changes nothing", "billing:" + bearer, false, true, true},
		{"a new name for it", "invoices:" + hashOf(bearer), true, false, true},
		{"withdrawn", "", true, false, false},
	} {
		rewrite(t, name, step.content)
		changed, err := tokens.Reload()
		if changed != step.changed || (err != nil) != step.broken || who.Stands(id) != step.stands {
			t.Errorf("%s: changed %v, %v, stands %v", step.name, changed, err, who.Stands(id))
		}
		if err != nil && strings.Contains(err.Error(), bearer) {
			t.Errorf("%s: the error repeats the token: %v", step.name, err)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("billing:" + hashOf(bearer))
	f.Add("# x\n\nbilling:" + hashOf(bearer) + ":2026-11-25T12:00:00Z\n")
	f.Add("billing:" + bearer)
	name := filepath.Join(f.TempDir(), "tokens")
	f.Fuzz(func(t *testing.T, content string) {
		rewrite(t, name, content)
		tokens, err := access.OpenTokens(name)
		if err != nil {
			return
		}
		for _, principal := range tokens.Principals() {
			if !strings.HasPrefix(principal, "token:") || strings.ContainsAny(principal, "* \r\n") {
				t.Errorf("principal %q of %q", principal, content)
			}
		}
	})
}

func TestCertificates(t *testing.T) {
	uri := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	later := time.Now().Add(time.Hour)
	for _, tc := range []struct {
		name string
		cert x509.Certificate
		want string
	}{
		{"a SPIFFE id", x509.Certificate{URIs: []*url.URL{uri("spiffe://example.org/billing")}, DNSNames: []string{"x"}, NotAfter: later}, "spiffe://example.org/billing"},
		{"a DNS name", x509.Certificate{DNSNames: []string{"billing.example", "x"}, NotAfter: later}, "dns:billing.example"},
		{"another URI", x509.Certificate{URIs: []*url.URL{uri("https://example.org")}, DNSNames: []string{"billing.example"}, NotAfter: later}, "dns:billing.example"},
		{"two SPIFFE ids", x509.Certificate{URIs: []*url.URL{uri("spiffe://example.org/a"), uri("spiffe://example.org/b")}, NotAfter: later}, ""},
		{"a SPIFFE id of nobody", x509.Certificate{URIs: []*url.URL{uri("spiffe:///billing")}, NotAfter: later}, ""},
		{"a wildcard", x509.Certificate{DNSNames: []string{"*.example"}, NotAfter: later}, ""},
		{"no name", x509.Certificate{NotAfter: later}, ""},
		{"expired on an open connection", x509.Certificate{DNSNames: []string{"billing.example"}, NotAfter: time.Now().Add(-time.Second)}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			id, err := new(access.Authenticator).Authenticate(t.Context(), access.Credentials{Certificate: &tc.cert})
			if id.Principal != tc.want || (err == nil) != (tc.want != "") {
				t.Errorf("got %+v, %v", id, err)
			}
		})
	}
	bad := access.Credentials{Token: "x", Certificate: &x509.Certificate{DNSNames: []string{"billing.example"}, NotAfter: later}}
	if id, err := new(access.Authenticator).Authenticate(t.Context(), bad); err == nil {
		t.Errorf("a good certificate makes up for a bad token: %+v", id)
	}
}
