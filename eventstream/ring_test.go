package eventstream

import (
	"testing"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

func TestRing(t *testing.T) {
	r := newRing(4, 10)
	put := func(seqs ...uint64) {
		for _, seq := range seqs {
			r.append(entry{event: &Event{Seq: seq}})
		}
	}
	get := func(after uint64, size int) (seqs []uint64, ok bool) {
		entries, _, _, ok := r.read(after, make([]entry, 0, size), true)
		for _, e := range entries {
			seqs = append(seqs, e.event.Seq)
		}
		return seqs, ok
	}
	check := func(after uint64, size int, wantOK bool, want ...uint64) {
		t.Helper()
		got, ok := get(after, size)
		if ok != wantOK || len(got) != len(want) {
			t.Errorf("behind %d: %v %v, want %v", after, got, ok, want)
			return
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("behind %d: %v, want %v", after, got, want)
			}
		}
	}
	check(9, 4, false)
	check(10, 4, true)
	put(11, 12, 15)
	check(10, 4, true, 11, 12, 15)
	check(10, 2, true, 11, 12)
	check(13, 4, true, 15)
	check(15, 4, true)
	check(99, 4, true)
	put(16, 17, 18)
	check(11, 4, false)
	check(12, 4, true, 15, 16, 17, 18)
	check(17, 4, true, 18)
	if r.position() != 18 || r.oldest() != 12 {
		t.Errorf("from %d to %d", r.oldest(), r.position())
	}
}

// TestRingPassesCommandsBy: whoever wants none is neither woken by commands nor
// held up by them, but looks at what follows a hole.
func TestRingPassesCommandsBy(t *testing.T) {
	command := testEvent(t, record("x", "c", typeCommandAccepted)).CallEvent
	event := testEvent(t, record("x", "c", typeCallConnected)).CallEvent
	r := newRing(4, 10)
	for _, step := range []struct {
		name          string
		seq           uint64
		ev            *callgatev1.CallEvent
		wakes         bool
		n             int    // of entries behind 10, for whoever wants no commands
		through, pass uint64 // from 10 on
	}{
		{"a command", 11, command, false, 0, 11, 11},
		{"another", 12, command, false, 0, 12, 12},
		{"an event", 13, event, true, 3, 10, 10},
		{"a command behind it", 14, command, false, 4, 10, 10},
	} {
		_, _, more, _ := r.read(r.position(), nil, false)
		r.append(entry{event: &Event{Seq: step.seq, CallEvent: step.ev}})
		select {
		case <-more:
			if !step.wakes {
				t.Errorf("%s: it wakes", step.name)
			}
		default:
			if step.wakes {
				t.Errorf("%s: it does not wake", step.name)
			}
		}
		entries, through, _, ok := r.read(10, nil, false)
		if n := len(entries); n != step.n || through != step.through || !ok || r.passable(10) != step.pass {
			t.Errorf("%s: %d entries, through %d, %v, passable to %d", step.name, n, through, ok, r.passable(10))
		}
	}
	for seq := range uint64(20) { // far beyond what the ring keeps
		r.append(entry{event: &Event{Seq: 15 + seq, CallEvent: command}})
	}
	if entries, through, _, ok := r.read(13, nil, false); len(entries) != 0 || through != 34 || !ok {
		t.Errorf("behind the event: %d entries, through %d, %v", len(entries), through, ok)
	}
	r.append(entry{event: &Event{Seq: 40, CallEvent: command}, hole: callgatev1.StreamGap_REASON_DELETED})
	if entries, _, _, ok := r.read(34, nil, false); len(entries) != 1 || !ok {
		t.Errorf("behind a hole: %d entries, %v", len(entries), ok)
	}
}
