package eventstream

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

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
