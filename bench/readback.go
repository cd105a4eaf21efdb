package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc"

	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	catchUpEvents = 200_000
	manyEvents    = 1_000_000
)

// readBackScenarios begin with a log that has events.
func readBackScenarios() []scenario {
	return []scenario{
		{
			name:     "catch-up",
			about:    "One subscriber reads 200,000 events from the log, as fast as it goes, against a JetStream consumer in the server's own process.",
			subjects: []subject{{"callgate", catchUpCallgate}, {"JetStream", catchUpJetStream}},
			checks:   []check{{what: "events/s", metric: "events/s", of: "callgate", against: "JetStream", least: 0.7}},
		},
		startScenario("start, empty log", 0, 1.3),
		startScenario("start, 1 M events", manyEvents, 2),
	}
}

// filled is a folder with a log of n events, made once.
func (b *bench) filled(ctx context.Context, n int) (string, error) {
	n = b.scaled(n)
	if dir := b.logs[n]; dir != "" {
		return dir, nil
	}
	dir := b.folder()
	log, err := eventstream.OpenLog(ctx, eventstream.LogOptions{Dir: dir, Sync: eventstream.SyncInterval, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return "", err
	}
	made, err := newRecords()
	if err != nil {
		return "", err
	}
	const part = 250
	err = saturated(n/part, 4, func(i int) error {
		return log.Append(ctx, made.some(i*part, part, func(n int) string { return callID(n / 10) })...)
	})
	if closed := log.Close(); err == nil {
		err = closed
	}
	b.logs[n] = dir
	return dir, err
}

func catchUpCallgate(ctx context.Context, b *bench) (metrics, error) {
	dir, err := b.filled(ctx, catchUpEvents)
	if err != nil {
		return nil, err
	}
	a, err := newAuthority()
	if err != nil {
		return nil, err
	}
	defer a.server.Close()
	g, err := b.production(ctx, a, "", dir)
	if err != nil {
		return nil, err
	}
	defer g.stop()
	events := b.scaled(catchUpEvents) / 250 * 250
	subscribers, err := b.role(ctx, "subscribers", subscribersSettings{Addr: g.grpc, Raw: true, Streams: 1, Connections: 1, Events: events, Earliest: true})
	if err != nil {
		return nil, err
	}
	defer subscribers.stop()
	if err := subscribers.hear(&place{}); err != nil {
		return nil, err
	}
	for p := (progress{}); p.Slowest < events; {
		if err := subscribers.hear(&p); err != nil {
			return nil, err
		}
	}
	var got received
	if err := subscribers.hear(&got); err != nil {
		return nil, err
	}
	return metrics{"events/s": float64(events) / got.Seconds}, nil
}

func catchUpJetStream(ctx context.Context, b *bench) (metrics, error) {
	dir, err := b.filled(ctx, catchUpEvents)
	if err != nil {
		return nil, err
	}
	events := b.scaled(catchUpEvents) / 250 * 250
	server, err := b.role(ctx, "jetstream", jetStreamSettings{Dir: dir, Read: events})
	if err != nil {
		return nil, err
	}
	defer server.stop()
	if err := server.hear(&place{}); err != nil {
		return nil, err
	}
	var got received
	if err := server.hear(&got); err != nil {
		return nil, err
	}
	return metrics{"events/s": float64(events) / got.Seconds}, nil
}

func startScenario(name string, events int, atMost float64) scenario {
	folder := func(ctx context.Context, b *bench) (string, error) {
		if events == 0 {
			return b.folder(), nil
		}
		return b.filled(ctx, events)
	}
	callgate := func(ctx context.Context, b *bench) (metrics, error) {
		dir, err := folder(ctx, b)
		if err != nil {
			return nil, err
		}
		a, err := newAuthority()
		if err != nil {
			return nil, err
		}
		defer a.server.Close()
		begin := time.Now()
		g, err := b.production(ctx, a, "", dir)
		if err != nil {
			return nil, err
		}
		defer g.stop()
		for {
			if ready(ctx, "http://"+g.http+"/readyz") {
				return metrics{"ms": float64(time.Since(begin).Microseconds()) / 1e3}, nil
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			time.Sleep(time.Millisecond)
		}
	}
	bare := func(ctx context.Context, b *bench) (metrics, error) {
		dir, err := folder(ctx, b)
		if err != nil {
			return nil, err
		}
		begin := time.Now()
		server, err := b.role(ctx, "jetstream", jetStreamSettings{Dir: dir})
		if err != nil {
			return nil, err
		}
		defer server.stop()
		if err := server.hear(&place{}); err != nil {
			return nil, err
		}
		return metrics{"ms": float64(time.Since(begin).Microseconds()) / 1e3}, nil
	}
	return scenario{
		name:     name,
		about:    "From starting the process until it is ready, against a process that has a gRPC server and JetStream and nothing else.",
		subjects: []subject{{"callgate", callgate}, {"gRPC and JetStream", bare}},
		checks:   []check{{what: "time to ready", metric: "ms", of: "callgate", against: "gRPC and JetStream", atMost: atMost}},
	}
}

func ready(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

type jetStreamSettings struct {
	Dir  string // with a log of callgate's in it, or empty
	Read int    // so many events, as fast as it goes
}

// bareJetStream is a gRPC server and JetStream in one process.
func bareJetStream(ctx context.Context, r *role) error {
	var s jetStreamSettings
	if err := r.read(&s); err != nil {
		return err
	}
	js, stop, err := startJetStream(s.Dir)
	if err != nil {
		return err
	}
	defer stop()
	if _, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: logStream + "_PROBE", Subjects: []string{"probe.>"}}); err != nil {
		return err
	}
	server := grpc.NewServer()
	callgatev1.RegisterEventsServer(server, &callgatev1.UnimplementedEventsServer{})
	listener, err := listen(ctx)
	if err != nil {
		return err
	}
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	if err := r.say(place{Addr: listener.Addr().String()}); err != nil {
		return err
	}
	if s.Read > 0 {
		took, err := readAll(ctx, js, logStream, s.Read)
		if err != nil {
			return err
		}
		if err := r.say(received{Seconds: took.Seconds()}); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// readAll reads n messages, and says how long it took from the first to the last.
func readAll(ctx context.Context, js jetstream.JetStream, stream string, n int) (time.Duration, error) {
	consumer, err := js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return 0, err
	}
	msgs, err := consumer.Messages(jetstream.PullMaxMessages(4096))
	if err != nil {
		return 0, err
	}
	defer msgs.Stop()
	var begin time.Time
	for i := range n {
		if _, err := msgs.Next(); err != nil {
			return 0, fmt.Errorf("message %d: %w", i, err)
		}
		if i == 0 {
			begin = time.Now()
		}
	}
	return time.Since(begin), nil
}
