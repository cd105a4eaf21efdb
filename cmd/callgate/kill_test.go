package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// TestKilledAgainAndAgain: whoever got a 200 need not send again, however and
// whenever the gateway ends; whoever got none does, and there is one event of it.
func TestKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	const rounds, senders, each = 20, 4, 5
	dir := t.TempDir()
	key := []byte(strings.Repeat("k", 32))
	tokens, err := eventstream.NewTokens(key)
	if err != nil {
		t.Fatal(err)
	}
	path := eventstream.EventGridPath + "?key=" + tokens.EventGrid()
	next := [senders]int{} // what each of the senders has to send: events sender, sender+senders, ...
	for range rounds {
		g := startProcess(t, dir, key)
		var sending sync.WaitGroup
		acknowledged := make(chan struct{}, 1<<16)
		for sender := range senders {
			sending.Go(func() {
				for deliver(t.Context(), g.callbackURL+path, incomingCallEvent(sender+senders*next[sender])) == http.StatusOK {
					next[sender]++
					acknowledged <- struct{}{}
				}
			})
		}
		for range senders * each {
			select {
			case <-acknowledged:
			case <-time.After(time.Minute):
				t.Fatalf("nothing is acknowledged any more\n%s", g.stderr)
			}
		}
		g.kill(t) // while others are on their way
		sending.Wait()
	}

	g := startProcess(t, dir, key)
	defer g.kill(t)
	sent := 0
	for sender := range senders {
		post(t, g.callbackURL+path, incomingCallEvent(sender+senders*next[sender])) // once more what got no answer
		post(t, g.callbackURL+path, incomingCallEvent(sender))                      // and what got one long ago
		sent += next[sender] + 1
	}
	seen := g.stream(t, &callgatev1.StreamEventsRequest{Start: &callgatev1.StreamEventsRequest_Earliest{Earliest: true}})
	post(t, g.callbackURL+path, incomingCallEvent(senders*1_000_000)) // the end
	seen.find(t, callgatev1.CallEventType_CALL_EVENT_TYPE_INCOMING_CALL, func(ev *callgatev1.CallEvent) bool {
		return ev.GetId() == eventID(senders*1_000_000)
	})
	events := seen.all()
	if len(events) != sent+1 {
		t.Errorf("the log has %d events; %d were sent", len(events), sent+1)
	}
	var got [senders]int
	for _, ev := range events[:len(events)-1] {
		id, err := strconv.Atoi(ev.GetId()[len(ev.GetId())-12:])
		if err != nil {
			t.Fatal(err)
		}
		if sender := id % senders; id/senders != got[sender] {
			t.Errorf("event %d of sender %d came behind %d", id/senders, sender, got[sender]-1)
		}
		got[id%senders]++
	}
}

// killable is a gateway in a process of its own.
type killable struct {
	*gateway
	cmd   *exec.Cmd
	ended chan struct{} // closed once it has
}

func startProcess(t *testing.T, dir string, key []byte, args ...string) *killable {
	t.Helper()
	cmd := exec.Command(os.Args[0], freePorts(t, []string{"--data-dir"})...)
	cmd.Args = append(append(cmd.Args, "--data-dir="+dir), args...)
	cmd.Env = append(os.Environ(), beMain+"=1", "CALLGATE_CALLBACK_KEY="+base64.StdEncoding.EncodeToString(key))
	return launch(t, cmd)
}

// launch starts a gateway's process, which ends with the test.
func launch(t *testing.T, cmd *exec.Cmd) *killable {
	t.Helper()
	g := &killable{gateway: &gateway{stdout: &output{}, stderr: &output{}}, cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = g.stdout, g.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(g.ended)
		_ = cmd.Wait() // ProcessState says the same
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // killed already, if all went well
		<-g.ended
	})
	waitUntil(t, "the gateway is ready", func() bool {
		select {
		case <-g.ended:
			t.Fatalf("the gateway ended with %v:\n%s", cmd.ProcessState, g.stderr)
		default:
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
	<-g.ended
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
	if status := deliver(t.Context(), url, body); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
}

// deliver posts an event as Event Grid does, and returns the status; 0 when there
// is none.
func deliver(ctx context.Context, url, body string) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("aeg-event-type", "Notification")
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close() // there is none
	return resp.StatusCode
}
