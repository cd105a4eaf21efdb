package eventstream

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const audience = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

// authority is an OpenID provider on loopback whose keys and faults a test sets.
type authority struct {
	server *httptest.Server

	mu      sync.Mutex
	keys    []jose.JSONWebKey
	issuer  string
	broken  bool
	fetches int // of the keys
}

func newAuthority(tb testing.TB) *authority {
	tb.Helper()
	wantNoneLeft(tb)
	a := &authority{issuer: DefaultIssuer}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /config", func(w http.ResponseWriter, _ *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.answer(w, map[string]string{"issuer": a.issuer, "jwks_uri": a.server.URL + "/keys"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.fetches++
		set := jose.JSONWebKeySet{}
		for _, key := range a.keys {
			set.Keys = append(set.Keys, key.Public())
		}
		a.answer(w, set)
	})
	a.server = httptest.NewServer(mux)
	tb.Cleanup(a.server.Close)
	return a
}

func (a *authority) answer(w http.ResponseWriter, v any) {
	if a.broken {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(v)
}

func (a *authority) set(change func(*authority)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a)
}

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newVerifier(tb testing.TB, a *authority) (*Verifier, *clock) {
	tb.Helper()
	time := &clock{now: receivedAt}
	return NewVerifier(VerifierOptions{
		ConfigURL: a.server.URL + "/config", Audiences: []string{audience}, HTTPClient: a.server.Client(), Now: time.Now,
	}), time
}

// rsaKeys are keys that are made once: making one takes long.
var rsaKeys = [...]func() *rsa.PrivateKey{sync.OnceValue(makeKey), sync.OnceValue(makeKey)}

func makeKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// rsaKey is the authority's key, named id; strangerKey is another's.
func rsaKey(id string) jose.JSONWebKey      { return namedKey(rsaKeys[0](), id) }
func strangerKey(id string) jose.JSONWebKey { return namedKey(rsaKeys[1](), id) }

func namedKey(key *rsa.PrivateKey, id string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key, KeyID: id, Algorithm: string(jose.RS256), Use: "sig"}
}

// claims are those of a good token, changed.
func claims(change func(map[string]any)) map[string]any {
	c := map[string]any{
		"iss": DefaultIssuer, "aud": audience,
		"nbf": receivedAt.Unix(), "iat": receivedAt.Unix(), "exp": receivedAt.Add(5 * time.Minute).Unix(),
	}
	if change != nil {
		change(c)
	}
	return c
}

