package eventstream

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	// maxGroupAhead bounds how many events a group holds that are neither
	// acknowledged nor given up; at it, reading waits.
	maxGroupAhead = 4096
	// maxGroupBytes bounds how much of the log that is, but for the last event.
	maxGroupBytes = 32 << 20
	// maxGroupReplays bounds how many dead letters are given out again at a time.
	maxGroupReplays = 1000
	// maxGroupEarly bounds the acknowledgements of events that the group has not
	// come to yet, which only a new owner meets.
	maxGroupEarly = 4096
)

// groupMachine decides all that a group does. It does nothing itself, knows no
// clock and is for one goroutine: what happened comes in, and deliver and snapshot
// say what to send and what to write.
//
// What frees the next event of a call, an acknowledgement or a dead letter, counts
// only once it is written: until then the call waits, so that no crash can bring
// back an event whose successor has been given out.
type groupMachine struct {
	ackWait       time.Duration
	maxDeliveries int

	through  uint64                 // the log was looked at up to here
	entries  map[uint64]*groupEntry // all that is open, and what is closing
	order    []uint64               // their positions, but for replays'; some may be gone
	unloaded int                    // entries of a state that was taken over, to be read again
	replays  int
	bytes    int
	early    set[uint64] // acknowledged behind through
	claims   map[uint64]groupClaim

	calls   map[string]*groupCall
	members map[string]*groupMember
	sorted  []*groupMember // all members, by id
	freed   []groupFreed
	alarm   time.Time // nothing changes by itself before; zero: at all

	version uint64 // of the state, one more with each change that must be written
	written uint64
	closing []*groupEntry // settled, until that is written
	dying   []*groupEntry // failed for the last time, until that is written

	counts groupCounts
}

// groupCounts are what metrics are made of.
type groupCounts struct {
	delivered, redelivered, acknowledged, buried, gapsGivenUp int
}

// groupEntry is an event, or a hole, that the group has to deal with.
type groupEntry struct {
	seq    uint64
	call   *groupCall
	event  *Event // nil: a hole, or not read again yet
	hole   *span
	replay bool
	given  bool // by this machine
	listed bool // it may be on the list of dead letters already

	failures int
	cause    callgatev1.DeadLetter_Cause
	note     string

	holder   *groupMember
	deadline time.Time // of the holder; else, when delayed, of the delay
	delayed  bool
	dying    uint64 // the version that has its last failure
	settled  uint64 // the version that no longer has it
	grave    bool   // it is settled as a dead letter
}

// groupCall is what belongs together and comes one by one.
type groupCall struct {
	key    string
	queue  []*groupEntry // by position
	active *groupEntry   // that a member has
	target *groupMember
	queued bool // in target.ready
}

// groupClaim is of a member that has an event which lies behind through, from an
// owner before that had read further.
type groupClaim struct {
	member   *groupMember
	deadline time.Time
}

// groupFreed is an event that a member need not deal with any more.
type groupFreed struct {
	member string
	seq    uint64
}

func newGroupMachine(ackWait time.Duration, maxDeliveries int) *groupMachine {
	return &groupMachine{
		ackWait:       ackWait,
		maxDeliveries: maxDeliveries,
		entries:       make(map[uint64]*groupEntry),
		early:         make(set[uint64]),
		claims:        make(map[uint64]groupClaim),
		calls:         make(map[string]*groupCall),
		members:       make(map[string]*groupMember),
	}
}

// CallKey is what ev belongs to: a group gives out one event of it at a time.
func CallKey(ev *callgatev1.CallEvent) string {
	switch {
	case ev.GetCallConnectionId() != "":
		return "call " + ev.GetCallConnectionId()
	case ev.GetServerCallId() != "":
		return "server call " + ev.GetServerCallId()
	case ev.GetCorrelationId() != "":
		return "correlation " + ev.GetCorrelationId()
	}
	return "event " + ev.GetCursor()
}

// room tells whether more may be read.
func (m *groupMachine) room() bool {
	return m.bytes < maxGroupBytes && (m.unloaded > 0 || len(m.entries)-m.replays < maxGroupAhead)
}

// read takes the next event of the log that matches.
func (m *groupMachine) read(ev *Event) {
	e := m.entries[ev.Seq]
	switch {
	case ev.Seq > m.through:
		m.through = ev.Seq
		e = &groupEntry{seq: ev.Seq}
		m.open(e)
		if claim, is := m.claims[ev.Seq]; is {
			delete(m.claims, ev.Seq)
			m.hold(claim.member, e, claim.deadline)
		}
	case e == nil || e.event != nil:
		return // dealt with already
	case e.unloaded():
		m.unloaded--
	}
	m.load(e, ev)
	if m.early.has(ev.Seq) { // its call waits until that is durable, too
		m.settle(e)
	}
}

