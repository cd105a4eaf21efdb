package eventstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// newGroups is a gateway's part in the groups of hub's log.
func newGroups(tb testing.TB, hub *Hub) *Groups {
	tb.Helper()
	g, err := NewGroups(testContext(tb), hub, GroupsOptions{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(g.Close)
	return g
}

// openGroups is a log with a gateway that has groups.
func openGroups(tb testing.TB) (*Log, *Groups) {
	tb.Helper()
	log := openLog(tb, LogOptions{})
	return log, newGroups(tb, newHub(tb, log, HubOptions{RingSize: 2}))
}

var testGroup = GroupName{Name: "g"}

// member joins testGroup, which begins with the log unless o says otherwise.
func member(tb testing.TB, g *Groups, o JoinOptions) *GroupMember {
	tb.Helper()
	if o.Start == (Start{}) {
		o.Start = StartEarliest()
	}
	o.Group = testGroup
	m, err := g.Join(testContext(tb), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(m.Close)
	return m
}

// gets is the next item of a member that is no heartbeat.
func gets(tb testing.TB, m *GroupMember) Item {
	tb.Helper()
	ctx := testContext(tb)
	for {
		item, err := m.Next(ctx)
		if err != nil {
			tb.Fatal(err)
		}
		if item.Heartbeat == nil {
			return item
		}
	}
}

// getsEvent compares the id and the attempt of what a member gets, and returns its
// cursor.
func getsEvent(tb testing.TB, m *GroupMember, id string, attempt int) string {
	tb.Helper()
	item := gets(tb, m)
	if item.Event == nil || item.Event.CallEvent.GetId() != id || item.Attempt != attempt {
		tb.Fatalf("got %v, attempt %d; want %s, attempt %d", item.Event.CallEvent, item.Attempt, id, attempt)
	}
	return item.Event.CallEvent.GetCursor()
}

// getsNothing makes sure that nothing is on its way to a member.
func getsNothing(tb testing.TB, m *GroupMember) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 100*time.Millisecond)
	defer cancel()
	if item, err := m.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		tb.Fatalf("got %+v, %v", item, err)
	}
}

func ack(tb testing.TB, g *Groups, want int, cursors ...string) {
	tb.Helper()
	if n, err := g.Ack(testContext(tb), testGroup, cursors); err != nil || n != want {
		tb.Fatalf("acknowledged %d, %v; want %d", n, err, want)
	}
}

func nack(tb testing.TB, g *Groups, cursor string) {
	tb.Helper()
	if n, err := g.Nack(testContext(tb), testGroup, []string{cursor}, 0, "no"); err != nil || n != 1 {
		tb.Fatalf("rejected %d, %v", n, err)
	}
}

func describe(tb testing.TB, g *Groups) *callgatev1.Group {
	tb.Helper()
	group, err := g.Get(testContext(tb), testGroup)
	if err != nil {
		tb.Fatal(err)
	}
	return group
}

func letters(tb testing.TB, g *Groups) []*callgatev1.DeadLetter {
	tb.Helper()
	found, next, err := g.ListDeadLetters(testContext(tb), testGroup, Visibility{}, "", 100, false)
	if err != nil || next != "" {
		tb.Fatal(found, next, err)
	}
	return found
}

func TestGroupGivesOutACallsEventsOneByOne(t *testing.T) {
	log, g := openGroups(t)
	appendMany(t, log, "a", 0, 2)
	appendMany(t, log, "b", 0, 1)
	m := member(t, g, JoinOptions{})
	first := getsEvent(t, m, "a-0", 1)
	other := getsEvent(t, m, "b-0", 1)
	getsNothing(t, m)
	ack(t, g, 1, other)
	getsNothing(t, m)
	ack(t, g, 1, first)
	second := getsEvent(t, m, "a-1", 1)
	if group := describe(t, g); group.GetPending() != 1 || group.GetUnacknowledged() != 1 || group.GetUnread() != 0 || group.GetPosition() != first {
		t.Errorf("then the group is %v", group)
	}
	ack(t, g, 1, second, first, other)
	ack(t, g, 0, first, second, other)
	if group := describe(t, g); group.GetPending() != 0 || group.GetPosition() != other {
		t.Errorf("in the end the group is %v", group)
	}
}

