package eventstream

import (
	"fmt"
	"sync"
	"testing"
	"time"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
)

// TestTenThousandEachWatchTheirOwnCall: all get what is theirs, and nobody is
// given anything else to look at.
func TestTenThousandEachWatchTheirOwnCall(t *testing.T) {
	const many, rounds = 10_000, 3
	log := openLog(t, LogOptions{})
	hub := newHub(t, log, HubOptions{})
	subs := make([]*Subscription, many)
	for i := range subs {
		subs[i] = subscribe(t, hub, SubscribeOptions{Filter: byCall(fmt.Sprint(i)), HeartbeatInterval: time.Hour})
	}
	ctx := testContext(t)
	var readers sync.WaitGroup
	for i, sub := range subs {
		readers.Go(func() {
			for n := range rounds {
				item, err := sub.Next(ctx)
				if want := fmt.Sprintf("%d-%d", i, n); err != nil || item.Event == nil || item.Event.CallEvent.GetId() != want {
					t.Errorf("%+v, %v instead of %s", item, err, want)
					return
				}
			}
		})
	}
	for n := range rounds {
		for from := 0; from < many; from += 200 {
			records := make([]*logv1.Record, 200)
			for i := range records {
				call := fmt.Sprint(from + i)
				records[i] = record(fmt.Sprintf("%s-%d", call, n), call, typeParticipantsUpdated)
			}
			mustAppend(t, log, records...)
		}
	}
	readers.Wait()
	for i, sub := range subs {
		if !sub.queue.empty() {
			t.Errorf("something more is queued for subscription %d", i)
		}
	}
}

// BenchmarkOwnCalls is the cost of an event where each subscriber watches a call
// of its own: it must not depend on how many they are.
func BenchmarkOwnCalls(b *testing.B) {
	for _, subscribers := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("subscribers=%d", subscribers), func(b *testing.B) {
			hub := hubWithoutLog(1 << 12)
			var readers sync.WaitGroup
			events := make([]*Event, subscribers)
			delivered := make(chan struct{}, maxQueued)
			for i := range subscribers {
				call := fmt.Sprint(i)
				events[i] = testEvent(b, record(call, call, typeParticipantsUpdated))
				sub := follow(hub, byCall(call), DefaultHeartbeatInterval)
				readers.Go(func() {
					defer sub.Close()
					for {
						item, err := sub.Next(b.Context())
						if err != nil || item.Draining != nil {
							return
						}
						if item.Event != nil {
							delivered <- struct{}{}
						}
					}
				})
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				ev := events[i%subscribers]
				hub.publish(entry{event: &Event{Seq: uint64(i + 1), CallEvent: ev.CallEvent, Data: ev.Data, stored: ev.stored}})
				<-delivered
			}
			b.StopTimer()
			hub.Drain()
			readers.Wait()
		})
	}
}
