package main

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
)

const (
	pacedRate        = 200 // events a second
	pacedSubscribers = 100
)

// pacedScenario is how long an event takes, from the webhook to the clients.
func pacedScenario() scenario {
	return scenario{
		name:     "paced",
		about:    "200 callbacks a second to 100 subscribers. Latency is from before the POST until a client has the event: with callgate it includes the check of the signature and the sync to disk, with the bare server neither.",
		subjects: []subject{{"callgate", pacedCallgate(0)}, {"bare gRPC", pacedBare}},
		checks: []check{
			{what: "99th percentile of the latency", metric: "p99 ms", of: "callgate", against: "bare gRPC", atMost: 1.5},
		},
	}
}

// stalledScenario is the same with a subscriber that reads nothing.
func stalledScenario() scenario {
	return scenario{
		name:     "one stalled subscriber",
		about:    "The same as paced, while one more subscriber reads nothing.",
		subjects: []subject{{"one stalled", pacedCallgate(1)}, {"none", pacedCallgate(0)}},
		checks: []check{
			{what: "99th percentile of the others' latency", metric: "p99 ms", of: "one stalled", against: "none", atMost: 1.1},
			{what: "memory", metric: "memory MB", of: "one stalled", against: "none", atMost: 1.1},
		},
	}
}

func pacedCallgate(stalled int) func(context.Context, *bench) (metrics, error) {
	return func(ctx context.Context, b *bench) (metrics, error) {
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
		tokens, err := a.tokens(64)
		if err != nil {
			return nil, err
		}
		p := newPoster(64)
		defer p.close()
		return b.latency(ctx, g.child, g.grpc, stalled, func(i int) error {
			return p.post(ctx, g.callbackURL, tokens[i%len(tokens)], callback(i, capturedCall, time.Now()))
		})
	}
}

func pacedBare(ctx context.Context, b *bench) (metrics, error) {
	server, err := b.role(ctx, "fanout", fanoutSettings{})
	if err != nil {
		return nil, err
	}
	defer server.stop()
	var at place
	if err := server.hear(&at); err != nil {
		return nil, err
	}
	made, err := newRecords()
	if err != nil {
		return nil, err
	}
	p := newPoster(64)
	defer p.close()
	return b.latency(ctx, server, at.Addr, 0, func(int) error {
		response := made.message()
		response.GetEvent().OperationContext = formatTime(time.Now())
		body, err := proto.Marshal(response)
		if err != nil {
			return err
		}
		return p.post(ctx, "http://"+at.HTTP, "", body)
	})
}

// latency has post send events at a steady pace.
func (b *bench) latency(ctx context.Context, server *child, grpc string, stalled int, post func(i int) error) (metrics, error) {
	events := b.scaled(5 * pacedRate)
	subscribers, err := b.role(ctx, "subscribers", subscribersSettings{
		Addr: grpc, Streams: pacedSubscribers, Connections: 4, Events: events, Latency: true, Stalled: stalled})
	if err != nil {
		return nil, err
	}
	defer subscribers.stop()
	if err := subscribers.hear(&place{}); err != nil {
		return nil, err
	}
	if err := paced(events, pacedRate, post); err != nil {
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
	memory, err := server.memory()
	if err != nil {
		return nil, err
	}
	return metrics{"p50 ms": got.P50 * 1e3, "p99 ms": got.P99 * 1e3, "memory MB": float64(memory) / 1e6}, nil
}
