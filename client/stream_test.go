package client

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/callgate/callgate/eventstream"
	"github.com/callgate/callgate/eventstream/promises"
	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

func TestStreamGoesOnOverRestarts(t *testing.T) {
	starts := map[string]func(*callgatev1.StreamEventsRequest){
		"from the latest": func(*callgatev1.StreamEventsRequest) {},
		"from the earliest": func(r *callgatev1.StreamEventsRequest) {
			r.Start = &callgatev1.StreamEventsRequest_Earliest{Earliest: true}
		},
		"from a time": func(r *callgatev1.StreamEventsRequest) {
			r.Start = &callgatev1.StreamEventsRequest_FromTime{FromTime: timestamppb.New(time.Now().Add(-time.Hour))}
		},
		"of one call": func(r *callgatev1.StreamEventsRequest) {
			r.Filter = &callgatev1.EventFilter{CallConnectionIds: []string{"c"}}
		},
	}
	ends := map[string]func(*gateway, testing.TB){"stops": (*gateway).stop, "is killed": (*gateway).kill}
	for start, set := range starts {
		for end, ending := range ends {
			t.Run(start+", and the gateway "+end, func(t *testing.T) {
				g := newGateway(t)
				req := &callgatev1.StreamEventsRequest{}
				set(req)
				f := follow(t, g.dial(t), req)
				f.next(t, isStarted)
				g.happen(t, "c", 0, 3)
				f.wantEvents(t, "c", 0, 2) // the third is on its way, perhaps
				for round := range 2 {
					ending(g, t)
					g.start(t)
					g.happen(t, "c", 3+3*round, 3)
					f.wantEvents(t, "c", 2+3*round, 3)
				}
			})
		}
	}
}

// TestStreamKeepsThePromises: what the handler is given, over many restarts, is
// held to all five.
func TestStreamKeepsThePromises(t *testing.T) {
	g := newGateway(t)
	f := follow(t, g.dial(t), &callgatev1.StreamEventsRequest{Start: &callgatev1.StreamEventsRequest_Earliest{Earliest: true}})
	recording := promises.Recording{Position: eventstream.CursorPosition}
	last := ""
	want := 0
	for range 4 {
		g.happen(t, "c", want, 50)
		want += 50
		for ended := false; !ended; {
			resp := f.next(t, func(*callgatev1.StreamEventsResponse) bool { return true })
			if isStarted(resp) {
				recording.Connections = append(recording.Connections, promises.Connection{After: last})
			}
			c := &recording.Connections[len(recording.Connections)-1]
			c.Responses = append(c.Responses, resp)
			last = promises.Cursor(resp)
			ended = resp.GetEvent().GetId() == lastID(want)
		}
		g.kill(t)
		g.start(t)
	}
	var log promises.Log
	for token := ""; ; {
		events, next, err := g.log.ListEvents(t.Context(), "c", token, 100, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range events {
			log = append(log, ev.CallEvent)
		}
		if token = next; token == "" {
			break
		}
	}
	if len(log) != want {
		t.Errorf("the log has %d events", len(log))
	}
	if err := promises.Check(recording, log, func(*callgatev1.CallEvent) bool { return true }); err != nil {
		t.Error(err)
	}
	if len(recording.Connections) < 4 {
		t.Errorf("%d connections", len(recording.Connections))
	}
}

func TestStreamSaysAGapWhereTheLogWasTrimmed(t *testing.T) {
	g := newGateway(t)
	f := follow(t, g.dial(t), &callgatev1.StreamEventsRequest{})
	f.next(t, isStarted)
	g.happen(t, "c", 0, 2)
	f.wantEvents(t, "c", 0, 1)
	cursor := f.next(t, isEvent).GetEvent().GetCursor()
	f.stop()
	g.happen(t, "c", 2, 5)
	g.kill(t)
	g.maxAge = 100 * time.Millisecond // all that is there becomes too old
	g.start(t)
	eventually(t, func() bool {
		earliest, _, err := g.log.Bounds(t.Context())
		position, _ := eventstream.CursorPosition(earliest)
		return err == nil && position == 7
	})
	g.kill(t)
	g.maxAge = 0 // what comes now stays
	g.start(t)
	f = follow(t, g.dial(t), &callgatev1.StreamEventsRequest{Start: &callgatev1.StreamEventsRequest_AfterCursor{AfterCursor: cursor}})
	gap := f.next(t, func(*callgatev1.StreamEventsResponse) bool { return true }).GetGap()
	if gap.GetFromCursor() != cursor || gap.GetReason() != callgatev1.StreamGap_REASON_RETENTION {
		t.Errorf("it begins with %v", gap)
	}
	f.next(t, isStarted)
	g.happen(t, "c", 7, 1)
	f.wantEvents(t, "c", 7, 1)
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for ticker := time.NewTicker(5 * time.Millisecond); !holds(); {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatal("it did not happen")
		}
	}
}