func sign(tb testing.TB, algorithm jose.SignatureAlgorithm, key any, c map[string]any) string {
	tb.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		tb.Fatal(err)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		tb.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		tb.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

func TestVerify(t *testing.T) {
	a := newAuthority(t)
	key, stranger := rsaKey("1"), strangerKey("1")
	a.set(func(a *authority) { a.keys = []jose.JSONWebKey{key} })
	publicDER, err := x509.MarshalPKIXPublicKey(key.Public().Key)
	if err != nil {
		t.Fatal(err)
	}
	with := func(name string, value any) map[string]any {
		return claims(func(c map[string]any) { c[name] = value })
	}
	without := func(name string) map[string]any {
		return claims(func(c map[string]any) { delete(c, name) })
	}
	good := sign(t, jose.RS256, key, claims(nil))
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + strings.Split(good, ".")[1] + "."
	nameless := key
	nameless.KeyID = ""
	unknown := stranger
	unknown.KeyID = "2"
	at := func(d time.Duration) int64 { return receivedAt.Add(d).Unix() }

	for name, test := range map[string]struct {
		token string
		good  bool
	}{
		"a good one":                    {good, true},
		"several audiences":             {sign(t, jose.RS256, key, with("aud", []string{"x", audience})), true},
		"a key without name":            {sign(t, jose.RS256, nameless.Key, claims(nil)), true},
		"without nbf":                   {sign(t, jose.RS256, key, without("nbf")), true},
		"expired within the skew":       {sign(t, jose.RS256, key, with("exp", at(-59*time.Second))), true},
		"not yet valid, but the skew":   {sign(t, jose.RS256, key, with("nbf", at(59*time.Second))), true},
		"expired":                       {sign(t, jose.RS256, key, with("exp", at(-61*time.Second))), false},
		"not yet valid":                 {sign(t, jose.RS256, key, with("nbf", at(61*time.Second))), false},
		"without end":                   {sign(t, jose.RS256, key, without("exp")), false},
		"of the epoch":                  {sign(t, jose.RS256, key, with("exp", 0)), false},
		"another audience":              {sign(t, jose.RS256, key, with("aud", "other")), false},
		"no audience":                   {sign(t, jose.RS256, key, without("aud")), false},
		"another issuer":                {sign(t, jose.RS256, key, with("iss", "https://evil.example")), false},
		"no issuer":                     {sign(t, jose.RS256, key, without("iss")), false},
		"signed by a stranger":          {sign(t, jose.RS256, stranger, claims(nil)), false},
		"an unknown key":                {sign(t, jose.RS256, unknown, claims(nil)), false},
		"not signed":                    {unsigned, false},
		"HS256 with the public key":     {sign(t, jose.HS256, jose.JSONWebKey{Key: publicDER, KeyID: "1"}, claims(nil)), false},
		"another RSA algorithm":         {sign(t, jose.RS512, jose.JSONWebKey{Key: key.Key, KeyID: "1"}, claims(nil)), false},
		"changed after it was signed":   {good[:len(good)/2] + strings.Map(other, good[len(good)/2:len(good)/2+1]) + good[len(good)/2+1:], false},
		"its signature cut off":         {good[:strings.LastIndex(good, ".")+1], false},
		"empty":                         {"", false},
		"garbage":                       {"a.b.c", false},
		"claims that are not an object": {signPayload(t, key, `"hello"`), false},
	} {
		t.Run(name, func(t *testing.T) {
			v, _ := newVerifier(t, a)
			err := v.Verify(testContext(t), test.token)
			if test.good && err != nil || !test.good && !errors.Is(err, ErrTokenInvalid) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func signPayload(t *testing.T, key jose.JSONWebKey, payload string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestVerifyWithoutAudienceTakesAny(t *testing.T) {
	a := newAuthority(t)
	key := rsaKey("1")
	a.set(func(a *authority) { a.keys = []jose.JSONWebKey{key} })
	v := NewVerifier(VerifierOptions{ConfigURL: a.server.URL + "/config", HTTPClient: a.server.Client(), Now: func() time.Time { return receivedAt }})
	if err := v.Verify(testContext(t), sign(t, jose.RS256, key, claims(func(c map[string]any) { c["aud"] = "any" }))); err != nil {
		t.Error(err)
	}
}

func TestVerifyFollowsARotatedKey(t *testing.T) {
	a := newAuthority(t)
	first, second := rsaKey("1"), strangerKey("2")
	a.set(func(a *authority) { a.keys = []jose.JSONWebKey{first} })
	v, now := newVerifier(t, a)
	ctx := testContext(t)
	if err := v.Verify(ctx, sign(t, jose.RS256, first, claims(nil))); err != nil {
		t.Fatal(err)
	}
	a.set(func(a *authority) { a.keys = []jose.JSONWebKey{second} })
	now.advance(2 * fetchPause)
	verifyUntil(t, v, sign(t, jose.RS256, second, claims(nil)), nil)
	verifyUntil(t, v, sign(t, jose.RS256, first, claims(nil)), ErrTokenInvalid)
}

// verifyUntil waits for the verdict want. The key set takes over what it fetched
// in the background, once it has answered, and for that moment knows no better.
func verifyUntil(t *testing.T, v *Verifier, token string, want error) {
	t.Helper()
	ctx := testContext(t)
	for {
		err := v.Verify(ctx, token)
		if errors.Is(err, want) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the verdict is still: %v", err)
		}
		runtime.Gosched()
	}
}

func TestUnknownKeysDoNotMakeUsAskOnAndOn(t *testing.T) {
	a := newAuthority(t)
	key, unknown := rsaKey("1"), strangerKey("2")
	a.set(func(a *authority) { a.keys = []jose.JSONWebKey{key} })
	v, _ := newVerifier(t, a)
	for range 20 {
		if err := v.Verify(testContext(t), sign(t, jose.RS256, unknown, claims(nil))); !errors.Is(err, ErrTokenInvalid) {
			t.Errorf("error %v", err)
		}
	}
	a.set(func(a *authority) {
		if a.fetches != 1 {
			t.Errorf("the keys were fetched %d times", a.fetches)
		}
	})
}

func TestVerifyWhileKeysAreUnavailable(t *testing.T) {
	key := rsaKey("1")
	token := sign(t, jose.RS256, key, claims(nil))
	for name, test := range map[string]struct{ harm, mend func(*authority) }{
		"the server fails":               {func(a *authority) { a.broken = true }, func(a *authority) { a.broken = false }},
		"the configuration is another's": {func(a *authority) { a.issuer = "https://evil.example" }, func(a *authority) { a.issuer = DefaultIssuer }},
		"there are no keys":              {func(a *authority) { a.keys = nil }, func(a *authority) { a.keys = []jose.JSONWebKey{key} }},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAuthority(t)
			a.set(func(a *authority) { a.keys = []jose.JSONWebKey{key} })
			a.set(test.harm)
			v, now := newVerifier(t, a)
			if err := v.Verify(testContext(t), token); !errors.Is(err, ErrKeysUnavailable) {
				t.Errorf("error %v", err)
			}
			a.set(test.mend)
			if err := v.Verify(testContext(t), token); !errors.Is(err, ErrKeysUnavailable) {
				t.Errorf("it was asked again at once: %v", err)
			}
			now.advance(2 * fetchPause)
			verifyUntil(t, v, token, nil)
		})
	}
	t.Run("known keys stay good", func(t *testing.T) {
		a := newAuthority(t)
		a.set(func(a *authority) { a.keys = []jose.JSONWebKey{key} })
		v, now := newVerifier(t, a)
		if err := v.Verify(testContext(t), token); err != nil {
			t.Fatal(err)
		}
		a.set(func(a *authority) { a.broken = true })
		now.advance(2 * fetchPause)
		if err := v.Verify(testContext(t), token); err != nil {
			t.Error(err)
		}
	})
}

func TestFetchIsBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, maxFetched+1))
	}))
	defer server.Close()
	if _, err := fetch(testContext(t), server.Client(), server.URL); err == nil {
		t.Error("no error")
	}
}
