package eventstream

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
)

// gateways are parts of several gateways in the groups of one log. Over an embedded
// log they behave as if it were shared.
func gateways(t *testing.T, n int) (*Log, []*Groups) {
	t.Helper()
	log := openLog(t, LogOptions{})
	all := make([]*Groups, n)
	for i := range all {
		all[i] = newGroups(t, newHub(t, log, HubOptions{RingSize: 2}))
		all[i].alone = false
		times := &all[i].times
		times.renew, times.stop, times.lease, times.grace = 200*time.Millisecond, 700*time.Millisecond, 1200*time.Millisecond, 2*time.Second
		times.ping = 100 * time.Millisecond
	}
	return log, all
}

// owner waits until a gateway owns testGroup.
func owner(t *testing.T, g *Groups) *groupOwner {
	t.Helper()
	eventually(t, "owning the group", func() bool { return g.owner(testGroup.key()) != nil })
	return g.owner(testGroup.key())
}

// do runs f in the goroutine of an owner, unless that ends by itself.
func (o *groupOwner) do(f func()) {
	done := make(chan struct{})
	select {
	case o.done <- func() {
		o.beside++
		f()
		close(done)
	}:
	case <-o.ctx.Done():
	}
	select {
	case <-done:
	case <-o.ctx.Done():
	}
}

// callOf is a call whose events go to a member of those that there are.
func callOf(t *testing.T, g *Groups, m *GroupMember) (call string) {
	t.Helper()
	o := owner(t, g)
	o.do(func() {
		for i := 0; call == "" || o.machine.choose("call "+call).id != m.id; i++ {
			call = fmt.Sprint("b", i)
		}
	})
	return call
}

// die has an owner end as if its process were killed: it lets go of nothing, and
// tells nobody.
func (o *groupOwner) die() {
	o.do(func() {
		clear(o.peers)
		o.end(overtaken)
	})
}

func TestGroupMembersAreAnywhere(t *testing.T) {
	log, all := gateways(t, 3)
	members := []*GroupMember{member(t, all[0], JoinOptions{}), member(t, all[1], JoinOptions{})}
	const calls = 20
	for i := range calls {
		appendMany(t, log, fmt.Sprint("call", i), 0, 1)
	}
	eventually(t, "giving out", func() bool { return describe(t, all[2]).GetUnacknowledged() == calls })
	for i, held := range describe(t, all[1]).GetMembers() {
		if held.GetUnacknowledged() == 0 {
			t.Errorf("member %d got nothing", i)
		}
	}
	for _, m := range members {
		for range held(t, all[2], m) {
			ack(t, all[2], 1, gets(t, m).Event.CallEvent.GetCursor())
		}
	}
	if group := describe(t, all[0]); group.GetPending() != 0 {
		t.Errorf("the group is %v", group)
	}
}

// held is how many events a member has.
func held(t *testing.T, g *Groups, m *GroupMember) int32 {
	t.Helper()
	for _, known := range describe(t, g).GetMembers() {
		if known.GetMemberId() == m.id {
			return known.GetUnacknowledged()
		}
	}
	t.Fatal("it is no member")
	return 0
}

// TestGroupIsTakenOver: when the gateway that owns a group is gone, what its members
// had goes to those of another, which keep what they have.
func TestGroupIsTakenOver(t *testing.T) {
	for name, ends := range map[string]func(*Groups, *groupOwner){
		"from a gateway that stops":      func(g *Groups, _ *groupOwner) { g.hub.Drain() },
		"from one that has stopped":      func(g *Groups, _ *groupOwner) { g.Close() },
		"from one that was killed":       func(_ *Groups, o *groupOwner) { o.die() },
		"from one that another overtook": func(_ *Groups, o *groupOwner) { o.do(func() { o.end(overtaken) }) },
	} {
		t.Run(name, func(t *testing.T) {
			log, all := gateways(t, 2)
			gone := member(t, all[0], JoinOptions{MaxUnacknowledged: 1})
			appendMany(t, log, "a", 0, 2)
			getsEvent(t, gone, "a-0", 1)
			stays := member(t, all[1], JoinOptions{MaxUnacknowledged: 10})
			o := owner(t, all[0])
			call := callOf(t, all[0], stays)
			appendMany(t, log, call, 0, 2)
			kept := getsEvent(t, stays, call+"-0", 1)
			ends(all[0], o)
			if name != "from one that another overtook" && name != "from one that was killed" {
				gone.Close()
			} else {
				gone.cancel() // its process is gone, too
				<-gone.stopped
			}
			handed := getsEvent(t, stays, "a-0", 1)
			ack(t, all[1], 1, kept)
			getsEvent(t, stays, call+"-1", 1)
			ack(t, all[1], 1, handed)
			getsEvent(t, stays, "a-1", 1)
		})
	}
}

