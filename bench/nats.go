package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/callgate/callgate/eventstream/natscluster"
)

// natsSettings are those of a NATS server.
type natsSettings struct {
	Dir     string // of JetStream; none when empty
	Cluster bool   // of three servers, which share the process
}

// nodes is how many servers there are.
func (s natsSettings) nodes() int {
	if s.Cluster {
		return natscluster.Nodes
	}
	return 1
}

// natsServer is a NATS server of its own process, or a cluster.
func natsServer(ctx context.Context, r *role) error {
	var s natsSettings
	if err := r.read(&s); err != nil {
		return err
	}
	if s.Cluster {
		c, err := natscluster.Start(s.Dir, nil)
		if err != nil {
			return err
		}
		defer c.Stop()
		if err := r.say(place{Addr: strings.Join(c.URLs(0), ",")}); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}
	n, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: s.Dir != "", StoreDir: s.Dir,
		MaxPayload: 8 << 20, MaxPending: 1 << 30, NoLog: true, NoSigs: true, DisableJetStreamBanner: true,
	})
	if err != nil {
		return err
	}
	n.Start()
	defer n.WaitForShutdown()
	defer n.Shutdown()
	if !n.ReadyForConnections(10 * time.Second) {
		return errors.New("NATS did not start")
	}
	if err := r.say(place{Addr: n.ClientURL()}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
