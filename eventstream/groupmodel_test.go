package eventstream

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	modelAckWait       = 10 * time.Second
	modelMaxDeliveries = 3
)

// groupModel is a group whose machine works against a model of what it should do:
// the log, the members and the store are here, and nothing waits for anything.
type groupModel struct {
	*testing.T
	random *rand.Rand
	now    time.Time
	m      *groupMachine

	log     map[uint64]*Event // what the log still has
	head    uint64
	readPos uint64

	members map[string]*modelMember
	given   []uint64 // ever, in order
	names   int

	stored   groupSnapshot // whose state is durable
	letters  map[uint64]*logv1.DeadLetterRecord
	failures map[uint64]int // by the model's own count
	durable  map[uint64]int // those in stored
	inFlight *modelWrite

	acked     set[uint64] // as the machine said
	replaying set[uint64]
	forgotten set[uint64]
	gaps      []span // told
}

// modelMember is a member as its gateway sees it.
type modelMember struct {
	limit int
	holds map[uint64]time.Time // and when it must be acknowledged
}

// modelWrite is a write that is under way.
type modelWrite struct {
	snapshot groupSnapshot
	failures map[uint64]int
}

func newGroupModel(t *testing.T, seed uint64) *groupModel {
	w := &groupModel{
		T: t, random: rand.New(rand.NewPCG(seed, 7)), now: time.Unix(1e9, 0), m: newGroupMachine(modelAckWait, modelMaxDeliveries),
		log: make(map[uint64]*Event), members: make(map[string]*modelMember), letters: make(map[uint64]*logv1.DeadLetterRecord),
		failures: make(map[uint64]int), durable: make(map[uint64]int), acked: make(set[uint64]), replaying: make(set[uint64]),
		forgotten: make(set[uint64]),
	}
	w.stored.state = &logv1.GroupState{}
	return w
}

func TestMachineOfGroupsAgreesWithAModel(t *testing.T) {
	for seed := range uint64(500) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := newGroupModel(t, seed)
			actions := []func(){
				w.append, w.append, w.append, w.read, w.read, w.read, w.join, w.leave, w.wait, w.work, w.work, w.work, w.work,
				w.reject, w.lateAck, w.write, w.write, w.write, w.finishWrite, w.finishWrite, w.finishWrite, w.deliver, w.deliver, w.deliver,
				w.trim, w.crash, w.replay, w.forget,
			}
			for range 400 {
				actions[w.random.IntN(len(actions))]()
				if t.Failed() {
					return
				}
			}
			w.settle()
			w.check()
		})
	}
}

func (w *groupModel) append() {
	for range 1 + w.random.IntN(4) {
		w.head++
		if w.random.IntN(5) == 0 {
			continue // of no interest to the group
		}
		call := fmt.Sprint("call", w.random.IntN(5))
		raw, err := proto.Marshal(record(fmt.Sprint(w.head), call, typeParticipantsUpdated))
		if err != nil {
			w.Fatal(err)
		}
		if w.log[w.head], err = newEvent(logID{}, w.head, raw); err != nil {
			w.Fatal(err)
		}
	}
}

// trim takes the front of the log away, or something out of its middle.
func (w *groupModel) trim() {
	if w.head == 0 || w.random.IntN(3) > 0 {
		return
	}
	from, n := uint64(0), w.random.Uint64N(w.head+1)
	if w.random.IntN(2) == 0 {
		from, n = w.random.Uint64N(w.head), 1
	}
	for seq := from + 1; seq <= min(from+n, w.head); seq++ {
		if w.log[seq] != nil {
			w.log[seq] = nil // the hole is to be told
		}
	}
}

// read brings the machine what is next in the log.
func (w *groupModel) read() {
	defer w.freed()
	for range 1 + w.random.IntN(6) {
		if w.readPos == w.head || !w.m.room() {
			return
		}
		w.readPos++
		switch ev, there := w.log[w.readPos]; {
		case !there:
			w.m.passed(w.readPos)
		case ev != nil:
			w.m.read(ev)
		default:
			hole := span{from: w.readPos - 1, to: w.readPos, reason: callgatev1.StreamGap_REASON_RETENTION}
			for next, there := w.log[w.readPos+1]; there && next == nil; next, there = w.log[w.readPos+1] {
				w.readPos++
				hole.to = w.readPos
			}
			w.m.missing(hole)
		}
	}
}

