package main

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

var settingName = regexp.MustCompile(`CALLGATE_[A-Z_]+`)

const configurationHead = `# Configuration

Made from the flags of the binary: do not edit.

Every setting is a flag and a variable; the flag wins. What is wrong is said at the
start, all of it at once, and ` + "`callgate doctor`" + ` checks with the same settings whether
what they lead to can be reached. Secrets are variables or files, never flags, which
everybody on the machine could read.

`

// settings are the commands that are configured, in the order of the page.
var settings = []struct{ command, says string }{
	{"serve", "The gateway (`callgate serve`, or just `callgate`). `doctor`, `eventgrid-url` and `log migrate` read the same settings."},
	{"call", "The client commands (`call`, `participants`, `events`, `calls`): which gateway they use. See [cli.md](cli.md)."},
	{"emulator", "The emulator alone. See [emulator.md](emulator.md)."},
	{"healthcheck", "The check of a container."},
}

// TestConfigurationPage holds docs/configuration.md to the flags; go test
// ./cmd/callgate -run TestConfigurationPage -update writes it anew.
func TestConfigurationPage(t *testing.T) {
	var cmd commands
	parser, err := kong.New(&cmd, kong.Name("callgate"), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	page.WriteString(configurationHead)
	for _, s := range settings {
		node := child(t, parser, s.command)
		fmt.Fprintf(&page, "## %s\n\n%s\n\n| flag | variable | default | |\n|---|---|---|---|\n", s.command, s.says)
		for _, f := range node.Flags {
			name := variable(node, f)
			if name == "" {
				continue
			}
			fmt.Fprintf(&page, "| `--%s` | `%s` | %s | %s |\n", f.Name, name, defaultOf(f), cell(f.Help))
		}
		page.WriteString("\n")
		if s.command == "serve" {
			page.WriteString(secretsTable())
		}
	}
	const name = "../../docs/configuration.md"
	if *update {
		if err := os.WriteFile(name, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := os.ReadFile(name); err != nil || string(found) != page.String() {
		t.Errorf("%s is not what the flags say (%v): run go test ./cmd/callgate -run TestConfigurationPage -update", name, err)
	}
}

func child(t *testing.T, parser *kong.Kong, name string) *kong.Node {
	t.Helper()
	for _, c := range parser.Model.Children {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no command %s", name)
	return nil
}

func defaultOf(f *kong.Flag) string {
	switch {
	case f.Default != "":
		return "`" + f.Default + "`"
	case f.Target.Kind() == reflect.Bool:
		return "`false`"
	}
	return ""
}

// cell is text within a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// secretsTable lists the variables that have no flag.
func secretsTable() string {
	var b strings.Builder
	b.WriteString("Variables that have no flag:\n\n| variable | or the file of | |\n|---|---|---|\n")
	for _, s := range [][3]string{
		{"CALLGATE_CONNECTION_STRING", "--connection-string-file", "The resource's connection string."},
		{"CALLGATE_SECONDARY_ACCESS_KEY", "--secondary-access-key-file", "The resource's other key, tried when the first is refused."},
		{"CALLGATE_CALLBACK_KEY", "--callback-key-file", "The key of the callback tokens, base64 of 32 bytes or more."},
		{"CALLGATE_NATS_PASSWORD", "--nats-password-file", "The password for NATS."},
		{"CALLGATE_NATS_TOKEN", "--nats-token-file", "A token for NATS."},
		{"CALLGATE_TOKEN", "--token-file", "The bearer token of the client commands."},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "", "Where traces are sent by OTLP; with it, or OTEL_TRACES_EXPORTER=otlp, they are taken. The other OTEL_ variables are OpenTelemetry's own."},
	} {
		file := ""
		if s[1] != "" {
			file = "`" + s[1] + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s[0], file, s[2])
	}
	b.WriteString("\n")
	return b.String()
}

// TestDeploymentsUseSettingsThatThereAre holds the image, the compose file and the
// chart to the flags.
func TestDeploymentsUseSettingsThatThereAre(t *testing.T) {
	var cmd commands
	parser, err := kong.New(&cmd, kong.Name("callgate"), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"CALLGATE_CALLBACK_KEY": true}
	serve := child(t, parser, "serve")
	for _, f := range serve.Flags {
		known[variable(serve, f)] = true
	}
	for _, file := range []string{"Dockerfile", "deploy/compose.yaml", "deploy/helm/callgate/templates/deployment.yaml"} {
		raw, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range settingName.FindAllString(string(raw), -1) {
			if !known[name] {
				t.Errorf("%s sets %s, which there is not", file, name)
			}
		}
	}
}
