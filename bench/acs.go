package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"google.golang.org/grpc/metadata"

	"github.com/callgate/callgate/eventstream"
)

const (
	resourceID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	accessKey  = "YmVuY2htYXJrLWtleS1ub3QtYS1zZWNyZXQ="
)

// authority signs callbacks as Azure does, and publishes the key.
type authority struct {
	key    *rsa.PrivateKey
	server *httptest.Server
}

func newAuthority() (*authority, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	a := &authority{key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /config", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": eventstream.DefaultIssuer, "jwks_uri": a.server.URL + "/keys"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(a.keys())
	})
	a.server = httptest.NewServer(mux)
	return a, nil
}

func (a *authority) keys() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: a.key.Public(), KeyID: "1", Algorithm: "RS256", Use: "sig"}}}
}

// tokens are n different ones: the service sends a new one with each callback.
func (a *authority) tokens(n int) ([]string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: a.key, KeyID: "1"}}, nil)
	if err != nil {
		return nil, err
	}
	tokens := make([]string, n)
	for i := range tokens {
		now := time.Now().Add(-time.Duration(i) * time.Second)
		if tokens[i], err = jwt.Signed(signer).Claims(jwt.Claims{
			Issuer: eventstream.DefaultIssuer, Audience: jwt.Audience{resourceID},
			NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Hour)),
		}).Serialize(); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}

// production is a gateway with the settings of production: an upstream, a log on
// disk that is synced, callbacks that are checked.
type production struct {
	*gateway
	callbackURL string
}

// production starts one. upstream is the stub's address, "" where nothing is asked
// of it.
func (b *bench) production(ctx context.Context, a *authority, upstream, dir string, more ...string) (*production, error) {
	callbacks, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	if upstream == "" {
		upstream = "127.0.0.1:1"
	}
	tokens, err := eventstream.NewTokens(callbackKey)
	if err != nil {
		return nil, err
	}
	g, err := b.gateway(ctx, []string{
		"CALLGATE_CONNECTION_STRING=endpoint=http://" + upstream + "/;accesskey=" + accessKey,
		"CALLGATE_CALLBACK_KEY=" + base64.StdEncoding.EncodeToString(callbackKey),
	}, append(more, "--callback-addr="+callbacks, "--callback-base-url=https://callgate.invalid", "--resource-id="+resourceID,
		"--openid-config-url="+a.server.URL+"/config", "--data-dir="+dir)...)
	if err != nil {
		return nil, err
	}
	return &production{gateway: g, callbackURL: "http://" + callbacks + eventstream.CallbackPath + tokens.Callback("")}, nil
}

// clientToken is the credential of a client whom guarded knows.
const clientToken = "benchmark-token-not-a-secret"

// guarded are settings by which clients are authenticated, and every RPC is logged.
func (b *bench) guarded() ([]string, error) {
	dir := b.folder()
	tokens, policy := filepath.Join(dir, "tokens"), filepath.Join(dir, "policy.yaml")
	hash := sha256.Sum256([]byte(clientToken))
	err := errors.Join(
		os.MkdirAll(dir, 0o700),
		os.WriteFile(tokens, fmt.Appendf(nil, "bench:%x\n", hash), 0o600),
		os.WriteFile(policy, []byte("principals: {'token:bench': {role: operator}}\n"), 0o600),
	)
	return []string{"--token-file=" + tokens, "--policy-file=" + policy, "--log-level=info"}, err
}

// asClient shows the credential with every RPC.
func asClient(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+clientToken)
}

// freeAddress is one that nobody listens on just now.
func freeAddress(ctx context.Context) (string, error) {
	l, err := listen(ctx)
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// listen takes a free port of the loopback interface.
func listen(ctx context.Context) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
}
