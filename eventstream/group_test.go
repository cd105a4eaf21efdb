package eventstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

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
