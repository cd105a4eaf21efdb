package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/callgate/callgate/emulator"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// authority signs certificates.
type authority struct {
	*testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newCA(t *testing.T) *authority {
	t.Helper()
	a := &authority{T: t, key: ecKey(t)}
	a.cert, _ = a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, a.key)
	return a
}

// sign makes a certificate that is good for an hour, unless it says something else.
func (a *authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		a.Fatal(err)
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-2 * time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	parent := a.cert
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, a.key)
	if err != nil {
		a.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.Fatal(err)
	}
	return cert, key
}

func (a *authority) client(change func(*x509.Certificate)) *tls.Certificate {
	a.Helper()
	template := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	change(template)
	cert, key := a.sign(template, ecKey(a.T))
	return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// server writes the files of a server's certificate.
func (a *authority) server(f files, name string, hosts ...string) (cert, key string) {
	a.Helper()
	signed, private := a.sign(&x509.Certificate{
		DNSNames: hosts, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ecKey(a.T))
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		a.Fatal(err)
	}
	return f.write(name+".pem", pemOf("CERTIFICATE", signed.Raw)), f.write(name+".key", pemOf("PRIVATE KEY", der))
}

func (a *authority) file(f files) string {
	return f.write("ca.pem", pemOf("CERTIFICATE", a.cert.Raw))
}

// trusting is how a client speaks to servers of the authority, with a certificate
// of its own or none.
func (a *authority) trusting(own *tls.Certificate) *tls.Config {
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	config.RootCAs.AddCert(a.cert)
	if own != nil {
		config.Certificates = []tls.Certificate{*own}
	}
	return config
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// speaking is g as a client reaches it that speaks TLS.
func (g *gateway) speaking(t *testing.T, config *tls.Config) *gateway {
	t.Helper()
	_, port, err := net.SplitHostPort(g.grpcAddr)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("127.0.0.1:"+port, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = conn.Close()
	})
	_, httpPort, err := net.SplitHostPort(strings.TrimPrefix(g.httpURL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	return &gateway{conn: conn, http: &http.Client{Transport: credentialed{transport}}, httpURL: "https://127.0.0.1:" + httpPort, grpcAddr: g.grpcAddr}
}

// TestTLS: beyond loopback with no insecure switch, clients are who their
// certificates or tokens say, over gRPC and REST.
func TestTLS(t *testing.T) {
	ca, stranger, f := newCA(t), newCA(t), newFiles(t)
	cert, key := ca.server(f, "server")
	g := start(t, "--grpc-addr=0.0.0.0:0", "--http-addr=0.0.0.0:0",
		"--tls-cert-file="+cert, "--tls-key-file="+key, "--tls-client-ca-file="+ca.file(f), "--token-file="+f.tokens("one"),
		"--policy-file="+f.write("policy.yaml", `{"principals": {
			"spiffe://example.org/shop/*": {"role": "viewer"}, "dns:billing.example": {"role": "viewer"}, "token:one": {"role": "viewer"}}}`))
	spiffe := func(id string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			u, err := url.Parse(id)
			if err != nil {
				t.Fatal(err)
			}
			c.URIs = []*url.URL{u}
		}
	}
	till := ca.client(spiffe("spiffe://example.org/shop/till"))
	none := func(ctx context.Context) context.Context { return ctx }
	for _, tc := range []struct {
		name   string
		config *tls.Config
		with   func(context.Context) context.Context
		want   codes.Code // Unknown: no connection
	}{
		{"no credential", ca.trusting(nil), none, codes.Unauthenticated},
		{"a SPIFFE id", ca.trusting(till), none, codes.OK},
		{"a DNS name", ca.trusting(ca.client(func(c *x509.Certificate) { c.DNSNames = []string{"billing.example"} })), none, codes.OK},
		{"a SPIFFE id that the policy does not speak of", ca.trusting(ca.client(spiffe("spiffe://example.org/stock"))), none, codes.PermissionDenied},
		{"a common name alone", ca.trusting(ca.client(func(c *x509.Certificate) { c.Subject.CommonName = "billing.example" })), none, codes.Unauthenticated},
		{"a token", ca.trusting(nil), func(ctx context.Context) context.Context { return as(ctx, "one") }, codes.OK},
		{"a bad token and a good certificate", ca.trusting(till), func(ctx context.Context) context.Context { return as(ctx, "nobody") }, codes.Unauthenticated},
		{"a certificate of another authority", ca.trusting(stranger.client(spiffe("spiffe://example.org/shop/till"))), none, codes.Unknown},
		{"a certificate that has expired", ca.trusting(ca.client(func(c *x509.Certificate) {
			spiffe("spiffe://example.org/shop/till")(c)
			c.NotAfter = time.Now().Add(-time.Hour)
		})), none, codes.Unknown},
		{"a certificate for servers", ca.trusting(ca.client(func(c *x509.Certificate) {
			spiffe("spiffe://example.org/shop/till")(c)
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		})), none, codes.Unknown},
		{"an old version of TLS", func() *tls.Config {
			old := ca.trusting(till)
			old.MaxVersion = tls.VersionTLS12
			return old
		}(), none, codes.Unknown},
	} {
		client := g.speaking(t, tc.config)
		for _, transport := range transports {
			t.Run(transport.name+" "+tc.name, func(t *testing.T) {
				err := transport.call(tc.with(t.Context()), client, "Events/ListEvents", &callgatev1.ListEventsRequest{CallConnectionId: "x"}, &callgatev1.ListEventsResponse{})
				got := status.Code(err)
				switch {
				case errorInfo(err) == nil && err != nil:
					got = codes.Unknown
				case got == codes.NotFound:
					got = codes.OK // there is no such call
				}
				if got != tc.want {
					t.Errorf("%v, want %v: %v", got, tc.want, err)
				}
			})
		}
	}
	client := g.speaking(t, ca.trusting(nil))
	if code, _, err := client.rest(t.Context(), "GET", "/healthz", ""); err != nil || code != http.StatusOK {
		t.Errorf("health without a certificate: %d, %v", code, err)
	}
	if code, _, err := g.rest(t.Context(), "GET", "/healthz", ""); err == nil && code == http.StatusOK {
		t.Error("it answers in the clear")
	}
}

// TestFilesOfAccessAreReadAgain: what the files say counts without a restart, for
// new requests and for streams that are open. A broken file changes nothing.
func TestFilesOfAccessAreReadAgain(t *testing.T) {
	t.Parallel() // it waits more than it works
	ca, f := newCA(t), newFiles(t)
	cert, key := ca.server(f, "server")
	const before = "withdrawn: {role: viewer}"
	tokens := f.tokens("withdrawn", "demoted", "steady")
	policy := f.write("policy.yaml", policyOf(before, "demoted: {role: viewer}", "steady: {role: viewer}"))
	g := start(t, "--tls-cert-file="+cert, "--tls-key-file="+key, "--token-file="+tokens, "--policy-file="+policy)
	client := g.speaking(t, ca.trusting(nil))
	names := []string{"withdrawn", "demoted", "steady"}
	streams := map[string]*events{}
	for _, name := range names {
		streams[name] = client.streamAs(t, name, nil)
	}
	asking, err := reflectionv1.NewServerReflectionClient(client.conn).ServerReflectionInfo(as(t.Context(), "withdrawn"))
	if err != nil {
		t.Fatal(err)
	}
	ask := func() error {
		_ = asking.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}) // Recv says why it failed
		_, err := asking.Recv()
		return err
	}
	wantCode(t, ask(), codes.OK)
	serial := func() *big.Int {
		_, port, _ := net.SplitHostPort(g.grpcAddr)
		conn, err := tls.Dial("tcp", "127.0.0.1:"+port, ca.trusting(nil))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber
	}
	first := serial()

	f.tokens("demoted", "steady", "new")
	f.write("policy.yaml", policyOf(before, "demoted: {role: monitor}", "steady: {role: viewer}", "new: {role: viewer}"))
	ca.server(f, "server")
	<-streams["withdrawn"].done
	<-streams["demoted"].done
	for _, name := range []string{"withdrawn", "demoted"} {
		wantCode(t, streams[name].err, codes.Unavailable)
		wantReason(t, streams[name].err, "ACCESS_CHANGED")
		if errorInfo(streams[name].err).GetMetadata()["last_cursor"] == "" {
			t.Errorf("%s is not told where to go on", name)
		}
	}
	wantReason(t, ask(), "ACCESS_CHANGED")
	for name, want := range map[string]codes.Code{
		"withdrawn": codes.Unauthenticated, "demoted": codes.PermissionDenied, "steady": codes.OK, "new": codes.OK,
	} {
		waitUntil(t, name+" is "+want.String(), func() bool { return callableWith(t, client, tokenOf(name)) == want })
	}
	waitUntil(t, "the new certificate is shown", func() bool { return serial().Cmp(first) != 0 })

	f.write("policy.yaml", "principals: {token:steady: {role: boss}}")
	f.write("server.key", "no key")
	waitUntil(t, "the broken files are told of", func() bool {
		log := g.stderr.String()
		return strings.Contains(log, "the policy could not be taken over") && strings.Contains(log, "the TLS files could not be taken over")
	})
	if got := callableWith(t, g.speaking(t, ca.trusting(nil)), tokenOf("steady")); got != codes.OK {
		t.Errorf("after a broken policy: %v", got)
	}
	select {
	case <-streams["steady"].done:
		t.Errorf("the stream of a client that nothing changed for ended: %v", streams["steady"].err)
	default:
	}
}

