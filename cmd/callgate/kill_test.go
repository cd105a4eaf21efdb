package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// TestKilledAfterAcknowledging: whoever got a 200 need not send again, however
// the gateway ends the moment after.
func TestKilledAfterAcknowledging(t *testing.T) {
	const rounds = 5
	dir := t.TempDir()
	key := []byte(strings.Repeat("k", 32))
	tokens, err := eventstream.NewTokens(key)
	if err != nil {
		t.Fatal(err)
	}
	for round := range rounds {
		g := startProcess(t, dir, key)
		post(t, g.callbackURL+eventstream.EventGridPath+"?key="+tokens.EventGrid(), incomingCallEvent(round))
		g.kill(t)
	}

	g := startProcess(t, dir, key)
	defer g.kill(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stream, err := callgatev1.NewEventsClient(g.conn).StreamEvents(ctx, &callgatev1.StreamEventsRequest{
		Start: &callgatev1.StreamEventsRequest_Earliest{Earliest: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil { // started
		t.Fatal(err)
	}
	for round := range rounds {
		got, err := stream.Recv()
		if err != nil || got.GetEvent().GetId() != eventID(round) {
			t.Fatalf("round %d: got %v, %v", round, got, err)
		}
	}
	// And what comes again is the same event still.
	post(t, g.callbackURL+eventstream.EventGridPath+"?key="+tokens.EventGrid(), incomingCallEvent(0))
	post(t, g.callbackURL+eventstream.EventGridPath+"?key="+tokens.EventGrid(), incomingCallEvent(rounds))
	if got, err := stream.Recv(); err != nil || got.GetEvent().GetId() != eventID(rounds) {
		t.Errorf("behind a repeated event: got %v, %v", got, err)
	}
}

// killable is a gateway in a process of its own.
type killable struct {
	*gateway
	cmd *exec.Cmd
}

func startProcess(t *testing.T, dir string, key []byte, args ...string) *killable {
	t.Helper()
	g := &killable{gateway: &gateway{stdout: &output{}, stderr: &output{}}}
	g.cmd = exec.Command(os.Args[0], freePorts(t, []string{"--data-dir"})...)
	g.cmd.Args = append(append(g.cmd.Args, "--data-dir="+dir), args...)
	g.cmd.Env = append(os.Environ(), beMain+"=1", "CALLGATE_CALLBACK_KEY="+base64.StdEncoding.EncodeToString(key))
	g.cmd.Stdout, g.cmd.Stderr = g.stdout, g.stderr
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.cmd.Process.Kill() }) // killed already, if all went well
	waitUntil(t, "the gateway is ready", func() bool {
		if g.cmd.ProcessState != nil {
			t.Fatalf("the gateway ended: %s", g.stderr)
		}
		return strings.Contains(g.stdout.String(), tryThis)
	})
	g.connect(t)
	return g
}

func (g *killable) kill(t *testing.T) {
	t.Helper()
	if err := g.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = g.cmd.Wait() // killed: it says so
}

func eventID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

func incomingCallEvent(n int) string {
	return `[{"id":"` + eventID(n) + `","topic":"/subscriptions/s","subject":"/caller/4:+14255550123/recipient/8:acs:res_me",` +
		`"eventType":"Microsoft.Communication.IncomingCall","dataVersion":"1.0","metadataVersion":"1","eventTime":"2026-11-23T19:27:24.2415391Z",` +
		`"data":{"to":{"kind":"communicationUser","rawId":"8:acs:res_me","communicationUser":{"id":"8:acs:res_me"}},` +
		`"from":{"kind":"phoneNumber","rawId":"4:+14255550123","phoneNumber":{"value":"+14255550123"}},` +
		`"serverCallId":"s","callerDisplayName":"","incomingCallContext":"c","correlationId":"d"}}]`
}

func post(t *testing.T, url, body string) {
	t.Helper()
	if status := deliver(t, url, body); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
}

// deliver posts an event as Event Grid does, and returns the status.
func deliver(t *testing.T, url, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("aeg-event-type", "Notification")
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close() // there is none
	return resp.StatusCode
}
