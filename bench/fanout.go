package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/callgate/callgate/eventstream"
)

// window is how far the events that are published may be ahead of the slowest
// subscriber: enough to keep all busy, and within what servers keep in memory.
const window = 4096

// fanOutScenarios send as fast as it goes to many subscribers.
func fanOutScenarios() []scenario {
	var all []scenario
	for _, size := range []struct{ streams, connections, events int }{{100, 4, 40_000}, {1_000, 16, 6_000}} {
		f := fanOut{streams: size.streams, connections: size.connections, events: size.events}
		all = append(all, scenario{
			name:  fmt.Sprintf("fan-out to %d", size.streams),
			about: fmt.Sprintf("%d subscribers to all events, on %d connections, as fast as it goes. The log is on a NATS server of its own process; processor time is the server's alone. The receivers count messages, and do no more.", size.streams, size.connections),
			subjects: []subject{
				{"callgate", f.callgate}, {"bare gRPC", f.bare(false)}, {"naive gRPC", f.bare(true)}, {"NATS core", f.nats},
			},
			checks: []check{
				{what: "deliveries/s against bare gRPC with one shared buffer", metric: "deliveries/s", of: "callgate", against: "bare gRPC", least: 0.90},
				{what: "processor time per delivery against the same", metric: "cpu µs", of: "callgate", against: "bare gRPC", atMost: 1.15},
				{what: "deliveries/s against naive gRPC", metric: "deliveries/s", of: "callgate", against: "naive gRPC", least: 2.3},
				{what: "deliveries/s against NATS core", metric: "deliveries/s", of: "callgate", against: "NATS core", least: 0.65},
			},
		})
	}
	return all
}

type fanOut struct{ streams, connections, events int }

func (f fanOut) callgate(ctx context.Context, b *bench) (metrics, error) {
	l, err := b.sharedLog(ctx)
	if err != nil {
		return nil, err
	}
	defer l.close()
	feeder, err := l.feeder(ctx)
	if err != nil {
		return nil, err
	}
	defer feeder.close()
	settings := subscribersSettings{Addr: l.gateway.grpc, Raw: true, Streams: f.streams, Connections: f.connections, Events: b.scaled(f.events)}
	return b.deliver(ctx, l.gateway.child, settings, func(_, n int) error { return feeder.feed(n) })
}

func (f fanOut) bare(naive bool) func(context.Context, *bench) (metrics, error) {
	return func(ctx context.Context, b *bench) (metrics, error) {
		events := b.scaled(f.events)
		if naive {
			events = max(1, events/3) // it takes three times as long
		}
		server, err := b.role(ctx, "fanout", fanoutSettings{Events: events, Naive: naive})
		if err != nil {
			return nil, err
		}
		defer server.stop()
		var at place
		if err := server.hear(&at); err != nil {
			return nil, err
		}
		settings := subscribersSettings{Addr: at.Addr, Raw: true, Streams: f.streams, Connections: f.connections, Events: events}
		return b.deliver(ctx, server, settings, func(from, _ int) error {
			if from > 0 {
				return nil
			}
			return server.tell("go")
		})
	}
}

