package emulator

import (
	"container/heap"
	"time"
)

// agenda is what is going to happen in a world, in order of simulated time. One
// goroutine carries it out, so that a late machine delays things but never
// swaps them: whoever answers after 1 s answers before a time-out of 2 s.
type agenda struct {
	timers  timerHeap
	number  uint64
	now     time.Time     // when the timer that is running was due; zero: none runs
	changed chan struct{} // there is an earlier timer than before
}

// timer is one entry of the agenda.
type timer struct {
	world  *world
	due    time.Time
	number uint64 // decides between timers due at the same time
	index  int    // in the heap; -1 once it is off the agenda
	run    func()
}

// after runs f, with the lock held, once the simulated duration d has passed.
// Within another timer's f, it counts from when that one was due.
func (w *world) after(d time.Duration, f func()) *timer {
	a := &w.agenda
	a.number++
	t := &timer{world: w, due: w.moment().Add(w.emulator.options.scaled(d)), number: a.number, run: f}
	heap.Push(&a.timers, t)
	if t.index == 0 {
		select {
		case a.changed <- struct{}{}:
		default: // it knows already
		}
	}
	return t
}

// moment is the time that the agenda goes by: within a timer's f, when that was due.
func (w *world) moment() time.Time {
	if w.agenda.now.IsZero() {
		return time.Now()
	}
	return w.agenda.now
}

// since is the simulated duration that has passed since a moment.
func (w *world) since(moment time.Time) time.Duration {
	return time.Duration(float64(w.moment().Sub(moment)) * w.emulator.options.TimeScale)
}

// stop makes sure that t does not happen. A nil timer has nothing to stop.
func (t *timer) stop() {
	if t != nil && t.index >= 0 {
		heap.Remove(&t.world.agenda.timers, t.index)
	}
}

// runAgenda carries out the agenda until the world ends. It is called without
// the lock.
func (w *world) runAgenda() {
	wake := time.NewTimer(0)
	defer wake.Stop()
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-w.agenda.changed:
		case <-wake.C:
		}
		if wait, more := w.runDue(); more {
			wake.Reset(wait)
		}
	}
}

// runDue runs every timer that is due, and tells how long the next one has.
func (w *world) runDue() (wait time.Duration, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := &w.agenda
	defer func() { a.now = time.Time{} }()
	for !w.ended && len(a.timers) > 0 {
		next := a.timers[0]
		if wait := time.Until(next.due); wait > 0 {
			return wait, true
		}
		next.stop()
		a.now = next.due
		next.run()
	}
	return 0, false
}

// scaled is the real time that the simulated duration d takes.
func (o Options) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / o.TimeScale)
}

// timerHeap implements heap.Interface, the earliest first.
type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if h[i].due.Equal(h[j].due) {
		return h[i].number < h[j].number
	}
	return h[i].due.Before(h[j].due)
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timerHeap) Push(x any) {
	t, _ := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}
