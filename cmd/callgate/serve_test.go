package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/callgate/callgate/emulator"
	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

func noEnv(string) string { return "" }

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

const connection = "endpoint=https://x.communication.azure.com/;accesskey=c2VjcmV0a2V5"

func TestConfigurationIsCheckedWhole(t *testing.T) {
	f := newFiles(t)
	someFile, noTokens, somePolicy := f.write("file", "something"), f.write("tokens", ""), f.write("policy", policyOf("x: {role: viewer}"))
	for _, tc := range []struct {
		name string
		env  func(string) string
		args []string
		want []string
	}{
		{"two mistakes at once", noEnv, []string{"--upstream-tries=0", "--emulator-time-scale=0"}, []string{"--upstream-tries", "--emulator-time-scale"}},
		{"no such flag", noEnv, []string{"--nonsense"}, []string{"nonsense"}},
		{"real upstream without a public address", env("CALLGATE_CONNECTION_STRING", connection), nil, []string{"--callback-base-url"}},
		{"public address without TLS", env("CALLGATE_CONNECTION_STRING", connection, "CALLGATE_CALLBACK_BASE_URL", "http://gw.example"), nil, []string{"--callback-base-url"}},
		{"emulator and a real upstream", env("CALLGATE_CONNECTION_STRING", connection), []string{"--upstream=emulator"}, []string{"which is meant"}},
		{"real upstream without a credential", noEnv, []string{"--upstream=acs", "--callback-base-url=https://gw.example"}, []string{"CALLGATE_CONNECTION_STRING"}},
		{"two credentials", env("CALLGATE_CONNECTION_STRING", connection), []string{"--endpoint=https://x.communication.azure.com", "--callback-base-url=https://gw.example"}, []string{"which is meant"}},
		{"malformed connection string", env("CALLGATE_CONNECTION_STRING", "endpoint=x;key=c2VjcmV0"), []string{"--callback-base-url=https://gw.example"}, []string{"connection string"}},
		{"callbacks past it, without TLS", noEnv, []string{"--callback-uri-allow=http://app.example/"}, []string{"--callback-uri-allow"}},
		{"Event Grid's tokens of nobody", noEnv, []string{"--event-grid-auth=entra"}, []string{"--event-grid-tenant", "--event-grid-audience"}},
		{"Event Grid's tokens, not asked for", noEnv, []string{"--event-grid-tenant=72f988bf-86f1-41af-91ab-2d7cd011db47"}, []string{"--event-grid-auth"}},
		{"a negative number of callbacks", noEnv, []string{"--callback-concurrency=-1"}, []string{"--callback-concurrency"}},
		{"a second callback key that is none", env("CALLGATE_CALLBACK_KEY", strings.Repeat("A", 44)+" c2hvcnQ="), nil, []string{"callback key 2"}},
		{"short callback key", env("CALLGATE_CALLBACK_KEY", "c2hvcnQ="), nil, []string{"callback key"}},
		{"gRPC for everybody", noEnv, []string{"--grpc-addr=0.0.0.0:0"}, []string{"--insecure"}},
		{"REST for everybody", noEnv, []string{"--http-addr=:0"}, []string{"--insecure"}},
		{"profiles for everybody", noEnv, []string{"--pprof-addr=0.0.0.0:0", "--insecure"}, []string{"pprof", "this machine only"}},
		{"emulator for everybody", noEnv, []string{"--emulator-addr=[::]:0"}, []string{"--insecure"}},
		{"clients without a policy", noEnv, []string{"--token-file=" + someFile}, []string{"--policy-file"}},
		{"a policy without clients", noEnv, []string{"--policy-file=" + someFile}, []string{"--token-file"}},
		{"a provider without audience", noEnv, []string{"--oidc-issuer=https://issuer.example", "--policy-file=" + someFile}, []string{"--oidc-audience"}},
		{"a provider that anybody can answer for", noEnv, []string{"--oidc-issuer=http://issuer.example", "--oidc-audience=x", "--policy-file=" + someFile}, []string{"--oidc-issuer"}},
		{"tokens that anybody could sign", noEnv, []string{"--oidc-algorithms=HS256,none"}, []string{"HS256", "none"}},
		{"a certificate without key", noEnv, []string{"--tls-cert-file=" + someFile}, []string{"--tls-key-file"}},
		{"client certificates without TLS", noEnv, []string{"--tls-client-ca-file=" + someFile, "--policy-file=" + someFile}, []string{"--tls-cert-file"}},
		{"the emulator cannot report over TLS", noEnv, []string{"--callback-tls-cert-file=" + someFile, "--callback-tls-key-file=" + someFile}, []string{"--callback-tls-cert-file"}},
		{"files that hold something else", noEnv, []string{"--tls-cert-file=" + someFile, "--tls-key-file=" + someFile}, []string{"certificate"}},
		{"tokens in the clear beyond loopback", noEnv, []string{"--token-file=" + noTokens, "--policy-file=" + somePolicy, "--grpc-addr=0.0.0.0:0"}, []string{"--insecure"}},
		{"a policy with a mistake", noEnv, []string{"--token-file=" + noTokens, "--policy-file=" + someFile}, []string{someFile}},
		{"a policy of methods that there are not", noEnv, []string{"--token-file=" + noTokens, "--policy-file=" + f.write("methods", "principals: {token:x: {methods: [callgate.v1.Events/Nothing]}}")}, []string{"Events/Nothing"}},
		{"address that is none", noEnv, []string{"--grpc-addr=nowhere"}, []string{"grpc listener"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), append(freePorts(t, tc.args), tc.args...), tc.env, &out, &out)
			if err == nil {
				t.Fatal("the gateway started and stopped")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not speak of %q", err, want)
				}
			}
			if strings.Contains(err.Error()+out.String(), "c2VjcmV0") {
				t.Errorf("the secret is shown: %v\n%s", err, &out)
			}
		})
	}
}

