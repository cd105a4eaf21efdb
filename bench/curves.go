package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// curves are everything that may grow.
func curves() []curve {
	return []curve{subscribersCurve(), eventsCurve(), replicasCurve(), logCurve()}
}

// subscribersCurve has more and more subscribers.
func subscribersCurve() curve {
	return curve{
		name: "Subscribers",
		about: "Subscribers to all events get each of them; subscribers to a call of their own get one event each in turn. They have 100 streams on a connection. " +
			"Where all get them there are 20 events a second, so that each comes alone: an event costs most then.",
		x: "subscribers", points: []float64{1, 10, 100, 1_000, 10_000},
		plots: []plotted{
			{file: "subscribers-cpu", title: "Processor time of the gateway", y: "µs per event", lines: []line{
				{"to all events: µs per event", 1.1, "in proportion"},
				{"to a call each: µs per event", 0.15, "flat"},
			}},
			{file: "subscribers-memory", title: "Memory of the gateway", y: "MB", lines: []line{{"MB", 1.1, "in proportion"}}},
		},
		measure: func(ctx context.Context, b *bench, x float64) (metrics, error) {
			n := int(x)
			all, err := b.grownFanOut(ctx, 1, natsSettings{Dir: b.folder()}, n, 20)
			if err != nil {
				return nil, err
			}
			own, err := ownCalls(n)(ctx, b)
			return metrics{
				"to all events: µs per event":  all["each gateway: µs per event"],
				"to a call each: µs per event": own["cpu µs"],
				"MB":                           all["MB"],
			}, err
		},
	}
}

// eventsCurve has more and more events.
func eventsCurve() curve {
	return curve{
		name: "Events", about: "100 subscribers to all events, on one connection.",
		x: "events a second", points: []float64{30, 100, 300, 1_000, 3_000},
		plots: []plotted{
			{file: "events-cpu", title: "Processor time of the gateway", y: "µs per event", lines: []line{{"each gateway: µs per event", 0.15, "flat"}}},
			{file: "events-latency", title: "From the append to the client", y: "ms", lines: []line{{"p50 ms", 0.5, "flat, until processors are busy"}, {"p99 ms", 0.7, "flat, until processors are busy"}}},
		},
		measure: func(ctx context.Context, b *bench, x float64) (metrics, error) {
			return b.grownFanOut(ctx, 1, natsSettings{Dir: b.folder()}, 100, int(x))
		},
	}
}

// replicasCurve has more and more gateways.
func replicasCurve() curve {
	return curve{
		name:  "Replicas",
		about: "Gateways over three NATS servers, all of which have the log; each gateway has 100 subscribers to all events, of which there are 500 a second.",
		x:     "gateways", points: []float64{1, 2, 3},
		plots: []plotted{
			{file: "replicas-cpu", title: "Processor time", y: "µs per event", lines: []line{
				{"each gateway: µs per event", 0.25, "flat"},
				{"NATS, all servers: µs per event", 1.1, "at most in proportion"},
			}},
			{file: "replicas-latency", title: "From the append to the client", y: "ms", lines: []line{{"p50 ms", 1, "at most in proportion, as all share one machine"}}},
		},
		measure: func(ctx context.Context, b *bench, x float64) (metrics, error) {
			return b.grownFanOut(ctx, int(x), natsSettings{Dir: b.folder(), Cluster: true}, 100, 500)
		},
	}
}

// grownFanOut has gateways send events at a steady rate to some subscribers each.
func (b *bench) grownFanOut(ctx context.Context, gateways int, s natsSettings, subscribers, rate int) (metrics, error) {
	l, err := b.shared(ctx, gateways, s)
	if err != nil {
		return nil, err
	}
	defer l.close()
	events := max(60, 6*rate)
	var receivers []*child
	for _, g := range l.gateways {
		r, err := b.role(ctx, "subscribers", subscribersSettings{
			Addr: g.grpc, Streams: subscribers, Connections: max(1, subscribers/100), Events: events, Latency: true})
		if err != nil {
			return nil, err
		}
		defer r.stop()
		if err := r.hear(&place{}); err != nil {
			return nil, err
		}
		receivers = append(receivers, r)
	}
	servers := []*child{l.nats}
	for _, g := range l.gateways {
		servers = append(servers, g.child)
	}
	before, err := cpus(servers)
	if err != nil {
		return nil, err
	}
	if err := l.paced(ctx, events, rate, nil); err != nil {
		return nil, err
	}
	found := make(metrics)
	for _, r := range receivers {
		for p := (progress{}); p.Slowest < events; {
			if err := r.hear(&p); err != nil {
				return nil, err
			}
		}
		var got received
		if err := r.hear(&got); err != nil {
			return nil, err
		}
		found["p50 ms"], found["p99 ms"] = max(found["p50 ms"], got.P50*1e3), max(found["p99 ms"], got.P99*1e3)
	}
	after, err := cpus(servers)
	if err != nil {
		return nil, err
	}
	perEvent := func(i int) float64 { return float64((after[i] - before[i]).Microseconds()) / float64(events) }
	found["NATS, all servers: µs per event"] = perEvent(0)
	for i := range l.gateways {
		found["each gateway: µs per event"] += perEvent(1+i) / float64(gateways)
	}
	memory, err := l.gateway.memory()
	found["MB"] = float64(memory) / 1e6
	return found, err
}

// cpus is how much processor time each process has used.
func cpus(of []*child) ([]time.Duration, error) {
	used := make([]time.Duration, len(of))
	for i, c := range of {
		var err error
		if used[i], err = c.cpu(); err != nil {
			return nil, err
		}
	}
	return used, nil
}