func TestGroupSharesItsEvents(t *testing.T) {
	log, g := openGroups(t)
	members := []*GroupMember{member(t, g, JoinOptions{}), member(t, g, JoinOptions{}), member(t, g, JoinOptions{})}
	const calls = 30
	for round := range 3 {
		for i := range calls {
			appendMany(t, log, fmt.Sprint("call", i), round, 1)
		}
	}
	type got struct {
		member int
		item   Item
	}
	all := make(chan got)
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	for i, m := range members {
		go func() {
			for {
				item, err := m.Next(ctx)
				if err != nil {
					return
				}
				select {
				case all <- got{i, item}:
				case <-ctx.Done():
				}
			}
		}()
	}
	of := make(map[string]int)
	seen := make(map[string]int)
	shares := make([]int, len(members))
	for range 3 * calls {
		one := <-all
		call, id := one.item.Event.CallEvent.GetCallConnectionId(), one.item.Event.CallEvent.GetId()
		if before, again := of[call]; again && before != one.member {
			t.Errorf("%s is at member %d, and was at %d", id, one.member, before)
		}
		if want := fmt.Sprintf("%s-%d", call, seen[call]); id != want {
			t.Errorf("%s came, want %s", id, want)
		}
		of[call], seen[call] = one.member, seen[call]+1
		shares[one.member]++
		ack(t, g, 1, one.item.Event.CallEvent.GetCursor())
	}
	if slices.Min(shares) == 0 {
		t.Errorf("shares are %v", shares)
	}
	cancel()
}

func TestGroupHandsOn(t *testing.T) {
	for name, tc := range map[string]struct {
		fails   func(*testing.T, *Groups, *GroupMember, string)
		attempt int
	}{
		"when the member leaves": {func(_ *testing.T, _ *Groups, m *GroupMember, _ string) { m.Close() }, 2},
		"when it stalls":         {func(*testing.T, *Groups, *GroupMember, string) {}, 2},
		"when it is rejected":    {func(t *testing.T, g *Groups, _ *GroupMember, cursor string) { nack(t, g, cursor) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			log, g := openGroups(t)
			appendMany(t, log, "a", 0, 2)
			m := member(t, g, JoinOptions{AckWait: time.Second})
			cursor := getsEvent(t, m, "a-0", 1)
			tc.fails(t, g, m, cursor)
			other := m
			if name != "when it is rejected" { // by whoever has it
				other = member(t, g, JoinOptions{})
			}
			getsEvent(t, other, "a-0", tc.attempt)
			ack(t, g, 1, cursor)
			getsEvent(t, other, "a-1", 1)
		})
	}
}

func TestGroupGivesUp(t *testing.T) {
	log, g := openGroups(t)
	appendMany(t, log, "a", 0, 2)
	m := member(t, g, JoinOptions{MaxDeliveries: 2})
	nack(t, g, getsEvent(t, m, "a-0", 1))
	bad := getsEvent(t, m, "a-0", 2)
	nack(t, g, bad)
	next := getsEvent(t, m, "a-1", 1)
	dead := letters(t, g)
	if len(dead) != 1 || dead[0].GetEvent().GetId() != "a-0" || dead[0].GetDeliveries() != 2 ||
		dead[0].GetCause() != callgatev1.DeadLetter_CAUSE_REJECTED || dead[0].GetNote() != "no" || dead[0].GetReplaying() {
		t.Fatalf("dead letters are %v", dead)
	}
	if group := describe(t, g); group.GetDeadLetters() != 1 || group.GetPosition() != bad {
		t.Errorf("the group is %v", group)
	}
	ack(t, g, 1, next)
	ack(t, g, 0, bad)

	if n, err := g.ReplayDeadLetters(testContext(t), testGroup, nil, true); n != 1 || err != nil {
		t.Fatalf("replayed %d, %v", n, err)
	}
	getsEvent(t, m, "a-0", 1)
	if dead := letters(t, g); len(dead) != 1 || !dead[0].GetReplaying() {
		t.Errorf("while it is replayed, dead letters are %v", dead)
	}
	nack(t, g, bad)
	getsEvent(t, m, "a-0", 2)
	nack(t, g, bad)
	if dead := letters(t, g); len(dead) != 1 || dead[0].GetReplaying() {
		t.Errorf("when it is dead again, dead letters are %v", dead)
	}
	if n, err := g.ReplayDeadLetters(testContext(t), testGroup, []string{bad}, false); n != 1 || err != nil {
		t.Fatalf("replayed %d, %v", n, err)
	}
	ack(t, g, 1, getsEvent(t, m, "a-0", 1))
	if dead := letters(t, g); len(dead) != 0 {
		t.Errorf("after it was acknowledged, dead letters are %v", dead)
	}
}

