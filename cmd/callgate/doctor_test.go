package main

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/callgate/callgate/emulator"
)

// TestDoctor finds what would fail, and says so in words.
func TestDoctor(t *testing.T) {
	em, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(em.Close)
	acs := httptest.NewServer(em.Handler())
	t.Cleanup(acs.Close)
	elsewhere := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(elsewhere.Close)

	connected := func(key string) func(string) string {
		return env("CALLGATE_CONNECTION_STRING", emulator.ConnectionString(acs.URL, key))
	}
	keys := "--openid-config-url=" + acs.URL + emulator.OpenIDConfigurationPath
	const nobody = "https://127.0.0.1:1"
	ca, f := newCA(t), newFiles(t)
	cert, certKey := ca.server(f, "server") // for an hour
	guarded := []string{"--token-file=" + f.tokens("x"), "--policy-file=" + f.write("policy", policyOf("x: {role: viewer}"))}
	for _, tc := range []struct {
		name  string
		env   func(string) string
		args  []string
		wants []string
	}{
		{"the emulator", noEnv, nil, []string{"ok    configuration", "ok    upstream is the emulator", "ok    event log"}},
		{"clients", noEnv, guarded, []string{"ok    clients are authenticated"}},
		{"no authentication", noEnv, nil, []string{"ok    clients are not authenticated"}},
		{"a policy with a mistake", noEnv, []string{guarded[0], "--policy-file=" + f.write("bad", "principals: {token:x: {role: boss}}")}, []string{"FAIL  clients: ", "boss"}},
		{"a provider that cannot be reached", noEnv, append([]string{"--oidc-issuer=" + nobody, "--oidc-audience=x"}, guarded...), []string{"FAIL  clients' tokens"}},
		{"a certificate that ends soon", noEnv, []string{"--tls-cert-file=" + cert, "--tls-key-file=" + certKey}, []string{"FAIL  TLS for clients: the certificate expires"}},
		{"broken configuration", noEnv, []string{"--upstream-tries=0"}, []string{"FAIL  configuration: --upstream-tries", "ok    event log"}},
		{"wrong key", connected("d3Jvbmc="), []string{keys, "--callback-base-url=" + nobody}, []string{"FAIL  upstream: refuses the credential"}},
		{"unknown version", connected(emulator.DefaultAccessKey), []string{keys, "--callback-base-url=" + nobody, "--api-version=1999-01-01"}, []string{"FAIL  upstream: does not know Call Automation 1999-01-01"}},
		{"callbacks that reach nobody", connected(emulator.DefaultAccessKey), []string{keys, "--callback-base-url=" + nobody}, []string{"ok    upstream answers", "FAIL  callbacks: " + nobody + " cannot be reached", "ok    callback signatures"}},
		{"callbacks that reach somebody unknown", connected(emulator.DefaultAccessKey), []string{keys, "--callback-base-url=" + elsewhere.URL}, []string{"FAIL  callbacks: " + elsewhere.URL}},
		{"no keys", connected(emulator.DefaultAccessKey), []string{"--openid-config-url=" + nobody, "--callback-base-url=" + nobody}, []string{"FAIL  callback signatures"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			args := append([]string{"doctor", "--callback-addr=127.0.0.1:0", "--data-dir=" + t.TempDir()}, tc.args...)
			err := run(t.Context(), args, tc.env, &out, &out)
			fails := false
			for _, want := range tc.wants {
				fails = fails || strings.HasPrefix(want, "FAIL")
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in\n%s", want, &out)
				}
			}
			if errors.Is(err, errUnwell) != fails {
				t.Errorf("ended with %v\n%s", err, &out)
			}
			if strings.Contains(out.String(), emulator.DefaultAccessKey) || strings.Contains(out.String(), "?key=") {
				t.Errorf("a secret is shown:\n%s", &out)
			}
		})
	}

	t.Run("callbacks that come back", func(t *testing.T) {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := free.Addr().String()
		if err := free.Close(); err != nil {
			t.Fatal(err)
		}
		front := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr}))
		defer front.Close()
		c := doctorCmd{Config{CallbackBaseURL: front.URL, CallbackAddr: addr, DataDir: memory}}
		if f := c.checkCallbacks(t.Context(), front.Client()); f.err != nil {
			t.Error(f.err)
		}
	})

	t.Run("beside a running gateway", func(t *testing.T) {
		dir := t.TempDir()
		start(t, "--data-dir="+dir)
		var out bytes.Buffer
		if err := run(t.Context(), []string{"doctor", "--data-dir=" + dir}, noEnv, &out, &out); err != nil || !strings.Contains(out.String(), "in use by a running gateway") {
			t.Errorf("%v\n%s", err, &out)
		}
	})
}