func lastID(n int) string { return fmt.Sprintf("c-%d", n-1) }

// end puts the end of a call into the log.
func end(t *testing.T, g *gateway, call string) {
	t.Helper()
	if err := g.log.Append(t.Context(), &logv1.Record{Event: &callgatev1.CallEvent{
		Id: "end", EventSource: "calling/callConnections/" + call, CallConnectionId: call,
		Type: callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_DISCONNECTED, TypeName: "Microsoft.Communication.CallDisconnected",
	}}); err != nil {
		t.Fatal(err)
	}
}

func TestStreamPassesHeartbeatsOn(t *testing.T) {
	g := newGateway(t)
	f := follow(t, g.dial(t), &callgatev1.StreamEventsRequest{HeartbeatInterval: durationpb.New(time.Second)})
	resp := f.next(t, func(r *callgatev1.StreamEventsResponse) bool { return !isStarted(r) })
	if resp.GetHeartbeat().GetCursor() == "" {
		t.Errorf("then comes %v", resp)
	}
}

func TestStreamEnds(t *testing.T) {
	refused := errors.New("the handler does not want this")
	keep := func(*callgatev1.StreamEventsResponse) error { return nil }
	for name, test := range map[string]struct {
		req    *callgatev1.StreamEventsRequest
		handle Handler
		is     func(error) bool
	}{
		"with the handler's error": {
			&callgatev1.StreamEventsRequest{}, func(*callgatev1.StreamEventsResponse) error { return refused },
			func(err error) bool { return errors.Is(err, refused) },
		},
		"when its calls have": {
			&callgatev1.StreamEventsRequest{
				Filter: &callgatev1.EventFilter{CallConnectionIds: []string{"c"}}, UntilCallEnds: true,
			}, keep,
			func(err error) bool { return err == nil },
		},
		"with a request that is not valid": {
			&callgatev1.StreamEventsRequest{UntilCallEnds: true}, keep,
			func(err error) bool { return status.Code(err) == codes.InvalidArgument },
		},
		"with something that is no cursor": {
			&callgatev1.StreamEventsRequest{Start: &callgatev1.StreamEventsRequest_AfterCursor{AfterCursor: "garbage"}}, keep,
			func(err error) bool { return status.Code(err) == codes.InvalidArgument },
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			end(t, g, "c")
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := Stream(ctx, g.dial(t), test.req, test.handle); !test.is(err) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestStreamEndsWithItsContext(t *testing.T) {
	for name, connect := range map[string]func(*testing.T) *grpc.ClientConn{
		"connected":         func(t *testing.T) *grpc.ClientConn { return newGateway(t).dial(t) },
		"with nobody there": func(t *testing.T) *grpc.ClientConn { return dial(t, "127.0.0.1:1") },
	} {
		t.Run(name, func(t *testing.T) {
			conn := connect(t)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			err := Stream(ctx, conn, &callgatev1.StreamEventsRequest{}, func(*callgatev1.StreamEventsResponse) error { return nil })
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
		})
	}
}