func (w *groupModel) join() {
	if len(w.members) >= 4 {
		return
	}
	w.names++
	id := fmt.Sprint("m", w.names)
	w.members[id] = &modelMember{limit: 1 + w.random.IntN(3), holds: make(map[uint64]time.Time)}
	w.m.join(w.now, id, w.members[id].limit, nil)
}

// some is a member at random; empty when there is none.
func (w *groupModel) some() string {
	ids := slices.Sorted(maps.Keys(w.members))
	if len(ids) == 0 {
		return ""
	}
	return ids[w.random.IntN(len(ids))]
}

func (w *groupModel) leave() {
	id := w.some()
	if id == "" || w.random.IntN(3) > 0 {
		return
	}
	cause := callgatev1.DeadLetter_CAUSE_UNSPECIFIED
	var sent []uint64
	if w.random.IntN(2) == 0 {
		cause = callgatev1.DeadLetter_CAUSE_MEMBER_LEFT
		for _, seq := range slices.Sorted(maps.Keys(w.members[id].holds)) {
			if w.random.IntN(3) > 0 {
				sent = append(sent, seq)
				w.failures[seq] += w.counts(seq)
			}
		}
	}
	w.m.leave(w.now, id, cause, sent...)
	delete(w.members, id)
	w.freed()
}

// freed tells the members what they need not deal with any more.
func (w *groupModel) freed() {
	for _, f := range w.m.freed {
		if member := w.members[f.member]; member != nil {
			delete(member.holds, f.seq)
		}
	}
	w.m.freed = nil
}

// wait lets time pass, for as long as it may be before something is due, or more.
func (w *groupModel) wait() {
	w.now = w.now.Add(time.Duration(w.random.Int64N(int64(modelAckWait))))
	for _, member := range w.members {
		for seq, due := range member.holds {
			if !w.now.Before(due) {
				w.failures[seq] += w.counts(seq)
			}
		}
	}
	w.m.tick(w.now)
	w.freed()
	for id, member := range w.members {
		for seq, due := range member.holds {
			if !w.now.Before(due) {
				w.Errorf("%s has %d still, which was due at %v", id, seq, due)
			}
		}
	}
}

// work acknowledges some of what a member has.
func (w *groupModel) work() {
	id := w.some()
	if id == "" {
		return
	}
	var seqs []uint64
	for _, seq := range slices.Sorted(maps.Keys(w.members[id].holds)) {
		if w.random.IntN(3) > 0 {
			seqs = append(seqs, seq)
		}
	}
	w.ack(seqs...)
}

func (w *groupModel) ack(seqs ...uint64) {
	if _, ok := w.m.ack(seqs); !ok {
		w.Errorf("no room to acknowledge %v", seqs)
	}
	w.freed()
	for _, seq := range seqs {
		if w.failures[seq] < modelMaxDeliveries {
			w.acked[seq] = struct{}{}
		}
	}
}

func (w *groupModel) lateAck() {
	if len(w.given) == 0 || w.random.IntN(4) > 0 {
		return
	}
	w.ack(w.given[w.random.IntN(len(w.given))])
}

// counts is 1, the number of failures when a delivery is in vain; but 0 of what a
// member has that the machine did not read yet.
func (w *groupModel) counts(seq uint64) int {
	if _, claimed := w.m.claims[seq]; claimed {
		return 0
	}
	return 1
}

func (w *groupModel) reject() {
	id := w.some()
	if id == "" {
		return
	}
	held := slices.Sorted(maps.Keys(w.members[id].holds))
	if len(held) == 0 {
		return
	}
	delay, counts := time.Duration(w.random.IntN(2))*time.Second, w.counts(held[0])
	w.failures[held[0]] += counts
	if n := w.m.nack(w.now, held[:1], delay, ""); n != counts {
		w.Errorf("%d was not rejected, though %s has it", held[0], id)
	}
	w.freed()
}

// write begins to write.
func (w *groupModel) write() {
	if w.inFlight == nil {
		w.inFlight = &modelWrite{w.m.snapshot(), maps.Clone(w.failures)}
	}
}

