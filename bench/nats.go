package main

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// natsSettings are those of a NATS server.
type natsSettings struct {
	Dir string // of JetStream; none when empty
}

// natsServer is a NATS server of its own process.
func natsServer(ctx context.Context, r *role) error {
	var s natsSettings
	if err := r.read(&s); err != nil {
		return err
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
