package eventstream

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// Subscription is one reader of the hub's events. It keeps what has come out of
// it in order, once each and complete: where the log has a hole, it says so.
//
// Next is for one goroutine at a time; Close may be called from any.
type Subscription struct {
	hub      *Hub
	filter   filter
	visible  func(*Event) bool // nil: all are
	interval time.Duration
	timer    *time.Timer // of what Next waits for, and fires when Close is called
	old      time.Time   // when it ends, once what was read is given out; zero: it does not age

	start, earliest uint64 // positions, as it began
	retention       Retention

	pos       uint64      // all up to here was given out or does not match
	gap       *span       // to be told next
	notBefore time.Time   // events received earlier are passed over; zero once one was not
	open      set[string] // the calls whose end is awaited; nil: none is

	ahead  *readAhead // of a page from the log; nil: none is being read
	page   scanPage   // being given out, read from the ring or the log
	target uint64     // scan up to here, then the queue has the rest; without queue: no end
	queue  *queue     // of a subscription to calls
	taken  []delivery // from the queue, being given out from takenAt on
	// takenAt is the next of taken.
	takenAt    int
	unfiltered bool // read the log as a whole even for a single call

	behind  atomic.Bool // it reads from the log
	drained bool
	closed  atomic.Bool
}

// Item is what a subscription brings: exactly one pointer is set.
type Item struct {
	// Event is the next event that matches.
	Event *Event
	// Gap tells that events are missing.
	Gap *Gap
	// Heartbeat tells that there was none for a while.
	Heartbeat *Heartbeat
	// Draining tells that the gateway is about to stop, or that the subscription
	// has grown old. io.EOF follows.
	Draining *Draining
	// Attempt counts how often a group gave out this Event or Gap, from 1.
	Attempt int
}

// Gap is a hole in the log: what lay between two positions is not there, whether
// it would have matched or not.
type Gap struct {
	// From is the cursor of the last position before the hole.
	From string
	// To is the cursor of the hole's last position: what follows lies behind it.
	To string
	// Reason is why it is missing.
	Reason callgatev1.StreamGap_Reason
}

// Heartbeat is a checkpoint: nothing that matches at or before its cursor is
// still to come.
type Heartbeat struct {
	Cursor string
	Time   time.Time
}

// Draining is the last word before a reader is to come back.
type Draining struct {
	// Cursor is where to go on after.
	Cursor string
}

// Started returns the cursor that the subscription goes on behind, and that
// behind which the log keeps everything.
func (s *Subscription) Started() (cursor, earliest string) {
	return s.hub.log.cursor(s.start), s.hub.log.cursor(s.earliest)
}

// Retention is what the log keeps, as it was when the subscription began.
func (s *Subscription) Retention() Retention { return s.retention }

// Next waits for the next item. It returns io.EOF when the subscription has
// reached its end, was drained or closed; ctx's error when that ends first; and
// ErrLogUnavailable when the log could not be read, after which it may be called
// again.
func (s *Subscription) Next(ctx context.Context) (Item, error) {
	if s.drained {
		return Item{}, io.EOF
	}
	var begun time.Time // when there was nothing to give out
	for {
		// First, so that a reader with much to pass over does not put these off.
		if s.closed.Load() {
			return Item{}, io.EOF
		}
		if s.hub.drained.Load() {
			return s.drain(), nil
		}
		if item, ok := s.pending(); ok {
			return item, nil
		}
		if s.open != nil && len(s.open) == 0 {
			return Item{}, io.EOF
		}
		if err := ctx.Err(); err != nil {
			return Item{}, err
		}
		now := time.Now()
		if begun.IsZero() {
			begun = now
		}
		wait := s.interval - now.Sub(begun)
		if !s.old.IsZero() {
			if !now.Before(s.old) {
				return s.drain(), nil
			}
			wait = min(wait, s.old.Sub(now))
		}
		if now.Sub(begun) >= s.interval {
			return s.heartbeat(), nil
		}
		more, err := s.fill(ctx)
		if err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return Item{}, err
		}
		if more == nil {
			continue
		}
		s.timer.Reset(wait)
		if s.closed.Load() { // before the timer was set
			return Item{}, io.EOF
		}
		select {
		case <-more:
		case <-ctx.Done():
		case <-s.hub.draining:
		case <-s.timer.C:
		}
	}
}