func TestGroupForgetsDeadLetters(t *testing.T) {
	log, g := openGroups(t)
	m := member(t, g, JoinOptions{MaxDeliveries: 1})
	for i := range 3 {
		appendMany(t, log, "a", i, 1)
		nack(t, g, getsEvent(t, m, fmt.Sprint("a-", i), 1))
	}
	page, token, err := g.ListDeadLetters(testContext(t), testGroup, Visibility{}, "", 2, true)
	if err != nil || len(page) != 2 || page[0].GetEvent().GetData() == nil {
		t.Fatalf("the first page is %v, %v", page, err)
	}
	page, token, err = g.ListDeadLetters(testContext(t), testGroup, Visibility{}, token, 2, false)
	if err != nil || len(page) != 1 || token != "" {
		t.Fatalf("the second page is %v, %q, %v", page, token, err)
	}
	cursor := page[0].GetEvent().GetCursor()
	if n, err := g.ReplayDeadLetters(testContext(t), testGroup, []string{cursor}, false); n != 1 || err != nil {
		t.Fatalf("replayed %d, %v", n, err)
	}
	getsEvent(t, m, "a-2", 1)
	if n, err := g.DeleteDeadLetters(testContext(t), testGroup, nil, true); n != 3 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
	if group := describe(t, g); len(letters(t, g)) != 0 || group.GetDeadLetters() != 0 || group.GetPending() != 0 {
		t.Errorf("then the group is %v", group)
	}
}

// TestGroupOutlivesTheProcess: what was acknowledged does not come again, and what
// was not does, in order, with what is known of it.
func TestGroupOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	open := func() (*Log, *Groups, func()) {
		log := openLog(t, LogOptions{Dir: dir})
		hub := newHub(t, log, HubOptions{RingSize: 2})
		g := newGroups(t, hub)
		return log, g, func() { hub.Drain(); g.Close(); hub.Close(); closeLog(t, log) }
	}
	log, g, stop := open()
	appendMany(t, log, "a", 0, 3)
	appendMany(t, log, "b", 0, 3)
	m := member(t, g, JoinOptions{MaxDeliveries: 2})
	getsEvent(t, m, "a-0", 1)
	ack(t, g, 1, getsEvent(t, m, "b-0", 1))
	b := getsEvent(t, m, "b-1", 1)
	nack(t, g, b)
	getsEvent(t, m, "b-1", 2)
	m.Close()
	stop()

	log, g, stop = open()
	appendMany(t, log, "c", 0, 1)
	m = member(t, g, JoinOptions{MaxUnacknowledged: 10})
	ack(t, g, 1, getsEvent(t, m, "a-0", 2)) // the client left
	var got []string
	for range 3 {
		got = append(got, gets(t, m).Event.CallEvent.GetId())
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"a-1", "b-2", "c-0"}) {
		t.Errorf("then came %v", got)
	}
	if dead := letters(t, g); len(dead) != 1 || dead[0].GetCause() != callgatev1.DeadLetter_CAUSE_MEMBER_LEFT || dead[0].GetEvent().GetCursor() != b {
		t.Errorf("dead letters are %v", dead)
	}
	stop()
}

