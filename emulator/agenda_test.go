package emulator

import (
	"slices"
	"testing"
	"time"
)

func TestAgendaKeepsTheOrderOfSimulatedTimeHoweverLateItIs(t *testing.T) {
	h := start(t, Options{TimeScale: 1e6})
	w := h.emulator.currentWorld()
	done := make(chan []string, 1)
	var order []string
	note := func(what string) func() { return func() { order = append(order, what) } }

	w.mu.Lock()
	w.agenda.now = time.Now().Add(-time.Hour) // everything below is long due
	w.after(3*time.Second, func() { done <- order })
	w.after(2*time.Second, note("time-out"))
	w.after(time.Second, func() {
		note("answer")()
		w.after(500*time.Millisecond, note("what follows the answer"))
	})
	w.after(time.Second, note("what was noted later for the same time"))
	w.after(1500*time.Millisecond, note("never")).stop()
	w.agenda.now = time.Time{}
	w.mu.Unlock()

	want := []string{"answer", "what was noted later for the same time", "what follows the answer", "time-out"}
	if got := <-done; !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
}
