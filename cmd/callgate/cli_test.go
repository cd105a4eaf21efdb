package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/callgate/callgate/cli"
)

// commandLine runs commands that use a gateway.
type commandLine struct {
	addr string
	// heard is the last output.
	heard string
}

// run gives the exit code, and puts what was printed into heard.
func (c *commandLine) run(t *testing.T, args ...string) int {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), append(args, "--addr="+c.addr), noEnv, &out, &out)
	c.heard = out.String()
	if err != nil {
		c.heard += cli.Tell(err)
	}
	return cli.ExitCode(err)
}

// must run well; it returns what a JSON path such as "callConnection.state" of the
// output leads to.
func (c *commandLine) must(t *testing.T, path string, args ...string) string {
	t.Helper()
	if code := c.run(t, args...); code != cli.ExitDone {
		t.Fatalf("%v: exit code %d\n%s", args, code, c.heard)
	}
	var value any
	if err := json.Unmarshal([]byte(c.heard), &value); err != nil {
		t.Fatalf("%v printed no JSON: %v\n%s", args, err, c.heard)
	}
	for _, name := range strings.Split(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	text, _ := value.(string)
	if text == "" {
		t.Fatalf("%v: no %s in %s", args, path, c.heard)
	}
	return text
}

// says runs well, and in words that want matches.
func (c *commandLine) says(t *testing.T, want string, args ...string) {
	t.Helper()
	if code := c.run(t, append(args, "--no-json")...); code != cli.ExitDone || !regexp.MustCompile(want).MatchString(c.heard) {
		t.Errorf("%v: exit code %d, and no match of %q in\n%s", args, code, want, c.heard)
	}
}

const number, caller = "+14255550123", "--caller-id=+18005550100"

// TestCommandsDoWhatTheRPCsDo walks through every command that uses a gateway.
func TestCommandsDoWhatTheRPCsDo(t *testing.T) {
	g := start(t, "--emulator-time-scale=5") // what rings does so for 6 s
	c := &commandLine{addr: g.grpcAddr}
	const outcome, succeeded = "receipt.outcome.status", "STATUS_SUCCEEDED"
	call := c.must(t, "callConnection.callConnectionId", "call", "create", number, "8:acs:res_alice", caller, "--wait=60s", "--context=order-7")
	if got := c.must(t, "callConnection.state", "call", "get", call); got != "CALL_CONNECTION_STATE_CONNECTED" {
		t.Errorf("the call is %s", got)
	}
	other := c.must(t, "callConnection.callConnectionId", "call", "create", "8:acs:res_bob", "8:acs:res_carol", "--wait=60s")
	invitation := c.must(t, "invitationId", "participants", "add", call, "+14255550408", caller, "--invitation-timeout=60s")
	for _, tc := range []struct {
		path, want string
		args       []string
	}{
		{outcome, succeeded, []string{"participants", "cancel-add", call, invitation, "--wait=60s"}}, // while it rings
		{outcome, succeeded, []string{"participants", "add", call, "8:acs:res_dave", "--voip-header=subject=a, b; c", "--wait=60s"}},
		{"receipt.action", "ACTION_MUTE_PARTICIPANT", []string{"participants", "mute", call, "8:acs:res_alice"}},
		{"participant.identifier.rawId", "4:" + number, []string{"participants", "get", call, number}},
		{outcome, succeeded, []string{"participants", "move", call, "8:acs:res_bob", "--from=" + other, "--wait=60s"}},
		{outcome, succeeded, []string{"participants", "remove", call, "8:acs:res_bob", "--wait=60s"}},
		{outcome, succeeded, []string{"call", "transfer", call, "8:acs:res_erin", "--transferee=" + number, "--voip-header=from=sales", "--wait=60s"}},
		{outcome, succeeded, []string{"call", "connect", "--group-call-id=29228d3e-040e-4656-a70e-890ab4e173e5", "--wait=60s"}},
		{outcome, succeeded, []string{"call", "hangup", other, "--for-everyone", "--wait=60s"}},
	} {
		if got := c.must(t, tc.path, tc.args...); got != tc.want {
			t.Errorf("%v: %s is %s, not %s", tc.args, tc.path, got, tc.want)
		}
	}
	streamed := c.must(t, "callConnection.callConnectionId", "call", "create", number, caller, "--stream-to=wss://app.example/audio", "--transcribe-to=wss://app.example/text", "--wait=60s")
	spoken := c.must(t, "callConnection.callConnectionId", "call", "create", number, caller, "--wait=60s")
	recording := c.must(t, "recording.recordingId", "recordings", "start", spoken, "--wait=60s")
	for _, tc := range [][]string{
		{outcome, succeeded, "media", "play", spoken, "--text=Good morning", "--file=https://files.example/a.wav", "--to=" + number, "--wait=60s"},
		{outcome, succeeded, "media", "send-tones", spoken, number, "1#", "--wait=60s"},
		{outcome, succeeded, "media", "hold", spoken, number, "--text=One moment, please.", "--wait=60s"},
		{outcome, succeeded, "media", "unhold", spoken, number, "--wait=60s"},
		{"receipt.action", "ACTION_CANCEL_ALL_MEDIA_OPERATIONS", "media", "cancel", spoken},
		{outcome, succeeded, "recordings", "pause", recording, "--wait=60s"},
		{outcome, succeeded, "recordings", "resume", recording, "--wait=60s"},
		{"recording.state", "RECORDING_STATE_ACTIVE", "recordings", "get", recording},
		{outcome, succeeded, "recordings", "stop", recording, "--wait=60s"},
	} {
		if got := c.must(t, tc[0], tc[2:]...); got != tc[1] {
			t.Errorf("%v: %s is %s, not %s", tc[2:], tc[0], got, tc[1])
		}
	}
	asked := c.must(t, "callConnection.callConnectionId", "call", "create", "+14255550231", caller, "--wait=60s")
	elsewhere := c.must(t, "callConnection.serverCallId", "call", "get", asked)
	c.must(t, "recording.recordingId", "recordings", "start", "--server-call-id="+elsewhere, "--wait=60s")
	file := filepath.Join(t.TempDir(), "recording")
	waitUntil(t, "the recording's file is there", func() bool { return c.run(t, "recordings", "download", recording, file) == cli.ExitDone })
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("the recording's file: %v, %v", info, err)
	}
	if code := c.run(t, "recordings", "download", recording, file); code != cli.ExitUsage {
		t.Errorf("a file that is there: exit code %d\n%s", code, c.heard)
	}
	c.must(t, "receipt.action", "recordings", "delete", recording)
	if c.run(t, "media", "recognize", asked, "+14255550231", "--max-tones=4", "--stop-tones=#", "--wait=60s", "--no-json"); !strings.Contains(c.heard, "heard     1") {
		t.Errorf("what was pressed: %s", c.heard)
	}

	if c.run(t, "media", "recognize", asked, "+14255550231", "--text=Sales, or support?", "--interrupt", "--no-interrupt-prompt", "--choice=sales/1=sales|buy", "--choice=support=help", "--wait=60s", "--no-json"); !strings.Contains(c.heard, "heard     sales") {
		t.Errorf("what was chosen: %s", c.heard)
	}
	for _, args := range [][]string{
		{"media", "transcription", "start"},
		{"media", "transcription", "update", "--locale=de-DE"},
		{"media", "transcription", "stop"},
		{"media", "streaming", "start"},
		{"media", "streaming", "stop"},
	} {
		if got := c.must(t, outcome, append(args, streamed, "--wait=60s")...); got != succeeded {
			t.Errorf("%v: %s", args, got)
		}
	}
	c.must(t, "receipt.action", "media", "report-tones", "start", spoken, number)
	if got := c.must(t, outcome, "media", "report-tones", "stop", spoken, number, "--wait=60s"); got != succeeded {
		t.Errorf("the tones were told no longer: %s", got)
	}

	// One at a time: it does not ring for long.
	c.must(t, "receipt.outcome.event.id", "call", "answer", g.ring(t), "--wait=60s")
	c.must(t, "receipt.action", "call", "reject", g.ring(t), "--reason=busy")
	c.must(t, "receipt.action", "call", "redirect", g.ring(t), "8:acs:res_desk")
	c.must(t, "receipt.callConnectionId", "call", "hangup", call, "--for-everyone")
	receipt := filepath.Join(t.TempDir(), "receipt.json")
	if err := os.WriteFile(receipt, []byte(c.heard), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := c.must(t, "outcome.status", "events", "wait", receipt); got != succeeded {
		t.Errorf("the receipt's outcome is %s", got)
	}

	t.Run("in words", func(t *testing.T) {
		for _, tc := range []struct {
			args []string
			want string
		}{
			{[]string{"call", "create", number, caller, "--wait=60s"}, `(?s)state +connecting.*accepted +create call.*outcome +it succeeded: CallConnected`},
			{[]string{"call", "create", number, caller, "--validate-only"}, `nothing was done`},
			{[]string{"call", "hangup", other}, `had ended already`},
			{[]string{"events", "list", call}, `(?s)CallConnected.*CallTransferAccepted.*CallDisconnected`},
			{[]string{"events", "tail", "--call=" + call, "--earliest", "--until-call-ends", "--type=CallDisconnected"}, `^\S+  CallDisconnected .*ENDED_BY_APPLICATION`},
			{[]string{"calls", "explain", call}, `(?s)It has ended.*accepted: create call \+14255550123, 8:acs:res_alice; answered 201.*The connection is established.*context: order-7.*` +
				`8:acs:res_alice is now in the call, muted.*ENDED_BY_APPLICATION.*hint: `},
		} {
			c.says(t, tc.want, tc.args...)
		}
	})
	t.Run("in JSON", func(t *testing.T) {
		if c.run(t, "participants", "list", call); !strings.Contains(c.heard, "CALL_NOT_FOUND") {
			t.Errorf("the participants of a call that has ended: %s", c.heard)
		}
		c.must(t, "correlationId", "calls", "explain", call)
		c.run(t, "events", "tail", "--call="+call, "--since=1h", "--until-call-ends")
		lines := strings.Split(strings.TrimSpace(c.heard), "\n")
		if first, last := lines[0], lines[len(lines)-1]; !strings.HasPrefix(first, `{"started":{"cursor":`) || !strings.Contains(last, "CALL_DISCONNECTED") {
			t.Errorf("the tail began with %s and ended with %s", first, last)
		}
	})
}

// ring has the emulator's incoming call ring, and returns its context.
func (g *gateway) ring(t *testing.T) string {
	t.Helper()
	resp, err := g.http.Post(g.emulatorURL+"/control/v1/incomingCalls", "application/json", strings.NewReader(`{"from":"+14255550123","to":"8:acs:res_me"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var ringing struct{ IncomingCallContext string }
	if err := json.NewDecoder(resp.Body).Decode(&ringing); err != nil || ringing.IncomingCallContext == "" {
		t.Fatalf("the call does not ring: %v", err)
	}
	return ringing.IncomingCallContext
}

func TestExitCodes(t *testing.T) {
	c := &commandLine{addr: start(t).grpcAddr}
	nowhere := &commandLine{addr: "127.0.0.1:1"}
	for _, tc := range []struct {
		name string
		on   *commandLine
		args []string
		want int
		says string
	}{
		{"done", c, []string{"call", "create", number, caller}, cli.ExitDone, ""},
		{"no such command", c, []string{"call", "nonsense"}, cli.ExitUsage, "nonsense"},
		{"no such flag", c, []string{"call", "get", "x", "--nonsense"}, cli.ExitUsage, "nonsense"},
		{"an argument is missing", c, []string{"call", "get"}, cli.ExitUsage, "call"},
		{"nobody", c, []string{"call", "create", "alice"}, cli.ExitUsage, "phone number"},
		{"no such type", c, []string{"events", "tail", "--type=Nonsense"}, cli.ExitUsage, "--type"},
		{"no time", c, []string{"events", "tail", "--since=yesterday"}, cli.ExitUsage, "--since"},
		{"nothing to choose", c, []string{"media", "recognize", "x", number, "--choice=sales"}, cli.ExitUsage, "LABEL"},
		{"no key of a phone", c, []string{"media", "recognize", "x", number, "--choice=sales/E=sales"}, cli.ExitUsage, "no key"},
		{"choices and another kind", c, []string{"media", "recognize", "x", number, "--choice=a=b", "--kind=speech"}, cli.ExitUsage, "choices are for"},
		{"how speech ends, and tones", c, []string{"media", "recognize", "x", number, "--end-silence=1s"}, cli.ExitUsage, "speech_options are for"},
		{"too long between tones", c, []string{"media", "recognize", "x", number, "--inter-tone=2m"}, cli.ExitUsage, "inter_tone_timeout_seconds"},
		{"no such kind", c, []string{"media", "recognize", "x", number, "--kind=nonsense"}, cli.ExitUsage, "--kind"},
		{"recorded nowhere", c, []string{"recordings", "start"}, cli.ExitUsage, "--server-call-id"},
		{"recorded twice", c, []string{"recordings", "start", "x", "--server-call-id=y"}, cli.ExitUsage, "--server-call-id"},
		{"no SIP header", c, []string{"participants", "add", "x", number, caller, "--sip-header=From=me"}, cli.ExitUsage, "sip_headers"},
		{"two things to hear on hold", c, []string{"media", "hold", "x", number, "--text=a", "--text=b"}, cli.ExitUsage, "one"},
		{"acknowledged in no group", c, []string{"events", "tail", "--manual-ack"}, cli.ExitUsage, "--group"},
		{"heartbeats that would be acknowledged", c, []string{"events", "tail", "--group=g", "--show-heartbeats"}, cli.ExitUsage, "--manual-ack"},
		{"settings of no group", c, []string{"events", "tail", "--max-deliveries=2"}, cli.ExitUsage, "need a group"},
		{"dead letters of no group", c, []string{"groups", "dead-letters", "list", "x"}, cli.ExitNotFound, "GROUP_NOT_FOUND"},
		{"no dead letters", c, []string{"groups", "dead-letters", "replay", "x"}, cli.ExitUsage, "cursors or all"},
		{"refused by the contract", c, []string{"call", "create", number}, cli.ExitUsage, "source_caller_id_number"},
		{"no receipt", c, []string{"events", "wait", os.DevNull}, cli.ExitUsage, "receipt"},
		{"busy", c, []string{"call", "create", "+14255550486", caller, "--wait=60s"}, cli.ExitOutcome, "it failed"},
		{"still ringing", c, []string{"call", "create", "+14255550408", caller, "--wait=50ms"}, cli.ExitNoOutcome, "events wait"},
		{"no such call", c, []string{"call", "get", "x"}, cli.ExitNotFound, "CALL_NOT_FOUND"},
		{"no story", c, []string{"calls", "explain", "x"}, cli.ExitNotFound, "no events"},
		{"cursor of no log", c, []string{"events", "tail", "--after=x"}, cli.ExitUsage, "CURSOR_INVALID"},
		{"no gateway", nowhere, []string{"call", "create", number, caller, "--timeout=300ms"}, cli.ExitUnavailable, ""},
		{"no gateway to follow", nowhere, []string{"events", "tail", "--timeout=300ms"}, cli.ExitUnavailable, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.on.run(t, tc.args...); got != tc.want || !strings.Contains(tc.on.heard, tc.says) {
				t.Errorf("exit code %d, want %d, saying %q:\n%s", got, tc.want, tc.says, tc.on.heard)
			}
		})
	}
}

// TestCommandsSayWhoTheyAre: by the token of the variable, or of the file.
func TestCommandsSayWhoTheyAre(t *testing.T) {
	g := startGuarded(t, policyOf("one: {role: operator}", "watcher: {role: viewer}"), "one", "watcher")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(tokenOf("one")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		getenv func(string) string
		args   []string
		want   int
	}{
		{"by the variable", env("CALLGATE_TOKEN", tokenOf("one")), nil, cli.ExitDone},
		{"by the file", noEnv, []string{"--token-file=" + file}, cli.ExitDone},
		{"by the file that a variable names", env("CALLGATE_CLIENT_TOKEN_FILE", file), nil, cli.ExitDone},
		{"not at all", noEnv, nil, cli.ExitNotAllowed},
		{"who may not", env("CALLGATE_TOKEN", tokenOf("watcher")), nil, cli.ExitNotAllowed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), append([]string{"call", "create", "8:acs:res_alice", "--addr=" + g.grpcAddr}, tc.args...), tc.getenv, &out, &out)
			if got := cli.ExitCode(err); got != tc.want {
				t.Errorf("exit code %d, want %d: %v", got, tc.want, err)
			}
		})
	}
}

// TestTailEndsWithItsInterruption: that is how one leaves it.
func TestTailEndsWithItsInterruption(t *testing.T) {
	g := start(t)
	ctx, interrupt := context.WithCancel(t.Context())
	out := &output{}
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"events", "tail", "--addr=" + g.grpcAddr}, noEnv, out, out)
	}()
	waitUntil(t, "the tail has started", func() bool { return strings.Contains(out.String(), "started") })
	interrupt()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestVariables: settings are variables too, and what a command is to do is not.
func TestVariables(t *testing.T) {
	g := start(t)
	var out bytes.Buffer
	if err := run(t.Context(), []string{"call", "create", "8:acs:res_alice"}, env("CALLGATE_ADDR", g.grpcAddr, "CALLGATE_CALLER_ID", "nonsense"), &out, &out); err != nil {
		t.Error(err)
	}
	var help bytes.Buffer
	err := run(t.Context(), []string{"emulator"}, env("CALLGATE_ADDR", "127.0.0.1:0", "CALLGATE_EMULATOR_ADDR", "nowhere"), &help, &help)
	if err == nil || !strings.Contains(err.Error(), "emulator listener") {
		t.Errorf("the emulator alone did not take CALLGATE_EMULATOR_ADDR: %v", err)
	}
}

func TestHealthcheck(t *testing.T) {
	g := start(t)
	ill := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			http.Error(w, "not ready: the log", http.StatusServiceUnavailable)
		}
	}))
	defer ill.Close()
	private := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ready over TLS")) }))
	defer private.Close()
	certificate := filepath.Join(t.TempDir(), "tls.crt")
	if err := os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: private.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	well := strings.TrimPrefix(g.httpURL, "http://")
	_, port, _ := strings.Cut(well, ":")
	for _, tc := range []struct {
		name, says string
		args       []string
		well       bool
	}{
		{"ready", "ready", []string{"--http-addr=" + well}, true},
		{"on all interfaces", "ready", []string{"--http-addr=:" + port}, true},
		{"not ready", "not ready: the log", []string{"--http-addr=" + ill.Listener.Addr().String()}, false},
		{"alive", "", []string{"--http-addr=" + ill.Listener.Addr().String(), "--live"}, true},
		{"over TLS", "ready over TLS", []string{"--http-addr=" + private.Listener.Addr().String(), "--tls-cert-file=" + certificate}, true},
		{"gone", "refused", []string{"--http-addr=127.0.0.1:1"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), append([]string{"healthcheck"}, tc.args...), noEnv, &out, &out)
			if err != nil {
				out.WriteString(err.Error())
			}
			if (err == nil) != tc.well || !strings.Contains(out.String(), tc.says) {
				t.Errorf("%v, saying %s", err, &out)
			}
		})
	}
}

// TestCompletion: a shell that asks is told the commands.
func TestCompletion(t *testing.T) {
	t.Setenv("COMP_LINE", "callgate participants c")
	t.Setenv("COMP_POINT", "23")
	var out bytes.Buffer
	if err := run(t.Context(), nil, noEnv, &out, &out); err != nil || out.String() != "cancel-add\n" {
		t.Errorf("%v, %s", err, &out)
	}
}
