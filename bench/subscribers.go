package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// subscribersSettings are those of the process that receives.
type subscribersSettings struct {
	Addr        string // of a server that has callgate.v1.Events; or the URL of NATS
	NATS        bool
	Raw         bool // count by small clients, to whom Latency and Stalled are nothing
	Streams     int
	Connections int
	Server      int  // the process whose processor time is measured; 0: none
	Events      int  // that each stream is to get; 0: it stays until it is told to end
	OwnCall     bool // stream i watches the call connection callID(i)
	Latency     bool // measure how long each event took
	Earliest    bool // begin with what the log has
	Stalled     int  // so many more streams are opened and never read
}

// request is what stream i asks for.
func (s *subscribersSettings) request(i int) *callgatev1.StreamEventsRequest {
	req := &callgatev1.StreamEventsRequest{}
	if s.OwnCall {
		req.Filter = &callgatev1.EventFilter{CallConnectionIds: []string{callID(i)}}
	}
	if s.Earliest {
		req.Start = &callgatev1.StreamEventsRequest_Earliest{Earliest: true}
	}
	return req
}

// received is what the process says in the end.
type received struct {
	Seconds float64 `json:"seconds"` // from the first event to the last
	P50     float64 `json:"p50"`     // of the latency, in seconds
	P99     float64 `json:"p99"`
	Warm    stretch `json:"warm"` // behind the first quarter of the slowest stream's events
}

// stretch is what came in some time.
type stretch struct {
	Deliveries int64   `json:"deliveries"` // of all streams
	Seconds    float64 `json:"seconds"`
	CPU        float64 `json:"cpu"` // of the server, in seconds
}

// progress is how many events the slowest stream has; said now and then.
type progress struct {
	Slowest int `json:"slowest"`
}

const (
	natsSubject      = "bench.events"
	progressInterval = 2 * time.Millisecond
)

// callID is the call connection that stream i watches.
func callID(i int) string { return fmt.Sprintf("call-%d", i) }

// subscribers opens streams, says that it is ready, and receives.
func subscribers(ctx context.Context, r *role) error {
	var s subscribersSettings
	if err := r.read(&s); err != nil {
		return err
	}
	c := &counters{settings: s, counts: make([]atomic.Int64, s.Streams), latencies: make([][]int64, s.Streams), failed: make(chan error, 1)}
	open := c.openGRPC
	switch {
	case s.NATS:
		open = c.openNATS
	case s.Raw:
		open = c.openRaw
	}
	if err := open(ctx); err != nil {
		return err
	}
	if err := r.say(place{}); err != nil {
		return err
	}
	if s.Events == 0 {
		r.wait()
		return nil
	}
	told := 0
	var begin *stretch // of what is warm
	for tick := time.NewTicker(progressInterval); told < s.Events; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-c.failed:
			return err
		case <-tick.C:
		}
		slowest := c.slowest()
		if begin == nil && slowest >= s.Events/4 {
			now, err := c.soFar()
			if err != nil {
				return err
			}
			begin = &now
		}
		if slowest > told {
			told = slowest
			if err := r.say(progress{told}); err != nil {
				return err
			}
		}
	}
	end, err := c.soFar()
	if err != nil {
		return err
	}
	got := c.result()
	got.Warm = stretch{end.Deliveries - begin.Deliveries, end.Seconds - begin.Seconds, end.CPU - begin.CPU}
	if err := r.say(got); err != nil {
		return err
	}
	r.wait()
	return nil
}

// counters are of all streams.
type counters struct {
	settings    subscribersSettings
	counts      []atomic.Int64
	latencies   [][]int64
	first, last atomic.Int64 // Unix time in nanoseconds
	failed      chan error   // why a stream brings no more; the first such
}

// fail notes that a stream brings no more.
func (c *counters) fail(err error) {
	select {
	case c.failed <- err:
	default:
	}
}

func (c *counters) slowest() int {
	least := int64(math.MaxInt64)
	for i := range c.counts {
		least = min(least, c.counts[i].Load())
	}
	return int(least)
}

// soFar is what has come since some moment that is the same for all.
func (c *counters) soFar() (stretch, error) {
	s := stretch{Seconds: float64(time.Now().UnixNano()) / 1e9}
	for i := range c.counts {
		s.Deliveries += c.counts[i].Load()
	}
	if c.settings.Server == 0 {
		return s, nil
	}
	cpu, err := cpuOf(c.settings.Server)
	s.CPU = cpu.Seconds()
	return s, err
}

// count notes an event of stream i; sent is when it was, if that is measured.
func (c *counters) count(i int, sent int64) {
	n := c.counts[i].Add(1)
	if n == 1 || n == int64(c.settings.Events) || sent != 0 {
		now := time.Now().UnixNano()
		c.first.CompareAndSwap(0, now)
		if n == int64(c.settings.Events) {
			c.last.Store(now)
		}
		if sent != 0 {
			c.latencies[i] = append(c.latencies[i], now-sent)
		}
	}
}

func (c *counters) result() received {
	r := received{Seconds: time.Duration(c.last.Load() - c.first.Load()).Seconds()}
	all := slices.Sorted(slices.Values(slices.Concat(c.latencies...)))
	if n := len(all); n > 0 {
		r.P50, r.P99 = time.Duration(all[n/2]).Seconds(), time.Duration(all[n*99/100]).Seconds()
	}
	return r
}
