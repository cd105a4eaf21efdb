package eventstream

import (
	"sort"
	"sync"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// entry is an event as a reader of the whole log meets it.
type entry struct {
	event *Event
	// hole is why the log has nothing between the event before this one and this
	// one, when their sequence numbers do not follow each other.
	hole callgatev1.StreamGap_Reason
}

// ring keeps the log's latest events for those who have all but caught up. It is
// written by one goroutine, which waits for nobody: a reader that was overtaken
// notices by itself, and reads on from the log.
type ring struct {
	mu    sync.RWMutex
	slots []entry
	next  uint64 // counts what was ever put in; its slot is next % len(slots)
	floor uint64 // the position before the oldest event in the ring
	last  uint64 // the position of the newest
	// due is the position of the newest entry that all readers are to look at:
	// behind it are commands only, and no hole.
	due  uint64
	wake wakers
}

// wakers are closed when there is something new: any entry, for those who want
// commands, or one that all are to look at, so that a command wakes nobody else.
type wakers struct {
	any, due chan struct{}
}

// newRing is an empty ring at the position last.
func newRing(size int, last uint64) *ring {
	return &ring{slots: make([]entry, size), floor: last, last: last, due: last, wake: wakers{make(chan struct{}), make(chan struct{})}}
}

// append publishes e, whose event lies behind all that came before.
func (r *ring) append(e entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	slot := &r.slots[r.next%uint64(len(r.slots))]
	if slot.event != nil {
		r.floor = slot.event.Seq
	}
	*slot = e
	r.next++
	passable := isCommand(e.event.CallEvent.GetType()) && e.event.Seq == r.last+1
	r.last = e.event.Seq
	close(r.wake.any)
	r.wake.any = make(chan struct{})
	if passable {
		return
	}
	r.due = r.last
	close(r.wake.due)
	r.wake.due = make(chan struct{})
}

// read appends to page, which is empty, what follows the position after, as much as
// fits; where nothing would fit, it makes one of ringPage. When nothing follows, all
// up to the position through is nothing to the reader, and more is closed as soon as
// there is something; for one without commands, that is more than commands. ok is
// false when the ring no longer has all that follows.
func (r *ring) read(after uint64, page []entry, commands bool) (_ []entry, through uint64, more <-chan struct{}, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	switch {
	case !commands && after >= r.due:
		return page, max(after, r.last), r.wake.due, true
	case after < r.floor:
		return page, after, nil, false
	case after >= r.last:
		return page, after, r.wake.any, true
	}
	if cap(page) == 0 {
		page = make([]entry, 0, ringPage)
	}
	for i := r.behind(after); i < r.next && len(page) < cap(page); i++ {
		page = append(page, r.slots[i%uint64(len(r.slots))])
	}
	return page, after, r.wake.any, true
}

// behind is which of all that was ever put in is the first behind the position
// after, where that is in the ring and there is one.
func (r *ring) behind(after uint64) uint64 {
	size := uint64(len(r.slots))
	oldest := r.next - min(r.next, size)
	// Where no hole follows, as many were put in as there are positions.
	if follow := r.last - after; follow <= r.next-oldest {
		if i := r.next - follow; r.slots[i%size].event.Seq == after+1 {
			return i
		}
	}
	return oldest + uint64(sort.Search(int(r.next-oldest), func(i int) bool {
		return r.slots[(oldest+uint64(i))%size].event.Seq > after
	}))
}

// passable is how far a reader without commands at the position after may go
// without looking.
func (r *ring) passable(after uint64) uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if after < r.due {
		return after
	}
	return max(after, r.last)
}

// position is that of the newest event.
func (r *ring) position() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.last
}

// oldest is the position before the oldest event: it only grows.
func (r *ring) oldest() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.floor
}
