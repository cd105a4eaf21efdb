package eventstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/types/known/timestamppb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// byCall filters on call connections.
func byCall(calls ...string) *callgatev1.EventFilter {
	return &callgatev1.EventFilter{CallConnectionIds: calls}
}

// settle waits until the hub has read all of the log.
func settle(tb testing.TB, hub *Hub) {
	tb.Helper()
	_, last, _, err := hub.log.bounds(testContext(tb))
	if err != nil {
		tb.Fatal(err)
	}
	eventually(tb, "reading all of the log", func() bool { return hub.ring.position() >= last })
}

// filters that let the events of call "c" through, by each way of reading.
var filtersOfC = map[string]*callgatev1.EventFilter{
	"all":           nil,
	"one call":      byCall("c"),
	"several calls": byCall("b", "c", "d"),
	"by type":       {Types: []callgatev1.CallEventType{typeParticipantsUpdated}},
}

func TestSubscriptionStartsWhereItIsTold(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		start   func(*Log) Start
		started uint64
		want    []string
	}{
		"latest":               {func(*Log) Start { return StartLatest() }, 6, nil},
		"earliest":             {func(*Log) Start { return StartEarliest() }, 0, ids("c", 0, 6)},
		"behind a cursor":      {func(l *Log) Start { return StartAfter(l.cursor(4)) }, 4, ids("c", 4, 2)},
		"behind the last":      {func(l *Log) Start { return StartAfter(l.cursor(6)) }, 6, nil},
		"at a time":            {func(*Log) Start { return StartAt(now.Add(time.Minute)) }, 6, nil},
		"at a time long ago":   {func(*Log) Start { return StartAt(now.Add(-time.Hour)) }, 0, ids("c", 0, 6)},
		"at a time in between": {func(*Log) Start { return StartAt(now.Add(4 * time.Millisecond)) }, 0, ids("c", 4, 2)},
	} {
		for filterName, filter := range filtersOfC {
			t.Run(name+", "+filterName, func(t *testing.T) {
				log := openLog(t, LogOptions{})
				for i, id := range ids("c", 0, 6) {
					rec := record(id, "c", typeParticipantsUpdated)
					rec.Event.ReceiveTime = timestamppb.New(now.Add(time.Duration(i) * time.Millisecond))
					mustAppend(t, log, rec)
				}
				hub := newHub(t, log, HubOptions{})
				sub := subscribe(t, hub, SubscribeOptions{Filter: filter, Start: test.start(log)})
				started, earliest := sub.Started()
				if started != log.cursor(test.started) || earliest != log.cursor(0) {
					t.Errorf("started at %q, earliest %q", started, earliest)
				}
				live := record("live", "c", typeParticipantsUpdated)
				live.Event.ReceiveTime = timestamppb.New(now.Add(time.Hour))
				mustAppend(t, log, live)
				wantEvents(t, sub, append(test.want, "live")...)
			})
		}
	}
}

func TestSubscribeRefusesCursors(t *testing.T) {
	log := openLog(t, LogOptions{})
	appendMany(t, log, "c", 0, 10)
	if err := log.stream.Purge(testContext(t), purgeUpTo(4)); err != nil {
		t.Fatal(err)
	}
	hub := newHub(t, log, HubOptions{})
	var trimmed *CursorTrimmedError
	for name, test := range map[string]struct {
		cursor string
		is     func(error) bool
	}{
		"garbage":            {"garbage", func(err error) bool { return errors.Is(err, ErrCursorInvalid) }},
		"empty":              {"", func(err error) bool { return errors.Is(err, ErrCursorInvalid) }},
		"of another log":     {encodeCursor(logID{}, 5), func(err error) bool { return errors.Is(err, ErrCursorOtherLog) }},
		"ahead of the log":   {log.cursor(11), func(err error) bool { return errors.Is(err, ErrCursorAhead) }},
		"trimmed":            {log.cursor(3), func(err error) bool { return errors.As(err, &trimmed) && trimmed.Earliest == log.cursor(4) }},
		"the earliest":       {log.cursor(4), func(err error) bool { return err == nil }},
		"the last":           {log.cursor(10), func(err error) bool { return err == nil }},
		"the hub's position": {hub.Position(), func(err error) bool { return err == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			sub, err := hub.Subscribe(testContext(t), SubscribeOptions{Start: StartAfter(test.cursor)})
			if err == nil {
				sub.Close()
			}
			if !test.is(err) {
				t.Errorf("error %v", err)
			}
			if _, _, err := log.ListEvents(testContext(t), "c", test.cursor, 10, false); test.cursor != "" && !test.is(err) {
				t.Errorf("as a page token: error %v", err)
			}
		})
	}
}