func TestHelpAndVersion(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"--help"}, "CALLGATE_CONNECTION_STRING"},
		{[]string{"serve", "--help"}, "--log-sync"},
		{[]string{"version"}, "callgate "},
		{[]string{"emulator", "--help"}, "0486"},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), tc.args, noEnv, &out, &out); err != nil || !strings.Contains(out.String(), tc.want) {
			t.Errorf("%v: %v\n%s", tc.args, err, &out)
		}
	}
}

// TestEventGridURL: the address that is printed is let in.
func TestEventGridURL(t *testing.T) {
	dir := t.TempDir()
	g := start(t, "--data-dir="+dir)
	var out bytes.Buffer
	if err := run(t.Context(), []string{"eventgrid-url", "--data-dir=" + dir, "--callback-base-url=https://gw.example"}, noEnv, &out, &out); err != nil {
		t.Fatal(err)
	}
	address, found := strings.CutPrefix(strings.TrimSpace(out.String()), "https://gw.example")
	if !found {
		t.Fatalf("printed %s", &out)
	}
	post(t, g.callbackURL+address, incomingCallEvent(1))
}

// TestOpenListeners: --insecure is believed, and says nothing of the callback
// listener, which is meant to be open.
func TestOpenListeners(t *testing.T) {
	start(t, "--grpc-addr=0.0.0.0:0", "--http-addr=0.0.0.0:0", "--emulator-addr=0.0.0.0:0", "--insecure")
	start(t, "--callback-addr=0.0.0.0:0")
}

