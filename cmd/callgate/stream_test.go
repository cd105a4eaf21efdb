package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// lines opens a stream over HTTP and reads it line by line.
func (g *gateway) lines(t *testing.T, verb, path, body string, header ...string) (*http.Response, *bufio.Scanner) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, verb, g.httpURL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := g.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	scanner := bufio.NewScanner(resp.Body)
	scanner.Buffer(nil, 1<<20)
	return resp, scanner
}

func next(t *testing.T, s *bufio.Scanner) string {
	t.Helper()
	if !s.Scan() {
		t.Fatalf("the stream ended: %v", s.Err())
	}
	return s.Text()
}

// nextResult reads one line of newline-delimited JSON.
func nextResult(t *testing.T, s *bufio.Scanner) *callgatev1.StreamEventsResponse {
	t.Helper()
	var line struct{ Result json.RawMessage }
	text := next(t, s)
	var resp callgatev1.StreamEventsResponse
	if err := json.Unmarshal([]byte(text), &line); err != nil || protojson.Unmarshal(line.Result, &resp) != nil {
		t.Fatalf("line %q: %v", text, err)
	}
	return &resp
}

// frame is one Server-Sent Event.
type frame struct{ id, event, data string }

func nextFrame(t *testing.T, s *bufio.Scanner) frame {
	t.Helper()
	var f frame
	for line := next(t, s); line != ""; line = next(t, s) {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "id":
			f.id = value
		case "event":
			f.event = value
		case "data":
			f.data = value
		default:
			t.Fatalf("line %q of an event", line)
		}
	}
	return f
}

