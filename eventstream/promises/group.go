package promises

import (
	"errors"
	"fmt"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// GroupRecording is what the members of one group were given and acknowledged, in
// the order in which that happened. The group began with the log and has come to
// its end.
type GroupRecording struct {
	// Position reads a cursor: eventstream.CursorPosition.
	Position func(cursor string) (uint64, error)
	// Call is what an event belongs to: eventstream.CallKey.
	Call          func(*callgatev1.CallEvent) string
	MaxDeliveries int
	Steps         []GroupStep
}

// GroupStep is one thing that happened; one of the two is set.
type GroupStep struct {
	// Given is what a member got.
	Given *callgatev1.StreamEventsResponse
	// Acknowledged is the cursor of what a member is about to acknowledge.
	Acknowledged string
}

// groupEvent is what became of an event that the group takes.
type groupEvent struct {
	id, cursor   string
	at           uint64
	before       *groupEvent // of the same call
	given        int32       // the highest attempt
	acknowledged bool
	missed       bool // a gap was told where it was
	dead         *callgatev1.DeadLetter
}

// CheckGroup holds r to what StreamEvents promises to the members of a group. dead
// is what it gave up, and matches is its filter.
func CheckGroup(r GroupRecording, log Log, dead []*callgatev1.DeadLetter, matches func(*callgatev1.CallEvent) bool) error {
	var events []*groupEvent
	byCursor, last := make(map[string]*groupEvent), make(map[string]*groupEvent)
	for _, ev := range log {
		if !matches(ev) {
			continue
		}
		at, err := r.Position(ev.GetCursor())
		if err != nil {
			return err
		}
		e := &groupEvent{id: ev.GetId(), cursor: ev.GetCursor(), at: at, before: last[r.Call(ev)]}
		events, byCursor[ev.GetCursor()], last[r.Call(ev)] = append(events, e), e, e
	}
	for _, letter := range dead {
		e := byCursor[letter.GetEvent().GetCursor()]
		if e == nil {
			return fmt.Errorf("given up: %s is a dead letter, and was not for the group", letter.GetEvent().GetId())
		}
		e.dead = letter
	}
	errs := []error{r.orderedByCall(events, byCursor)}
	for _, e := range events {
		errs = append(errs, e.atLeastOnce(), e.givenUp(int32(r.MaxDeliveries)))
	}
	return errors.Join(errs...)
}

// orderedByCall checks that no event was given before all earlier ones of its call
// were acknowledged, or given up. It notes what happened to each.
func (r GroupRecording) orderedByCall(events []*groupEvent, byCursor map[string]*groupEvent) error {
	for i, step := range r.Steps {
		if gap := step.Given.GetGap(); gap != nil {
			from, fromErr := r.Position(gap.GetFromCursor())
			to, toErr := r.Position(gap.GetToCursor())
			if err := errors.Join(fromErr, toErr); err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
			for _, e := range events {
				e.missed = e.missed || (e.at > from && e.at <= to)
			}
		}
		if e := byCursor[step.Acknowledged]; e != nil {
			e.acknowledged = true
		}
		ev := step.Given.GetEvent()
		if ev == nil {
			continue
		}
		e := byCursor[ev.GetCursor()]
		if e == nil {
			return fmt.Errorf("step %d: %s was given, and was not for the group", i, ev.GetId())
		}
		e.given = max(e.given, step.Given.GetDelivery().GetAttempt())
		for before := e.before; before != nil; before = before.before {
			if !before.acknowledged && !before.missed && before.dead == nil {
				return fmt.Errorf("ordered by call: step %d: %s was given before %s was dealt with", i, e.id, before.id)
			}
		}
	}
	return nil
}

// atLeastOnce checks that the event was given and acknowledged, unless it was given
// up: a member that stalls may have had it without looking at it.
func (e *groupEvent) atLeastOnce() error {
	switch {
	case e.missed || e.dead != nil:
		return nil
	case e.given == 0:
		return fmt.Errorf("at least once: %s was never given", e.id)
	case !e.acknowledged:
		return fmt.Errorf("at least once: %s was neither acknowledged nor given up", e.id)
	}
	return nil
}

// givenUp checks that the event is a dead letter only after it was given as often as
// may be, and was not given more often. (A member that stalls does not look at all
// that it was given.)
func (e *groupEvent) givenUp(most int32) error {
	switch {
	case e.given > most:
		return fmt.Errorf("given up: %s was given %d times", e.id, e.given)
	case e.dead != nil && e.dead.GetDeliveries() != most:
		return fmt.Errorf("given up: %s is a dead letter after %d deliveries", e.id, e.dead.GetDeliveries())
	}
	return nil
}
