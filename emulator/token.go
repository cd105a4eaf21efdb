package emulator

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
)

const (
	// Issuer is the iss of the tokens on callbacks, the real service's.
	Issuer = "https://acscallautomation.communication.azure.com"
	// OpenIDConfigurationPath is where receivers of callbacks learn where the keys are.
	OpenIDConfigurationPath = "/calling/.well-known/acsopenidconfiguration"
	// JWKSPath serves the keys that the tokens on callbacks are signed with.
	JWKSPath = "/calling/keys"

	tokenLifetime = 5 * time.Minute // the service's
	rsaKeyBits    = 2048
)

// signer makes the tokens that authenticate callbacks. Its key is generated in
// the background; whoever needs it first waits.
type signer struct {
	audience string
	now      func() time.Time
	newKey   func() (*rsa.PrivateKey, error)
	ready    chan struct{} // closed once there is a key, or err

	mu     sync.Mutex
	key    jose.JSONWebKey
	jws    jose.Signer
	err    error
	second int64           // of the tokens below
	tokens map[flaw]string // made in that second
}

// flaw is what a fault has wrong with a token.
type flaw int

const (
	flawless flaw = iota
	expired
	wrongAudience
)

// anotherResource is the audience of tokens that are not for the receiver.
const anotherResource = "0badf00d-ca11-4a7e-8e5f-0123456789ab"

func newSigner(options Options, goroutine *sync.WaitGroup) *signer {
	s := &signer{audience: options.ResourceID, now: options.Now, newKey: options.signingKey, ready: make(chan struct{})}
	goroutine.Go(func() {
		defer close(s.ready)
		s.err = s.replaceKey()
	})
	return s
}

// rotate replaces the key. Tokens of the old one cannot be verified any more.
func (s *signer) rotate() error {
	<-s.ready
	return s.replaceKey()
}

func (s *signer) replaceKey() error {
	key, err := s.newKey()
	if err != nil {
		return fmt.Errorf("generate signing key: %w", err)
	}
	jwk := jose.JSONWebKey{Key: key, KeyID: uuid.NewString(), Algorithm: string(jose.RS256), Use: "sig"}
	jws, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jwk}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key, s.jws, s.tokens = jwk, jws, nil
	return nil
}

func generateKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, rsaKeyBits) }

func (s *signer) wait(ctx context.Context) error {
	select {
	case <-s.ready:
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// token is a bearer token as the service sends with each event: RS256, five
// minutes. Its times are whole seconds and RS256 is deterministic, so all tokens
// made within a second are the same, and only the first has to be signed.
func (s *signer) token(ctx context.Context, wrong flaw) (string, error) {
	if err := s.wait(ctx); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.second != now.Unix() || s.tokens == nil {
		s.second, s.tokens = now.Unix(), make(map[flaw]string)
	}
	if token, made := s.tokens[wrong]; made {
		return token, nil
	}
	token, err := jwt.Signed(s.jws).Claims(s.claims(now, wrong)).Serialize()
	if err == nil {
		s.tokens[wrong] = token
	}
	return token, err
}

func (s *signer) claims(now time.Time, wrong flaw) jwt.Claims {
	audience := s.audience
	switch wrong {
	case expired:
		now = now.Add(-tokenLifetime - time.Hour)
	case wrongAudience:
		audience = anotherResource
	}
	return jwt.Claims{
		Issuer:    Issuer,
		Audience:  jwt.Audience{audience},
		NotBefore: jwt.NewNumericDate(now),
		IssuedAt:  jwt.NewNumericDate(now),
		Expiry:    jwt.NewNumericDate(now.Add(tokenLifetime)),
	}
}

func (s *signer) publicKey() jose.JSONWebKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key.Public()
}

func (s *signer) serveJWKS(w http.ResponseWriter, r *http.Request) {
	if err := s.wait(r.Context()); err != nil {
		http.Error(w, "no signing key", http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{s.publicKey()}})
}

func (e *Emulator) serveOpenIDConfiguration(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                Issuer,
		"jwks_uri":                              e.baseURL(r) + JWKSPath,
		"id_token_signing_alg_values_supported": []string{string(jose.RS256)},
	})
}

// writeJSON marshals before the status is written, so that it can still say no.
func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "cannot encode the response", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // the client is gone: nothing left to tell it
}
