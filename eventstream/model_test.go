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

	"google.golang.org/protobuf/proto"

	"github.com/callgate/callgate/eventstream/promises"
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
	filter    filter
	recording promises.Recording
	ends      []string // the calls that have ended
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
			defer group.Wait() // also when it fails before
			histories := make([]*history, 8)
			for i := range histories {
				histories[i] = &history{recording: promises.Recording{Position: CursorPosition}}
				group.Go(func() {
					random := rand.New(rand.NewPCG(seed, uint64(i)))
					if err := m.read(testContext(t), hub, random, histories[i]); err != nil {
						t.Errorf("reader %d: %v", i, err)
					}
				})
			}
			m.write(t, log, rand.New(rand.NewPCG(seed, 1000)))
			group.Wait()
			all := m.log(log)
			for i, h := range histories {
				if err := promises.Check(h.recording, all, h.filter.matches); err != nil {
					t.Errorf("reader %d: %v", i, err)
				}
			}
		})
	}
}

var modelCalls = []string{"a", "b", "c", "d"}

// write appends and removes at random, and ends every call.
func (m *model) write(t *testing.T, log *Log, random *rand.Rand) {
	types := []callgatev1.CallEventType{typeCallConnected, typeParticipantsUpdated, typeCommandAccepted}
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
func (m *model) read(ctx context.Context, hub *Hub, random *rand.Rand, h *history) error {
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
	h.filter.commands = random.IntN(2) == 0
	connection, start := promises.Connection{}, StartLatest()
	for {
		sub, err := hub.Subscribe(ctx, SubscribeOptions{Filter: wanted, Commands: h.filter.commands, Start: start, HeartbeatInterval: time.Millisecond})
		var trimmed *CursorTrimmedError
		if errors.As(err, &trimmed) {
			start = StartAfter(trimmed.Earliest)
			connection = promises.Connection{After: trimmed.Earliest, Trimmed: true}
			continue
		}
		if err != nil {
			return err
		}
		connection.Responses = append(connection.Responses, startedResponse(sub))
		done, err := m.readSome(ctx, sub, random, h, &connection)
		sub.Close()
		h.recording.Connections = append(h.recording.Connections, connection)
		if done || err != nil {
			return err
		}
		last := promises.Cursor(connection.Responses[len(connection.Responses)-1])
		start, connection = StartAfter(last), promises.Connection{After: last}
	}
}

func (m *model) readSome(ctx context.Context, sub *Subscription, random *rand.Rand, h *history, connection *promises.Connection) (done bool, err error) {
	for range 1 + random.IntN(600) {
		if random.IntN(100) == 0 {
			m.beSlow(ctx, sub, sub.pos+random.Uint64N(8*maxQueued))
		}
		item, err := sub.Next(ctx)
		if err != nil {
			return false, err
		}
		connection.Responses = append(connection.Responses, response(item))
		if item.Event == nil {
			continue
		}
		if call, isEnd := strings.CutPrefix(item.Event.CallEvent.GetId(), "end "); isEnd {
			h.ends = append(h.ends, call)
		}
		if len(h.ends) == h.calls() {
			return true, nil
		}
	}
	return false, nil
}

// beSlow lets the hub get ahead, up to seq.
func (m *model) beSlow(ctx context.Context, sub *Subscription, seq uint64) {
	for {
		_, _, more, _ := sub.hub.ring.read(sub.hub.ring.position(), nil, true)
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

// log is what was not removed, with cursors.
func (m *model) log(log *Log) promises.Log {
	var all promises.Log
	for i, ev := range m.events {
		if seq := uint64(i) + 1; !m.removed[seq] {
			ev = proto.CloneOf(ev)
			ev.Cursor = log.cursor(seq)
			all = append(all, ev)
		}
	}
	return all
}

func startedResponse(sub *Subscription) *callgatev1.StreamEventsResponse {
	cursor, earliest := sub.Started()
	return &callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Started{
		Started: &callgatev1.StreamStarted{Cursor: cursor, EarliestCursor: earliest},
	}}
}

// response is item as a client gets it.
func response(item Item) *callgatev1.StreamEventsResponse {
	resp := &callgatev1.StreamEventsResponse{}
	switch {
	case item.Event != nil:
		resp.Response = &callgatev1.StreamEventsResponse_Event{Event: item.Event.CallEvent}
	case item.Gap != nil:
		resp.Response = &callgatev1.StreamEventsResponse_Gap{
			Gap: &callgatev1.StreamGap{FromCursor: item.Gap.From, ToCursor: item.Gap.To, Reason: item.Gap.Reason},
		}
	case item.Draining != nil:
		resp.Response = &callgatev1.StreamEventsResponse_Draining{Draining: &callgatev1.StreamDraining{Cursor: item.Draining.Cursor}}
	default:
		resp.Response = &callgatev1.StreamEventsResponse_Heartbeat{Heartbeat: &callgatev1.StreamHeartbeat{Cursor: item.Heartbeat.Cursor}}
	}
	return resp
}
