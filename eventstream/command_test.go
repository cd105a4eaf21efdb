package eventstream

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// appendStory appends what happens to a call, commands and all, ten times over:
// "<n>-asked", "<n>-came", "<n>-refused".
func appendStory(t *testing.T, log *Log, call string) (all, events []string) {
	t.Helper()
	for _, n := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		mustAppend(t, log, record(n+"-asked", call, typeCommandAccepted), record(n+"-came", call, typeParticipantsUpdated),
			record(n+"-refused", call, callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_REJECTED))
		all, events = append(all, n+"-asked", n+"-came", n+"-refused"), append(events, n+"-came")
	}
	return all, events
}

func TestCommandsComeToThoseWhoAsk(t *testing.T) {
	for name, filter := range map[string]*callgatev1.EventFilter{
		"all": nil, "one call": byCall("c"), "several calls": byCall("b", "c", "d"),
	} {
		for _, commands := range []bool{true, false} {
			for place, ring := range map[string]int{"memory": 64, "the log": 4} {
				t.Run(fmt.Sprintf("%s, from %s, commands %v", name, place, commands), func(t *testing.T) {
					log := openLog(t, LogOptions{})
					hub := newHub(t, log, HubOptions{RingSize: ring})
					live := subscribe(t, hub, SubscribeOptions{Filter: filter, Commands: commands})
					want, events := appendStory(t, log, "c")
					if !commands {
						want = events
					}
					settle(t, hub)
					wantEvents(t, live, want...)
					late := subscribe(t, hub, SubscribeOptions{Filter: filter, Commands: commands, Start: StartEarliest()})
					wantEvents(t, late, want...)
				})
			}
		}
	}
}

func TestCommandsAreListedForThoseWhoAsk(t *testing.T) {
	log := openLog(t, LogOptions{})
	all, events := appendStory(t, log, "c")
	for _, tc := range []struct {
		name     string
		commands bool
		want     []string
	}{{"with", true, all}, {"without", false, events}} {
		var got []string
		for token, first := "", true; first || token != ""; first = false {
			page, following, err := log.ListEvents(testContext(t), "c", token, 7, tc.commands)
			if err != nil {
				t.Fatal(err)
			}
			for _, ev := range page {
				got = append(got, ev.CallEvent.GetId())
			}
			token = following
		}
		if len(got) != len(tc.want) {
			t.Fatalf("%s commands: %v", tc.name, got)
		}
		for i := range got {
			if got[i] != tc.want[i] {
				t.Errorf("%s commands: %v", tc.name, got)
			}
		}
	}
}

// TestCommandWakesNobodyElse: a subscription without commands sleeps through
// them, and its heartbeats pass them by.
func TestCommandWakesNobodyElse(t *testing.T) {
	for name, filter := range filtersOfC {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub := hubWithoutLog(16)
				sub := follow(hub, filter, time.Second)
				defer sub.Close()
				asked := make(chan error)
				go func() {
					item, err := sub.Next(context.Background())
					if err == nil && (item.Heartbeat == nil || item.Heartbeat.Cursor != encodeCursor(thisLog, 100)) {
						t.Errorf("item %+v", item)
					}
					asked <- err
				}()
				synctest.Wait()
				for seq := range uint64(100) {
					publishCommand(t, hub, seq+1, "c")
				}
				// What it would have to look at had it been woken.
				if sub.queue != nil && !sub.queue.empty() {
					t.Error("something is queued")
				}
				if err := <-asked; err != nil {
					t.Error(err)
				}
				publish(t, hub, 101, "c")
				if item, err := sub.Next(context.Background()); err != nil || item.Event == nil || item.Event.Seq != 101 {
					t.Errorf("item %+v, %v", item, err)
				}
			})
		})
	}
}

func publishCommand(tb testing.TB, h *Hub, seq uint64, call string) {
	tb.Helper()
	ev := testEvent(tb, record("command", call, typeCommandAccepted))
	ev.Seq = seq
	ev.CallEvent.Cursor = encodeCursor(thisLog, seq)
	h.publish(entry{event: ev})
}

// TestCommandBehindAHole: the hole is said also to those who are not told of the command.
func TestCommandBehindAHole(t *testing.T) {
	for name, filter := range filtersOfC {
		t.Run(name, func(t *testing.T) {
			log := openLog(t, LogOptions{})
			hub := newHub(t, log, HubOptions{})
			sub := subscribe(t, hub, SubscribeOptions{Filter: filter})
			mustAppend(t, log, record("asked", "c", typeCommandAccepted))
			if _, err := log.js.Publish(testContext(t), subjectPrefix+"x.x", []byte("junk")); err != nil {
				t.Fatal(err)
			}
			mustAppend(t, log, record("asked again", "c", typeCommandAccepted))
			if gap := next(t, sub).Gap; gap == nil || gap.From != log.cursor(1) || gap.To != log.cursor(2) {
				t.Errorf("gap is %+v", gap)
			}
		})
	}
}

func TestCommandIsGivenItsNames(t *testing.T) {
	log := openLog(t, LogOptions{})
	for range 2 {
		ev := &callgatev1.CallEvent{Type: typeCommandAccepted, CallConnectionId: "c"}
		if err := log.AppendCommand(testContext(t), "", ev); err != nil {
			t.Fatal(err)
		}
	}
	events, _, err := log.ListEvents(testContext(t), "c", "", 10, true)
	if err != nil || len(events) != 2 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	a, b := events[0].CallEvent, events[1].CallEvent
	if a.GetId() == "" || a.GetId() == b.GetId() || a.GetTypeName() != "callgate.command.accepted.v1" ||
		a.GetSource() != callgatev1.CallEventSource_CALL_EVENT_SOURCE_GATEWAY {
		t.Errorf("%v\n%v", a, b)
	}
}

func TestCommandThatTheLogDoesNotConfirmIsCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	log := openLog(t, LogOptions{Registerer: registry})
	closeLog(t, log)
	if err := log.AppendCommand(testContext(t), "", &callgatev1.CallEvent{Type: typeCommandAccepted}); err == nil {
		t.Error("it was stored")
	}
	if n := testutil.ToFloat64(log.unconfirmed); n != 1 {
		t.Errorf("%v are counted", n)
	}
}
