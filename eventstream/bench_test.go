package eventstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func BenchmarkDecode(b *testing.B) {
	body := captured(b)["ParticipantsUpdated"]
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeEvents(body, fromUpstream, receivedAt); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, mode := range map[string]SyncMode{"always": SyncAlways, "interval": SyncInterval} {
		for _, writers := range []int{1, 4, 8, 16, 32, 256} {
			b.Run(fmt.Sprintf("sync=%s/c=%d", name, writers), func(b *testing.B) { benchmarkAppend(b, mode, writers) })
		}
	}
}

func benchmarkAppend(b *testing.B, mode SyncMode, writers int) {
	log := openLog(b, LogOptions{Dir: b.TempDir(), Sync: mode})
	var group sync.WaitGroup
	var next atomic.Int64
	b.ResetTimer()
	for range writers {
		group.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(b.N) {
					return
				}
				if err := log.Append(context.Background(), record(fmt.Sprint(i), "c", typeParticipantsUpdated)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkFanOut(b *testing.B) {
	const subscribers = 100
	for _, indexed := range []bool{false, true} {
		b.Run(fmt.Sprintf("indexed=%v", indexed), func(b *testing.B) {
			hub := hubWithoutLog(1 << 12)
			var group sync.WaitGroup
			var delivered atomic.Int64
			for range subscribers {
				o := SubscribeOptions{}
				if indexed {
					o.Filter = byCall("c")
				}
				sub := newSubscription(hub, o)
				sub.join()
				group.Go(func() {
					defer sub.Close()
					for {
						item, err := sub.Next(context.Background())
						if err != nil {
							if !errors.Is(err, io.EOF) {
								b.Error(err)
							}
							return
						}
						if item.Event != nil {
							_ = item.Event.Encoded(false)
							delivered.Add(1)
						}
					}
				})
			}
			ev := testEvent(b, record("c-0", "c", typeParticipantsUpdated))
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				copied := &Event{Seq: uint64(i + 1), CallEvent: ev.CallEvent, Data: ev.Data, stored: ev.stored}
				hub.publish(entry{event: copied})
				for int64(i+1)*subscribers-delivered.Load() > 100*subscribers {
					runtime.Gosched() // nobody may fall behind: there is no log
				}
			}
			for delivered.Load() < int64(b.N)*subscribers {
				runtime.Gosched()
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)*subscribers/b.Elapsed().Seconds(), "deliveries/s")
			hub.Drain()
			group.Wait()
		})
	}
}

func BenchmarkReadBack(b *testing.B) {
	log := openLog(b, LogOptions{})
	const many = 20000
	for i := 0; i < many; i += 1000 {
		appendMany(b, log, "c", i, 1000)
	}
	b.ResetTimer()
	for b.Loop() {
		var after uint64
		for n := 0; n < many; {
			p, err := log.read(context.Background(), after, "", readRecords)
			if err != nil {
				b.Fatal(err)
			}
			n, after = n+len(p.events), p.through
		}
	}
	b.ReportMetric(float64(b.N)*many/b.Elapsed().Seconds(), "events/s")
}
