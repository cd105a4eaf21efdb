package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that counting builds on
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// subscribersSettings are those of the process that receives.
type subscribersSettings struct {
	Addr        string // of a server that has callgate.v1.Events; or the URL of NATS
	NATS        bool
	Streams     int
	Connections int
	Events      int  // that each stream is to get; 0: it stays until it is told to end
	OwnCall     bool // stream i watches the call connection callID(i)
	Latency     bool // measure how long each event took
	Earliest    bool // begin with what the log has
	Stalled     int  // so many more streams are opened and never read
}

// received is what the process says in the end.
type received struct {
	Seconds float64 `json:"seconds"` // from the first event to the last
	P50     float64 `json:"p50"`     // of the latency, in seconds
	P99     float64 `json:"p99"`
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
	c := &counters{settings: s, counts: make([]atomic.Int64, s.Streams), latencies: make([][]int64, s.Streams)}
	open := c.openGRPC
	if s.NATS {
		open = c.openNATS
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
	for tick := time.NewTicker(progressInterval); told < s.Events; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if slowest := c.slowest(); slowest > told {
			told = slowest
			if err := r.say(progress{told}); err != nil {
				return err
			}
		}
	}
	if err := r.say(c.result()); err != nil {
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
}

func (c *counters) slowest() int {
	least := int64(math.MaxInt64)
	for i := range c.counts {
		least = min(least, c.counts[i].Load())
	}
	return int(least)
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

// openGRPC opens the streams, and returns when all have started.
func (c *counters) openGRPC(ctx context.Context) error {
	conns := make([]*grpc.ClientConn, c.settings.Connections)
	for i := range conns {
		var err error
		if conns[i], err = grpc.NewClient(c.settings.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(counting{encoding.GetCodecV2("proto")}))); err != nil {
			return err
		}
	}
	var started sync.WaitGroup
	failed := make(chan error, 1)
	for i := range c.settings.Streams + c.settings.Stalled {
		started.Go(func() {
			if err := c.openStream(ctx, conns[i%len(conns)], i); err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	started.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func (c *counters) openStream(ctx context.Context, conn *grpc.ClientConn, i int) error {
	req := &callgatev1.StreamEventsRequest{}
	if c.settings.OwnCall {
		req.Filter = &callgatev1.EventFilter{CallConnectionIds: []string{callID(i)}}
	}
	if c.settings.Earliest {
		req.Start = &callgatev1.StreamEventsRequest_Earliest{Earliest: true}
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, callgatev1.Events_StreamEvents_FullMethodName)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(req); err != nil {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	var m message
	if err := stream.RecvMsg(&m); err != nil { // started
		return err
	}
	if i >= c.settings.Streams {
		return nil // stalled
	}
	go func() {
		m := message{parse: c.settings.Latency}
		for stream.RecvMsg(&m) == nil {
			if m.event {
				c.count(i, m.sent)
			}
		}
	}()
	return nil
}

// message is what is looked at of a response: whether it is an event, and when
// that was sent.
type message struct {
	parse bool
	event bool
	sent  int64
}

// counting looks at responses without decoding them, so that the receivers cost
// little. Requests are encoded as ever.
type counting struct{ encoding.CodecV2 }

// Unmarshal implements encoding.CodecV2.
func (counting) Unmarshal(data mem.BufferSlice, v any) error {
	m := v.(*message)
	m.event, m.sent = false, 0
	if len(data) == 0 {
		return nil
	}
	const eventField = 2 // of StreamEventsResponse
	first := data[0].ReadOnlyData()
	number, _, n := protowire.ConsumeTag(first)
	m.event = n > 0 && number == eventField
	if m.event && m.parse {
		m.sent = sentAt(data.Materialize())
	}
	return nil
}

// sentAt is the time that an event carries as its operation context.
func sentAt(response []byte) int64 {
	const contextField = 11 // of CallEvent
	_, _, n := protowire.ConsumeTag(response)
	event, size := protowire.ConsumeBytes(response[n:])
	if size < 0 {
		return 0
	}
	for len(event) > 0 {
		number, kind, n := protowire.ConsumeTag(event)
		size := protowire.ConsumeFieldValue(number, kind, event[n:])
		if n < 0 || size < 0 {
			return 0
		}
		if number == contextField {
			value, _ := protowire.ConsumeBytes(event[n:])
			return parseTime(string(value))
		}
		event = event[n+size:]
	}
	return 0
}

// openNATS subscribes to the core subject.
func (c *counters) openNATS(context.Context) error {
	conns := make([]*nats.Conn, c.settings.Connections)
	for i := range conns {
		var err error
		if conns[i], err = nats.Connect(c.settings.Addr); err != nil {
			return err
		}
	}
	for i := range c.settings.Streams {
		sub, err := conns[i%len(conns)].Subscribe(natsSubject, func(m *nats.Msg) {
			var sent int64
			if c.settings.Latency {
				sent = int64(binary.BigEndian.Uint64(m.Data))
			}
			c.count(i, sent)
		})
		if err != nil {
			return err
		}
		if err := sub.SetPendingLimits(-1, -1); err != nil {
			return err
		}
	}
	for _, conn := range conns {
		if err := conn.Flush(); err != nil {
			return err
		}
	}
	return nil
}