// TestGroupOvertakenAcknowledgesNothing: one that is not the owner any more, and
// does not know it, lets nothing go on.
func TestGroupOvertakenAcknowledgesNothing(t *testing.T) {
	log, all := gateways(t, 2)
	for _, g := range all {
		g.times.lease = 4 * time.Second // long after the acknowledgement has been tried
	}
	m := member(t, all[0], JoinOptions{})
	appendMany(t, log, "a", 0, 2)
	first := getsEvent(t, m, "a-0", 1)
	o := owner(t, all[0])
	state := &logv1.GroupState{}
	var overtaking error
	eventually(t, "a quiet moment", func() (quiet bool) {
		o.do(func() {
			if quiet = !o.writing; !quiet {
				return
			}
			revision, _, err := all[1].store.get(testContext(t), stateKey(o.key), state)
			state.Owner = "another"
			_, overtaking = all[1].store.write(testContext(t), stateKey(o.key), state, revision)
			overtaking = errors.Join(err, overtaking)
		})
		return quiet
	})
	if overtaking != nil {
		t.Fatal(overtaking)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := all[1].Ack(ctx, testGroup, []string{first}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("acknowledging: %v", err)
	}
	getsNothing(t, m)
	ack(t, all[1], 1, first) // once nobody has the group, as the other does nothing
	getsEvent(t, m, "a-1", 1)
}

// TestGroupMemberThatMissesSomethingGetsIt: what is lost on the way to a member is
// found by the next push, or by its pings, and is none of the event's failures.
func TestGroupMemberThatMissesSomethingGetsIt(t *testing.T) {
	for name, another := range map[string]bool{"before something else": true, "and nothing follows": false} {
		t.Run(name, func(t *testing.T) {
			log, all := gateways(t, 1)
			m := member(t, all[0], JoinOptions{})
			appendMany(t, log, "kept", 0, 2)
			kept := getsEvent(t, m, "kept-0", 1)
			o := owner(t, all[0])
			o.do(func() { // gives out nothing
				o.awaited, o.awaiting = setOf([]string{"a member of another owner"}), time.Now().Add(patience)
			})
			appendMany(t, log, "lost", 0, 1)
			eventually(t, "reading", func() (read bool) {
				o.do(func() { read = o.machine.calls["call lost"] != nil })
				return read
			})
			o.do(func() {
				if given := o.machine.deliver(time.Now()); len(given) != 1 {
					t.Errorf("it gives out %v", given)
				}
				o.peers[m.id].sent++
				clear(o.awaited)
			})
			if another {
				appendMany(t, log, "next", 0, 1)
				wantBoth(t, m, "lost-0", "next-0")
			} else {
				getsEvent(t, m, "lost-0", 1)
			}
			getsNothing(t, m) // what it has is not given out again
			ack(t, all[0], 1, kept)
			getsEvent(t, m, "kept-1", 1)
		})
	}
}

func wantBoth(t *testing.T, m *GroupMember, ids ...string) {
	t.Helper()
	wanted := setOf(ids)
	for range ids {
		item := gets(t, m)
		if !wanted.has(item.Event.CallEvent.GetId()) || item.Attempt != 1 {
			t.Errorf("got %v, attempt %d", item.Event.CallEvent, item.Attempt)
		}
		delete(wanted, item.Event.CallEvent.GetId())
	}
}

// TestGroupMemberWithoutOwnerEnds: a stream does not stay open for a group that
// nobody can move.
func TestGroupMemberWithoutOwnerEnds(t *testing.T) {
	_, all := gateways(t, 1)
	all[0].times.patience = time.Second
	m := member(t, all[0], JoinOptions{})
	owner(t, all[0]).die() // and its lease lasts longer
	for {
		if _, err := m.Next(testContext(t)); errors.Is(err, ErrLogUnavailable) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
