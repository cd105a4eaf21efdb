package eventstream

import (
	"fmt"
	"testing"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

func TestGroupHandsOn(t *testing.T) {
	for name, tc := range map[string]struct {
		ackWait time.Duration
		fails   func(*testing.T, *Groups, *GroupMember, string)
	}{
		"when the member leaves": {0, func(_ *testing.T, _ *Groups, m *GroupMember, _ string) { m.Close() }},
		"when it stalls":         {3 * time.Second, func(*testing.T, *Groups, *GroupMember, string) {}},
		"when it is rejected":    {0, func(t *testing.T, g *Groups, _ *GroupMember, cursor string) { nack(t, g, cursor) }},
	} {
		t.Run(name, func(t *testing.T) {
			log, g := openGroups(t)
			m, other := member(t, g, JoinOptions{AckWait: tc.ackWait}), member(t, g, JoinOptions{})
			call := callOf(t, g, m)
			appendMany(t, log, call, 0, 2)
			cursor := getsEvent(t, m, call+"-0", 1)
			tc.fails(t, g, m, cursor)
			if name == "when it is rejected" { // by whoever has it
				other = m
			}
			getsEvent(t, other, call+"-0", 2)
			ack(t, g, 1, cursor)
			getsEvent(t, other, call+"-1", 1)
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

// TestGroupGivesNothingUpWithoutRoom: when the list of dead letters is full, the
// group goes on, and gives out what cannot come on it.
func TestGroupGivesNothingUpWithoutRoom(t *testing.T) {
	log, g := openGroups(t)
	room := func(bytes int64) {
		streams, err := g.store.streams.get(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		config := streams.letters.CachedInfo().Config
		config.MaxBytes = bytes
		if _, err := log.js.UpdateStream(testContext(t), config); err != nil {
			t.Fatal(err)
		}
	}
	room(10)
	appendMany(t, log, "a", 0, 2)
	appendMany(t, log, "b", 0, 2)
	m := member(t, g, JoinOptions{AckWait: 3 * time.Second, MaxDeliveries: 1})
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
