package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
)

// roleCmd is this program as a process of a measurement.
type roleCmd struct {
	Name     string `arg:""`
	Settings string `arg:"" help:"JSON."`
}

// Run implements the command: the role ends when its input does.
func (c *roleCmd) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &role{settings: []byte(c.Settings), told: make(chan struct{}), ended: ctx.Done()}
	go func() {
		defer cancel()
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			select {
			case r.told <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	be := map[string]func(context.Context, *role) error{
		"subscribers": subscribers,
		"fanout":      bareFanOut,
		"nats":        natsServer,
		"ingest":      ingest,
		"webhook":     bareWebhook,
		"stub":        stubUpstream,
		"unary":       bareUnary,
		"jetstream":   bareJetStream,
		"flood":       flood,
	}[c.Name]
	if be == nil {
		return fmt.Errorf("there is no role %q", c.Name)
	}
	return be(ctx, r)
}

// role is a process as seen from inside.
type role struct {
	settings []byte
	told     chan struct{} // a line came in
	ended    <-chan struct{}
}

// read decodes the role's settings.
func (r *role) read(into any) error { return json.Unmarshal(r.settings, into) }

// say tells something to whoever started the role.
func (r *role) say(what any) error { return json.NewEncoder(os.Stdout).Encode(what) }

// wait waits to be told something, whatever it is; false: it is over.
func (r *role) wait() bool {
	select {
	case <-r.told:
		return true
	case <-r.ended:
		return false
	}
}

// place is what a role says when it is ready.
type place struct {
	Addr string `json:"addr"`           // of gRPC, or the URL of NATS
	HTTP string `json:"http,omitempty"` // where it listens for HTTP, too
}