// logCurve has a log that grows.
func logCurve() curve {
	l := &growingLog{}
	return curve{
		name:  "Log",
		about: "A gateway with an embedded log of some size, of calls with ten events each: its start, its memory then, and reading from the middle of the log.",
		x:     "events in the log", points: []float64{1e3, 1e4, 1e5, 1e6, 1e7},
		plots: []plotted{
			{file: "log-start", title: "From starting the process until it is ready", y: "ms", lines: []line{{"ready ms", 1, "at most in proportion"}}},
			{file: "log-memory", title: "Memory of the gateway after its start", y: "MB", lines: []line{{"memory MB", 1, "at most in proportion"}}},
			{file: "log-reads", title: "Reading", y: "ms", lines: []line{
				{"events of one call ms", 0.15, "flat"},
				{"first event after a cursor ms", 0.15, "flat"},
				{"first event after a time ms", 0.3, "flat"},
			}},
			{file: "log-disk", title: "Disk", y: "MB", lines: []line{{"disk MB", 1.05, "in proportion"}}},
		},
		measure: l.measure,
	}
}

const (
	eventsOfCall = 10
	// growingMax is how much disk the log may take, so that it keeps all.
	growingMax = 64 << 30
	// growingPause is how long the log rests when it has grown, so that neither the
	// memory of ids that may come again is measured, nor what a reader passes over
	// that begins at a time: it begins 10 s earlier, in case clocks differ.
	growingPause = 11 * time.Second
)

// growingLog is a log in a folder.
type growingLog struct {
	dir    string
	events int
	grew   time.Time // when it began to grow last
}

// grow appends until there are n events.
func (l *growingLog) grow(ctx context.Context, n int) error {
	log, err := eventstream.OpenLog(ctx, eventstream.LogOptions{
		Dir: l.dir, Sync: eventstream.SyncInterval, MaxBytes: growingMax, DuplicateWindow: growingPause, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	l.grew = time.Now()
	made, err := newRecords()
	if err != nil {
		return errors.Join(err, log.Close())
	}
	const part = 500
	from := l.events
	err = saturated((n-from)/part, 4, func(i int) error {
		return log.Append(ctx, made.some(from+i*part, part, func(n int) string { return callID(n / eventsOfCall) })...)
	})
	l.events = n
	time.Sleep(growingPause)
	return errors.Join(err, log.Close())
}

func (l *growingLog) measure(ctx context.Context, b *bench, x float64) (metrics, error) {
	if l.dir == "" {
		l.dir = filepath.Join(b.folder(), "data")
	}
	if err := l.grow(ctx, int(x)); err != nil {
		return nil, err
	}
	var ready, memory []float64
	for range 3 {
		begin := time.Now()
		g, err := l.open(ctx, b)
		if err != nil {
			return nil, err
		}
		ready = append(ready, float64(time.Since(begin).Microseconds())/1e3)
		used, err := g.memory()
		g.stop()
		if err != nil {
			return nil, err
		}
		memory = append(memory, float64(used)/1e6)
	}
	disk, err := sizeOf(l.dir)
	if err != nil {
		return nil, err
	}
	g, err := l.open(ctx, b)
	if err != nil {
		return nil, err
	}
	defer g.stop()
	found, err := l.read(ctx, g)
	if err != nil {
		return nil, err
	}
	found["ready ms"], found["memory MB"], found["disk MB"] = median(ready), median(memory), float64(disk)/1e6
	return found, nil
}

func (l *growingLog) open(ctx context.Context, b *bench) (*gateway, error) {
	return b.gateway(ctx, nil, "--data-dir="+l.dir, fmt.Sprint("--log-max-bytes=", growingMax), fmt.Sprint("--log-duplicate-window=", growingPause))
}

// read reads in the middle of the log.
func (l *growingLog) read(ctx context.Context, g *gateway) (metrics, error) {
	conn, err := grpc.NewClient(g.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	events := callgatev1.NewEventsClient(conn)
	first := func(req *callgatev1.StreamEventsRequest) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := events.StreamEvents(ctx, req)
		if err != nil {
			return err
		}
		for {
			if resp, err := stream.Recv(); err != nil || resp.GetEvent() != nil {
				return err
			}
		}
	}
	const times = 101
	var list, byCursor, byTime []float64
	for i := range times {
		call := callID((l.events/2 + i*l.events/times/4) / eventsOfCall)
		var of *callgatev1.ListEventsResponse
		took, err := timed(func() (err error) {
			of, err = events.ListEvents(ctx, &callgatev1.ListEventsRequest{CallConnectionId: call})
			return err
		})
		if err == nil && len(of.GetEvents()) != eventsOfCall {
			err = fmt.Errorf("%s has %d events", call, len(of.GetEvents()))
		}
		if err != nil {
			return nil, err
		}
		list = append(list, took)
		event := of.GetEvents()[0]
		if took, err = timed(func() error {
			return first(&callgatev1.StreamEventsRequest{Start: &callgatev1.StreamEventsRequest_AfterCursor{AfterCursor: event.GetCursor()}})
		}); err != nil {
			return nil, err
		}
		byCursor = append(byCursor, took)
		if took, err = timed(func() error {
			return first(&callgatev1.StreamEventsRequest{Start: &callgatev1.StreamEventsRequest_FromTime{FromTime: timestamppb.New(l.grew)}})
		}); err != nil {
			return nil, err
		}
		byTime = append(byTime, took)
	}
	return metrics{"events of one call ms": median(list), "first event after a cursor ms": median(byCursor), "first event after a time ms": median(byTime)}, nil
}

// timed is how many milliseconds something takes.
func timed(do func() error) (float64, error) {
	begin := time.Now()
	err := do()
	return float64(time.Since(begin).Microseconds()) / 1e3, err
}

// sizeOf is how many bytes the files in a folder have.
func sizeOf(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