// TestCallbacksOverTLS: the callback listener can speak TLS itself.
func TestCallbacksOverTLS(t *testing.T) {
	ca, f := newCA(t), newFiles(t)
	cert, key := ca.server(f, "callback", "gw.example")
	var callbacks string // where the public address leads
	config := ca.trusting(nil)
	public := &http.Transport{TLSClientConfig: config, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, callbacks)
	}}
	t.Cleanup(public.CloseIdleConnections)
	upstreamServer := httptest.NewUnstartedServer(nil)
	em, err := emulator.New(emulator.Options{
		PublicURL: "http://" + upstreamServer.Listener.Addr().String(), HTTPClient: &http.Client{Transport: public}, TimeScale: 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(em.Close)
	upstreamServer.Config.Handler = em.Handler()
	upstreamServer.Start()
	t.Cleanup(upstreamServer.Close)
	g := startWith(t, env("CALLGATE_CONNECTION_STRING", emulator.ConnectionString(upstreamServer.URL, emulator.DefaultAccessKey)),
		"--callback-base-url=https://gw.example", "--resource-id="+emulator.DefaultResourceID,
		"--openid-config-url="+upstreamServer.URL+emulator.OpenIDConfigurationPath,
		"--callback-tls-cert-file="+cert, "--callback-tls-key-file="+key)
	callbacks = g.callbackAddr()
	walk{t, g, transports[0]}.call(user("8:acs:res_a")) // which waits for a callback
}
