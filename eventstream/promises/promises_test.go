package promises

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// In these tests a cursor is the decimal number of its position.

func position(cursor string) (uint64, error) { return strconv.ParseUint(cursor, 10, 64) }

func at(n int) string { return strconv.Itoa(n) }

func started(n int) *callgatev1.StreamEventsResponse {
	return &callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Started{Started: &callgatev1.StreamStarted{Cursor: at(n)}}}
}

func event(n int) *callgatev1.StreamEventsResponse {
	return &callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Event{Event: logged(n)}}
}

func logged(n int) *callgatev1.CallEvent {
	return &callgatev1.CallEvent{Id: fmt.Sprintf("e%d", n), EventSource: "s", Cursor: at(n)}
}

// twin is the event of another position, once more.
func twin(of, n int) *callgatev1.StreamEventsResponse {
	resp := event(n)
	resp.GetEvent().Id = logged(of).GetId()
	return resp
}

func heartbeat(n int) *callgatev1.StreamEventsResponse {
	return &callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Heartbeat{Heartbeat: &callgatev1.StreamHeartbeat{Cursor: at(n)}}}
}

func gap(from, to int) *callgatev1.StreamEventsResponse {
	return &callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Gap{Gap: &callgatev1.StreamGap{FromCursor: at(from), ToCursor: at(to)}}}
}

func draining(n int) *callgatev1.StreamEventsResponse {
	return &callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Draining{Draining: &callgatev1.StreamDraining{Cursor: at(n)}}}
}

func connection(after string, responses ...*callgatev1.StreamEventsResponse) Connection {
	return Connection{After: after, Responses: responses}
}

func TestEachValidatorFindsWhatBreaksItsPromise(t *testing.T) {
	log := Log{logged(1), logged(2), logged(3), logged(6), logged(7)}
	// even keeps odd positions from being asked for.
	even := func(e *callgatev1.CallEvent) bool { n, _ := position(e.GetCursor()); return n%2 == 0 }
	all := func(*callgatev1.CallEvent) bool { return true }
	for name, test := range map[string]struct {
		matches     func(*callgatev1.CallEvent) bool
		connections []Connection
		broken      string // the promises, as Check names them
	}{
		"all is well": {all, []Connection{
			connection("", started(0), event(1), event(2), event(3), gap(3, 5), event(6), heartbeat(6), event(7)),
		}, ""},
		"all is well, over connections": {all, []Connection{
			connection("", started(1), event(2), draining(2)),
			connection("2"),
			connection("2", started(2), event(3)),
			{After: "5", Trimmed: true, Responses: []*callgatev1.StreamEventsResponse{started(5), heartbeat(5), event(6)}},
		}, ""},
		"what does not match may be left out": {even, []Connection{connection("", started(0), event(2), event(6), heartbeat(7))}, ""},
		"nothing came":                        {all, nil, ""},
		"an event comes too late":             {all, []Connection{connection("", started(0), event(2), event(1), event(3))}, "ordered bookmarked"},
		"a gap comes too late":                {all, []Connection{connection("", started(3), event(6), gap(3, 5))}, "ordered bookmarked"},
		"a gap of nothing":                    {all, []Connection{connection("", started(5), gap(5, 5))}, "ordered"},
		"the same position twice":             {all, []Connection{connection("", started(0), event(1), event(1))}, "ordered once bookmarked"},
		"the same event at two positions":     {all, []Connection{connection("", started(0), event(1), twin(1, 2))}, "once"},
		"an event again after resuming": {all, []Connection{
			connection("", started(0), event(1)), connection("1", started(1), twin(1, 2)),
		}, "once"},
		"an event is missing":         {all, []Connection{connection("", started(0), event(1), event(3))}, "complete"},
		"a heartbeat passes an event": {all, []Connection{connection("", started(0), event(1), heartbeat(2))}, "complete"},
		"an event is missing between connections": {all, []Connection{
			connection("", started(0), event(1)), connection("1", started(2), event(3)),
		}, "complete resumable"},
		"a gap is told where there is none":   {all, []Connection{connection("", started(0), event(1), gap(1, 3))}, "complete"},
		"it resumes elsewhere than it was":    {all, []Connection{connection("", started(0), event(1)), connection("0", started(0))}, "resumable bookmarked"},
		"a connection does not say started":   {all, []Connection{connection("", started(0), event(1)), connection("1", event(2))}, "resumable"},
		"started comes twice":                 {all, []Connection{connection("", started(0), started(0))}, "resumable"},
		"a heartbeat goes back":               {all, []Connection{connection("", started(0), event(1), event(2), heartbeat(1))}, "bookmarked"},
		"an event comes behind its heartbeat": {all, []Connection{connection("", started(0), event(1), heartbeat(3), event(2), event(3))}, "ordered bookmarked"},
	} {
		t.Run(name, func(t *testing.T) {
			r := Recording{Position: position, Connections: test.connections}
			err := Check(r, log, test.matches)
			for _, promise := range []string{"ordered", "once", "complete", "resumable", "bookmarked"} {
				said := err != nil && strings.Contains(err.Error(), promise+": ")
				if want := strings.Contains(test.broken, promise); said != want {
					t.Errorf("%s broken: %v, want %v: %v", promise, said, want, err)
				}
			}
		})
	}
}

func TestResponseWithoutCursorIsFound(t *testing.T) {
	bad := errors.New("no cursor")
	r := Recording{
		Position:    func(string) (uint64, error) { return 0, bad },
		Connections: []Connection{connection("", &callgatev1.StreamEventsResponse{})},
	}
	if err := Bookmarked(r); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
}
