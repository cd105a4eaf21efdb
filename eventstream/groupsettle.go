package eventstream

import (
	"slices"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// reopen takes back that e is settled.
func (m *groupMachine) reopen(e *groupEntry) {
	e.settled = 0
	m.closing = slices.DeleteFunc(m.closing, func(of *groupEntry) bool { return of == e })
}

// ack takes acknowledgements and returns how many are news. ok is false when there
// was no room for some.
func (m *groupMachine) ack(seqs []uint64) (n int, ok bool) {
	ok = true
	for _, seq := range seqs {
		e := m.entries[seq]
		switch {
		case e != nil && e.hole != nil && !e.given: // it is of the event that was where the hole ends
		case e != nil && e.settled == 0 && e.dying == 0:
			if e.unloaded() {
				m.unloaded--
			}
			if e.holder != nil {
				m.unstall(e.holder)
			}
			m.settle(e)
			m.counts.acknowledged++
			n++
		case e != nil || seq <= m.through || m.early.has(seq):
		case len(m.early) >= maxGroupEarly:
			ok = false
		default:
			m.unclaim(seq)
			m.early[seq] = struct{}{}
			m.change()
			n++
		}
	}
	return n, ok
}

// nack takes rejections and returns how many concerned what a member has.
func (m *groupMachine) nack(now time.Time, seqs []uint64, delay time.Duration, note string) (n int) {
	for _, seq := range seqs {
		m.unclaim(seq)
		if e := m.entries[seq]; e != nil && e.holder != nil {
			m.unstall(e.holder)
			m.fail(now, e, callgatev1.DeadLetter_CAUSE_REJECTED, note, delay)
			n++
		}
	}
	return n
}

// closes tells whether some of seqs are just being acknowledged or given up.
func (m *groupMachine) closes(seqs []uint64) bool {
	return slices.ContainsFunc(seqs, func(seq uint64) bool {
		e := m.entries[seq]
		return e != nil && (e.dying > 0 || e.settled > 0)
	})
}

// replay gives dead letters out again and returns how many are news.
func (m *groupMachine) replay(events []*Event) (n int) {
	for _, ev := range events {
		if m.entries[ev.Seq] != nil || m.replays >= maxGroupReplays {
			continue
		}
		e := &groupEntry{seq: ev.Seq, replay: true}
		m.open(e)
		m.load(e, ev)
		m.change()
		n++
	}
	return n
}

// forget takes dead letters back that are given out again, and returns how many
// those are, and which of seqs are not.
func (m *groupMachine) forget(seqs []uint64) (n int, others []uint64) {
	for _, seq := range seqs {
		e := m.entries[seq]
		switch {
		case e == nil || !e.replay:
			others = append(others, seq)
		case e.settled == 0 && e.dying == 0:
			m.settle(e)
			n++
		}
	}
	return n, others
}

// settle closes e, as soon as that is written.
func (m *groupMachine) settle(e *groupEntry) {
	m.free(e)
	e.settled = m.change()
	m.closing = append(m.closing, e)
}

// fail counts a delivery that was in vain.
func (m *groupMachine) fail(now time.Time, e *groupEntry, cause callgatev1.DeadLetter_Cause, note string, delay time.Duration) {
	m.detach(e)
	e.failures++
	e.cause, e.note = cause, note
	switch {
	case e.failures < m.maxDeliveries:
		m.change()
		if delay > 0 {
			e.delayed, e.deadline = true, now.Add(delay)
			m.wakeAt(e.deadline)
		}
	case e.hole != nil:
		m.counts.gapsGivenUp++
		m.settle(e)
	default:
		e.dying = m.change()
		m.dying = append(m.dying, e)
	}
	if e.call != nil {
		m.offer(e.call)
	}
}

// free takes e from its holder; its call still waits for it.
func (m *groupMachine) free(e *groupEntry) {
	if e.holder == nil {
		return
	}
	delete(e.holder.held, e)
	m.freed = append(m.freed, groupFreed{e.holder.id, e.seq})
	e.holder = nil
}

// detach takes e from its holder, so that it can be given to another.
func (m *groupMachine) detach(e *groupEntry) {
	m.free(e)
	if e.call != nil && e.call.active == e {
		e.call.active = nil
	}
}

// wrote says that the state of a version is durable, with the dead letters that
// snapshot gave with it.
func (m *groupMachine) wrote(version uint64) {
	m.written = max(m.written, version)
	for len(m.closing) > 0 && m.closing[0].settled <= version {
		m.remove(m.closing[0])
		m.closing = m.closing[1:]
	}
	m.dying = slices.DeleteFunc(m.dying, func(e *groupEntry) bool {
		if e.settled == 0 && e.dying > 0 && (e.dying > version || e.event == nil) {
			return false
		}
		if e.settled == 0 && e.dying > 0 {
			e.grave = true
			m.settle(e)
		}
		return true
	})
}

// notBuried says that the list of dead letters took none of those that were to come
// on it: they are given out once more, a while later.
func (m *groupMachine) notBuried(now time.Time) {
	for _, e := range slices.Clone(m.closing) {
		if !e.grave {
			continue
		}
		m.reopen(e)
		e.grave, e.dying, e.failures = false, 0, m.maxDeliveries-1
		e.delayed, e.deadline = true, now.Add(m.ackWait)
		m.wakeAt(e.deadline)
	}
	m.change()
}

// remove forgets an entry, and lets its call go on.
func (m *groupMachine) remove(e *groupEntry) {
	delete(m.entries, e.seq)
	if e.replay {
		m.replays--
	}
	if e.grave {
		m.counts.buried++
	}
	if e.event != nil {
		m.bytes -= len(e.event.record)
	}
	c := e.call
	if c == nil {
		return
	}
	if c.active == e {
		c.active = nil
	}
	if at := slices.Index(c.queue, e); at >= 0 {
		c.queue = slices.Delete(c.queue, at, at+1)
	}
	if len(c.queue) == 0 {
		delete(m.calls, c.key) // if it is in a member's ready, it is passed over there
		return
	}
	m.offer(c)
}