func (f fanOut) nats(ctx context.Context, b *bench) (metrics, error) {
	server, err := b.role(ctx, "nats", natsSettings{})
	if err != nil {
		return nil, err
	}
	defer server.stop()
	var at place
	if err := server.hear(&at); err != nil {
		return nil, err
	}
	conn, err := nats.Connect(at.Addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	made, err := newRecords()
	if err != nil {
		return nil, err
	}
	body, err := made.response()
	if err != nil {
		return nil, err
	}
	settings := subscribersSettings{Addr: at.Addr, NATS: true, Streams: f.streams, Connections: f.connections, Events: b.scaled(f.events)}
	return b.deliver(ctx, server, settings, func(_, n int) error {
		for range n {
			if err := conn.Publish(natsSubject, body); err != nil {
				return err
			}
		}
		return conn.Flush()
	})
}

// deliver has subscribers receive what publish publishes: n events from number
// from on, which it does as the slowest subscriber gets on. The first quarter warms
// up, and is not counted: a server that has just started is still getting memory.
func (b *bench) deliver(ctx context.Context, server *child, settings subscribersSettings, publish func(from, n int) error) (metrics, error) {
	settings.Server = server.cmd.Process.Pid
	subscribers, err := b.role(ctx, "subscribers", settings)
	if err != nil {
		return nil, err
	}
	defer subscribers.stop()
	if err := subscribers.hear(&place{}); err != nil {
		return nil, err
	}
	const part = 256
	published := 0
	for p := (progress{}); p.Slowest < settings.Events; {
		for published < settings.Events && published < p.Slowest+window {
			n := min(part, settings.Events-published)
			if err := publish(published, n); err != nil {
				return nil, err
			}
			published += n
		}
		if err := subscribers.hear(&p); err != nil {
			return nil, fmt.Errorf("%w\n%s", err, server.log)
		}
	}
	var got received
	if err := subscribers.hear(&got); err != nil {
		return nil, err
	}
	if got.Warm.Deliveries == 0 {
		return nil, errors.New("it was over before it was warm: there are too few events")
	}
	deliveries := float64(got.Warm.Deliveries)
	return metrics{"deliveries/s": deliveries / got.Warm.Seconds, "cpu µs": got.Warm.CPU * 1e6 / deliveries}, nil
}

// sharedLog is some gateways whose log is on NATS, and the log as another replica
// of the gateway writes to it.
type sharedLog struct {
	nats     *child
	url      string   // of NATS
	gateway  *gateway // the first
	gateways []*gateway
	log      *eventstream.Log
	records  *records
}

// sharedLog has one gateway, and one NATS server.
func (b *bench) sharedLog(ctx context.Context) (*sharedLog, error) {
	return b.shared(ctx, 1, natsSettings{Dir: b.folder()})
}

func (b *bench) shared(ctx context.Context, gateways int, s natsSettings) (l *sharedLog, err error) {
	l = &sharedLog{}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.records, err = newRecords(); err != nil {
		return l, err
	}
	if l.nats, err = b.role(ctx, "nats", s); err != nil {
		return l, err
	}
	var at place
	if err = l.nats.hear(&at); err != nil {
		return l, err
	}
	l.url = at.Addr
	for range gateways {
		emulator, err := freeAddress(ctx)
		if err != nil {
			return l, err
		}
		g, err := b.gateway(ctx, []string{"CALLGATE_CALLBACK_KEY=" + base64.StdEncoding.EncodeToString(callbackKey)},
			"--nats-url="+at.Addr, fmt.Sprint("--nats-replicas=", s.nodes()), "--log-duplicate-window=1m", "--emulator-addr="+emulator)
		if err != nil {
			return l, err
		}
		l.gateways = append(l.gateways, g)
	}
	l.gateway = l.gateways[0]
	l.log, err = eventstream.OpenLog(ctx, eventstream.LogOptions{
		NATS:            &eventstream.NATSOptions{URLs: strings.Split(at.Addr, ","), Replicas: s.nodes()},
		DuplicateWindow: time.Minute, Logger: slog.New(slog.DiscardHandler),
	})
	return l, err
}

// paced writes n events at a steady pace, each with the time as its operation
// context.
func (l *sharedLog) paced(ctx context.Context, n, perSecond int, callOf func(int) string) error {
	part := max(1, perSecond/100)
	pace := time.NewTicker(time.Duration(part) * time.Second / time.Duration(perSecond))
	defer pace.Stop()
	for from := 0; from < n; from += part {
		made := l.records.some(from, min(part, n-from), callOf)
		for _, record := range made {
			record.Event.OperationContext = formatTime(time.Now())
		}
		if err := l.log.Append(ctx, made...); err != nil {
			return err
		}
		<-pace.C
	}
	return nil
}

func (l *sharedLog) close() {
	if l.log != nil {
		_ = l.log.Close()
	}
	for _, g := range l.gateways {
		g.stop()
	}
	if l.nats != nil {
		l.nats.stop()
	}
}

// callbackKey signs the tokens of callback addresses.
var callbackKey = []byte(strings.Repeat("bench", 8))
