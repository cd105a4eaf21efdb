package eventstream

import (
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
)

// groupSnapshot is what has to be written, in this order: the dead letters that
// come and go, then the state.
type groupSnapshot struct {
	version uint64
	state   *logv1.GroupState
	buried  []*groupEntry // to be put on the list of dead letters
	raised  []uint64      // to be taken off it
}

// changed tells whether there is something to write that somebody waits for.
func (m *groupMachine) changed() bool { return m.version > m.written }

// maxStateNotes bounds the notes of a state, in bytes; further ones are not durable
// before their events are dead letters. The rest of a state is some 100 KiB at most.
const maxStateNotes = 128 << 10

// snapshot is the group as it is to be written. A dead letter comes on the list
// before it leaves the state, and only after its last failure was written, so that
// whoever takes over in between gives it out to nobody.
func (m *groupMachine) snapshot() groupSnapshot {
	maps.DeleteFunc(m.early, func(seq uint64, _ struct{}) bool { return seq <= m.through })
	s := groupSnapshot{version: m.version, state: &logv1.GroupState{
		Through: m.through,
		Early:   slices.Sorted(maps.Keys(m.early)),
		Members: slices.Sorted(maps.Keys(m.members)),
	}}
	notes := 0
	for _, seq := range slices.Sorted(maps.Keys(m.entries)) {
		e := m.entries[seq]
		switch {
		case e.settled > 0 && e.grave:
			e.listed = true
			s.buried = append(s.buried, e)
		case e.settled > 0 && (e.replay || e.listed):
			s.raised = append(s.raised, seq)
		case e.settled > 0:
		case e.failures == 0 && e.hole == nil && !e.replay && !e.listed:
			s.state.Open = append(s.state.Open, seq)
		default:
			noted := &logv1.OpenEntry{Seq: seq, Failures: int32(e.failures), Cause: e.cause, Replay: e.replay, Listed: e.listed}
			if notes += len(e.note); notes <= maxStateNotes {
				noted.Note = e.note
			}
			if e.hole != nil {
				noted.Hole = &logv1.Hole{From: e.hole.from, Reason: e.hole.reason}
			}
			s.state.Noted = append(s.state.Noted, noted)
		}
	}
	return s
}

// restore takes over from a state. The dead letters that are given out again come
// with it; other events are to be read again, behind the position that it returns.
func (m *groupMachine) restore(state *logv1.GroupState, letters map[uint64]*Event) (readAfter uint64) {
	m.through, readAfter = state.GetThrough(), state.GetThrough()
	for _, seq := range state.GetEarly() {
		m.early[seq] = struct{}{}
	}
	noted := slices.Clone(state.GetNoted())
	for _, seq := range state.GetOpen() {
		noted = append(noted, &logv1.OpenEntry{Seq: seq})
	}
	for _, n := range noted {
		e := &groupEntry{seq: n.GetSeq(), failures: int(n.GetFailures()), cause: n.GetCause(), note: n.GetNote(), replay: n.GetReplay(), listed: n.GetListed()}
		if e.replay && letters[e.seq] == nil {
			continue // taken off the list just before
		}
		m.open(e)
		if e.failures >= m.maxDeliveries {
			e.dying = m.change()
			m.dying = append(m.dying, e)
		}
		switch {
		case e.replay:
			m.load(e, letters[e.seq])
		case n.GetHole() != nil:
			e.hole = &span{from: n.GetHole().GetFrom(), to: e.seq, reason: n.GetHole().GetReason()}
			m.placeHole(e)
		default:
			m.unloaded++
			readAfter = min(readAfter, e.seq-1)
		}
	}
	return readAfter
}

// deadLetter is e as it is kept, given up at a time.
func (e *groupEntry) deadLetter(at time.Time) *logv1.DeadLetterRecord {
	return &logv1.DeadLetterRecord{
		Seq: e.seq, Record: e.event.record, Deliveries: int32(e.failures), Cause: e.cause, Note: e.note, Time: timestamppb.New(at),
	}
}