func TestSlowReaderLosesNothing(t *testing.T) {
	for name, filter := range filtersOfC {
		t.Run(name, func(t *testing.T) {
			log := openLog(t, LogOptions{})
			hub := newHub(t, log, HubOptions{RingSize: 16})
			sub := subscribe(t, hub, SubscribeOptions{Filter: filter})
			other := subscribe(t, hub, SubscribeOptions{Filter: filter})
			for round := range 3 { // far beyond ring and queue, and back again
				const many = 2*maxQueued + 50
				appendMany(t, log, "c", round*many, many)
				settle(t, hub)
				wantEvents(t, sub, ids("c", round*many, many)...)
				wantEvents(t, other, ids("c", round*many, many)...)
			}
		})
	}
}

func TestReadersFollowWhatIsAppendedMeanwhile(t *testing.T) {
	log := openLog(t, LogOptions{})
	hub := newHub(t, log, HubOptions{RingSize: 8})
	const many = 2000
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; i < many; i += 50 {
			appendMany(t, log, "c", i, 50)
		}
	}()
	for name, filter := range filtersOfC {
		t.Run(name, func(t *testing.T) {
			wantEvents(t, subscribe(t, hub, SubscribeOptions{Filter: filter, Start: StartEarliest()}), ids("c", 0, many)...)
		})
	}
	<-done
}

func TestEventOfAnotherCallWakesNobody(t *testing.T) {
	log := openLog(t, LogOptions{})
	hub := newHub(t, log, HubOptions{})
	sub := subscribe(t, hub, SubscribeOptions{Filter: byCall("c")})
	appendMany(t, log, "d", 0, 10)
	settle(t, hub)
	select {
	case <-sub.queue.wake:
		t.Error("it was woken")
	default:
	}
	if !sub.queue.empty() {
		t.Error("something is queued")
	}
}

func TestGapIsSaidBeforeWhatIsBehindIt(t *testing.T) {
	for name, test := range map[string]struct {
		harm   func(*testing.T, *Log)
		gap    [2]uint64
		reason callgatev1.StreamGap_Reason
		before []string
		after  []string
	}{
		"the front is trimmed": {
			func(t *testing.T, log *Log) { purge(t, log, 40) },
			[2]uint64{10, 40}, callgatev1.StreamGap_REASON_RETENTION, nil, ids("c", 40, 61),
		},
		"all is trimmed": {
			func(t *testing.T, log *Log) { purge(t, log, 100) },
			[2]uint64{10, 100}, callgatev1.StreamGap_REASON_RETENTION, nil, ids("c", 100, 1),
		},
		"one in the middle is deleted": {
			func(t *testing.T, log *Log) { remove(t, log, 50) },
			[2]uint64{49, 50}, callgatev1.StreamGap_REASON_DELETED, ids("c", 10, 39), ids("c", 50, 51),
		},
		"the last are deleted": {
			func(t *testing.T, log *Log) { remove(t, log, 98, 99, 100) },
			[2]uint64{97, 100}, callgatev1.StreamGap_REASON_DELETED, ids("c", 10, 87), ids("c", 100, 1),
		},
		"a record is not ours": {
			func(t *testing.T, log *Log) {
				remove(t, log, 100)
				if _, err := log.js.Publish(testContext(t), subjectPrefix+"c.x", []byte("junk")); err != nil {
					t.Fatal(err)
				}
			},
			[2]uint64{99, 101}, callgatev1.StreamGap_REASON_DELETED, ids("c", 10, 89), ids("c", 100, 1),
		},
	} {
		for filterName, filter := range filtersOfC {
			for _, ring := range []int{4, 16} {
				t.Run(fmt.Sprintf("%s, %s, ring of %d", name, filterName, ring), func(t *testing.T) {
					log := openLog(t, LogOptions{})
					appendMany(t, log, "c", 0, 100)
					hub := newHub(t, log, HubOptions{RingSize: ring})
					sub := subscribe(t, hub, SubscribeOptions{Filter: filter, Start: StartAfter(log.cursor(10))})
					test.harm(t, log)
					appendMany(t, log, "c", 100, 1)
					settle(t, hub)

					wantEvents(t, sub, test.before...)
					gap := next(t, sub).Gap
					want := Gap{log.cursor(test.gap[0]), log.cursor(test.gap[1]), test.reason}
					if gap == nil || *gap != want {
						t.Fatalf("gap is %+v, want %+v", gap, want)
					}
					wantEvents(t, sub, test.after...)
				})
			}
		}
	}
}

func TestGapIsSaidToThoseWhoAreUpToDate(t *testing.T) {
	for name, filter := range filtersOfC {
		t.Run(name, func(t *testing.T) {
			log := openLog(t, LogOptions{})
			hub := newHub(t, log, HubOptions{})
			sub := subscribe(t, hub, SubscribeOptions{Filter: filter})
			appendMany(t, log, "c", 0, 1)
			wantEvents(t, sub, "c-0")
			if _, err := log.js.Publish(testContext(t), subjectPrefix+"x.x", []byte("junk")); err != nil {
				t.Fatal(err)
			}
			appendMany(t, log, "c", 1, 1)
			gap := next(t, sub).Gap
			if gap == nil || gap.From != log.cursor(1) || gap.To != log.cursor(2) {
				t.Fatalf("gap is %+v", gap)
			}
			wantEvents(t, sub, "c-1")
		})
	}
}