// unloaded tells whether e must be read again.
func (e *groupEntry) unloaded() bool { return e.event == nil && e.hole == nil && e.settled == 0 }

// open adds e to what is open.
func (m *groupMachine) open(e *groupEntry) {
	m.entries[e.seq] = e
	if e.replay {
		m.replays++
		return
	}
	at, _ := slices.BinarySearch(m.order, e.seq)
	m.order = slices.Insert(m.order, at, e.seq)
}

// load completes an entry by its event.
func (m *groupMachine) load(e *groupEntry, ev *Event) {
	e.event = ev
	m.bytes += len(ev.record)
	if e.dying > 0 { // it could not be kept without
		e.dying = m.change()
	}
	m.place(e, CallKey(ev.CallEvent))
}

// place puts e into the queue of its call.
func (m *groupMachine) place(e *groupEntry, key string) {
	c := m.calls[key]
	if c == nil {
		c = &groupCall{key: key, target: m.choose(key)}
		m.calls[key] = c
	}
	e.call = c
	at, _ := slices.BinarySearchFunc(c.queue, e, func(a, b *groupEntry) int { return cmp.Compare(a.seq, b.seq) })
	c.queue = slices.Insert(c.queue, at, e)
	if e.holder != nil { // adopted before it was read
		if c.active == nil {
			c.active = e
		} else {
			m.detach(e)
		}
	}
	m.offer(c)
}

// passed says that nothing that matches is left up to seq.
func (m *groupMachine) passed(seq uint64) { m.through = max(m.through, seq) }

// missing takes a hole of the log. What is already known of it is not told again.
func (m *groupMachine) missing(hole span) {
	lost := false
	for e := m.entries[hole.to]; e != nil && e.replay; e = m.entries[hole.to] {
		hole.to-- // that position is the replay's
	}
	last := m.entries[hole.to]
	for _, e := range m.entries {
		if e.unloaded() && e.seq > hole.from && e.seq <= hole.to {
			lost = true
			m.unloaded--
			if e != last {
				m.settle(e)
			}
		}
	}
	if hole.to <= m.through && !lost {
		return
	}
	if !lost {
		hole.from = max(hole.from, m.through)
	}
	m.through = max(m.through, hole.to)
	switch {
	case last == nil:
		last = &groupEntry{seq: hole.to, hole: &hole}
		m.open(last)
		m.placeHole(last)
	case last.hole != nil: // it has become longer, and is to be told again
		m.detach(last)
		m.reopen(last)
		last.hole.from, last.given = min(last.hole.from, hole.from), false
		m.offer(last.call)
	default: // an event that is lost becomes the end of the hole
		m.detach(last)
		m.reopen(last)
		last.hole, last.failures, last.dying = &hole, 0, 0
		m.placeHole(last)
	}
}

// placeHole gives a hole a call of its own.
func (m *groupMachine) placeHole(e *groupEntry) { m.place(e, "gap "+strconv.FormatUint(e.seq, 10)) }

// change counts a change that must be written.
func (m *groupMachine) change() uint64 {
	m.version++
	return m.version
}

// tick does what is due by now.
func (m *groupMachine) tick(now time.Time) {
	if m.alarm.IsZero() || now.Before(m.alarm) {
		return
	}
	m.alarm = time.Time{}
	for _, member := range m.sorted {
		for _, e := range member.holding() {
			if now.Before(e.deadline) {
				m.wakeAt(e.deadline)
				continue
			}
			m.stall(member, now)
			m.fail(now, e, callgatev1.DeadLetter_CAUSE_ACK_WAIT, "", 0)
		}
		switch {
		case !member.stalled:
		case now.Before(member.stalledUntil):
			m.wakeAt(member.stalledUntil)
		default:
			m.unstall(member)
		}
	}
	for seq, claim := range m.claims {
		if now.Before(claim.deadline) {
			m.wakeAt(claim.deadline)
		} else {
			m.unclaim(seq)
		}
	}
	for _, e := range m.entries {
		if !e.delayed {
			continue
		}
		if now.Before(e.deadline) {
			m.wakeAt(e.deadline)
			continue
		}
		e.delayed = false
		if e.call != nil {
			m.offer(e.call)
		}
	}
}

// wakeAt has tick act at t.
func (m *groupMachine) wakeAt(t time.Time) {
	if m.alarm.IsZero() || t.Before(m.alarm) {
		m.alarm = t
	}
}

// position is before the first that is open.
func (m *groupMachine) position() uint64 {
	for len(m.order) > 0 {
		if e := m.entries[m.order[0]]; e != nil && !e.replay {
			break
		}
		m.order = m.order[1:]
	}
	if len(m.order) == 0 {
		return m.through
	}
	return m.order[0] - 1
}
