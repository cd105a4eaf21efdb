package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// tokenOf is the token of a name in a file that tokenFile has written.
func tokenOf(name string) string { return "the-token-of-" + name + "-for-tests" }

func tokenLine(name string) string {
	sum := sha256.Sum256([]byte(tokenOf(name)))
	return name + ":" + hex.EncodeToString(sum[:])
}

// as is the context of a request with a token, over gRPC and over REST.
func as(ctx context.Context, name string) context.Context {
	return withBearer(ctx, tokenOf(name))
}

func withBearer(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// credentialed sends, over REST, the metadata of a request's context as headers.
type credentialed struct{ http.RoundTripper }

func (c credentialed) RoundTrip(r *http.Request) (*http.Response, error) {
	md, _ := metadata.FromOutgoingContext(r.Context())
	r = r.Clone(r.Context())
	for name, values := range md {
		for _, value := range values {
			r.Header.Add(name, value)
		}
	}
	return c.RoundTripper.RoundTrip(r)
}

// files is a folder of what decides who is let in.
type files struct {
	*testing.T
	dir string
}

func newFiles(t *testing.T) files { return files{t, t.TempDir()} }

func (f files) write(name, content string) string {
	f.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		f.Fatal(err)
	}
	return path
}

// tokens writes a file with the tokens of names.
func (f files) tokens(names ...string) string {
	lines := make([]string, len(names))
	for i, name := range names {
		lines[i] = tokenLine(name)
	}
	return f.write("tokens", strings.Join(lines, "\n")+"\n")
}

// startGuarded runs a gateway that lets in who has the token of one of names, by a
// policy in YAML.
func startGuarded(t *testing.T, policy string, names ...string) *gateway {
	t.Helper()
	f := newFiles(t)
	return start(t, "--token-file="+f.tokens(names...), "--policy-file="+f.write("policy.yaml", policy))
}

// errorInfo is what err says to programs.
func errorInfo(err error) *errdetails.ErrorInfo {
	for _, detail := range status.Convert(err).Details() {
		if info, is := detail.(*errdetails.ErrorInfo); is {
			return info
		}
	}
	return nil
}

func wantReason(t *testing.T, err error, want string) {
	t.Helper()
	if got := errorInfo(err).GetReason(); got != want {
		t.Errorf("reason %q, want %q: %v", got, want, err)
	}
}

// retryDelay is how long err says to wait; 0 if it does not.
func retryDelay(err error) float64 {
	for _, detail := range status.Convert(err).Details() {
		if retry, is := detail.(*errdetails.RetryInfo); is {
			return retry.GetRetryDelay().AsDuration().Seconds()
		}
	}
	return 0
}

// policyOf is a policy of lines, each a principal's token and what it is given.
func policyOf(lines ...string) string {
	var b strings.Builder
	b.WriteString("principals:\n")
	for _, line := range lines {
		fmt.Fprintf(&b, "  token:%s\n", line)
	}
	return b.String()
}
