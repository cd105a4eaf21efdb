package eventstream

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// FuzzEventGrid: whatever is posted with a good key is stored, confirmed or
// refused as what it is.
func FuzzEventGrid(f *testing.F) {
	for name, body := range captured(f) {
		f.Add(body, "Notification")
		if strings.Contains(name, "Validation") {
			f.Add(body, subscriptionValidation)
		}
	}
	tokens, err := NewTokens([]byte("0123456789abcdef"))
	if err != nil {
		f.Fatal(err)
	}
	log := openLog(f, LogOptions{})
	receiver := NewReceiver(ReceiverOptions{Log: log, Tokens: tokens, Logger: slog.New(slog.DiscardHandler)})
	target := EventGridPath + "?key=" + tokens.EventGrid()
	f.Fuzz(func(t *testing.T, body []byte, kind string) {
		r := httptest.NewRequest(http.MethodPost, target, bytes.NewReader(body))
		r.Header.Set(eventTypeHeader, kind)
		w := httptest.NewRecorder()
		receiver.ServeHTTP(w, r)
		switch {
		case !slices.Contains([]int{http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge}, w.Code):
			t.Errorf("answer %d", w.Code)
		case w.Body.Len() > 0 && !bytes.HasPrefix(w.Body.Bytes(), []byte(`{"validationResponse":`)):
			t.Errorf("it says %q", w.Body)
		}
	})
}

// transport answers requests within the process.
type transport func(*http.Request) []byte

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(f(r))), Request: r}, nil
}

// FuzzVerify: no token is good but one that the authority signed.
func FuzzVerify(f *testing.F) {
	key := rsaKey("1")
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
	if err != nil {
		f.Fatal(err)
	}
	config := []byte(`{"issuer":"` + DefaultIssuer + `","jwks_uri":"https://keys.example/keys"}`)
	v := NewVerifier(VerifierOptions{
		ConfigURL: "https://keys.example/config", Audiences: []string{audience}, Now: func() time.Time { return receivedAt },
		HTTPClient: &http.Client{Transport: transport(func(r *http.Request) []byte {
			if r.URL.Path == "/keys" {
				return keys
			}
			return config
		})},
	})
	good := sign(f, jose.RS256, key, claims(nil))
	if err := v.Verify(context.Background(), good); err != nil {
		f.Fatal(err)
	}
	signed := good[:strings.LastIndex(good, ".")+1]
	f.Add(good)
	f.Add(signed)
	f.Add(sign(f, jose.RS256, key, claims(func(c map[string]any) { c["exp"] = 1e300 })))
	f.Add(sign(f, jose.RS256, key, claims(func(c map[string]any) { c["nbf"] = 1e300 })))
	f.Add(sign(f, jose.RS256, strangerKey("2"), claims(nil)))
	f.Add(sign(f, jose.HS256, jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "1"}, claims(nil)))
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		err := v.Verify(context.Background(), token)
		switch {
		case err == nil && !strings.HasPrefix(token, signed):
			t.Errorf("it is good")
		case err != nil && !errors.Is(err, ErrTokenInvalid):
			t.Errorf("error %v", err)
		}
	})
}

// FuzzVerifyToken: no token of an address is good but one that was made.
func FuzzVerifyToken(f *testing.F) {
	tokens, err := NewTokens([]byte("0123456789abcdef"), []byte("fedcba9876543210"))
	if err != nil {
		f.Fatal(err)
	}
	random := []byte("the same in all processes that fuzz")[:tokenRandom]
	var made []string
	for i, purpose := range []string{purposeCallback, purposeEventGrid} {
		made = append(made, base64.RawURLEncoding.EncodeToString(tokenSign(bytes.Clone(random), tokens.current()[i], purpose, random, "")))
	}
	callback := func(token string) bool {
		owner, good := tokens.VerifyCallback(token)
		return good && owner == ""
	}
	if !callback(made[0]) || !tokens.VerifyEventGrid(made[1]) {
		f.Fatal("what was made is no good")
	}
	for _, token := range append(made, "", strings.Repeat("A", len(made[0])), made[0]+"=", "\n"+made[0]) {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if callback(token) != (token == made[0]) || tokens.VerifyEventGrid(token) != (token == made[1]) {
			t.Errorf("it is good, or no good")
		}
	})
}
