package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// startBroker runs a NATS server in dir until the function that it returns is called.
func startBroker(t *testing.T, dir string, port int) (url string, stop func()) {
	t.Helper()
	broker, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, JetStreamMaxStore: 1 << 40, NoLog: true, NoSigs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	broker.Start()
	if !broker.ReadyForConnections(time.Minute) {
		t.Fatal("the NATS server did not start")
	}
	return "nats://" + broker.Addr().String(), func() { broker.Shutdown(); broker.WaitForShutdown() }
}

// TestMovingToNATS: whoever was a client of the gateway with the embedded log goes on
// with the one on the servers.
func TestMovingToNATS(t *testing.T) {
	dir := t.TempDir()
	url, stop := startBroker(t, filepath.Join(dir, "nats"), server.RANDOM_PORT)
	data := "--data-dir=" + filepath.Join(dir, "data")
	before := start(t, data)
	c := &commandLine{addr: before.grpcAddr}
	call := c.must(t, "callConnection.callConnectionId", "call", "create", number, caller, "--wait=60s", "--request-id=29228d3e-040e-4656-a70e-890ab4e173e5")
	cursor := c.must(t, "receipt.cursor", "call", "create", number, caller, "--wait=60s", "--request-id=29228d3e-040e-4656-a70e-890ab4e173e5")
	settings := env("CALLGATE_NATS_URL", url, "CALLGATE_NATS_REPLICAS", "1")
	migrate := func() (string, error) {
		var out bytes.Buffer
		err := run(t.Context(), []string{"log", "migrate", data}, settings, &out, &out)
		return out.String(), err
	}
	if _, err := migrate(); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("while the gateway runs: %v", err)
	}
	if err := before.stop(); err != nil {
		t.Fatal(err)
	}
	out, err := migrate()
	if err != nil || !strings.Contains(out, "CALLGATE_EVENTS") || !strings.Contains(out, "callback.key") {
		t.Fatalf("%v\n%s", err, out)
	}
	stop()
	url, stop = startBroker(t, filepath.Join(dir, "nats"), server.RANDOM_PORT)
	defer stop()

	after := start(t, "--nats-url="+url, "--nats-replicas=1", "--callback-key-file="+filepath.Join(dir, "data", "callback.key"))
	c = &commandLine{addr: after.grpcAddr}
	if c.run(t, "events", "list", call, "--no-json"); !strings.Contains(c.heard, "CallConnected") {
		t.Errorf("the call's events are %s", c.heard)
	}
	events := after.stream(t, &callgatev1.StreamEventsRequest{Start: &callgatev1.StreamEventsRequest_AfterCursor{AfterCursor: cursor}})
	events.find(t, callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED, ofCall(call))
	c.must(t, "receipt.outcome.event.id", "call", "create", number, caller, "--wait=60s", "--request-id=29228d3e-040e-4656-a70e-890ab4e173e5")
	if !strings.Contains(c.heard, `"replayed":true`) || !strings.Contains(c.heard, call) {
		t.Errorf("the action that was named before was done again: %s", c.heard)
	}
	if err := after.stop(); err != nil {
		t.Error(err)
	}
}
