package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// outbound are the places from which the process makes requests or connections,
// and where to. Addresses come from the operator, or from whom the operator
// named; none from a client, a callback or an event.
var outbound = map[string]string{
	"client/dial.go grpc.NewClient":                              "the callgate that the program names",
	"cmd/callgate/doctor.go http.NewRequestWithContext":          "--callback-base-url",
	"cmd/callgate/healthcheck.go http.NewRequestWithContext":     "the gateway itself, on this machine",
	"eventstream/embedded.go nats.Connect":                       "the log within the process",
	"eventstream/external.go nats.Connect":                       "--nats-url",
	"eventstream/fetch.go http.NewRequestWithContext":            "--openid-config-url, --entra-authority and --oidc-issuer, and the keys that they name",
	"server/rest.go grpc.NewClient":                              "the services within the process",
	"telemetry/tracing.go otlptracegrpc.New":                     "OpenTelemetry's own environment variables",
	"telemetry/tracing.go otlptracehttp.New":                     "the same",
	"upstream/client.go runtime.NewRequest":                      "the upstream's endpoint, also where it names a next page, and Azure's hosts of recordings",
	"cmd/callgate/serve.go azidentity.NewDefaultAzureCredential": "Entra ID, as Azure's own environment variables say",
}

// dialers make requests or connections.
var dialers = map[string][]string{
	"http":          {"Get", "Head", "Post", "PostForm", "NewRequest", "NewRequestWithContext"},
	"net":           {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialUnix"},
	"tls":           {"Dial", "DialWithDialer"},
	"exec":          {"Command", "CommandContext"},
	"nats":          {"Connect"},
	"grpc":          {"NewClient", "Dial", "DialContext"},
	"runtime":       {"NewRequest", "NewRequestFromRequest"},
	"oidc":          {"NewProvider"},
	"websocket":     {"Dial"},
	"otlptracegrpc": {"New"},
	"otlptracehttp": {"New"},
	"azidentity":    {"NewDefaultAzureCredential"},
}

// TestNoAddressOfAClientIsFetched: there is no other place that makes requests
// than those above. Whoever adds one says where its address comes from.
func TestNoAddressOfAClientIsFetched(t *testing.T) {
	apart := []string{"gen", "tools", "bench", "e2e", "chaos", "conformance", "emulator"} // no part of what is deployed, or generated
	found := map[string]bool{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains(apart, name) || name != "." && strings.HasPrefix(name, ".") {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			selector, is := n.(*ast.SelectorExpr)
			if !is {
				return true
			}
			if pkg, is := selector.X.(*ast.Ident); is && slices.Contains(dialers[pkg.Name], selector.Sel.Name) {
				found[filepath.ToSlash(name)+" "+pkg.Name+"."+selector.Sel.Name] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range slices.Sorted(maps.Keys(found)) {
		if outbound[place] == "" {
			t.Errorf("%s: where does its address come from?", place)
		}
	}
	for place := range outbound {
		if !found[place] {
			t.Errorf("%s is no more", place)
		}
	}
}
