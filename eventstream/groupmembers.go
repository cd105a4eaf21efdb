package eventstream

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// groupMember is a stream that has joined.
type groupMember struct {
	id           string
	limit        int
	held         set[*groupEntry]
	ready        readyCalls // whose next event is for it
	since        uint64     // the version of the state that first knows it
	stalled      bool       // it let ack_wait run out, and has done nothing since
	stalledUntil time.Time
}

// groupDelivery is an event or a hole to be sent to a member.
type groupDelivery struct {
	member string
	entry  *groupEntry
}

// join makes a member, or an old one anew. It has the events of holds already:
// those that are still open stay with it.
func (m *groupMachine) join(now time.Time, id string, limit int, holds []uint64) {
	m.part(id)
	m.freed = slices.DeleteFunc(m.freed, func(f groupFreed) bool { return f.member == id }) // it says itself what it has
	member := &groupMember{id: id, limit: limit, held: make(set[*groupEntry]), since: m.change()}
	m.members[id] = member
	at, _ := slices.BinarySearchFunc(m.sorted, id, func(a *groupMember, id string) int { return cmp.Compare(a.id, id) })
	m.sorted = slices.Insert(m.sorted, at, member)
	for _, seq := range holds {
		e := m.entries[seq]
		if e == nil && seq > m.through && !m.early.has(seq) {
			m.claims[seq] = groupClaim{member, now.Add(m.ackWait)}
			m.wakeAt(now.Add(m.ackWait))
			continue
		}
		if e == nil || e.settled > 0 || e.dying > 0 || e.holder != nil || e.delayed || (e.call != nil && e.call.active != nil) {
			m.freed = append(m.freed, groupFreed{id, seq})
			continue
		}
		m.hold(member, e, now.Add(m.ackWait))
	}
	m.assign()
}

// hold gives e to a member.
func (m *groupMachine) hold(member *groupMember, e *groupEntry, deadline time.Time) {
	e.holder, e.deadline = member, deadline
	member.held[e] = struct{}{}
	if e.call != nil {
		e.call.active = e
	}
	m.wakeAt(e.deadline)
}

// leave ends a membership. What it was sent was given out in vain, for a cause;
// what it had else, and all without a cause, is simply given to another.
func (m *groupMachine) leave(now time.Time, id string, cause callgatev1.DeadLetter_Cause, sent ...uint64) {
	member := m.members[id]
	if member == nil {
		return
	}
	for _, seq := range sent {
		if e := m.entries[seq]; e != nil && e.holder == member && cause != callgatev1.DeadLetter_CAUSE_UNSPECIFIED {
			m.fail(now, e, cause, "", 0)
		}
	}
	m.part(id)
	m.change()
	m.assign()
}

// part takes a member away.
func (m *groupMachine) part(id string) {
	member := m.members[id]
	if member == nil {
		return
	}
	for _, e := range member.holding() {
		m.detach(e)
	}
	maps.DeleteFunc(m.claims, func(_ uint64, claim groupClaim) bool { return claim.member == member })
	delete(m.members, id)
	m.sorted = slices.DeleteFunc(m.sorted, func(of *groupMember) bool { return of == member })
}

// holding is what the member has, by position.
func (member *groupMember) holding() []*groupEntry {
	held := make([]*groupEntry, 0, len(member.held))
	for e := range member.held {
		held = append(held, e)
	}
	slices.SortFunc(held, func(a, b *groupEntry) int { return cmp.Compare(a.seq, b.seq) })
	return held
}

// stall passes a member over until it does something, or for another ackWait.
func (m *groupMachine) stall(member *groupMember, now time.Time) {
	member.stalledUntil = now.Add(m.ackWait)
	m.wakeAt(member.stalledUntil)
	if !member.stalled {
		member.stalled = true
		m.assign()
	}
}

func (m *groupMachine) unstall(member *groupMember) {
	if member.stalled {
		member.stalled = false
		m.assign()
	}
}

// choose is the member that a call's events go to: the same as long as the members
// are, and when they change, another for few calls. Nil: there is none.
func (m *groupMachine) choose(key string) *groupMember {
	var best *groupMember
	var most uint64
	for _, stalled := range []bool{false, true} { // rather those than nobody
		for _, member := range m.sorted {
			if member.stalled != stalled {
				continue
			}
			if weight := xxhash.Sum64String(member.id + "\n" + key); best == nil || weight > most {
				best, most = member, weight
			}
		}
		if best != nil {
			break
		}
	}
	return best
}

// assign chooses anew for every call.
func (m *groupMachine) assign() {
	for _, member := range m.sorted {
		member.ready = nil
	}
	for _, c := range m.calls {
		c.target, c.queued = m.choose(c.key), false
		m.offer(c)
	}
}

// next is the entry that the call waits to give out; nil when there is none now.
func (c *groupCall) next() *groupEntry {
	if c.active != nil || len(c.queue) == 0 {
		return nil
	}
	if e := c.queue[0]; e.settled == 0 && e.dying == 0 && !e.delayed {
		return e
	}
	return nil
}

// offer lets the call's member know that there is something for it.
func (m *groupMachine) offer(c *groupCall) {
	if !c.queued && c.target != nil && c.next() != nil {
		c.queued = true
		heap.Push(&c.target.ready, readyCall{c.queue[0].seq, c})
	}
}

// deliver gives out what may be given out. Replays wait until all has been read
// again: somebody may have another event of their calls.
func (m *groupMachine) deliver(now time.Time) (out []groupDelivery) {
	var waiting []*groupCall
	claimed := m.claimed()
	for _, member := range m.sorted {
		if member.since > m.written {
			continue // else nobody would wait for it to come back
		}
		for len(member.held)+claimed[member] < member.limit && len(member.ready) > 0 {
			c := heap.Pop(&member.ready).(readyCall).call
			c.queued = false
			e := c.next()
			switch {
			case e == nil:
				continue
			case e.replay && m.unloaded > 0:
				waiting = append(waiting, c)
				continue
			}
			m.hold(member, e, now.Add(m.ackWait))
			e.given = true
			m.counts.delivered++
			if e.failures > 0 {
				m.counts.redelivered++
			}
			out = append(out, groupDelivery{member.id, e})
		}
	}
	for _, c := range waiting {
		m.offer(c)
	}
	return out
}

// unclaim takes an event that has not been read again from the member that claims
// it. If that is as it failed, the failure is not counted.
func (m *groupMachine) unclaim(seq uint64) {
	if claim, is := m.claims[seq]; is {
		delete(m.claims, seq)
		m.freed = append(m.freed, groupFreed{claim.member.id, seq})
	}
}

// claimed counts the claims of members, but for those that have come to nothing.
func (m *groupMachine) claimed() map[*groupMember]int {
	if len(m.claims) == 0 {
		return nil
	}
	n := make(map[*groupMember]int)
	for seq, claim := range m.claims {
		if seq <= m.through {
			m.unclaim(seq)
			continue
		}
		n[claim.member]++
	}
	return n
}

// readyCall is a call that has an event to give out, and its position.
type readyCall struct {
	seq  uint64
	call *groupCall
}

// readyCalls is a heap, the earliest first.
type readyCalls []readyCall

func (r readyCalls) Len() int           { return len(r) }
func (r readyCalls) Less(i, j int) bool { return r[i].seq < r[j].seq }
func (r readyCalls) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }

// Push implements heap.Interface.
func (r *readyCalls) Push(x any) { *r = append(*r, x.(readyCall)) }

// Pop implements heap.Interface.
func (r *readyCalls) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}
