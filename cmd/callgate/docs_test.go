package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/callgate/callgate/catalogue"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// TestEventsPageHasEverySettingOfTheLog holds docs/events.md to the flags.
func TestEventsPageHasEverySettingOfTheLog(t *testing.T) {
	page, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	parser, err := kong.New(&Config{}, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range parser.Model.Flags {
		variable := "CALLGATE_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		switch {
		case strings.HasPrefix(flag.Name, "nats-"):
			if !strings.Contains(string(page), "`--"+flag.Name+"`") || !strings.Contains(string(page), "`"+variable+"`") {
				t.Errorf("the page lacks --%s or %s", flag.Name, variable)
			}
		case strings.HasPrefix(flag.Name, "log-max-"):
			if said := "`--" + flag.Name + "` (" + flag.Default; !strings.Contains(strings.ReplaceAll(string(page), "\n", " "), said) {
				t.Errorf("the page does not say that --%s is %s", flag.Name, flag.Default)
			}
		}
	}
}

// TestMediaPageHasEveryAction: the page's table has each action of media and
// recordings, and speaks of no event that there is not.
func TestMediaPageHasEveryAction(t *testing.T) {
	raw, err := os.ReadFile("../../docs/media.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(raw), "| action | succeeded |")
	table, _, _ = strings.Cut(table, "\n\n")
	camel := func(name, prefix string) string {
		var words strings.Builder
		for word := range strings.SplitSeq(strings.TrimPrefix(name, prefix), "_") {
			words.WriteString(word[:1] + strings.ToLower(word[1:]))
		}
		return words.String()
	}
	for number, name := range callgatev1.Action_name {
		if number >= int32(callgatev1.Action_ACTION_PLAY_MEDIA) && !strings.Contains(table, camel(name, "ACTION_")) {
			t.Errorf("the table lacks %s", name)
		}
	}
	known := map[string]bool{}
	for _, name := range callgatev1.CallEventType_name {
		known[camel(name, "CALL_EVENT_TYPE_")] = true
	}
	for _, cell := range strings.FieldsFunc(table, func(r rune) bool { return r == '|' || r == '\n' }) {
		event, _, _ := strings.Cut(strings.TrimSpace(cell), ",")
		if regexp.MustCompile(`(ed|Stopped)$`).MatchString(event) && !strings.Contains(event, " ") && event != "failed" && event != "canceled" && !known[event] {
			t.Errorf("the table speaks of %s, which there is not", event)
		}
	}
}

// TestReliabilityPageIsTrue: what the page says of settings and reasons is what
// there is.
func TestReliabilityPageIsTrue(t *testing.T) {
	raw, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(raw)), " ")
	var config Config
	parser, err := kong.New(&config, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(nil); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, flag := range parser.Model.Flags {
		known[flag.Name] = true
	}
	for _, m := range regexp.MustCompile("`--([a-z-]+)").FindAllStringSubmatch(page, -1) {
		if !known[m[1]] {
			t.Errorf("the page speaks of --%s, which there is not", m[1])
		}
	}
	entries, err := catalogue.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`((?:REQUEST|UPSTREAM|GATEWAY)_[A-Z_]+)`").FindAllStringSubmatch(page, -1) {
		if entries.ByReason(m[1]) == nil {
			t.Errorf("the page speaks of %s, which the catalogue does not know", m[1])
		}
	}
	for _, said := range []struct {
		holds bool
		text  string
	}{
		{config.UpstreamTries == 4 && config.UpstreamTryTimeout == 10*time.Second, "four tries of 10 s each do (`--upstream-tries`, `--upstream-try-timeout`)"},
		{config.UpstreamRetryRate == 20, "20 tries a second (`--upstream-retry-rate`)"},
		{config.RequestMemory == 24*time.Hour, "for 24 hours (`--request-memory`)"},
		{config.LogDuplicateWindow == time.Hour, "`--log-duplicate-window` (an hour)"},
		{config.LogSync == "always", "(`--log-sync=always`, the default)"},
	} {
		if !said.holds || !strings.Contains(page, said.text) {
			t.Errorf("the page no longer says %q, or it is not so", said.text)
		}
	}
}

var rpcName = regexp.MustCompile("`((?:CallControl|Participants|Events|Groups|Media|Recordings)\\.[A-Z][A-Za-z]+)`")

// TestMigrationPageKnowsEveryRPC: each of the contract is what something becomes, and
// what it names of a service is there.
func TestMigrationPageKnowsEveryRPC(t *testing.T) {
	page, err := os.ReadFile("../../docs/migration.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range rpcName.FindAllStringSubmatch(string(page), -1) {
		named[m[1]] = true
	}
	there, services := map[string]bool{}, map[string]bool{}
	protoregistry.GlobalFiles.RangeFilesByPackage("callgate.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			services[string(service.Name())] = true
			for j := range service.Methods().Len() {
				there[string(service.Name())+"."+string(service.Methods().Get(j).Name())] = true
			}
		}
		return true
	})
	for rpc := range there {
		if !named[rpc] {
			t.Errorf("the page lacks %s", rpc)
		}
	}
	for rpc := range named {
		service, _, _ := strings.Cut(rpc, ".")
		if services[service] && !there[rpc] {
			t.Errorf("the page speaks of %s, which there is not", rpc)
		}
	}
}

// TestSecurityPageIsTrue: the settings that the page names are there, with the
// defaults that it says, and none of those that bound clients or let them in is left
// out.
func TestSecurityPageIsTrue(t *testing.T) {
	raw, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	parser, err := kong.New(&Config{}, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	page, known := string(raw), map[string]*kong.Flag{}
	for _, flag := range parser.Model.Flags {
		known[flag.Name] = flag
		bounds := strings.HasPrefix(flag.Name, "max-") || strings.HasPrefix(flag.Name, "event-grid-") || strings.HasPrefix(flag.Name, "callback-") ||
			strings.HasPrefix(flag.Name, "oidc-") || strings.HasPrefix(flag.Name, "tls-") || flag.Name == "policy-file" || flag.Name == "token-file"
		if bounds && flag.Name != "callback-addr" && flag.Name != "callback-base-url" && !strings.Contains(page, "`--"+flag.Name+"`") {
			t.Errorf("the page lacks --%s", flag.Name)
		}
	}
	for _, m := range regexp.MustCompile("`--([a-z-]+)`(?: \\(([0-9][0-9a-z]*)\\))?").FindAllStringSubmatch(page, -1) {
		switch flag := known[m[1]]; {
		case flag == nil:
			t.Errorf("the page speaks of --%s, which there is not", m[1])
		case m[2] != "" && m[2] != flag.Default:
			t.Errorf("the page says that --%s is %s, and it is %s", m[1], m[2], flag.Default)
		}
	}
	entries, err := catalogue.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`([A-Z]+(?:_[A-Z]+)+)`").FindAllStringSubmatch(page, -1) {
		var code codes.Code
		if code.UnmarshalJSON([]byte(`"`+m[1]+`"`)) != nil && entries.ByReason(m[1]) == nil && !strings.HasPrefix(m[1], "CALLGATE_") {
			t.Errorf("the page speaks of %s, which is no code and not in the catalogue", m[1])
		}
	}
}
