package main

import (
	"context"
	"time"
)

// indexedScenario has each subscriber watch a call of its own.
func indexedScenario() scenario {
	return scenario{
		name:     "a call each",
		about:    "Every subscriber watches a call of its own, on 100 connections, and 2,000 events a second go to one each. Processor time is the gateway's, per event.",
		subjects: []subject{{"10,000 subscribers", ownCalls(10_000)}, {"100 subscribers", ownCalls(100)}},
		checks: []check{
			{what: "processor time per event with 10,000 subscribers against 100", metric: "cpu µs", of: "10,000 subscribers", against: "100 subscribers", atMost: 1.3},
		},
	}
}

func ownCalls(streams int) func(context.Context, *bench) (metrics, error) {
	return func(ctx context.Context, b *bench) (metrics, error) {
		l, err := b.sharedLog(ctx)
		if err != nil {
			return nil, err
		}
		defer l.close()
		subscribers, err := b.role(ctx, "subscribers", subscribersSettings{Addr: l.gateway.grpc, Raw: true, Streams: streams, Connections: 100, OwnCall: true})
		if err != nil {
			return nil, err
		}
		defer subscribers.stop()
		if err := subscribers.hear(&place{}); err != nil {
			return nil, err
		}
		time.Sleep(2 * time.Second) // what opening them needed is given back
		const rate = 2_000
		events := b.scaled(6 * rate)
		before, err := l.gateway.cpu()
		if err != nil {
			return nil, err
		}
		if err := l.paced(ctx, events, rate, func(n int) string { return callID(n % streams) }); err != nil {
			return nil, err
		}
		after, err := l.gateway.cpu()
		if err != nil {
			return nil, err
		}
		return metrics{"cpu µs": float64((after - before).Microseconds()) / float64(events)}, nil
	}
}