// finishWrite writes what was begun, or a part of it, with or without saying so.
func (w *groupModel) finishWrite() {
	if w.inFlight == nil {
		return
	}
	write := w.inFlight
	w.inFlight = nil
	if len(write.snapshot.buried) > 0 && w.random.IntN(6) == 0 { // there is no room for dead letters
		for _, e := range w.m.closing {
			if e.grave {
				w.failures[e.seq] = modelMaxDeliveries - 1
			}
		}
		w.m.notBuried(w.now)
		return
	}
	for _, e := range write.snapshot.buried {
		w.letters[e.seq] = e.deadLetter(w.now)
		delete(w.replaying, e.seq)
	}
	for _, seq := range write.snapshot.raised {
		delete(w.letters, seq)
	}
	if w.random.IntN(8) == 0 {
		return // the state was not written
	}
	raw, err := proto.Marshal(write.snapshot.state)
	if err != nil {
		w.Fatal(err)
	}
	w.stored, w.durable = write.snapshot, write.failures
	w.stored.state = &logv1.GroupState{}
	if err := proto.Unmarshal(raw, w.stored.state); err != nil {
		w.Fatal(err)
	}
	w.m.wrote(write.snapshot.version)
}

// open tells whether the durable state still has an event to deal with.
func (w *groupModel) open(seq uint64) bool {
	state := w.stored.state
	return slices.Contains(state.GetOpen(), seq) ||
		slices.ContainsFunc(state.GetNoted(), func(e *logv1.OpenEntry) bool { return e.GetSeq() == seq }) ||
		(seq > state.GetThrough() && !slices.Contains(state.GetEarly(), seq))
}

// deliver gives out, and checks that it may.
func (w *groupModel) deliver() {
	w.freed()
	given := w.m.deliver(w.now)
	w.freed()
	for _, d := range given {
		seq, member := d.entry.seq, w.members[d.member]
		if member == nil {
			w.Fatalf("%d was given to %s, who is not there", seq, d.member)
		}
		if d.entry.hole != nil {
			w.gaps = append(w.gaps, *d.entry.hole)
		} else {
			w.mayGive(d)
		}
		member.holds[seq] = w.now.Add(modelAckWait)
		if len(member.holds) > member.limit {
			w.Errorf("%s has %d, and may have %d", d.member, len(member.holds), member.limit)
		}
		w.given = append(w.given, seq)
	}
}

func (w *groupModel) mayGive(d groupDelivery) {
	seq, call := d.entry.seq, CallKey(d.entry.event.CallEvent)
	if got := d.entry.failures; got != w.failures[seq] || got >= modelMaxDeliveries {
		w.Errorf("%d was given out for the %dth time, and failed %d times", seq, got+1, w.failures[seq])
	}
	if !w.open(seq) && !w.replaying.has(seq) {
		w.Errorf("%d was given out, though it is durable that it is dealt with", seq)
	}
	for id, member := range w.members {
		for other := range member.holds {
			if ev := w.log[other]; ev != nil && CallKey(ev.CallEvent) == call {
				w.Errorf("%d was given to %s while %s has %d of that call", seq, d.member, id, other)
			}
		}
	}
	if w.replaying.has(seq) {
		return
	}
	for earlier, ev := range w.log {
		if ev != nil && earlier < seq && CallKey(ev.CallEvent) == call && w.open(earlier) && !w.replaying.has(earlier) {
			w.Errorf("%d was given out before %d of that call was dealt with", seq, earlier)
		}
	}
}