func TestHealthReflectionAndPages(t *testing.T) {
	g := start(t)
	health, err := grpc_health_v1.NewHealthClient(g.conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil || health.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", health, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	refl, err := reflection.NewServerReflectionClient(g.conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := refl.Send(&reflection.ServerReflectionRequest{MessageRequest: &reflection.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	services, err := refl.Recv()
	if err != nil || !strings.Contains(services.String(), "callgate.v1.CallControl") {
		t.Errorf("reflection: %v, %v", services, err)
	}
	for path, want := range map[string]string{
		"/healthz":      "ok",
		"/readyz":       "ready",
		"/openapi.json": `"/v1/calls/{call_connection_id}:transfer"`,
		"/metrics":      "callgate_callbacks_total",
		"/":             "/console/console.js",
		"/docs":         "/console/docs.js",

		"/console/config.json":       `"suffix":"0486"`,
		"/emulator/control/v1/calls": `"state"`,
	} {
		if path == "/metrics" || path == "/emulator/control/v1/calls" { // these speak of calls that there were
			walk{t, g, transports[0]}.call(user("8:acs:res_a"))
		}
		code, body, err := g.rest(t.Context(), "GET", path, "")
		if err != nil || code != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("GET %s: %d, %v: %.200s", path, code, err, body)
		}
	}
}

// TestProfiles: pprof answers where it was asked for, and nowhere else.
func TestProfiles(t *testing.T) {
	g := start(t, "--pprof-addr=127.0.0.1:0")
	found := regexp.MustCompile(`http://\S+/debug/pprof/`).FindString(g.stdout.String())
	resp, err := g.http.Get(found + "goroutine?debug=1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(body), "goroutine profile") {
		t.Errorf("%v: %.200s", err, body)
	}
	if code, _, err := g.rest(t.Context(), "GET", "/debug/pprof/", ""); err != nil || code != http.StatusNotFound {
		t.Errorf("on the HTTP listener: %d, %v", code, err)
	}
}

