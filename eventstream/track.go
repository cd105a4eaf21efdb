package eventstream

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/telemetry"
)

const (
	// outcomeWithin is how long an action may take to end before it is counted as
	// one without outcome. Nothing rings longer than three minutes.
	outcomeWithin = 10 * time.Minute
	// trackedCalls bounds the calls that the tracker remembers, of each kind: the
	// longest unheard of are forgotten first.
	trackedCalls = 16384
	// earlyEvents bounds the endings that are remembered of one call.
	earlyEvents = 16
)

// tracker sees how actions go that this process had accepted, for metrics and
// traces. It decides nothing: what it forgets is not counted.
type tracker struct {
	now     func() time.Time
	metrics trackerMetrics
	causes  *causes

	mu      sync.Mutex
	pending *simplelru.LRU[string, []trackedAction] // by call connection
	// early are the latest endings: a callback may come before the response to the
	// request that caused it.
	early *simplelru.LRU[string, []*Event]
	// newest is when the newest event of a call happened.
	newest *simplelru.LRU[string, time.Time]
}

// trackedAction is an action that was accepted and has not ended.
type trackedAction struct {
	receipt *callgatev1.ActionReceipt
	at      time.Time
}

type trackerMetrics struct {
	outcome        *prometheus.HistogramVec
	withoutOutcome *prometheus.CounterVec
	reordered      prometheus.Counter
}

func newTracker(now func() time.Time, reg prometheus.Registerer) *tracker {
	metrics := promauto.With(reg)
	t := &tracker{
		now:    now,
		causes: newCauses(),
		metrics: trackerMetrics{
			outcome: metrics.NewHistogramVec(telemetry.Histogram("callgate_action_outcome_seconds",
				"Time from when the upstream accepted an action until an event told how it ended, of actions that this replica sent.",
				telemetry.Buckets(0.05, 14)), []string{"action", "status"}),
			withoutOutcome: metrics.NewCounterVec(prometheus.CounterOpts{
				Name: "callgate_actions_without_outcome_total",
				Help: "Accepted actions that no event told the outcome of within 10 minutes.",
			}, []string{"action"}),
			reordered: metrics.NewCounter(prometheus.CounterOpts{
				Name: "callgate_events_reordered_total",
				Help: "Events that happened before one of their call that came first. Every replica counts all of the log.",
			}),
		},
	}
	// NewLRU fails for sizes below 1 only.
	t.pending, _ = simplelru.NewLRU[string, []trackedAction](trackedCalls, nil)
	t.early, _ = simplelru.NewLRU[string, []*Event](trackedCalls, nil)
	t.newest, _ = simplelru.NewLRU[string, time.Time](trackedCalls, nil)
	for action := range endings {
		t.metrics.withoutOutcome.WithLabelValues(actionLabel(action)) // from 0 on
	}
	metrics.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "callgate_actions_pending",
		Help: "Actions that this replica had accepted and that have not ended yet.",
	}, t.count)
	return t
}

// accepted begins to follow an action, unless its end was here before.
func (t *tracker) accepted(receipt *callgatev1.ActionReceipt, after uint64) {
	ways := endings[receipt.GetAction()]
	call := receipt.GetCallConnectionId()
	if len(ways) == 0 || call == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire()
	early, _ := t.early.Peek(call)
	for _, ev := range early {
		if ev.Seq <= after {
			continue
		}
		if outcome := outcomeOf(receipt, ways, ev.CallEvent); outcome != nil {
			t.ended(receipt, outcome, 0)
			return
		}
	}
	actions, _ := t.pending.Peek(call)
	t.pending.Add(call, append(actions, trackedAction{receipt: receipt, at: t.now()}))
}

// saw takes in an event of the log, in its order.
func (t *tracker) saw(ev *Event) {
	if ev.CallEvent.GetCommand() != nil {
		t.causes.saw(ev.CallEvent)
		return
	}
	call := ev.CallEvent.GetCallConnectionId()
	if call == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.order(call, ev.CallEvent)
	if !endsSomething[ev.CallEvent.GetType()] {
		return
	}
	if early, _ := t.early.Peek(call); len(early) < earlyEvents {
		t.early.Add(call, append(early, ev))
	} else {
		t.early.Add(call, append(early[1:len(early):len(early)], ev))
	}
	actions, _ := t.pending.Peek(call)
	var open []trackedAction
	for _, a := range actions {
		if outcome := outcomeOf(a.receipt, endings[a.receipt.GetAction()], ev.CallEvent); outcome != nil {
			t.ended(a.receipt, outcome, t.now().Sub(a.at))
			continue
		}
		open = append(open, a)
	}
	switch {
	case len(open) > 0 && len(open) < len(actions):
		t.pending.Add(call, open)
	case len(open) == 0:
		t.pending.Remove(call)
	}
}

// order counts an event that is older than what its call has had already.
func (t *tracker) order(call string, ev *callgatev1.CallEvent) {
	if ev.GetTime() == nil {
		return
	}
	at := ev.GetTime().AsTime()
	if newest, known := t.newest.Get(call); known && at.Before(newest) {
		t.metrics.reordered.Inc()
		return
	}
	t.newest.Add(call, at)
}

func (t *tracker) ended(receipt *callgatev1.ActionReceipt, outcome *callgatev1.ActionOutcome, after time.Duration) {
	t.metrics.outcome.WithLabelValues(actionLabel(receipt.GetAction()), statusLabel(outcome.GetStatus())).Observe(max(0, after.Seconds()))
}

// expire gives up on the actions that have waited too long. The calls are in the
// order in which they were last heard of.
func (t *tracker) expire() {
	for {
		call, actions, any := t.pending.GetOldest()
		if !any || t.now().Sub(actions[len(actions)-1].at) < outcomeWithin {
			return
		}
		t.pending.Remove(call)
		for _, a := range actions {
			t.metrics.withoutOutcome.WithLabelValues(actionLabel(a.receipt.GetAction())).Inc()
		}
	}
}

// count is how many actions are pending.
func (t *tracker) count() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire()
	n := 0
	for _, actions := range t.pending.Values() {
		n += len(actions)
	}
	return float64(n)
}

// Began notes the request that events with the receipt's context are about to come
// from.
func (h *Hub) Began(ctx context.Context, receipt *callgatev1.ActionReceipt) {
	h.tracker.causes.began(ctx, receipt)
}

// Accepted notes that the upstream accepted an action, whose outcome is now waited
// for by metrics.
func (h *Hub) Accepted(receipt *callgatev1.ActionReceipt) {
	after, err := decodeCursor(h.log.id, receipt.GetCursor())
	if err != nil {
		return // of a log that is not ours: nothing will come here
	}
	h.tracker.accepted(receipt, after)
}
