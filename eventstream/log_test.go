package eventstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

func TestLogKeepsEventsAndIdentityOverARestart(t *testing.T) {
	dir := t.TempDir()
	log := openLog(t, LogOptions{Dir: dir})
	appendMany(t, log, "c", 0, 3)
	_, last, err := log.Bounds(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	closeLog(t, log)

	log = openLog(t, LogOptions{Dir: dir})
	if _, again, err := log.Bounds(testContext(t)); err != nil || again != last {
		t.Errorf("last position %q, %v; want %q as before the restart", again, err, last)
	}
	// A callback that was answered, but whose answer was lost, comes again.
	appendMany(t, log, "c", 2, 2)
	wantHistory(t, log, "c", ids("c", 0, 4)...)
}

func TestOpenLogRefusesADirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	openLog(t, LogOptions{Dir: dir})
	_, err := OpenLog(testContext(t), LogOptions{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "in use by another callgate") {
		t.Errorf("error %v", err)
	}
}

func TestOpenLogFailsWhereItCannotWrite(t *testing.T) {
	_, err := OpenLog(testContext(t), LogOptions{Dir: "/dev/null/log", Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		t.Error("no error")
	}
}

func TestOpenLogTakesNewLimits(t *testing.T) {
	dir := t.TempDir()
	closeLog(t, openLog(t, LogOptions{Dir: dir}))
	log := openLog(t, LogOptions{Dir: dir, MaxAge: time.Hour, MaxBytes: 1 << 20, Sync: SyncInterval})
	info, err := log.stream.Info(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if info.Config.MaxAge != time.Hour || info.Config.MaxBytes != 1<<20 {
		t.Errorf("limits are %v and %d bytes", info.Config.MaxAge, info.Config.MaxBytes)
	}
}

func TestAppendIsIdempotent(t *testing.T) {
	c := typeParticipantsUpdated
	other := record("c-0", "c", c)
	other.Event.EventSource = "another source with the same id"
	tests := map[string]struct {
		before, records []*logv1.Record
		want            []string
	}{
		"the same event twice in a batch": {
			records: []*logv1.Record{record("c-0", "c", c), record("c-1", "c", c), record("c-0", "c", c)},
			want:    []string{"c-0", "c-1"},
		},
		"one of a batch is in the log": {
			before:  []*logv1.Record{record("c-1", "c", c)},
			records: []*logv1.Record{record("c-0", "c", c), record("c-1", "c", c), record("c-2", "c", c)},
			want:    []string{"c-1", "c-0", "c-2"},
		},
		"all of a batch are in the log": {
			before:  []*logv1.Record{record("c-0", "c", c), record("c-1", "c", c)},
			records: []*logv1.Record{record("c-0", "c", c), record("c-1", "c", c)},
			want:    []string{"c-0", "c-1"},
		},
		"a lone event is in the log": {
			before:  []*logv1.Record{record("c-0", "c", c)},
			records: []*logv1.Record{record("c-0", "c", c)},
			want:    []string{"c-0"},
		},
		"the same id from another source": {
			before:  []*logv1.Record{record("c-0", "c", c)},
			records: []*logv1.Record{other},
			want:    []string{"c-0", "c-0"},
		},
		"nothing": {},
	}
	for name, test := range tests {
		for _, more := range []int{0, 20} { // alone, and together
			t.Run(fmt.Sprintf("%s, and %d more", name, more), func(t *testing.T) {
				log := openLog(t, LogOptions{})
				mustAppend(t, log, test.before...)
				for i := range more {
					test.records = append(test.records, record(fmt.Sprint(i), "more", c))
				}
				mustAppend(t, log, test.records...)
				wantHistory(t, log, "c", test.want...)
				wantCount(t, log, "more", more)
			})
		}
	}
}

func TestAppendOfManyAtOnce(t *testing.T) {
	log := openLog(t, LogOptions{Dir: t.TempDir()})
	const writers, each = 32, 40
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				// Each event is sent by two writers.
				rec := record(fmt.Sprintf("c-%d-%d", w/2, i), "c", typeParticipantsUpdated)
				if err := log.Append(testContext(t), rec); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	seen := make(map[string]int)
	for token := ""; ; {
		events, following, err := log.ListEvents(testContext(t), "c", token, 100, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range events {
			seen[ev.CallEvent.GetId()]++
		}
		if token = following; token == "" {
			break
		}
	}
	if len(seen) != writers/2*each {
		t.Errorf("%d different events, want %d", len(seen), writers/2*each)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("event %s is there %d times", id, n)
		}
	}
}

func TestAppendOfABatchThatIsLargerThanOneWrite(t *testing.T) {
	log := openLog(t, LogOptions{})
	appendMany(t, log, "c", 0, 2*maxBatchRecords+10)
	wantCount(t, log, "c", 2*maxBatchRecords+10)
}

func TestAppendRefusesWhatHasNoIdentity(t *testing.T) {
	log := openLog(t, LogOptions{})
	for name, rec := range map[string]*logv1.Record{
		"no event":    {},
		"no id":       record("", "c", typeParticipantsUpdated),
		"no source":   {Event: &callgatev1.CallEvent{Id: "a"}},
		"with cursor": {Event: &callgatev1.CallEvent{Id: "a", EventSource: "s", Cursor: "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := log.Append(testContext(t), rec); err == nil || errors.Is(err, ErrLogUnavailable) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestClosedLogIsUnavailable(t *testing.T) {
	log := openLog(t, LogOptions{})
	if err := log.Check(testContext(t)); err != nil {
		t.Errorf("open: Check: %v", err)
	}
	closeLog(t, log)
	ctx := testContext(t)
	if err := log.Append(ctx, record("a", "c", typeCallConnected)); !errors.Is(err, ErrLogUnavailable) {
		t.Errorf("Append: %v", err)
	}
	if err := log.Check(ctx); !errors.Is(err, ErrLogUnavailable) {
		t.Errorf("Check: %v", err)
	}
	if _, _, err := log.ListEvents(ctx, "c", "", 10, false); !errors.Is(err, ErrLogUnavailable) {
		t.Errorf("ListEvents: %v", err)
	}
	if _, _, err := log.Bounds(ctx); !errors.Is(err, ErrLogUnavailable) {
		t.Errorf("Bounds: %v", err)
	}
}

func TestFailedAppendIsAnErrorAndMakesTheLogUnready(t *testing.T) {
	log := openLog(t, LogOptions{})
	if err := log.js.DeleteStream(testContext(t), streamName); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2, 20} {
		records := make([]*logv1.Record, n)
		for i := range records {
			records[i] = record(fmt.Sprint(i), "c", typeCallConnected)
		}
		if err := log.Append(testContext(t), records...); !errors.Is(err, ErrLogUnavailable) {
			t.Errorf("Append of %d: %v", n, err)
		}
	}
	if log.appender.recentFailure(failureMemory) == nil {
		t.Error("the failure is forgotten")
	}
	if log.appender.recentFailure(0) != nil {
		t.Error("the failure is never forgotten")
	}
	if err := log.Check(testContext(t)); !errors.Is(err, ErrLogUnavailable) {
		t.Errorf("Check: %v", err)
	}
}

func TestFullAppendQueueRefuses(t *testing.T) {
	a := &appender{
		queue: make(chan *appendRequest, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	a.queue <- nil // and nobody takes it
	if err := a.append(testContext(t), nil); !errors.Is(err, ErrLogUnavailable) {
		t.Errorf("error %v", err)
	}
}

func TestAppendEndsWithItsContext(t *testing.T) {
	a := &appender{
		queue: make(chan *appendRequest, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := a.append(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestLogStartsFast: what it waits for, it waits for every time; what else runs on
// this machine may slow it down, but not every time.
func TestLogStartsFast(t *testing.T) {
	fastest := time.Duration(math.MaxInt64)
	for range 5 {
		start := time.Now()
		log := openLog(t, LogOptions{Dir: t.TempDir()})
		fastest = min(fastest, time.Since(start))
		closeLog(t, log)
	}
	t.Logf("%v", fastest)
	if fastest > 2*time.Second { // a fortieth of that when nothing else runs
		t.Errorf("it took %v", fastest)
	}
}

// TestAcknowledgedIsReadWhateverAFollowerHas: a server that follows may say that
// nothing is there; what the leader has comes all the same.
func TestAcknowledgedIsReadWhateverAFollowerHas(t *testing.T) {
	log := openLog(t, LogOptions{})
	for i := range 6 {
		appendMany(t, log, "c", i, 1)
		appendMany(t, log, "d", i, 1)
	}
	for name, test := range map[string]struct {
		subject string
		has     page // the follower
		limit   int
		count   int
		more    bool
		through uint64
	}{
		"it has nothing":             {"", page{}, 100, 12, false, 12},
		"it has some":                {"", page{count: 5, through: 5}, 100, 12, false, 12},
		"it has all":                 {"", page{count: 12, through: 12}, 100, 12, false, 12},
		"it has nothing of a call":   {callSubject("c", false), page{}, 100, 6, false, 11},
		"the page is full meanwhile": {callSubject("c", false), page{}, 4, 4, true, 7},
		"the page is full at last":   {callSubject("c", false), page{}, 6, 6, false, 11},
		"it has nothing of none":     {callSubject("e", false), page{}, 100, 0, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := test.has
			if err := log.confirmEnd(testContext(t), &p, test.subject, test.limit); err != nil {
				t.Fatal(err)
			}
			if p.count != test.count || p.more != test.more || p.through != test.through || (!p.more && p.end != 12) {
				t.Errorf("%d messages, more %v, through %d, end %d", p.count, p.more, p.through, p.end)
			}
		})
	}
}

func TestLogThatLostItsEndIsNotReadAsIfItHadNot(t *testing.T) {
	log := openLog(t, LogOptions{})
	appendMany(t, log, "c", 0, 3)
	log.known.Store(4) // as when another server had it, and is gone with it
	if _, _, err := log.ListEvents(testContext(t), "c", "", 10, false); !errors.Is(err, ErrLogUnavailable) {
		t.Errorf("error %v", err)
	}
}

func wantHistory(t *testing.T, log *Log, call string, want ...string) {
	t.Helper()
	events, following, err := log.ListEvents(testContext(t), call, "", 1000, false)
	if err != nil {
		t.Fatal(err)
	}
	if following != "" {
		t.Error("there is another page")
	}
	var got []string
	for _, ev := range events {
		got = append(got, ev.CallEvent.GetId())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the log has %v, want %v", got, want)
	}
}

func wantCount(t *testing.T, log *Log, call string, want int) {
	t.Helper()
	events, _, err := log.ListEvents(testContext(t), call, "", 1000, false)
	if err != nil || len(events) != want {
		t.Errorf("the log has %d events of %s, %v; want %d", len(events), call, err, want)
	}
}
