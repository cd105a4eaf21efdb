package eventstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// model is what a log should hold, and what was taken from it.
type model struct {
	mu      sync.Mutex
	events  []*callgatev1.CallEvent // at seq-1
	removed map[uint64]bool
	over    chan struct{} // closed once the last was appended
}

// history is what one reader was given over all of its subscriptions.
type history struct {
	filter filter
	from   uint64 // the position it began at
	events []uint64
	gaps   []span
	ends   []string // the calls that have ended
}

// calls is how many calls there are for the reader.
func (h *history) calls() int {
	if len(h.filter.calls) == 0 {
		return len(modelCalls)
	}
	return len(h.filter.calls)
}

func TestReadersAgreeWithAModel(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			log := openLog(t, LogOptions{MaxBytes: 300 << 10})
			hub := newHub(t, log, HubOptions{RingSize: 32})
			m := &model{removed: make(map[uint64]bool), over: make(chan struct{})}
			var group sync.WaitGroup
			histories := make([]*history, 8)
			for i := range histories {
				histories[i] = &history{}
				group.Go(func() {
					random := rand.New(rand.NewPCG(seed, uint64(i)))
					if err := m.read(testContext(t), log, hub, random, histories[i]); err != nil {
						t.Errorf("reader %d: %v", i, err)
					}
				})
			}
			m.write(t, log, rand.New(rand.NewPCG(seed, 1000)))
			group.Wait()
			for i, h := range histories {
				if err := m.check(h); err != nil {
					t.Errorf("reader %d: %v", i, err)
				}
			}
		})
	}
}

var modelCalls = []string{"a", "b", "c", "d"}

// write appends and removes at random, and ends every call.
func (m *model) write(t *testing.T, log *Log, random *rand.Rand) {
	types := []callgatev1.CallEventType{typeCallConnected, typeParticipantsUpdated}
	total := 0
	for range 120 {
		records := make([]*logv1.Record, 1+random.IntN(60))
		for i := range records {
			call := modelCalls[random.IntN(len(modelCalls))]
			records[i] = record(fmt.Sprint(total), call, types[random.IntN(len(types))])
			total++
		}
		m.append(t, log, records)
		switch random.IntN(12) {
		case 0:
			m.remove(t, log, uint64(random.IntN(total)+1), 1+random.IntN(3))
		case 1:
			earliest, last, _, err := log.bounds(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			purge(t, log, earliest+random.Uint64N(last-earliest+1))
		}
	}
	for _, call := range modelCalls {
		m.append(t, log, []*logv1.Record{record("end "+call, call, typeCallConnected)})
	}
	close(m.over)
	earliest, _, _, err := log.bounds(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for seq := range earliest {
		m.removed[seq+1] = true
	}
}

func (m *model) append(t *testing.T, log *Log, records []*logv1.Record) {
	mustAppend(t, log, records...)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, rec := range records {
		m.events = append(m.events, rec.GetEvent())
	}
}

// remove deletes n events from seq on, where the log still has them.
func (m *model) remove(t *testing.T, log *Log, seq uint64, n int) {
	for range n {
		if log.stream.DeleteMsg(testContext(t), seq) == nil {
			m.mu.Lock()
			m.removed[seq] = true
			m.mu.Unlock()
		}
		seq++
	}
}

// read subscribes, is slow at times, comes back after what it had last at times,
// and returns when it has met the end of its calls.
func (m *model) read(ctx context.Context, log *Log, hub *Hub, random *rand.Rand, h *history) error {
	var wanted *callgatev1.EventFilter
	switch random.IntN(4) {
	case 0:
		wanted = byCall(modelCalls[random.IntN(len(modelCalls))])
	case 1:
		wanted = byCall("b", "d")
	case 2:
		wanted = &callgatev1.EventFilter{Types: []callgatev1.CallEventType{typeCallConnected}}
	}
	h.filter = newFilter(wanted)
	start := StartLatest()
	for first := true; ; first = false {
		sub, err := hub.Subscribe(ctx, SubscribeOptions{Filter: wanted, Start: start, HeartbeatInterval: time.Millisecond})
		var trimmed *CursorTrimmedError
		if errors.As(err, &trimmed) {
			from, _ := decodeCursor(log.id, start.cursor)
			to, err := decodeCursor(log.id, trimmed.Earliest)
			if err != nil {
				return err
			}
			h.gaps = append(h.gaps, span{from: from, to: to})
			start = StartAfter(trimmed.Earliest)
			continue
		}
		if err != nil {
			return err
		}
		if started, _ := sub.Started(); first {
			if h.from, err = decodeCursor(log.id, started); err != nil {
				return err
			}
			start = StartAfter(started)
		}
		done, err := m.readSome(ctx, sub, random, h, &start)
		sub.Close()
		if done || err != nil {
			return err
		}
	}
}

func (m *model) readSome(ctx context.Context, sub *Subscription, random *rand.Rand, h *history, start *Start) (done bool, err error) {
	for range 1 + random.IntN(600) {
		if random.IntN(100) == 0 {
			m.beSlow(ctx, sub, sub.pos+random.Uint64N(8*maxQueued))
		}
		item, err := sub.Next(ctx)
		if err != nil {
			return false, err
		}
		switch {
		case item.Event != nil:
			h.events = append(h.events, item.Event.Seq)
			*start = StartAfter(item.Event.CallEvent.GetCursor())
			if call, isEnd := strings.CutPrefix(item.Event.CallEvent.GetId(), "end "); isEnd {
				h.ends = append(h.ends, call)
			}
			if len(h.ends) == h.calls() {
				return true, nil
			}
		case item.Gap != nil:
			from, err := decodeCursor(sub.hub.log.id, item.Gap.From)
			if err != nil {
				return false, err
			}
			to, err := decodeCursor(sub.hub.log.id, item.Gap.To)
			if err != nil {
				return false, err
			}
			h.gaps = append(h.gaps, span{from: from, to: to})
			*start = StartAfter(item.Gap.To)
		case item.Heartbeat != nil:
			*start = StartAfter(item.Heartbeat.Cursor)
		}
	}
	return false, nil
}

// beSlow lets the hub get ahead, up to seq.
func (m *model) beSlow(ctx context.Context, sub *Subscription, seq uint64) {
	for {
		_, more, _ := sub.hub.ring.read(sub.hub.ring.position(), make([]entry, 1))
		if sub.hub.ring.position() >= seq {
			return
		}
		select {
		case <-more:
		case <-m.over:
			return
		case <-ctx.Done():
			return
		}
	}
}

// check holds a history to the promises: in order, once, and complete but for gaps
// in which everything was removed.
func (m *model) check(h *history) error {
	told := make(map[uint64]bool)
	for _, gap := range h.gaps {
		for seq := gap.from + 1; seq <= gap.to; seq++ {
			if !m.removed[seq] {
				return fmt.Errorf("gap %d to %d has %d, which is there", gap.from, gap.to, seq)
			}
			told[seq] = true
		}
	}
	last := h.from
	for _, seq := range h.events {
		if seq <= last {
			return fmt.Errorf("event %d came after %d", seq, last)
		}
		last = seq
		told[seq] = true
	}
	for seq := h.from + 1; seq <= last; seq++ {
		if ev := m.events[seq-1]; !told[seq] && h.filter.matches(ev) {
			return fmt.Errorf("nothing was said of event %d", seq)
		}
	}
	return nil
}
