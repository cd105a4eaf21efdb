package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTokenIsKept: a token does not leave the machine unencrypted.
func TestTokenIsKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	withToken := func(name string) string { return map[string]string{tokenVariable: "s3cret"}[name] }
	without := func(string) string { return "" }
	for _, tc := range []struct {
		name   string
		c      Connection
		getenv func(string) string
		wrong  string
	}{
		{"to this machine", Connection{Addr: "127.0.0.1:9090"}, withToken, ""},
		{"to this machine by name", Connection{Addr: "localhost:9090", TokenFile: file}, without, ""},
		{"encrypted", Connection{Addr: "callgate:9090", TLS: true}, withToken, ""},
		{"no token", Connection{Addr: "callgate:9090"}, without, ""},
		{"readable on its way", Connection{Addr: "callgate:9090"}, withToken, "--tls"},
		{"readable on its way to some", Connection{Addr: "dns:///callgate:9090", TokenFile: file}, without, "--tls"},
		{"given twice", Connection{Addr: "127.0.0.1:9090", TokenFile: file}, withToken, "which is meant"},
		{"half a client certificate", Connection{Addr: "127.0.0.1:9090", CertFile: file}, without, "need each other"},
		{"no certificate", Connection{Addr: "127.0.0.1:9090", CAFile: file}, without, "holds no certificate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := tc.c.dialOptions(tc.getenv)
			if (err == nil) != (tc.wrong == "") || err != nil && !strings.Contains(err.Error(), tc.wrong) {
				t.Errorf("%v, want %q", err, tc.wrong)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Error("the token is in the error")
			}
		})
	}
}
