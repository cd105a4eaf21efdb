package eventstream

import "testing"

func TestRing(t *testing.T) {
	r := newRing(4, 10)
	put := func(seqs ...uint64) {
		for _, seq := range seqs {
			r.append(entry{event: &Event{Seq: seq}})
		}
	}
	get := func(after uint64, size int) (seqs []uint64, ok bool) {
		page := make([]entry, size)
		n, _, ok := r.read(after, page)
		for _, e := range page[:n] {
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
