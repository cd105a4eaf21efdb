package main

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

var sharedKey = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))

func TestConfigurationOfNATSIsCheckedWhole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("hush-hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	const there = "--nats-url=nats://127.0.0.1:1"
	for name, tc := range map[string]struct {
		env  func(string) string
		args []string
		want []string
	}{
		"no shared key":                {noEnv, []string{there}, []string{"CALLGATE_CALLBACK_KEY", "--callback-key-file"}},
		"an address that is none":      {noEnv, []string{"--nats-url=nats://gate:hush-hush@x:port"}, []string{"--nats-url", "address 1"}},
		"another protocol":             {noEnv, []string{"--nats-url=nats://x,http://gate:hush-hush@x"}, []string{"--nats-url", "address 2"}},
		"a certificate without a key":  {noEnv, []string{there, "--nats-cert-file=" + file}, []string{"--nats-key-file"}},
		"a user without a password":    {noEnv, []string{there, "--nats-user=gate"}, []string{"CALLGATE_NATS_PASSWORD"}},
		"a password without a user":    {env("CALLGATE_NATS_PASSWORD", "hush-hush"), []string{there}, []string{"--nats-user"}},
		"a password twice":             {env("CALLGATE_NATS_PASSWORD", "hush-hush"), []string{there, "--nats-password-file=" + file}, []string{"which is meant"}},
		"a token and credentials":      {env("CALLGATE_NATS_TOKEN", "hush-hush"), []string{there, "--nats-creds-file=" + file}, []string{"which is meant"}},
		"no replicas":                  {noEnv, []string{there, "--nats-replicas=0"}, []string{"--nats-replicas"}},
		"credentials for nothing":      {noEnv, []string{"--nats-creds-file=" + file}, []string{"no --nats-url"}},
		"a file that is not there":     {noEnv, []string{there, "--nats-ca-file=" + file + "2"}, []string{"--nats-ca-file"}},
		"nobody there":                 {env("CALLGATE_CALLBACK_KEY", sharedKey, "CALLGATE_NATS_URL", "nats://gate:hush-hush@127.0.0.1:1"), nil, []string{"127.0.0.1:1"}},
		"credentials that are not one": {env("CALLGATE_CALLBACK_KEY", sharedKey), []string{there, "--nats-creds-file=" + file}, []string{"127.0.0.1:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), append(freePorts(t, tc.args), tc.args...), tc.env, &out, &out)
			if err == nil {
				t.Fatal("the gateway started and stopped")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			if all := err.Error() + out.String(); strings.Contains(all, "hush") {
				t.Errorf("a secret is told: %s", all)
			}
		})
	}
}

// TestReplicasShareALog: a call that one gateway places is seen at another, whose
// log is the same; a callback, a cursor, a receipt and a named action are good at
// either.
func TestReplicasShareALog(t *testing.T) {
	opts := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 40,
		Username: "gate", Password: "hush-hush", NoLog: true, NoSigs: true,
	}
	broker, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	broker.Start()
	t.Cleanup(func() { broker.Shutdown(); broker.WaitForShutdown() })
	if !broker.ReadyForConnections(time.Minute) {
		t.Fatal("the NATS server did not start")
	}
	settings := env(
		"CALLGATE_NATS_URL", "nats://gate:hush-hush@"+broker.Addr().String(), "CALLGATE_NATS_REPLICAS", "1",
		"CALLGATE_CALLBACK_KEY", sharedKey,
	)
	a, b := startWith(t, settings), startWith(t, settings)
	for _, g := range []*gateway{a, b} {
		if all := g.stdout.String() + g.stderr.String(); strings.Contains(all, "hush") || !strings.Contains(all, "NATS at "+broker.Addr().String()) {
			t.Errorf("the gateway says %s", all)
		}
	}

	seen := b.stream(t, &callgatev1.StreamEventsRequest{})
	var created callgatev1.CreateCallResponse
	walk{t, a, transports[0]}.do("CallControl/CreateCall", &callgatev1.CreateCallRequest{
		Targets: []*callgatev1.CommunicationIdentifier{user("8:acs:res_a")},
	}, &created)
	id := created.GetCallConnection().GetCallConnectionId()
	seen.find(t, callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED, ofCall(id))
	outcome, err := callgatev1.NewEventsClient(b.conn).WaitForOutcome(t.Context(), &callgatev1.WaitForOutcomeRequest{Receipt: created.GetReceipt()})
	if err != nil || outcome.GetOutcome().GetStatus() != callgatev1.ActionOutcome_STATUS_SUCCEEDED {
		t.Errorf("the outcome, at the other: %v, %v", outcome, err)
	}

	key, err := base64.StdEncoding.DecodeString(sharedKey)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := eventstream.NewTokens(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []*gateway{a, b, a} { // the same, at either
		post(t, g.callbackURL+eventstream.EventGridPath+"?key="+tokens.EventGrid(), incomingCallEvent(1))
	}
	isIt := func(e *callgatev1.CallEvent) bool { return e.GetId() == eventID(1) }
	event := seen.find(t, callgatev1.CallEventType_CALL_EVENT_TYPE_INCOMING_CALL, isIt)
	post(t, a.callbackURL+eventstream.EventGridPath+"?key="+tokens.EventGrid(), incomingCallEvent(2))
	again := a.stream(t, &callgatev1.StreamEventsRequest{Start: &callgatev1.StreamEventsRequest_AfterCursor{AfterCursor: event.GetCursor()}})
	again.find(t, callgatev1.CallEventType_CALL_EVENT_TYPE_INCOMING_CALL, func(e *callgatev1.CallEvent) bool { return e.GetId() == eventID(2) })
	for _, e := range again.all() {
		if isIt(e) {
			t.Error("an event that was stored already came again")
		}
	}
	if code, body, err := b.rest(t.Context(), "GET", "/readyz", ""); err != nil || code != http.StatusOK {
		t.Errorf("readiness: %d, %s, %v", code, body, err)
	}
}