func TestGroupIsFixed(t *testing.T) {
	_, g := openGroups(t)
	two := byCall("a", "b")
	member(t, g, JoinOptions{Filter: two, AckWait: time.Minute})
	for name, tc := range map[string]struct {
		o       JoinOptions
		differs bool
	}{
		"the same":                  {JoinOptions{Filter: two, AckWait: time.Minute, MaxDeliveries: DefaultMaxDeliveries}, false},
		"the same, said otherwise":  {JoinOptions{Filter: byCall("b", "a", "b")}, false},
		"another start":             {JoinOptions{Filter: two, Start: StartLatest()}, false},
		"other bounds of a member":  {JoinOptions{Filter: two, MaxUnacknowledged: 3}, false},
		"another filter":            {JoinOptions{Filter: byCall("a")}, true},
		"commands as well":          {JoinOptions{Filter: two, Commands: true}, true},
		"no filter":                 {JoinOptions{}, true},
		"another time to wait":      {JoinOptions{Filter: two, AckWait: time.Hour}, true},
		"another number deliveries": {JoinOptions{Filter: two, MaxDeliveries: 1}, true},
	} {
		t.Run(name, func(t *testing.T) {
			tc.o.Group = testGroup
			m, err := g.Join(testContext(t), tc.o)
			var differs *GroupSettingsError
			if errors.As(err, &differs) != tc.differs || (err == nil) == tc.differs {
				t.Errorf("error %v", err)
			}
			if m != nil {
				m.Close()
			}
		})
	}
}

func TestGroupsOfClientsAreApart(t *testing.T) {
	log, g := openGroups(t)
	appendMany(t, log, "a", 0, 1)
	for _, principal := range []string{"", "one", "two"} {
		m, err := g.Join(testContext(t), JoinOptions{Group: GroupName{principal, "g"}, Start: StartEarliest()})
		if err != nil {
			t.Fatal(err)
		}
		getsEvent(t, m, "a-0", 1)
		m.Close()
		// Of several servers, the one that is asked may follow a moment later.
		eventually(t, fmt.Sprintf("%q has one group", principal), func() bool {
			groups, _, err := g.List(testContext(t), principal, "", 10)
			return err == nil && len(groups) == 1
		})
	}
}

func TestGroupsAreListed(t *testing.T) {
	_, g := openGroups(t)
	for _, name := range []string{"b", "a-b", "a", "c"} {
		m, err := g.Join(testContext(t), JoinOptions{Group: GroupName{Name: name}})
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
	}
	want := []string{"a", "a-b", "b", "c"}
	eventually(t, fmt.Sprintf("the groups are %v", want), func() bool { return slices.Equal(listed(t, g), want) })
}

