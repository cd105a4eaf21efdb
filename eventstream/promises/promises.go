// Package promises checks what StreamEvents promises, over recorded streams. It is
// for tests: of the log, of the gateway, of clients.
package promises

import (
	"errors"
	"fmt"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// Recording is what one consumer was given, over all of its connections.
type Recording struct {
	// Position reads a cursor: eventstream.CursorPosition.
	Position    func(cursor string) (uint64, error)
	Connections []Connection
}

// Connection is one stream, from its start to whatever ended it.
type Connection struct {
	// After is the cursor that the stream was asked to go on after; empty on a first
	// connection that began elsewhere.
	After string
	// Trimmed tells that After is the earliest cursor, as the error named it that
	// refused an older one: what lies between is a gap.
	Trimmed bool
	// Responses are all that came.
	Responses []*callgatev1.StreamEventsResponse
}

// Log is all that the log has, in its order, each event with its cursor.
type Log []*callgatev1.CallEvent

// Check holds r to all five promises. matches is the filter of the stream.
func Check(r Recording, log Log, matches func(*callgatev1.CallEvent) bool) error {
	return errors.Join(Ordered(r), Once(r), Complete(r, log, matches), Resumable(r), Bookmarked(r))
}

// Ordered checks that events and gaps come in the order of the log, over all connections.
func Ordered(r Recording) error {
	last := uint64(0)
	return r.each(func(s step) error {
		switch {
		case s.event != nil && s.to <= last:
			return fmt.Errorf("ordered: event %s at %d came behind %d", s.event.GetId(), s.to, last)
		case s.gap && (s.to < last || s.to <= s.from):
			return fmt.Errorf("ordered: a gap from %d to %d came behind %d", s.from, s.to, last)
		}
		last = max(last, s.to)
		return nil
	})
}

// Once checks that no event comes twice, by the source and id that name it.
func Once(r Recording) error {
	type name struct{ source, id string }
	seen := make(map[name]uint64)
	return r.each(func(s step) error {
		if s.event == nil {
			return nil
		}
		n := name{s.event.GetEventSource(), s.event.GetId()}
		if at, again := seen[n]; again {
			return fmt.Errorf("once: event %s came at %d and at %d", n.id, at, s.to)
		}
		seen[n] = s.to
		return nil
	})
}

// Complete checks that between where the recording begins and where it ends every
// event of the log that matches came, and no gap was told where the log has one.
func Complete(r Recording, log Log, matches func(*callgatev1.CallEvent) bool) error {
	came := make(map[uint64]bool)
	var gaps []step
	begin, end, begun := uint64(0), uint64(0), false
	if err := r.each(func(s step) error {
		if !begun {
			begin, begun = s.from, true
		}
		end = max(end, s.to)
		switch {
		case s.event != nil:
			came[s.to] = true
		case s.gap:
			gaps = append(gaps, s)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, ev := range log {
		at, err := r.Position(ev.GetCursor())
		if err != nil {
			return err
		}
		for _, gap := range gaps {
			if at > gap.from && at <= gap.to {
				return fmt.Errorf("complete: a gap from %d to %d is told, but the log has event %s at %d", gap.from, gap.to, ev.GetId(), at)
			}
		}
		if at > begin && at <= end && matches(ev) && !came[at] {
			return fmt.Errorf("complete: event %s at %d did not come, between %d and %d", ev.GetId(), at, begin, end)
		}
	}
	return nil
}

// Resumable checks that every connection begins with started, where it was asked
// to, and was asked to go on after the last that the one before it was given.
func Resumable(r Recording) error {
	last := ""
	for i, c := range r.Connections {
		if i > 0 && !c.Trimmed && c.After != last {
			return fmt.Errorf("resumable: connection %d goes on after %q, but %q was the last", i, c.After, last)
		}
		for j, resp := range c.Responses {
			if started := resp.GetStarted(); (started != nil) != (j == 0) {
				return fmt.Errorf("resumable: response %d of connection %d is %T", j, i, resp.GetResponse())
			} else if started != nil && c.After != "" && started.GetCursor() != c.After {
				return fmt.Errorf("resumable: connection %d began after %q, not %q", i, started.GetCursor(), c.After)
			}
			last = Cursor(resp)
		}
		if len(c.Responses) == 0 {
			last = c.After
		}
	}
	return nil
}

// Bookmarked checks that every response carries a position to go on after, which
// never goes back, and that nothing comes later that lies at or before it.
func Bookmarked(r Recording) error {
	last := uint64(0)
	return r.each(func(s step) error {
		if s.to < last || (s.event != nil && s.to == last && last > 0) {
			return fmt.Errorf("bookmarked: %d came behind a cursor at %d", s.to, last)
		}
		last = s.to
		return nil
	})
}

// Cursor is the one to go on after once resp has been dealt with.
func Cursor(resp *callgatev1.StreamEventsResponse) string {
	switch r := resp.GetResponse().(type) {
	case *callgatev1.StreamEventsResponse_Started:
		return r.Started.GetCursor()
	case *callgatev1.StreamEventsResponse_Event:
		return r.Event.GetCursor()
	case *callgatev1.StreamEventsResponse_Heartbeat:
		return r.Heartbeat.GetCursor()
	case *callgatev1.StreamEventsResponse_Gap:
		return r.Gap.GetToCursor()
	case *callgatev1.StreamEventsResponse_Draining:
		return r.Draining.GetCursor()
	}
	return ""
}

// step is what one response does to the consumer's position.
type step struct {
	from, to uint64
	gap      bool
	event    *callgatev1.CallEvent
}

// each goes through r, a refused cursor being a gap.
func (r Recording) each(visit func(step) error) error {
	at := uint64(0)
	for i, c := range r.Connections {
		if c.Trimmed {
			to, err := r.Position(c.After)
			if err == nil {
				err = visit(step{from: at, to: to, gap: true})
			}
			if err != nil {
				return fmt.Errorf("connection %d: %w", i, err)
			}
			at = to
		}
		for j, resp := range c.Responses {
			to, err := r.Position(Cursor(resp))
			s := step{from: at, to: to, gap: resp.GetGap() != nil, event: resp.GetEvent()}
			if i == 0 && j == 0 {
				s.from = to
			}
			if s.gap && err == nil {
				s.from, err = r.Position(resp.GetGap().GetFromCursor())
			}
			if err == nil {
				err = visit(s)
			}
			if err != nil {
				return fmt.Errorf("connection %d, response %d: %w", i, j, err)
			}
			at = to
		}
	}
	return nil
}
