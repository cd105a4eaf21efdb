package eventstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/timestamppb"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/leaktest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedDir); dir != "" {
		_, _ = fmt.Fprintln(os.Stderr, appendUntilKilled(dir))
		os.Exit(1)
	}
	leaktest.Main(suite{m})
}

// patience bounds every wait of a test for what must happen.
const patience = 2 * time.Minute

func testContext(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	tb.Cleanup(cancel)
	return ctx
}

// guarded is the test whose end wantNoneLeft waits for; nil when there is none.
var guarded testing.TB

// wantNoneLeft checks that no goroutine outlives the test. It is called before
// anything is started, and not by tests that run beside others; a test within
// another leaves the check to that one.
func wantNoneLeft(tb testing.TB) {
	tb.Helper()
	if _, isTest := tb.(*testing.T); !isTest || guarded != nil {
		return
	}
	guarded = tb
	tb.Cleanup(func() {
		guarded = nil
		if left := leaktest.Find(); left != nil {
			tb.Error(left)
		}
	})
}

// openLog opens a log that the end of the test closes. Unless o says otherwise it
// is in memory. Over a cluster it is new for every test.
func openLog(tb testing.TB, o LogOptions) *Log {
	tb.Helper()
	if shared == nil && o.NATS == nil {
		wantNoneLeft(tb)
	}
	o.Logger = slog.New(slog.DiscardHandler)
	if shared != nil && o.NATS == nil {
		o.NATS = shared.account(tb, o.Dir)
	}
	log, err := OpenLog(testContext(tb), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if o.NATS != nil && shared != nil {
			deleteStreams(tb, o.NATS)
		}
		closeLog(tb, log)
	})
	return log
}

// deleteStreams frees what an account has.
func deleteStreams(tb testing.TB, o *NATSOptions) {
	tb.Helper()
	conn, err := o.connect(slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range []string{streamName, "KV_" + requestsBucket, "KV_" + groupsBucket, lettersStream} {
		if err := js.DeleteStream(testContext(tb), name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			tb.Error(err)
		}
	}
}

func closeLog(tb testing.TB, log *Log) {
	tb.Helper()
	if err := log.Close(); err != nil {
		tb.Error(err)
	}
}

func newHub(tb testing.TB, log *Log, o HubOptions) *Hub {
	tb.Helper()
	hub, err := NewHub(testContext(tb), log, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(hub.Close)
	return hub
}

func subscribe(tb testing.TB, hub *Hub, o SubscribeOptions) *Subscription {
	tb.Helper()
	sub, err := hub.Subscribe(testContext(tb), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(sub.Close)
	return sub
}

// record is an event of a call, known by its id.
func record(id, call string, t callgatev1.CallEventType) *logv1.Record {
	if isCommand(t) {
		return &logv1.Record{Event: &callgatev1.CallEvent{
			Id: id, Type: t, TypeName: commandTypeName(t), Source: callgatev1.CallEventSource_CALL_EVENT_SOURCE_GATEWAY,
			ReceiveTime: timestamppb.Now(), CallConnectionId: call, EventSource: commandSource,
		}}
	}
	rec := &logv1.Record{
		Event: &callgatev1.CallEvent{
			Id:               id,
			Type:             t,
			TypeName:         typePrefix + typeNames[t],
			Source:           callgatev1.CallEventSource_CALL_EVENT_SOURCE_UPSTREAM,
			ReceiveTime:      timestamppb.Now(),
			CallConnectionId: call,
			EventSource:      "calling/callConnections/" + call,
		},
		Data: fmt.Appendf(nil, `{"callConnectionId":%q}`, call),
	}
	if t == typeParticipantsUpdated {
		rec.Event.Detail = &callgatev1.CallEvent_ParticipantsUpdated{ParticipantsUpdated: &callgatev1.ParticipantsUpdated{}}
	}
	return rec
}

const (
	typeParticipantsUpdated = callgatev1.CallEventType_CALL_EVENT_TYPE_PARTICIPANTS_UPDATED
	typeCommandAccepted     = callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_ACCEPTED
)

// append appends n events to a call: id "<call>-<from>" and on.
func appendMany(tb testing.TB, log *Log, call string, from, n int) {
	tb.Helper()
	records := make([]*logv1.Record, n)
	for i := range records {
		records[i] = record(fmt.Sprintf("%s-%d", call, from+i), call, typeParticipantsUpdated)
	}
	mustAppend(tb, log, records...)
}

func mustAppend(tb testing.TB, log *Log, records ...*logv1.Record) {
	tb.Helper()
	if err := log.Append(testContext(tb), records...); err != nil {
		tb.Fatal(err)
	}
}

// next is the next item that is no heartbeat.
func next(tb testing.TB, sub *Subscription) Item {
	tb.Helper()
	item, err := nextOrError(tb, sub)
	if err != nil {
		tb.Fatal(err)
	}
	return item
}

func nextOrError(tb testing.TB, sub *Subscription) (Item, error) {
	tb.Helper()
	ctx := testContext(tb)
	for {
		item, err := sub.Next(ctx)
		if err != nil || item.Heartbeat == nil {
			return item, err
		}
	}
}

// wantEvents takes len(ids) events and compares their ids.
func wantEvents(tb testing.TB, sub *Subscription, ids ...string) {
	tb.Helper()
	for i, id := range ids {
		item := next(tb, sub)
		if item.Event == nil {
			tb.Fatalf("item %d is %+v, want the event %s", i, item, id)
		}
		if got := item.Event.CallEvent.GetId(); got != id {
			tb.Fatalf("event %d is %s, want %s", i, got, id)
		}
	}
}

func ids(call string, from, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s-%d", call, from+i)
	}
	return all
}

// eventually waits for a condition.
func eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for ctx := testContext(tb); !holds(); {
		select {
		case <-ctx.Done():
			tb.Fatalf("%s did not happen", what)
		case <-ticker.C:
		}
	}
}
func purgeUpTo(seq uint64) jetstream.StreamPurgeOpt { return jetstream.WithPurgeSequence(seq + 1) }

// purge takes the front of the log away, up to and including seq.
func purge(t *testing.T, log *Log, seq uint64) {
	t.Helper()
	if err := log.stream.Purge(testContext(t), purgeUpTo(seq)); err != nil {
		t.Fatal(err)
	}
}

// remove deletes single events.
func remove(t *testing.T, log *Log, seqs ...uint64) {
	t.Helper()
	for _, seq := range seqs {
		if err := log.stream.DeleteMsg(testContext(t), seq); err != nil {
			t.Fatal(err)
		}
	}
}