// listed are the names of all groups, by pages.
func listed(t *testing.T, g *Groups) (names []string) {
	t.Helper()
	for token := ""; ; {
		page, next, err := g.List(testContext(t), "", token, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range page {
			names = append(names, group.GetGroup())
		}
		if token = next; token == "" {
			return names
		}
	}
}

func TestGroupIsDeleted(t *testing.T) {
	log, g := openGroups(t)
	appendMany(t, log, "a", 0, 2)
	m := member(t, g, JoinOptions{MaxDeliveries: 1})
	nack(t, g, getsEvent(t, m, "a-0", 1))
	getsEvent(t, m, "a-1", 1)
	if err := g.Delete(testContext(t), testGroup); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := m.Next(testContext(t)); errors.Is(err, ErrGroupNotFound) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	_, err := g.Ack(testContext(t), testGroup, []string{log.cursor(2)})
	if !errors.Is(err, ErrGroupNotFound) {
		t.Errorf("acknowledging: %v", err)
	}
	if _, err := g.Get(testContext(t), testGroup); !errors.Is(err, ErrGroupNotFound) {
		t.Errorf("asking: %v", err)
	}
	again := member(t, g, JoinOptions{MaxDeliveries: 3})
	getsEvent(t, again, "a-0", 1)
	if dead := letters(t, g); len(dead) != 0 {
		t.Errorf("the new group has %v", dead)
	}
}

func TestGroupIsBounded(t *testing.T) {
	log, g := openGroups(t)
	for i := range 5 {
		appendMany(t, log, fmt.Sprint("call", i), 0, 1)
	}
	m := member(t, g, JoinOptions{MaxUnacknowledged: 2})
	first := gets(t, m)
	gets(t, m)
	getsNothing(t, m)
	ack(t, g, 1, first.Event.CallEvent.GetCursor())
	gets(t, m)
	getsNothing(t, m)
}

func TestGroupSaysGapsOnce(t *testing.T) {
	log, g := openGroups(t)
	appendMany(t, log, "a", 0, 10)
	purge(t, log, 4)
	remove(t, log, 7)
	m := member(t, g, JoinOptions{Start: StartAt(time.Now().Add(-time.Hour))})
	wantGap := func(from, to uint64, reason callgatev1.StreamGap_Reason, attempt int) {
		t.Helper()
		item := gets(t, m)
		if item.Gap == nil || item.Gap.From != log.cursor(from) || item.Gap.To != log.cursor(to) || item.Gap.Reason != reason || item.Attempt != attempt {
			t.Fatalf("got %+v %v, want a gap from %d to %d", item, item.Gap, from, to)
		}
	}
	wantGap(0, 4, callgatev1.StreamGap_REASON_RETENTION, 1) // it may have been received then
	ack(t, g, 1, log.cursor(4))
	first := getsEvent(t, m, "a-4", 1)
	wantGap(6, 7, callgatev1.StreamGap_REASON_DELETED, 1)
	nack(t, g, log.cursor(7))
	wantGap(6, 7, callgatev1.StreamGap_REASON_DELETED, 2)
	ack(t, g, 2, first, log.cursor(7))
	ack(t, g, 1, getsEvent(t, m, "a-5", 1))
	getsEvent(t, m, "a-7", 1)
	m.Close()
	m = member(t, g, JoinOptions{})
	getsEvent(t, m, "a-7", 2)
}

func TestGroupMemberHearsOfNothing(t *testing.T) {
	log, g := openGroups(t)
	m := member(t, g, JoinOptions{Filter: byCall("other"), HeartbeatInterval: 10 * time.Millisecond})
	appendMany(t, log, "a", 0, 5)
	cursor, _ := m.Started()
	if cursor != log.cursor(0) {
		t.Errorf("it begins at %s", cursor)
	}
	eventually(t, "a heartbeat that moves on", func() bool {
		item, err := m.Next(testContext(t))
		if err != nil || item.Heartbeat == nil {
			t.Fatalf("got %+v, %v", item, err)
		}
		return item.Heartbeat.Cursor == log.cursor(5)
	})
}

func TestGroupMemberIsTold(t *testing.T) {
	t.Run("that the gateway stops", func(t *testing.T) {
		log := openLog(t, LogOptions{})
		hub := newHub(t, log, HubOptions{})
		g := newGroups(t, hub)
		appendMany(t, log, "a", 0, 1)
		m := member(t, g, JoinOptions{})
		cursor := getsEvent(t, m, "a-0", 1)
		hub.Drain()
		if item := gets(t, m); item.Draining == nil {
			t.Errorf("got %+v", item)
		}
		if _, err := m.Next(testContext(t)); !errors.Is(err, io.EOF) {
			t.Errorf("then %v", err)
		}
		m.Close()
		if _, err := g.Join(testContext(t), JoinOptions{Group: testGroup}); !errors.Is(err, ErrDraining) {
			t.Errorf("joining: %v", err)
		}
		ack(t, g, 1, cursor) // still, for as long as the gateway is there
	})
	t.Run("that it was closed", func(t *testing.T) {
		_, g := openGroups(t)
		m := member(t, g, JoinOptions{})
		m.Close()
		m.Close()
		if _, err := m.Next(testContext(t)); !errors.Is(err, io.EOF) {
			t.Errorf("Next: %v", err)
		}
	})
}

func TestGroupRefusesStrangeCursors(t *testing.T) {
	log, g := openGroups(t)
	member(t, g, JoinOptions{})
	for name, tc := range map[string]struct {
		cursor string
		want   error
	}{
		"no cursor at all":   {"nonsense", ErrCursorInvalid},
		"of another log":     {encodeCursor(logID{1}, 1), ErrCursorOtherLog},
		"that there is not":  {log.cursor(1 << 40), ErrCursorAhead},
		"of no event at all": {log.cursor(0), nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := g.Ack(testContext(t), testGroup, []string{tc.cursor})
			if !errors.Is(err, tc.want) {
				t.Errorf("Ack: %v", err)
			}
		})
	}
	if _, err := g.Ack(testContext(t), GroupName{Name: "nobody"}, []string{log.cursor(0)}); !errors.Is(err, ErrGroupNotFound) {
		t.Errorf("of a group that there is not: %v", err)
	}
}

