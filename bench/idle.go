package main

import (
	"context"
	"time"
)

const idleStreams = 10_000

// idleScenario is what a subscriber costs that nothing is sent to.
func idleScenario() scenario {
	return scenario{
		name:     "idle subscribers",
		about:    "10,000 subscribers to all events on 100 connections, while nothing happens: memory per stream.",
		subjects: []subject{{"callgate", idleCallgate}, {"bare gRPC", idleBare}},
		checks:   []check{{what: "memory per stream", metric: "KB", of: "callgate", against: "bare gRPC", atMost: 1.25}},
	}
}

func idleCallgate(ctx context.Context, b *bench) (metrics, error) {
	a, err := newAuthority()
	if err != nil {
		return nil, err
	}
	defer a.server.Close()
	g, err := b.production(ctx, a, "", b.folder())
	if err != nil {
		return nil, err
	}
	defer g.stop()
	return b.idle(ctx, g.child, g.grpc)
}

func idleBare(ctx context.Context, b *bench) (metrics, error) {
	server, err := b.role(ctx, "fanout", fanoutSettings{})
	if err != nil {
		return nil, err
	}
	defer server.stop()
	var at place
	if err := server.hear(&at); err != nil {
		return nil, err
	}
	return b.idle(ctx, server, at.Addr)
}

func (b *bench) idle(ctx context.Context, server *child, grpc string) (metrics, error) {
	before, err := server.memory()
	if err != nil {
		return nil, err
	}
	streams := b.scaled(idleStreams)
	subscribers, err := b.role(ctx, "subscribers", subscribersSettings{Addr: grpc, Streams: streams, Connections: max(1, streams/100)})
	if err != nil {
		return nil, err
	}
	defer subscribers.stop()
	if err := subscribers.hear(&place{}); err != nil {
		return nil, err
	}
	time.Sleep(2 * time.Second) // what opening them needed is given back
	after, err := server.memory()
	if err != nil {
		return nil, err
	}
	return metrics{"KB": float64(after-before) / 1e3 / float64(streams)}, nil
}
