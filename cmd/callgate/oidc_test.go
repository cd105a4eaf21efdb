package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/callgate/callgate/client"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// issuer is an OpenID provider on loopback, whose keys a test changes.
type issuer struct {
	server *httptest.Server
	mu     sync.Mutex
	keys   jose.JSONWebKeySet
	broken bool
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	p := &issuer{}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		if p.broken {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		answer(w, map[string]string{"issuer": p.server.URL, "jwks_uri": p.server.URL + "/keys"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		answer(w, p.keys)
	})
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

func (p *issuer) set(change func(*issuer)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// publish makes a key known.
func (p *issuer) publish(id string, public any) {
	p.set(func(p *issuer) {
		p.keys.Keys = append(p.keys.Keys, jose.JSONWebKey{Key: public, KeyID: id, Use: "sig"})
	})
}

// sign makes a token of good claims, changed.
func (p *issuer) sign(t *testing.T, algorithm jose.SignatureAlgorithm, id string, key any, changed map[string]any) string {
	t.Helper()
	claims := map[string]any{"iss": p.server.URL, "aud": "callgate", "sub": "ada", "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(claims, changed)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: id}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func ecKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestOIDC: a signed token is good if the provider has made it, for callgate, with
// a key that it has now, and it has not expired.
func TestOIDC(t *testing.T) {
	p := newIssuer(t)
	ec, stranger := ecKey(t), ecKey(t)
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&rs.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	p.publish("ec", &ec.PublicKey)
	p.publish("rsa", &rs.PublicKey)
	f := newFiles(t)
	g := start(t, "--oidc-issuer="+p.server.URL, "--oidc-audience=callgate", "--oidc-clock-skew=30s",
		"--policy-file="+f.write("policy.yaml", "principals: {'oidc:ada': {role: operator}, 'oidc:eve': {role: monitor}}"))

	now := time.Now()
	unsigned := "eyJhbGciOiJub25lIn0." // {"alg":"none"}, and the payload of a good token
	good := p.sign(t, jose.ES256, "ec", ec, nil)
	unsigned += good[len("eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjIn0."):]
	unsigned = unsigned[:len(unsigned)-86]
	for _, tc := range []struct {
		name, token string
		want        codes.Code
	}{
		{"a good one", good, codes.OK},
		{"by the other algorithm", p.sign(t, jose.RS256, "rsa", rs, nil), codes.OK},
		{"for several", p.sign(t, jose.ES256, "ec", ec, map[string]any{"aud": []string{"other", "callgate"}}), codes.OK},
		{"expired within the skew", p.sign(t, jose.ES256, "ec", ec, map[string]any{"exp": now.Add(-10 * time.Second).Unix()}), codes.OK},
		{"of somebody who may not", p.sign(t, jose.ES256, "ec", ec, map[string]any{"sub": "eve"}), codes.PermissionDenied},
		{"of somebody unknown", p.sign(t, jose.ES256, "ec", ec, map[string]any{"sub": "mallory"}), codes.PermissionDenied},
		{"expired", p.sign(t, jose.ES256, "ec", ec, map[string]any{"exp": now.Add(-time.Minute).Unix()}), codes.Unauthenticated},
		{"without an end", p.sign(t, jose.ES256, "ec", ec, map[string]any{"exp": nil}), codes.Unauthenticated},
		{"not valid yet", p.sign(t, jose.ES256, "ec", ec, map[string]any{"nbf": now.Add(time.Hour).Unix()}), codes.Unauthenticated},
		{"for somebody else", p.sign(t, jose.ES256, "ec", ec, map[string]any{"aud": "other"}), codes.Unauthenticated},
		{"for nobody", p.sign(t, jose.ES256, "ec", ec, map[string]any{"aud": nil}), codes.Unauthenticated},
		{"of another provider", p.sign(t, jose.ES256, "ec", ec, map[string]any{"iss": "https://issuer.example"}), codes.Unauthenticated},
		{"without a name", p.sign(t, jose.ES256, "ec", ec, map[string]any{"sub": nil}), codes.Unauthenticated},
		{"with a name that is no text", p.sign(t, jose.ES256, "ec", ec, map[string]any{"sub": 1}), codes.Unauthenticated},
		{"with a pattern for a name", p.sign(t, jose.ES256, "ec", ec, map[string]any{"sub": "ad*"}), codes.Unauthenticated},
		{"by a stranger's key", p.sign(t, jose.ES256, "ec", stranger, nil), codes.Unauthenticated},
		{"by a key of an unknown name", p.sign(t, jose.ES256, "new", stranger, nil), codes.Unauthenticated},
		{"by an algorithm that is not allowed", p.sign(t, jose.PS256, "rsa", rs, nil), codes.Unauthenticated},
		{"by a public key taken for a secret", p.sign(t, jose.HS256, "rsa", public, nil), codes.Unauthenticated},
		{"unsigned", unsigned, codes.Unauthenticated},
		{"cut off", good[:len(good)-4], codes.Unauthenticated},
		{"no token", "x.y.z", codes.Unauthenticated},
	} {
		for _, transport := range transports {
			t.Run(transport.name+" "+tc.name, func(t *testing.T) {
				err := transport.call(withBearer(t.Context(), tc.token), g, "CallControl/CreateCall", &callgatev1.CreateCallRequest{
					Targets: []*callgatev1.CommunicationIdentifier{user("8:acs:res_a")}, ValidateOnly: true,
				}, &callgatev1.CreateCallResponse{})
				wantCode(t, err, tc.want)
				if s := status.Convert(err); tc.want == codes.Unauthenticated && s.Message() != "The client did not prove who it is." {
					t.Errorf("it says why: %s", s.Message())
				}
			})
		}
	}

	t.Run("a key that is new", func(t *testing.T) {
		fresh := ecKey(t)
		p.publish("fresh", &fresh.PublicKey)
		waitUntil(t, "it is fetched", func() bool {
			return callableWith(t, g, p.sign(t, jose.ES256, "fresh", fresh, nil)) == codes.OK
		})
	})
	t.Run("keys that cannot be fetched", func(t *testing.T) {
		p.set(func(p *issuer) { p.broken = true })
		waitUntil(t, "it is not known whether the token is good", func() bool {
			return callableWith(t, g, p.sign(t, jose.ES256, "unknown", stranger, nil)) == codes.Unavailable
		})
		if got := callableWith(t, g, good); got != codes.OK {
			t.Errorf("a token by a key that is known: %v", got)
		}
	})
}

// callableWith is what a viewer's call with a token comes to.
func callableWith(t *testing.T, g *gateway, token string) codes.Code {
	t.Helper()
	_, err := callgatev1.NewEventsClient(g.conn).ListEvents(withBearer(t.Context(), token), &callgatev1.ListEventsRequest{CallConnectionId: "x"})
	if status.Code(err) == codes.NotFound {
		return codes.OK // there is no such call
	}
	return status.Code(err)
}

// TestAStreamEndsWithItsToken, over gRPC and REST, and says where to go on.
func TestAStreamEndsWithItsToken(t *testing.T) {
	t.Parallel() // it waits more than it works
	p := newIssuer(t)
	key := ecKey(t)
	p.publish("ec", &key.PublicKey)
	f := newFiles(t)
	g := start(t, "--oidc-issuer="+p.server.URL, "--oidc-audience=callgate", "--oidc-clock-skew=1ms",
		"--policy-file="+f.write("policy.yaml", "principals: {'oidc:ada': {role: operator}}"))
	short := p.sign(t, jose.ES256, "ec", key, map[string]any{"exp": time.Now().Add(10 * time.Second).Unix()})
	long := p.sign(t, jose.ES256, "ec", key, nil)

	stream := g.streamIn(withBearer(context.Background(), short), t, nil)
	rest := make(chan []byte, 1)
	go func() {
		_, body, _ := g.rest(withBearer(context.Background(), short), "GET", "/v1/events:stream", "")
		rest <- body
	}()
	created, err := callgatev1.NewCallControlClient(g.conn).CreateCall(withBearer(t.Context(), long), &callgatev1.CreateCallRequest{
		Targets: []*callgatev1.CommunicationIdentifier{user("8:acs:res_a")}, WaitTimeout: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	<-stream.done
	wantCode(t, stream.err, codes.Unauthenticated)
	wantReason(t, stream.err, "CREDENTIAL_EXPIRED")
	last := errorInfo(stream.err).GetMetadata()["last_cursor"]
	if last == "" {
		t.Fatal("it does not say where to go on")
	}
	body := <-rest
	if lines := bytes.Split(bytes.TrimSpace(body), []byte("\n")); !bytes.Contains(lines[len(lines)-1], []byte(`"last_cursor"`)) || !bytes.Contains(body, []byte("CREDENTIAL_EXPIRED")) {
		t.Errorf("over REST: %s", body)
	}

	g.hangUpWith(t, long, created.GetReceipt().GetCallConnectionId())
	next := g.streamIn(withBearer(context.Background(), long), t, &callgatev1.StreamEventsRequest{Start: &callgatev1.StreamEventsRequest_AfterCursor{AfterCursor: last}})
	next.find(t, disconnected, ofCall(created.GetReceipt().GetCallConnectionId()))
	seen := map[string]bool{}
	for _, e := range append(stream.all(), next.all()...) {
		if seen[e.GetCursor()] {
			t.Errorf("the event at %s came twice", e.GetCursor())
		}
		seen[e.GetCursor()] = true
	}
}

// renewed gives each RPC the next of some tokens, made at that moment.
type renewed struct {
	mu     sync.Mutex
	tokens []func() string
}

func (r *renewed) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tokens) == 0 {
		return nil, nil
	}
	token := r.tokens[0]()
	r.tokens = r.tokens[1:]
	return map[string]string{"authorization": "Bearer " + token}, nil
}

func (*renewed) RequireTransportSecurity() bool { return false }

// TestClientGoesOnWithANewToken: the Go client's stream outlives its token, and not
// the right to it.
func TestClientGoesOnWithANewToken(t *testing.T) {
	t.Parallel() // it waits more than it works
	p := newIssuer(t)
	key := ecKey(t)
	p.publish("ec", &key.PublicKey)
	f := newFiles(t)
	g := start(t, "--oidc-issuer="+p.server.URL, "--oidc-audience=callgate", "--oidc-clock-skew=1ms",
		"--policy-file="+f.write("policy.yaml", "principals: {'oidc:ada': {role: viewer}}"))
	short := func() string {
		return p.sign(t, jose.ES256, "ec", key, map[string]any{"exp": time.Now().Unix() + 6})
	}
	conn, err := client.Dial(g.grpcAddr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithPerRPCCredentials(&renewed{tokens: []func() string{short, short}}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	begun := 0
	err = client.Stream(t.Context(), conn, &callgatev1.StreamEventsRequest{}, func(resp *callgatev1.StreamEventsResponse) error {
		if resp.GetStarted() != nil {
			begun++
		}
		return nil
	})
	wantCode(t, err, codes.Unauthenticated)
	wantReason(t, err, "UNAUTHENTICATED")
	if begun != 2 {
		t.Errorf("the stream began %d times", begun)
	}
}
