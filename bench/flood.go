package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callgate/callgate/eventstream"
)

const (
	slowClients  = 200
	floodRate    = 2_000 // bad callbacks a second
	floodWorkers = 16
	dribbleEvery = 100 * time.Millisecond
)

// floodScenario is what others notice of clients that mean no good.
func floodScenario() scenario {
	return scenario{
		name:     "flood",
		about:    "The same as paced, while 200 slow clients send a byte each 100 ms to gRPC, HTTP and callbacks, and 2,000 callbacks a second come with a bad token. On two processors the flood's own process takes its share of the time.",
		subjects: []subject{{"flooded", pacedUnder(true)}, {"quiet", pacedUnder(false)}},
		checks: []check{
			{what: "99th percentile of a good client's latency", metric: "p99 ms", of: "flooded", against: "quiet", atMost: 2},
		},
	}
}

func pacedUnder(flooded bool) func(context.Context, *bench) (metrics, error) {
	return func(ctx context.Context, b *bench) (_ metrics, err error) {
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
		if flooded {
			callbacks, _, _ := strings.Cut(strings.TrimPrefix(g.callbackURL, "http://"), "/")
			load, err := b.role(ctx, "flood", floodSettings{GRPC: g.grpc, HTTP: g.http, Callbacks: callbacks})
			if err != nil {
				return nil, err
			}
			defer load.stop()
			if err := load.hear(&place{}); err != nil {
				return nil, err
			}
			defer func() { err = errors.Join(err, wasFlooded(load)) }()
		}
		return b.latency(ctx, g.child, g.grpc, 0, func(i int) error {
			return p.post(ctx, g.callbackURL, tokens[i%len(tokens)], callback(i, capturedCall, time.Now()))
		})
	}
}

// floodSettings are where the flood goes.
type floodSettings struct {
	GRPC, HTTP, Callbacks string
}

// flooding is what came of it.
type flooding struct {
	Refused int64 `json:"refused"` // callbacks that were answered 401
	Other   int64 `json:"other"`   // callbacks that were not
}

// wasFlooded ends a flood and holds it to having been one.
func wasFlooded(load *child) error {
	if err := load.tell("end"); err != nil {
		return err
	}
	var f flooding
	if err := load.hear(&f); err != nil {
		return err
	}
	if f.Refused == 0 || f.Other > f.Refused/100 {
		return errors.New("the flood was none, or was not refused")
	}
	return nil
}

// flood is the process of those who mean no good. They come from other addresses
// of this machine than the good ones do.
func flood(ctx context.Context, r *role) error {
	var s floodSettings
	if err := r.read(&s); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var load sync.WaitGroup
	for i := range slowClients {
		load.Go(func() { s.dribble(ctx, i) })
	}
	var f flooding
	s.pour(ctx, &load, &f)
	err := r.say(place{})
	if err == nil && r.wait() {
		cancel()
		load.Wait()
		err = r.say(f)
		r.wait()
	}
	cancel()
	load.Wait()
	return err
}

// from makes connections from an address of this machine's own.
func from(ip string) func(context.Context, string, string) (net.Conn, error) {
	return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}).DialContext
}

// dribble sends a request a byte at a time, and begins again when it is cut off.
func (s floodSettings) dribble(ctx context.Context, i int) {
	begin := []struct{ addr, head string }{
		{s.HTTP, "POST /v1/calls HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"},
		{s.HTTP, "GET / HTTP/1.1\r\nX-Slow: "},
		{s.Callbacks, "POST /callbacks/x HTTP/1.1\r\nX-Slow: "},
		{s.GRPC, "PRI * HTTP/2.0\r\n"},
	}[i%4]
	tick := time.NewTicker(dribbleEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		conn, err := from("127.0.0.3")(ctx, "tcp", begin.addr)
		if err != nil {
			return
		}
		for _, err = io.WriteString(conn, begin.head); err == nil && ctx.Err() == nil; {
			select {
			case <-ctx.Done():
			case <-tick.C:
				_, err = io.WriteString(conn, "a")
			}
		}
		_ = conn.Close()
	}
}

// pour posts bad callbacks at a steady rate.
func (s floodSettings) pour(ctx context.Context, load *sync.WaitGroup, f *flooding) {
	client := &http.Client{Transport: &http.Transport{DialContext: from("127.0.0.2"), MaxIdleConnsPerHost: floodWorkers}}
	url := "http://" + s.Callbacks + eventstream.CallbackPath + strings.Repeat("A", 64)
	for range floodWorkers {
		load.Go(func() {
			tick := time.NewTicker(time.Second * floodWorkers / floodRate)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				if status := s.bad(ctx, client, url); status == http.StatusUnauthorized {
					atomic.AddInt64(&f.Refused, 1)
				} else if ctx.Err() == nil {
					atomic.AddInt64(&f.Other, 1)
				}
			}
		})
	}
}

// bad is the status of the answer to a bad callback; 0 where there is none.
func (floodSettings) bad(ctx context.Context, client *http.Client, url string) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`[{"id":"x"}]`))
	if err != nil {
		return 0
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