// pending gives the next item of what has been read already.
func (s *Subscription) pending() (Item, bool) {
	for {
		if s.gap != nil {
			return s.tellGap(), true
		}
		if e, ok := s.page.peek(); ok {
			if s.page.contiguous && e.event.Seq > s.pos+1 {
				s.gap = &span{from: s.pos, to: e.event.Seq - 1, reason: e.hole}
				continue
			}
			s.page.drop()
			if s.accept(e.event) {
				return Item{Event: e.event}, true
			}
			continue
		}
		s.pos = max(s.pos, s.page.through)
		if s.takenAt == len(s.taken) {
			return Item{}, false
		}
		d := s.taken[s.takenAt]
		s.taken[s.takenAt] = delivery{}
		s.takenAt++
		switch {
		case d.gap == nil:
			if s.accept(d.event) {
				return Item{Event: d.event}, true
			}
		case d.gap.to > s.pos:
			s.gap = &span{from: max(d.gap.from, s.pos), to: d.gap.to, reason: d.gap.reason}
		}
	}
}

// accept moves the position to ev and tells whether it is to be given out.
func (s *Subscription) accept(ev *Event) bool {
	if ev.Seq <= s.pos {
		return false
	}
	s.pos = ev.Seq
	if !s.sees(ev) {
		return false
	}
	if s.open != nil && ev.CallEvent.GetType() == typeCallDisconnected {
		delete(s.open, ev.CallEvent.GetCallConnectionId())
	}
	if !s.notBefore.IsZero() {
		if ev.CallEvent.GetReceiveTime().AsTime().Before(s.notBefore) {
			return false
		}
		s.notBefore = time.Time{}
	}
	return s.filter.matches(ev.CallEvent)
}

// sees tells whether the subscriber may know of ev.
func (s *Subscription) sees(ev *Event) bool { return s.visible == nil || s.visible(ev) }

// Position is the cursor to go on after for what Next has not given out.
func (s *Subscription) Position() string { return s.hub.log.cursor(s.pos) }

func (s *Subscription) tellGap() Item {
	gap := &Gap{From: s.hub.log.cursor(s.gap.from), To: s.hub.log.cursor(s.gap.to), Reason: s.gap.reason}
	s.hub.metrics.gaps.WithLabelValues(reasonLabel(s.gap.reason)).Inc()
	s.pos = max(s.pos, s.gap.to)
	s.gap = nil
	return Item{Gap: gap}
}

// heartbeat is the position as it is. Where everything queued has been given out,
// or commands follow that are not wanted, that is as far as the hub has read.
func (s *Subscription) heartbeat() Item {
	switch {
	case s.gap != nil:
	case s.queue == nil && !s.filter.commands:
		s.pos = s.hub.ring.passable(s.pos)
	case s.queue != nil && s.pos >= s.target && s.takenAt == len(s.taken):
		last := s.hub.ring.position() // before the queue is looked at
		if s.queue.empty() {
			s.pos = max(s.pos, last)
		}
	}
	return Item{Heartbeat: &Heartbeat{Cursor: s.hub.log.cursor(s.pos), Time: s.hub.now()}}
}

func (s *Subscription) drain() Item {
	s.drained = true
	return Item{Draining: &Draining{Cursor: s.hub.log.cursor(s.pos)}}
}

// Close ends the subscription: Next returns io.EOF, also where it waits.
func (s *Subscription) Close() {
	if s.closed.Swap(true) {
		return
	}
	s.timer.Reset(0)
	s.setBehind(false)
	if s.queue != nil {
		s.hub.leave(s)
	}
	s.hub.metrics.subscriptions.Dec()
}

// setBehind counts the subscriptions that have to read from the log.
func (s *Subscription) setBehind(behind bool) {
	switch {
	case s.behind.Load() == behind || s.behind.Swap(behind) == behind:
	case behind:
		s.hub.metrics.behind.Inc()
	default:
		s.hub.metrics.behind.Dec()
	}
}