// TestConfiguredUpstream: with a connection string and a public address the
// gateway talks to the upstream that they name, and brings no emulator.
func TestConfiguredUpstream(t *testing.T) {
	// The public address exists in this test alone: what is posted there stays
	// in the process.
	public := roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
	})
	em, err := emulator.New(emulator.Options{HTTPClient: &http.Client{Transport: public}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(em.Close)
	var seen string
	upstreamServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = string(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		em.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(upstreamServer.Close)

	g := startWith(t, env(
		"CALLGATE_CONNECTION_STRING", emulator.ConnectionString(upstreamServer.URL, emulator.DefaultAccessKey),
		"CALLGATE_CALLBACK_BASE_URL", "https://gw.example/acs/",
	))
	if g.emulatorURL != "" {
		t.Error("an emulator is there")
	}
	if code, _, err := g.rest(t.Context(), "GET", "/emulator/control/v1/calls", ""); err != nil || code != http.StatusNotFound {
		t.Errorf("the control API of no emulator: %d, %v", code, err)
	}
	if _, body, err := g.rest(t.Context(), "GET", "/console/config.json", ""); err != nil || strings.Contains(string(body), "emulator") {
		t.Errorf("the console is told %s, %v", body, err)
	}
	var created callgatev1.CreateCallResponse
	walk{t, g, transports[0]}.do("CallControl/CreateCall", &callgatev1.CreateCallRequest{
		Targets: []*callgatev1.CommunicationIdentifier{user("8:acs:res_a")},
	}, &created)
	if !strings.Contains(seen, `"callbackUri":"https://gw.example/acs/callbacks/`) {
		t.Errorf("the upstream was sent %s", seen)
	}
	if !strings.Contains(g.stdout.String(), "--resource-id is not set") {
		t.Error("nothing says that the audience of callbacks is not checked")
	}
	if all := g.stdout.String() + g.stderr.String(); strings.Contains(all, emulator.DefaultAccessKey) {
		t.Error("the access key is in the output")
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestKeyFilesAreReadAgain: a rotated key needs no restart.
func TestKeyFilesAreReadAgain(t *testing.T) {
	const right, wrong = "c2VjcmV0a2V5", "d3Jvbmc="
	em, err := emulator.New(emulator.Options{AccessKey: right})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(em.Close)
	upstreamServer := httptest.NewServer(em.Handler())
	t.Cleanup(upstreamServer.Close)
	file := filepath.Join(t.TempDir(), "connection-string")
	write := func(key string) {
		if err := os.WriteFile(file, []byte(emulator.ConnectionString(upstreamServer.URL, key)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(wrong)
	g := startWith(t, env("CALLGATE_CALLBACK_BASE_URL", "https://gw.example"), "--connection-string-file="+file)
	get := func() error {
		return overGRPC(t.Context(), g, "CallControl/GetCall", &callgatev1.GetCallRequest{CallConnectionId: "nobody"}, &callgatev1.GetCallResponse{})
	}
	wantCode(t, get(), codes.Internal)
	write(right)
	waitUntil(t, "the key is read again", func() bool { return status.Code(get()) == codes.NotFound })
}

// TestTakenAddress: the error says which listener, and nothing else.
func TestTakenAddress(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	var out bytes.Buffer
	args := []string{"--grpc-addr=" + taken.Addr().String()}
	err = run(t.Context(), append(freePorts(t, args), args...), noEnv, &out, &out)
	if err == nil || !strings.HasPrefix(err.Error(), "grpc listener: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q", err)
	}
}

// TestEventGridURLBeforeTheFirstStart: the key is made where there is no data
// folder yet, and is the one that the gateway then uses.
func TestEventGridURLBeforeTheFirstStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"eventgrid-url", "--data-dir=" + dir, "--callback-base-url=https://gw.example"}, noEnv, &out, &out); err != nil {
		t.Fatal(err)
	}
	g := start(t, "--data-dir="+dir)
	post(t, g.callbackURL+strings.TrimPrefix(strings.TrimSpace(out.String()), "https://gw.example"), incomingCallEvent(1))

	out.Reset()
	if err := run(t.Context(), []string{
		"eventgrid-url", "--data-dir=" + dir, "--callback-base-url=https://gw.example", "--event-grid-auth=entra",
		"--event-grid-tenant=72f988bf-86f1-41af-91ab-2d7cd011db47", "--event-grid-audience=api://callgate",
	}, noEnv, &out, &out); err != nil || out.String() != "https://gw.example/eventgrid\n" {
		t.Errorf("where a token of Entra ID is enough: %q, %v", out.String(), err)
	}

	err := run(t.Context(), []string{"eventgrid-url", "--data-dir=" + memory, "--callback-base-url=https://gw.example"}, noEnv, &out, &out)
	if err == nil {
		t.Error("an address was printed that no gateway would let in")
	}
}

// TestCallbackKeysAreReadAgain: a key rotates, with an overlap, without a
// restart.
func TestCallbackKeysAreReadAgain(t *testing.T) {
	older, newer := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	file := filepath.Join(t.TempDir(), "callback.key")
	write := func(keys ...[]byte) {
		t.Helper()
		var text strings.Builder
		for _, key := range keys {
			text.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
		}
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := func(g *gateway, key []byte) string {
		tokens, err := eventstream.NewTokens(key)
		if err != nil {
			t.Fatal(err)
		}
		return g.callbackURL + eventstream.EventGridPath + "?key=" + tokens.EventGrid()
	}
	answer := func(g *gateway, key []byte) int {
		resp, err := g.http.Post(address(g, key), "application/json", strings.NewReader(incomingCallEvent(1)))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	write(older)
	g := start(t, "--callback-key-file="+file)
	if got := answer(g, newer); got != http.StatusUnauthorized {
		t.Errorf("a key that is not there yet: %d", got)
	}
	write(newer, older)
	waitUntil(t, "the newer key is good", func() bool { return answer(g, newer) == http.StatusOK })
	if got := answer(g, older); got != http.StatusOK {
		t.Errorf("the older key, beside the newer: %d", got)
	}
	write(newer)
	waitUntil(t, "the older key is bad", func() bool { return answer(g, older) == http.StatusUnauthorized })
	var created callgatev1.CreateCallResponse
	walk{t, g, transports[0]}.do("CallControl/CreateCall", &callgatev1.CreateCallRequest{
		Targets: []*callgatev1.CommunicationIdentifier{user("8:acs:res_a")}, WaitTimeout: patience,
	}, &created)
	if created.GetReceipt().GetOutcome().GetStatus() != callgatev1.ActionOutcome_STATUS_SUCCEEDED {
		t.Errorf("the callbacks of a call of now: %v", &created)
	}
}