func TestStartAtATimeBeforeWhatTheLogKeepsSaysSo(t *testing.T) {
	log := openLog(t, LogOptions{})
	appendMany(t, log, "c", 0, 10)
	purge(t, log, 4)
	hub := newHub(t, log, HubOptions{})
	sub := subscribe(t, hub, SubscribeOptions{Start: StartAt(time.Now().Add(-time.Hour))})
	if gap := next(t, sub).Gap; gap == nil || gap.To != log.cursor(4) || gap.Reason != callgatev1.StreamGap_REASON_RETENTION {
		t.Fatalf("gap is %+v", gap)
	}
	wantEvents(t, sub, ids("c", 4, 6)...)
}

func TestHubComesBackWhenItsReaderIsLost(t *testing.T) {
	for name, harm := range map[string]func(*testing.T, *Log){
		"the consumer is deleted": func(t *testing.T, log *Log) {
			for consumer := range log.stream.ListConsumers(testContext(t)).Info() {
				if err := log.stream.DeleteConsumer(testContext(t), consumer.Name); err != nil {
					t.Fatal(err)
				}
			}
		},
		"the connection breaks": func(t *testing.T, log *Log) {
			if err := log.conn.ForceReconnect(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "reconnecting", log.conn.IsConnected)
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := openLog(t, LogOptions{})
			hub := newHub(t, log, HubOptions{})
			sub := subscribe(t, hub, SubscribeOptions{})
			appendMany(t, log, "c", 0, 5)
			wantEvents(t, sub, ids("c", 0, 5)...)
			harm(t, log)
			eventually(t, "appending", func() bool {
				return log.Append(testContext(t), record("c-5", "c", typeParticipantsUpdated)) == nil
			})
			appendMany(t, log, "c", 6, 5)
			wantEvents(t, sub, ids("c", 5, 6)...)
		})
	}
}

func TestPositionIsNeverAheadOfWhatIsAppendedLater(t *testing.T) {
	log := openLog(t, LogOptions{})
	hub := newHub(t, log, HubOptions{})
	for i := range 50 {
		before, err := decodeCursor(log.id, hub.Position())
		if err != nil || before != uint64(i) {
			t.Fatalf("position %d, %v, after %d events", before, err, i)
		}
		appendMany(t, log, "c", i, 1)
	}
}

func TestDrainTellsEverybodyWhereToGoOn(t *testing.T) {
	for name, filter := range filtersOfC {
		t.Run(name, func(t *testing.T) {
			log := openLog(t, LogOptions{})
			hub := newHub(t, log, HubOptions{})
			sub := subscribe(t, hub, SubscribeOptions{Filter: filter})
			appendMany(t, log, "c", 0, 3)
			wantEvents(t, sub, ids("c", 0, 2)...)
			hub.Drain()
			item := next(t, sub)
			if item.Draining == nil || item.Draining.Cursor != log.cursor(2) {
				t.Fatalf("item is %+v", item)
			}
			if _, err := nextOrError(t, sub); !errors.Is(err, io.EOF) {
				t.Errorf("then %v", err)
			}
			late := subscribe(t, hub, SubscribeOptions{Filter: filter, Start: StartAfter(item.Draining.Cursor)})
			if item := next(t, late); item.Draining == nil {
				t.Errorf("a late one gets %+v", item)
			}
		})
	}
}

func TestNextEnds(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(*Subscription, context.CancelFunc)
		want error
	}{
		"when its context does": {func(_ *Subscription, cancel context.CancelFunc) { cancel() }, context.Canceled},
		"when it is closed":     {func(sub *Subscription, _ context.CancelFunc) { sub.Close() }, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			hub := newHub(t, openLog(t, LogOptions{}), HubOptions{})
			for _, filter := range filtersOfC {
				sub := subscribe(t, hub, SubscribeOptions{Filter: filter})
				ctx, cancel := context.WithCancel(testContext(t))
				defer cancel()
				ended := make(chan error)
				go func() {
					_, err := sub.Next(ctx)
					ended <- err
				}()
				test.end(sub, cancel)
				if err := <-ended; !errors.Is(err, test.want) {
					t.Errorf("error %v", err)
				}
				sub.Close()
			}
			if len(hub.byCall) != 0 || len(hub.indexed) != 0 {
				t.Error("the hub still knows it")
			}
		})
	}
}

func TestReaderThatNeverReadsCostsABoundedQueue(t *testing.T) {
	hub := hubWithoutLog(16)
	sub := follow(hub, byCall("c"), time.Minute)
	defer sub.Close()
	for seq := range uint64(100 * maxQueued) {
		publish(t, hub, seq+1, "c")
	}
	if n := len(sub.queue.items); n != maxQueued {
		t.Errorf("%d are queued", n)
	}
}

func TestMetricsHaveNamesOfTheirOwn(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	log := openLog(t, LogOptions{Registerer: registry})
	newHub(t, log, HubOptions{Registerer: registry})
	NewReceiver(ReceiverOptions{Log: log, Registerer: registry})
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}
