package eventstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// hubWithoutLog is a hub that is fed by hand: publish is its tail. Its
// subscriptions work as long as they need not read from the log.
func hubWithoutLog(ring int) *Hub {
	return &Hub{
		log:      &Log{id: thisLog},
		ring:     newRing(ring, 0),
		now:      time.Now,
		byCall:   make(map[string][]*Subscription),
		indexed:  make(map[*Subscription]struct{}),
		draining: make(chan struct{}),
		metrics:  newHubMetrics(nil),
		tracker:  newTracker(time.Now, nil),
	}
}

// follow subscribes from position 0 on, without asking the log.
func follow(h *Hub, filter *callgatev1.EventFilter, heartbeat time.Duration) *Subscription {
	s := newSubscription(h, SubscribeOptions{Filter: filter, HeartbeatInterval: heartbeat})
	s.join()
	return s
}

func publish(tb testing.TB, h *Hub, seq uint64, call string) {
	tb.Helper()
	ev := testEvent(tb, record(fmt.Sprintf("%s-%d", call, seq), call, typeParticipantsUpdated))
	ev.Seq = seq
	ev.CallEvent.Cursor = encodeCursor(thisLog, seq)
	h.publish(entry{event: ev})
}

func TestHeartbeatComesWhenNothingElseDid(t *testing.T) {
	for name, filter := range filtersOfC {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub := hubWithoutLog(64)
				sub := follow(hub, filter, 5*time.Second)
				defer sub.Close()

				start := time.Now()
				wantHeartbeat(t, sub, 0)
				if waited := time.Since(start); waited != 5*time.Second {
					t.Errorf("it came after %v", waited)
				}

				// An event puts it off by a whole interval.
				time.Sleep(3 * time.Second)
				publish(t, hub, 1, "c")
				item, err := sub.Next(context.Background())
				if err != nil || item.Event == nil {
					t.Fatalf("item %+v, %v", item, err)
				}
				start = time.Now()
				wantHeartbeat(t, sub, 1)
				if waited := time.Since(start); waited != 5*time.Second {
					t.Errorf("it came after %v", waited)
				}
			})
		})
	}
}

func TestHeartbeatOfAnIdleReaderMovesOn(t *testing.T) {
	for name, filter := range map[string]*callgatev1.EventFilter{
		"by call": byCall("c"),
		"by type": {Types: []callgatev1.CallEventType{typeCallConnected}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub := hubWithoutLog(64)
				sub := follow(hub, filter, time.Second)
				defer sub.Close()
				for seq := uint64(1); seq < 400; seq++ { // more than the ring has
					publish(t, hub, seq, "other")
					if seq%50 == 0 {
						wantHeartbeat(t, sub, seq)
					}
				}
			})
		})
	}
}

func TestHeartbeatDoesNotPassWhatIsStillToCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := hubWithoutLog(64)
		sub := follow(hub, byCall("c"), time.Second)
		defer sub.Close()
		publish(t, hub, 1, "other")
		publish(t, hub, 2, "c")
		publish(t, hub, 3, "other")
		if item := sub.heartbeat(); item.Heartbeat.Cursor != encodeCursor(thisLog, 0) {
			t.Errorf("it is %+v", item.Heartbeat)
		}
		if item, err := sub.Next(context.Background()); err != nil || item.Event.Seq != 2 {
			t.Fatalf("item %+v, %v", item, err)
		}
		wantHeartbeat(t, sub, 3)
	})
}

// A reader that has much to pass over still says where it is.
func TestHeartbeatComesWhileNothingMatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := hubWithoutLog(1 << 10)
		sub := follow(hub, &callgatev1.EventFilter{Types: []callgatev1.CallEventType{typeCallConnected}}, time.Second)
		defer sub.Close()
		stop := make(chan struct{})
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			for seq := uint64(1); ; seq++ {
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond):
					publish(t, hub, seq, "c")
				}
			}
		}()
		for range 3 {
			if item, err := sub.Next(context.Background()); err != nil || item.Heartbeat == nil {
				t.Fatalf("item %+v, %v", item, err)
			}
		}
		close(stop)
		<-stopped
	})
}

func wantHeartbeat(t *testing.T, sub *Subscription, seq uint64) {
	t.Helper()
	item, err := sub.Next(context.Background())
	if err != nil || item.Heartbeat == nil {
		t.Fatalf("item %+v, %v; want a heartbeat", item, err)
	}
	if item.Heartbeat.Cursor != encodeCursor(thisLog, seq) || !item.Heartbeat.Time.Equal(time.Now()) {
		t.Errorf("heartbeat %+v, want one at %d", item.Heartbeat, seq)
	}
}

func TestSubscriptionUntilCallsEnd(t *testing.T) {
	connectedOnly := byCall("c")
	connectedOnly.Types = []callgatev1.CallEventType{typeCallConnected}
	for name, test := range map[string]struct {
		filter *callgatev1.EventFilter
		start  Start
		before []string // appended before subscribing: calls that end
		after  []string // and after
		want   []string
	}{
		"the end is yet to come":         {byCall("c"), StartLatest(), nil, []string{"c"}, []string{"connected c", "ended c"}},
		"it lies before the start":       {byCall("c"), StartLatest(), []string{"c"}, []string{"c"}, nil},
		"it is met in the log":           {byCall("c"), StartEarliest(), []string{"c"}, nil, []string{"connected c", "ended c"}},
		"it does not match":              {connectedOnly, StartEarliest(), []string{"c"}, nil, []string{"connected c"}},
		"it does not match, to come":     {connectedOnly, StartLatest(), nil, []string{"c"}, []string{"connected c"}},
		"one has ended, one is to end":   {byCall("c", "d"), StartLatest(), []string{"c"}, []string{"x", "d"}, []string{"connected d", "ended d"}},
		"both are to end":                {byCall("c", "d"), StartLatest(), nil, []string{"d", "c"}, []string{"connected d", "ended d", "connected c", "ended c"}},
		"others end too":                 {byCall("c"), StartLatest(), []string{"d"}, []string{"e", "c"}, []string{"connected c", "ended c"}},
		"one is in the log, one to come": {byCall("c", "d"), StartEarliest(), []string{"c"}, []string{"d"}, []string{"connected c", "ended c", "connected d", "ended d"}},
	} {
		t.Run(name, func(t *testing.T) {
			log := openLog(t, LogOptions{})
			end := func(calls []string) {
				for _, call := range calls {
					mustAppend(t, log, record("connected "+call, call, typeCallConnected), record("ended "+call, call, typeCallDisconnected))
				}
			}
			end(test.before)
			hub := newHub(t, log, HubOptions{})
			sub := subscribe(t, hub, SubscribeOptions{Filter: test.filter, Start: test.start, UntilCallEnds: true})
			end(test.after)
			wantEvents(t, sub, test.want...)
			if item, err := nextOrError(t, sub); !errors.Is(err, io.EOF) {
				t.Errorf("then %+v, %v", item, err)
			}
		})
	}
}

func TestSubscriptionUntilCallsEndNeedsCalls(t *testing.T) {
	hub := newHub(t, openLog(t, LogOptions{}), HubOptions{})
	if _, err := hub.Subscribe(testContext(t), SubscribeOptions{UntilCallEnds: true}); err == nil {
		t.Error("no error")
	}
}
