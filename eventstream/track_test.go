package eventstream

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/types/known/timestamppb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// trackerAt is a tracker with a clock of its own.
type trackerAt struct {
	*tracker
	clock time.Time
	reg   *prometheus.Registry
	seq   uint64
}

func newTrackerAt() *trackerAt {
	t := &trackerAt{clock: time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC), reg: prometheus.NewPedanticRegistry()}
	t.tracker = newTracker(func() time.Time { return t.clock }, t.reg)
	return t
}

func (t *trackerAt) event(call string, typ callgatev1.CallEventType, happened time.Duration) {
	t.seq++
	t.saw(&Event{Seq: t.seq, CallEvent: &callgatev1.CallEvent{
		Type: typ, CallConnectionId: call, Time: timestamppb.New(t.clock.Add(happened)),
	}})
}

func (t *trackerAt) create(call string, after uint64) {
	t.accepted(&callgatev1.ActionReceipt{Action: callgatev1.Action_ACTION_CREATE_CALL, CallConnectionId: call}, after)
}

// wantMetrics compares what the tracker tells, but for the sizes of buckets.
func (t *trackerAt) want(tb testing.TB, pending, outcomes, without, reordered int, sum float64) {
	tb.Helper()
	if got := int(t.count()); got != pending {
		tb.Errorf("%d are pending, want %d", got, pending)
	}
	if got := int(testutil.ToFloat64(t.metrics.reordered)); got != reordered {
		tb.Errorf("%d reordered, want %d", got, reordered)
	}
	if got := int(testutil.ToFloat64(t.metrics.withoutOutcome.WithLabelValues("create_call"))); got != without {
		tb.Errorf("%d without outcome, want %d", got, without)
	}
	families, err := t.reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	counted, seconds := 0, 0.0
	for _, family := range families {
		if family.GetName() == "callgate_action_outcome_seconds" {
			for _, m := range family.GetMetric() {
				counted += int(m.GetHistogram().GetSampleCount())
				seconds += m.GetHistogram().GetSampleSum()
			}
		}
	}
	if counted != outcomes || seconds != sum {
		tb.Errorf("%d outcomes after %v s in all, want %d after %v s", counted, seconds, outcomes, sum)
	}
}

func TestTracker(t *testing.T) {
	const connected, updated = typeCallConnected, typeParticipantsUpdated
	for name, do := range map[string]func(*testing.T, *trackerAt){
		"the outcome comes later": func(t *testing.T, tr *trackerAt) {
			tr.create("c", 0)
			tr.want(t, 1, 0, 0, 0, 0)
			tr.clock = tr.clock.Add(3 * time.Second)
			tr.event("c", updated, 0)
			tr.event("c", connected, 0)
			tr.want(t, 0, 1, 0, 0, 3)
		},
		"the outcome comes before the response": func(t *testing.T, tr *trackerAt) {
			tr.event("c", connected, 0)
			tr.create("c", 0)
			tr.want(t, 0, 1, 0, 0, 0)
		},
		"an event from before the action is not its outcome": func(t *testing.T, tr *trackerAt) {
			tr.event("c", connected, 0)
			tr.create("c", 1)
			tr.want(t, 1, 0, 0, 0, 0)
		},
		"another call's outcome": func(t *testing.T, tr *trackerAt) {
			tr.create("c", 0)
			tr.event("d", connected, 0)
			tr.want(t, 1, 0, 0, 0, 0)
		},
		"two actions of one call": func(t *testing.T, tr *trackerAt) {
			tr.create("c", 0)
			tr.accepted(&callgatev1.ActionReceipt{Action: callgatev1.Action_ACTION_HANG_UP_CALL, CallConnectionId: "c"}, 0)
			tr.event("c", connected, 0)
			tr.want(t, 1, 1, 0, 0, 0)
			tr.event("c", typeCallDisconnected, 0)
			tr.want(t, 0, 2, 0, 0, 0)
		},
		"no outcome comes": func(t *testing.T, tr *trackerAt) {
			tr.create("c", 0)
			tr.clock = tr.clock.Add(outcomeWithin)
			tr.want(t, 0, 0, 1, 0, 0)
			tr.event("c", connected, 0)
			tr.want(t, 0, 0, 1, 0, 0)
		},
		"an action without outcome": func(t *testing.T, tr *trackerAt) {
			tr.accepted(&callgatev1.ActionReceipt{Action: callgatev1.Action_ACTION_MUTE_PARTICIPANT, CallConnectionId: "c"}, 0)
			tr.want(t, 0, 0, 0, 0, 0)
		},
		"events out of order": func(t *testing.T, tr *trackerAt) {
			tr.event("c", updated, time.Second)
			tr.event("c", updated, 0)
			tr.event("d", updated, 0)
			tr.event("c", updated, 2*time.Second)
			tr.want(t, 0, 0, 0, 1, 0)
		},
		"more endings of one call than are kept": func(t *testing.T, tr *trackerAt) {
			for range 3 * earlyEvents {
				tr.event("c", connected, 0)
			}
			if early, _ := tr.early.Peek("c"); len(early) != earlyEvents || early[0].Seq != 2*earlyEvents+1 {
				t.Errorf("%d endings are kept, from %d on", len(early), early[0].Seq)
			}
		},
	} {
		t.Run(name, func(t *testing.T) { do(t, newTrackerAt()) })
	}
}

// TestTrackerIsBounded: however many calls there are, and whatever they are called.
func TestTrackerIsBounded(t *testing.T) {
	tr := newTrackerAt()
	for i := range trackedCalls + 10 {
		call := fmt.Sprint(i)
		tr.create(call, uint64(i))
		tr.event(call, typeParticipantsUpdated, 0)
		tr.event(strings.Repeat("x", 1+i%64)+call, typeCallConnected, 0)
	}
	if n := tr.pending.Len(); n != trackedCalls {
		t.Errorf("%d calls are pending", n)
	}
	if n := max(tr.early.Len(), tr.newest.Len()); n > trackedCalls {
		t.Errorf("%d calls are remembered", n)
	}
}
