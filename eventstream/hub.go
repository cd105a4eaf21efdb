package eventstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// ErrDraining is returned by a wait that the gateway's stopping cut short: ask
// again, elsewhere.
var ErrDraining = errors.New("the gateway is about to stop")

// HubOptions are the settings of a Hub.
type HubOptions struct {
	// RingSize is how many recent events are kept in memory for those who have all
	// but caught up; 8,192 when 0.
	RingSize int
	// SubscriptionAge is after how long, give or take a tenth, a subscription is
	// drained, so that its reader comes back, perhaps to another replica; 0: never.
	SubscriptionAge time.Duration
	// Now is the clock that heartbeats are stamped with; time.Now when nil.
	Now func() time.Time
	// Registerer receives the hub's metrics; none when nil.
	Registerer prometheus.Registerer
}

// Hub gives the events of a log to any number of subscriptions. It reads the log
// once, and keeps the latest events for all of them.
//
// Subscriptions that name their call connections are indexed by those: an event
// is put into the queues of the subscriptions to its call, and no other one wakes
// up for it. All others read every event from the ring and choose.
type Hub struct {
	log     *Log
	ring    *ring
	age     time.Duration // of subscriptions
	now     func() time.Time
	metrics hubMetrics
	tracker *tracker

	mu      sync.Mutex // held while an event is published: the index and the ring agree
	byCall  map[string][]*Subscription
	indexed map[*Subscription]struct{}

	drained  atomic.Bool
	draining chan struct{} // closed after drained is set
	stop     context.CancelFunc
	reader   sync.WaitGroup
}

// NewHub follows log from its present end on, until Close.
func NewHub(ctx context.Context, log *Log, o HubOptions) (*Hub, error) {
	if o.RingSize == 0 {
		o.RingSize = 8192
	}
	if o.RingSize < 0 {
		return nil, fmt.Errorf("ring size %d: it must not be negative", o.RingSize)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	_, last, _, err := log.bounds(ctx)
	if err != nil {
		return nil, err
	}
	h := &Hub{
		log:      log,
		ring:     newRing(o.RingSize, last),
		age:      o.SubscriptionAge,
		now:      o.Now,
		tracker:  newTracker(o.Now, o.Registerer),
		byCall:   make(map[string][]*Subscription),
		indexed:  make(map[*Subscription]struct{}),
		draining: make(chan struct{}),
		metrics:  newHubMetrics(o.Registerer),
	}
	promauto.With(o.Registerer).NewGaugeFunc(prometheus.GaugeOpts{
		Name: "callgate_hub_lag_records", Help: "Records that this process knows to be in the log and has not read yet.",
	}, h.lag)
	following, stop := context.WithCancel(context.Background())
	h.stop = stop
	h.reader.Go(func() { log.follow(following, last, h.publish) })
	return h, nil
}

// Position is the cursor of the last event that this process knows to be in the
// log. An event that is appended later lies behind it; it may itself be behind
// the log's end, which is harmless. It asks nobody.
func (h *Hub) Position() string { return h.log.cursor(h.log.known.Load()) }

// publish gives e to the queues of those who subscribed to its call, and to the
// ring. A hole before it concerns everybody.
func (h *Hub) publish(e entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.metrics.published.Inc()
	h.metrics.delay.Observe(max(0, h.now().Sub(e.event.CallEvent.GetReceiveTime().AsTime()).Seconds()))
	h.tracker.saw(e.event)
	if last := h.ring.position(); e.event.Seq > last+1 {
		h.metrics.holes.Inc()
		for sub := range h.indexed {
			sub.queue.offer(delivery{gap: &span{from: last, to: e.event.Seq - 1, reason: e.hole}})
		}
	}
	command := isCommand(e.event.CallEvent.GetType())
	for _, sub := range h.byCall[e.event.CallEvent.GetCallConnectionId()] {
		if !command || sub.filter.commands {
			sub.queue.offer(delivery{event: e.event})
		}
	}
	h.ring.append(e) // last: who sees its position finds what is due to him queued
}

// lag is how far the hub is behind what the process has appended or read.
func (h *Hub) lag() float64 {
	read := h.ring.position() // before known, which is never less
	return float64(h.log.known.Load() - read)
}

// join puts sub into the index and returns the position from which on its queue
// has everything that it wants.
func (h *Hub) join(sub *Subscription) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.indexed[sub] = struct{}{}
	for call := range sub.filter.calls {
		h.byCall[call] = append(h.byCall[call], sub)
	}
	return h.ring.position()
}

// rejoin makes the queue of sub, which had overflowed and is now empty, take
// events again, and returns the position from which on it has everything.
func (h *Hub) rejoin(sub *Subscription) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	sub.queue.reopen()
	return h.ring.position()
}

func (h *Hub) leave(sub *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.indexed, sub)
	for call := range sub.filter.calls {
		rest := slices.DeleteFunc(h.byCall[call], func(s *Subscription) bool { return s == sub })
		if len(rest) == 0 {
			delete(h.byCall, call)
		} else {
			h.byCall[call] = rest
		}
	}
}

// Drain tells every subscription, those that come later too, that the gateway is
// about to stop: each gets a Draining item with its cursor, and then io.EOF.
func (h *Hub) Drain() {
	if !h.drained.Swap(true) {
		close(h.draining)
	}
}

// Close drains, and stops following the log.
func (h *Hub) Close() {
	h.Drain()
	h.stop()
	h.reader.Wait()
}
