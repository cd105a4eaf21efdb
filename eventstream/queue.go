package eventstream

import (
	"sync"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// maxQueued bounds a subscription's queue. The event that finds it full is not
// queued, nor is any behind it: the subscription reads them from the ring or the
// log when it has emptied the queue.
const maxQueued = 256

// delivery is what the hub queues for a subscription: an event or a hole.
type delivery struct {
	event *Event
	gap   *span
}

// span is a hole: the log has nothing behind from up to to.
type span struct {
	from, to uint64
	reason   callgatev1.StreamGap_Reason
}

// queue is where the hub leaves the events of one subscription.
type queue struct {
	mu       sync.Mutex
	items    []delivery
	overflow bool
	wake     chan struct{} // of capacity 1: something was queued
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// offer queues d if there is room. It never waits.
func (q *queue) offer(d delivery) {
	q.mu.Lock()
	switch {
	case q.overflow:
	case len(q.items) == maxQueued:
		q.overflow = true
	default:
		q.items = append(q.items, d)
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take returns what is queued and leaves spare, emptied, in its place. overflow
// tells that what follows was not queued.
func (q *queue) take(spare []delivery) (items []delivery, overflow bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	items, q.items = q.items, spare[:0]
	return items, q.overflow
}

// reopen makes a queue that has overflowed take again.
func (q *queue) reopen() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.overflow = false
}

// empty tells whether everything that was offered has been taken.
func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0 && !q.overflow
}
