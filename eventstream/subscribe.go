package eventstream

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// DefaultHeartbeatInterval is the interval of heartbeats where none is given.
const DefaultHeartbeatInterval = 15 * time.Second

// SubscribeOptions say what a subscription is to bring.
type SubscribeOptions struct {
	// Filter chooses events; nil is all.
	Filter *callgatev1.EventFilter
	// Visible tells which events the subscriber may know of; nil: all. To it there
	// are no others, but for holes in the log.
	Visible func(*Event) bool
	// Start is where to begin; the zero value is StartLatest.
	Start Start
	// HeartbeatInterval is how long Next waits for an event before it gives a
	// heartbeat; DefaultHeartbeatInterval when 0.
	HeartbeatInterval time.Duration
	// Commands are brought too.
	Commands bool
	// UntilCallEnds ends the subscription once CallDisconnected of every call
	// connection of the filter was passed, whether the filter lets it through or
	// not. It needs call connections in the filter.
	UntilCallEnds bool
	// Lasting keeps it from growing old: it is the process's own, and not a client's.
	Lasting bool
}

// Start is a place in the log.
type Start struct {
	kind   startKind
	cursor string
	at     time.Time
}

type startKind int

const (
	startLatest startKind = iota
	startEarliest
	startAfter
	startAt
)

// StartLatest begins behind the last event that the log has now.
func StartLatest() Start { return Start{} }

// StartEarliest begins with the first event that the log still has.
func StartEarliest() Start { return Start{kind: startEarliest} }

// StartAfter begins behind a cursor.
func StartAfter(cursor string) Start { return Start{kind: startAfter, cursor: cursor} }

// StartAt begins with the first event that was received at t or later.
func StartAt(t time.Time) Start { return Start{kind: startAt, at: t} }

// clockSlack is by how much the clock that stamps an event when it is received
// may differ from the one that stamps it when it is stored.
const clockSlack = 10 * time.Second

// Subscribe begins a subscription. It must be closed. Errors: those of a cursor
// (ErrCursorInvalid, ErrCursorOtherLog, ErrCursorAhead, *CursorTrimmedError), and
// ErrLogUnavailable.
func (h *Hub) Subscribe(ctx context.Context, o SubscribeOptions) (*Subscription, error) {
	s := newSubscription(h, o)
	if o.UntilCallEnds && len(s.filter.calls) == 0 {
		return nil, errors.New("a subscription until its calls end needs call connections in its filter")
	}
	if err := s.begin(ctx, o.Start); err != nil {
		return nil, err
	}
	if o.UntilCallEnds {
		if err := s.awaitEnds(ctx); err != nil {
			return nil, err
		}
	}
	s.join()
	return s, nil
}

func newSubscription(h *Hub, o SubscribeOptions) *Subscription {
	s := &Subscription{
		hub:      h,
		filter:   newFilter(o.Filter),
		visible:  o.Visible,
		interval: o.HeartbeatInterval,
		target:   math.MaxUint64,
	}
	if age, ages := h.someAge(); ages && !o.Lasting {
		s.old = time.Now().Add(age)
	}
	s.filter.commands = o.Commands
	if s.interval == 0 {
		s.interval = DefaultHeartbeatInterval
	}
	return s
}

// join makes the hub know the subscription. From here on it must be closed.
func (s *Subscription) join() {
	s.timer = time.NewTimer(s.interval)
	s.hub.metrics.subscriptions.Inc()
	if len(s.filter.calls) > 0 {
		s.queue = newQueue()
		s.target = s.hub.join(s)
	}
}

// someAge is how old something that a client has now may grow; false: it may grow as
// old as it likes.
func (h *Hub) someAge() (time.Duration, bool) {
	if h.age <= 0 {
		return 0, false
	}
	// Not all at once, although many may have begun at once.
	return h.age + rand.N(h.age/5+1) - h.age/10, true //nolint:gosec // chance enough
}

// begin sets the position to start from.
func (s *Subscription) begin(ctx context.Context, start Start) error {
	log := s.hub.log
	state, err := log.state(ctx)
	if err != nil {
		return err
	}
	s.retention = log.retention(state)
	earliest, last := max(state.FirstSeq, 1)-1, state.LastSeq
	switch start.kind {
	case startEarliest:
		s.pos = earliest
	case startAfter:
		if s.pos, err = decodeCursor(log.id, start.cursor); err != nil {
			break
		}
		if earliest, last, err = log.boundsAt(ctx, s.pos); err == nil {
			err = log.within(s.pos, earliest, last)
		}
	case startAt:
		s.notBefore = start.at
		if s.pos, err = log.before(ctx, start.at.Add(-clockSlack)); err != nil {
			break
		}
		if s.pos = max(s.pos, earliest); s.pos == earliest && earliest > 0 {
			// What was received at that time may be among what is gone.
			s.gap = &span{from: 0, to: earliest, reason: callgatev1.StreamGap_REASON_RETENTION}
		}
	default:
		s.pos = last
	}
	s.start, s.earliest = s.pos, earliest
	return err
}

// awaitEnds notes the calls whose end is still to be met behind the position.
func (s *Subscription) awaitEnds(ctx context.Context) error {
	s.open = make(set[string])
	for call := range s.filter.calls {
		ended, err := s.hub.log.hasEnded(ctx, call, s.pos, s.sees)
		if err != nil {
			return err
		}
		if !ended {
			s.open[call] = struct{}{}
		}
	}
	return nil
}
