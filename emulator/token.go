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

	ready chan struct{} // closed once the members below are set
	key   jose.JSONWebKey
	jws   jose.Signer
	err   error
}

func newSigner(options Options, goroutine *sync.WaitGroup) *signer {
	s := &signer{audience: options.ResourceID, now: options.Now, ready: make(chan struct{})}
	goroutine.Go(func() {
		defer close(s.ready)
		s.err = s.prepare(options.signingKey)
	})
	return s
}

func (s *signer) prepare(newKey func() (*rsa.PrivateKey, error)) error {
	key, err := newKey()
	if err != nil {
		return fmt.Errorf("generate signing key: %w", err)
	}
	s.key = jose.JSONWebKey{Key: key, KeyID: uuid.NewString(), Algorithm: string(jose.RS256), Use: "sig"}
	s.jws, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: s.key}, (&jose.SignerOptions{}).WithType("JWT"))
	return err
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

// token is a fresh bearer token: RS256, five minutes, as the service sends with
// each event.
func (s *signer) token(ctx context.Context) (string, error) {
	if err := s.wait(ctx); err != nil {
		return "", err
	}
	now := s.now()
	return jwt.Signed(s.jws).Claims(jwt.Claims{
		Issuer:    Issuer,
		Audience:  jwt.Audience{s.audience},
		NotBefore: jwt.NewNumericDate(now),
		IssuedAt:  jwt.NewNumericDate(now),
		Expiry:    jwt.NewNumericDate(now.Add(tokenLifetime)),
	}).Serialize()
}

func (s *signer) serveJWKS(w http.ResponseWriter, r *http.Request) {
	if err := s.wait(r.Context()); err != nil {
		http.Error(w, "no signing key", http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{s.key.Public()}})
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