func TestStreamAsJSONLines(t *testing.T) {
	g := start(t)
	for _, tc := range []struct{ name, verb, path, body string }{
		{"GET", "GET", "/v1/events:stream?earliest=true&filter.types=CALL_EVENT_TYPE_CALL_CONNECTED", ""},
		{"POST", "POST", "/v1/events:stream", `{"earliest":true,"filter":{"types":["CALL_EVENT_TYPE_CALL_CONNECTED"]}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp, s := g.lines(t, tc.verb, tc.path, tc.body)
			if got := resp.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type %q", got)
			}
			if nextResult(t, s).GetStarted().GetCursor() == "" {
				t.Error("the stream did not begin with started")
			}
			id := walk{t, g, transports[0]}.call(user("8:acs:res_a")).GetCallConnection().GetCallConnectionId()
			for {
				event := nextResult(t, s).GetEvent()
				if event.GetType() != callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED {
					t.Fatalf("got %v, which the filter leaves out", event)
				}
				if event.GetCallConnectionId() == id {
					break
				}
			}
		})
	}
}

func TestStreamAsServerSentEvents(t *testing.T) {
	g := start(t)
	w := walk{t, g, transports[0]}
	const types = "filter.types=CALL_EVENT_TYPE_CALL_CONNECTED"
	resp, s := g.lines(t, "GET", "/v1/events:stream?"+types, "", "Accept", "text/event-stream, */*;q=0.1")
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("Content-Type %q", got)
	}
	started := nextFrame(t, s)
	if started.event != "started" || started.id == "" || !strings.HasPrefix(started.data, `{"started":`) {
		t.Fatalf("the stream began with %v", started)
	}
	first := w.call(user("8:acs:res_a")).GetCallConnection().GetCallConnectionId()
	one := nextFrame(t, s)
	if one.event != "event" || !strings.Contains(one.data, first) {
		t.Fatalf("got %v", one)
	}
	second := w.call(user("8:acs:res_b")).GetCallConnection().GetCallConnectionId()

	// A browser that lost the connection sends the last id it saw.
	_, s = g.lines(t, "GET", "/v1/events:stream?earliest=true&"+types, "", "Accept", "text/event-stream", "Last-Event-ID", one.id)
	if again := nextFrame(t, s); again.event != "started" || again.id != one.id {
		t.Fatalf("resumed with %v, want started at %s", again, one.id)
	}
	if missed := nextFrame(t, s); !strings.Contains(missed.data, second) {
		t.Errorf("resumed with %v, want the call %s", missed, second)
	}
}

func TestStreamErrorsOverREST(t *testing.T) {
	g := start(t)
	for name, accept := range map[string]string{"as JSON lines": "*/*", "as Server-Sent Events": "text/event-stream"} {
		t.Run(name, func(t *testing.T) {
			resp, _ := g.lines(t, "GET", "/v1/events:stream?after_cursor=nonsense", "", "Accept", accept)
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "CURSOR_INVALID") {
				t.Errorf("status %s, %v: %s", resp.Status, err, body)
			}
		})
	}
}

// TestStreamEndsWithTheCall: a client that watches one call need not hang up.
func TestStreamEndsWithTheCall(t *testing.T) {
	g := start(t)
	w := walk{t, g, transports[0]}
	id := w.call(user("8:acs:res_a")).GetCallConnection().GetCallConnectionId()
	events := g.stream(t, &callgatev1.StreamEventsRequest{
		Filter: &callgatev1.EventFilter{CallConnectionIds: []string{id}}, UntilCallEnds: true,
	})
	w.do("CallControl/HangUpCall", &callgatev1.HangUpCallRequest{CallConnectionId: id}, &callgatev1.HangUpCallResponse{})
	<-events.done
	if !errors.Is(events.err, io.EOF) {
		t.Errorf("the stream ended with %v", events.err)
	}
	all := events.all()
	if len(all) == 0 || all[len(all)-1].GetType() != callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_DISCONNECTED {
		t.Errorf("the stream ended behind %v", all)
	}
}

func TestHeartbeatsMoveOn(t *testing.T) {
	g := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream, err := callgatev1.NewEventsClient(g.conn).StreamEvents(ctx, &callgatev1.StreamEventsRequest{
		Filter: &callgatev1.EventFilter{CallConnectionIds: []string{"nobody"}}, HeartbeatInterval: durationpb.New(time.Second),
	})
	if err != nil {
		t.Fatal(err)
	}
	started, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	walk{t, g, transports[0]}.call(user("8:acs:res_a"))
	for {
		resp, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if beat := resp.GetHeartbeat(); beat == nil {
			t.Fatalf("got %v", resp)
		} else if beat.GetCursor() != started.GetStarted().GetCursor() {
			return // past events that it does not want
		}
	}
}

// TestStopTellsStreams: a stream is told before the gateway stops, resumes on
// the next, and holds up neither.
func TestStopTellsStreams(t *testing.T) {
	dir := t.TempDir()
	g := start(t, "--data-dir="+dir)
	events := g.stream(t, &callgatev1.StreamEventsRequest{})
	walk{t, g, transports[0]}.call(user("8:acs:res_a"))
	before := events.all()
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	<-events.done
	events.mu.Lock()
	last := events.got[len(events.got)-1]
	events.mu.Unlock()
	if last.GetDraining().GetCursor() == "" || !errors.Is(events.err, io.EOF) {
		t.Fatalf("the stream ended with %v, %v", last, events.err)
	}

	next := start(t, "--data-dir="+dir)
	stream, err := callgatev1.NewEventsClient(next.conn).StreamEvents(t.Context(), &callgatev1.StreamEventsRequest{
		Start: &callgatev1.StreamEventsRequest_AfterCursor{AfterCursor: events.cursor},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	for _, want := range before {
		got, err := stream.Recv()
		if err != nil || got.GetEvent().GetCursor() != want.GetCursor() {
			t.Fatalf("resumed with %v, %v, want %v", got, err, want)
		}
	}

	foreign := start(t)
	strange, err := callgatev1.NewEventsClient(foreign.conn).StreamEvents(t.Context(), &callgatev1.StreamEventsRequest{
		Start: &callgatev1.StreamEventsRequest_AfterCursor{AfterCursor: events.cursor},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := strange.Recv(); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a cursor of another log: %v", err)
	}
}