// TestGroupReadsAheadSoFar: what nobody deals with is not read without end.
func TestGroupReadsAheadSoFar(t *testing.T) {
	log, g := openGroups(t)
	m := member(t, g, JoinOptions{MaxUnacknowledged: 1})
	const more = 100
	for from := 0; from < maxGroupAhead+more; from += maxBatchRecords {
		appendMany(t, log, "a", from, min(maxBatchRecords, maxGroupAhead+more-from))
	}
	eventually(t, "reading ahead", func() bool { return describe(t, g).GetPending() == maxGroupAhead })
	if group := describe(t, g); group.GetUnread() != more || group.GetUnacknowledged() != 1 {
		t.Errorf("the group is %v", group)
	}
	ack(t, g, 1, getsEvent(t, m, "a-0", 1))
	eventually(t, "reading on", func() bool { return describe(t, g).GetUnread() == more-1 })
}

func TestGroupIsMeasured(t *testing.T) {
	log := openLog(t, LogOptions{})
	registry := prometheus.NewRegistry()
	g, err := NewGroups(testContext(t), newHub(t, log, HubOptions{}), GroupsOptions{Registerer: registry, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	appendMany(t, log, "a", 0, 2)
	m := member(t, g, JoinOptions{MaxDeliveries: 2})
	nack(t, g, getsEvent(t, m, "a-0", 1))
	nack(t, g, getsEvent(t, m, "a-0", 2))
	ack(t, g, 1, getsEvent(t, m, "a-1", 1))
	appendMany(t, log, "b", 0, 1)
	want := map[string]float64{
		"callgate_group_pending_events": 1, "callgate_group_unacknowledged_events": 1, "callgate_group_members": 1,
		"callgate_group_delivered_total": 4, "callgate_group_redelivered_total": 1, "callgate_group_acknowledged_total": 1,
		"callgate_group_dead_letters_total": 1, "callgate_group_gaps_given_up_total": 0,
	}
	got := make(map[string]float64)
	holds := func() bool {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			one := family.GetMetric()[0]
			got[family.GetName()] = one.GetGauge().GetValue() + one.GetCounter().GetValue()
		}
		return maps.Equal(got, want)
	}
	defer func() {
		if t.Failed() {
			t.Logf("they are %v", got)
		}
	}()
	eventually(t, "that metrics say so", holds)
	for i := range 2 * maxGroupLabels {
		g.metrics.of(fmt.Sprint("group ", i))
	}
	if n := len(g.metrics.labels); n > maxGroupLabels+1 {
		t.Errorf("there are %d labels", n)
	}
}

// TestGroupGivesNothingUpWithoutRoom: when the list of dead letters is full, the
// group goes on, and gives out what cannot come on it.
func TestGroupGivesNothingUpWithoutRoom(t *testing.T) {
	log, g := openGroups(t)
	room := func(bytes int64) {
		config := g.store.letters.CachedInfo().Config
		config.MaxBytes = bytes
		if _, err := log.js.UpdateStream(testContext(t), config); err != nil {
			t.Fatal(err)
		}
	}
	room(10)
	appendMany(t, log, "a", 0, 2)
	appendMany(t, log, "b", 0, 2)
	m := member(t, g, JoinOptions{AckWait: time.Second, MaxDeliveries: 1})
	bad := getsEvent(t, m, "a-0", 1)
	other := getsEvent(t, m, "b-0", 1)
	nack(t, g, bad)
	ack(t, g, 1, other)
	ack(t, g, 1, getsEvent(t, m, "b-1", 1))
	getsEvent(t, m, "a-0", 1)
	room(maxLettersBytes)
	nack(t, g, bad)
	getsEvent(t, m, "a-1", 1)
	if dead := letters(t, g); len(dead) != 1 {
		t.Errorf("dead letters are %v", dead)
	}
}
