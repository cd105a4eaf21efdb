package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/callgate/callgate/emulator"
	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// fixtures are the people, keys and tokens of the tests of this package, however
// they are written.
var fixtures = regexp.MustCompile(`425555|800555|888555|res_[a-z]|(?i:[48](?::|%3A)acs(?::|%3A)[^*])|` +
	`/callbacks/[^*\s"]|[?&]key=[^*]|\beyJ[A-Za-z0-9_-]{4}|Bearer [^*]|incomingCallContext|c2VjcmV0a2V5|` + regexp.QuoteMeta(emulator.DefaultAccessKey))

// ids are made at random, and have any digits.
var ids = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// wantNoLeak fails the test if text says what is nobody's business. Every test's
// gateway logs at level debug, and its log is held to this when the test ends.
func wantNoLeak(t *testing.T, what, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if found := fixtures.FindString(ids.ReplaceAllString(line, "an id")); found != "" {
			t.Errorf("%s has %q: %s", what, found, line)
		}
	}
}

// TestNothingLeaks: after everything that there is to do, well and badly, neither
// the log nor the metrics nor the answers to strangers tell of people and
// secrets.
func TestNothingLeaks(t *testing.T) {
	dir := t.TempDir()
	g := start(t, "--data-dir="+dir)
	for _, transport := range transports {
		w, seen := walk{t, g, transport}, g.stream(t, &callgatev1.StreamEventsRequest{IncludeData: true})
		for _, part := range []func(walk, *events){createGetListWait, addCancelMuteRemove, move, transfer, connect, hangUp, incoming} {
			part(w, seen)
		}
		_ = w.try("Participants/GetParticipant", &callgatev1.GetParticipantRequest{CallConnectionId: "none", RawId: "4:+14255550123"}, &callgatev1.GetParticipantResponse{})
		_ = w.try("CallControl/CreateCall", &callgatev1.CreateCallRequest{
			Targets: []*callgatev1.CommunicationIdentifier{phone("+14255550404")}, SourceCallerIdNumber: "+18005550100", WaitTimeout: patience,
		}, &callgatev1.CreateCallResponse{})
	}
	for _, path := range []string{eventstream.CallbackPath + "c2VjcmV0a2V5", eventstream.EventGridPath + "?key=c2VjcmV0a2V5"} {
		resp, err := g.http.Post(g.callbackURL+path, "application/json", strings.NewReader(incomingCallEvent(1)))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("a stranger is answered %s", resp.Status)
		}
	}
	code, metrics, err := g.rest(t.Context(), "GET", "/metrics", "")
	if err != nil || code != http.StatusOK {
		t.Fatalf("metrics: %d, %v", code, err)
	}
	wantNoLeak(t, "the metrics", string(metrics))
	key, err := os.ReadFile(filepath.Join(dir, "callback.key"))
	if err != nil {
		t.Fatal(err)
	}
	if all := g.stdout.String() + g.stderr.String() + string(metrics); strings.Contains(all, strings.TrimSpace(string(key))) {
		t.Error("the callback key is in the output")
	}
	if !strings.Contains(g.stderr.String(), "event stored") {
		t.Error("the log says nothing: is it at level debug?")
	}
}

// TestSecretsAreNotShown: whatever is wrong with a secret, or with something
// else, neither the help nor an error repeats it.
func TestSecretsAreNotShown(t *testing.T) {
	const telltale = "hush"
	hush := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(telltale, 16)))
	secrets := []string{
		"CALLGATE_CONNECTION_STRING", "endpoint=https://x.communication.azure.com/;accesskey=" + hush,
		"CALLGATE_SECONDARY_ACCESS_KEY", hush, "CALLGATE_CALLBACK_KEY", hush, "CALLGATE_NATS_PASSWORD", hush, "CALLGATE_NATS_TOKEN", hush,
	}
	broken := make([]string, len(secrets))
	copy(broken, secrets)
	for i := 1; i < len(broken); i += 2 {
		broken[i] = telltale + "-" + hush + "!"
	}
	good := []string{"--callback-base-url=https://gw.example", "--data-dir=" + memory, "--nats-url=nats://127.0.0.1:1"}
	for name, test := range map[string]struct {
		secrets []string
		args    []string
	}{
		"help":                         {secrets, []string{"--help"}},
		"help of a command":            {secrets, []string{"serve", "--help"}},
		"the version":                  {secrets, []string{"version"}},
		"an unknown flag":              {secrets, []string{"--nonsense"}},
		"a secret given as a flag":     {nil, []string{"--connection-string=" + hush}},
		"a callback key as a flag":     {nil, []string{"--callback-key", hush}},
		"secrets that are malformed":   {broken, good},
		"too many secrets":             {secrets, good},
		"the doctor, with bad ones":    {broken, append([]string{"doctor"}, good...)},
		"an Event Grid address, ditto": {broken, append([]string{"eventgrid-url"}, good...)},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), test.args, env(test.secrets...), &out, &out)
			said := out.String()
			if err != nil {
				said += err.Error()
			}
			if strings.Contains(said, hush) || strings.Contains(said, telltale+"-") {
				t.Errorf("it says %s", said)
			}
		})
	}
}

func TestConfigPrintsNoSecrets(t *testing.T) {
	c := Config{}
	if err := c.readSecrets(env("CALLGATE_CALLBACK_KEY", "c2VjcmV0a2V5", "CALLGATE_NATS_PASSWORD", "c2VjcmV0a2V5")); err != nil {
		t.Fatal(err)
	}
	c.NATSURL = []string{"nats://127.0.0.1:1"}
	for _, value := range []any{c, &c, c.natsOptions(), *c.natsOptions()} {
		var out bytes.Buffer
		logger := newLogger(&out, "json", 0)
		logger.Info("configured", "config", value)
		newLogger(&out, "text", 0).Info("configured", "config", value)
		for _, format := range []string{"%v", "%+v", "%#v"} {
			out.WriteString(strings.TrimSpace(fmt.Sprintf(format, value)) + "\n")
		}
		wantNoLeak(t, "what is printed of the configuration", out.String())
	}
}