// crash has another owner take over from what is durable. Of the members, some are
// gone too; the others say what they have.
func (w *groupModel) crash() {
	if w.random.IntN(3) > 0 {
		return
	}
	w.inFlight = nil
	w.failures = maps.Clone(w.durable)
	events := make(map[uint64]*Event)
	for _, e := range w.stored.state.GetNoted() {
		if letter := w.letters[e.GetSeq()]; e.GetReplay() && letter != nil {
			ev, err := newEvent(logID{}, e.GetSeq(), letter.GetRecord())
			if err != nil {
				w.Fatal(err)
			}
			events[e.GetSeq()] = ev
		}
	}
	w.m = newGroupMachine(modelAckWait, modelMaxDeliveries)
	w.readPos = w.m.restore(w.stored.state, events)
	raised := w.replaying // those of which the letter is gone, which is that they were acknowledged
	w.replaying = make(set[uint64])
	for _, e := range w.m.entries {
		if e.replay {
			w.replaying[e.seq] = struct{}{}
			delete(raised, e.seq)
		}
	}
	for seq := range w.acked {
		if w.open(seq) && !raised.has(seq) {
			delete(w.acked, seq)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.members)) {
		member := w.members[id]
		if w.random.IntN(3) == 0 {
			delete(w.members, id)
			continue
		}
		w.m.join(w.now, id, member.limit, slices.Sorted(maps.Keys(member.holds)))
		for seq := range member.holds {
			member.holds[seq] = w.now.Add(modelAckWait)
		}
		has := maps.Clone(member.holds)
		w.freed()
		for seq := range has {
			if _, still := member.holds[seq]; !still && w.open(seq) && w.failures[seq] < modelMaxDeliveries {
				w.Errorf("%s has %d, but may not keep it", id, seq)
			}
		}
	}
}

func (w *groupModel) replay() {
	if w.inFlight != nil || w.random.IntN(3) > 0 {
		return
	}
	for _, seq := range slices.Sorted(maps.Keys(w.letters)) {
		if w.m.entries[seq] != nil {
			continue
		}
		ev, err := newEvent(logID{}, seq, w.letters[seq].GetRecord())
		if err != nil {
			w.Fatal(err)
		}
		if n := w.m.replay([]*Event{ev}); n != 1 {
			w.Errorf("%d is not replayed", seq)
		}
		w.replaying[seq] = struct{}{}
		w.failures[seq] = 0
		return
	}
}

func (w *groupModel) forget() {
	if w.inFlight != nil || w.random.IntN(6) > 0 {
		return
	}
	dead := slices.Sorted(maps.Keys(w.letters))
	if len(dead) == 0 {
		return
	}
	if _, others := w.m.forget(dead[:1]); len(others) > 0 && w.m.entries[dead[0]] == nil {
		delete(w.letters, dead[0])
	}
	w.freed()
	w.forgotten[dead[0]] = struct{}{}
}

// settle has everybody do what they should, until nothing is left.
func (w *groupModel) settle() {
	w.join()
	for range 10000 {
		w.wait()
		w.read()
		w.deliver()
		for _, member := range w.members {
			w.ack(slices.Sorted(maps.Keys(member.holds))...)
		}
		w.write()
		w.finishWrite()
		if w.readPos == w.head && len(w.m.entries) == 0 && w.inFlight == nil && !w.m.changed() {
			return
		}
	}
	w.Fatalf("it does not come to an end: %d entries, at %d of %d", len(w.m.entries), w.readPos, w.head)
}

// check accounts for every event.
func (w *groupModel) check() {
	if w.m.position() != w.head {
		w.Errorf("the position is %d, the log's end %d", w.m.position(), w.head)
	}
	told := func(seq uint64) bool {
		return slices.ContainsFunc(w.gaps, func(gap span) bool { return seq > gap.from && seq <= gap.to })
	}
	for seq := uint64(1); seq <= w.head; seq++ {
		ev, interesting := w.log[seq]
		if !interesting {
			continue
		}
		_, dead := w.letters[seq]
		switch failed := w.failures[seq]; {
		case w.forgotten.has(seq):
		case dead:
			if failed != modelMaxDeliveries && ev != nil { // else the hole in its place may have failed too
				w.Errorf("%d is a dead letter, and failed %d times", seq, failed)
			}
		case w.acked.has(seq):
			if !slices.Contains(w.given, seq) {
				w.Errorf("%d was never given out", seq)
			}
		case ev == nil && told(seq):
		default:
			w.Errorf("%d was not dealt with: it failed %d times, trimmed %v, told %v", seq, failed, ev == nil, told(seq))
		}
	}
	if m := w.m; len(m.calls) != 0 || m.bytes != 0 || m.replays != 0 || m.unloaded != 0 || len(m.order) > 1 {
		w.Errorf("left over: %d calls, %d bytes, %d replays, %d unloaded", len(m.calls), m.bytes, m.replays, m.unloaded)
	}
}
