package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/callgate/callgate/eventstream"
)

// ingestSettings are those of a process that stores events.
type ingestSettings struct {
	Raw     bool // with JetStream alone
	Dir     string
	Writers int
	Events  int
}

// ingestScenarios store events that are synced to disk before the writer goes on.
func ingestScenarios() []scenario {
	var all []scenario
	for _, load := range []struct {
		writers, events int
		least           float64
	}{{1, 3_000, 0.85}, {32, 20_000, 3}, {256, 60_000, 7}} {
		run := func(raw bool) func(context.Context, *bench) (metrics, error) {
			return func(ctx context.Context, b *bench) (metrics, error) {
				events := b.scaled(load.events)
				if raw {
					events = min(events, b.scaled(6_000)) // it does not grow with the writers
				}
				return b.ingest(ctx, ingestSettings{Raw: raw, Dir: b.folder(), Writers: load.writers, Events: events})
			}
		}
		all = append(all, scenario{
			name:     fmt.Sprintf("durable ingest, %d at once", load.writers),
			about:    "Events are appended to the embedded log and synced to disk before the writer goes on, against publishing the same bytes to JetStream one by one with the same sync.",
			subjects: []subject{{"callgate", run(false)}, {"JetStream", run(true)}},
			checks:   []check{{what: "events/s", metric: "events/s", of: "callgate", against: "JetStream", least: load.least}},
		})
	}
	return all
}

func (b *bench) ingest(ctx context.Context, s ingestSettings) (metrics, error) {
	writer, err := b.role(ctx, "ingest", s)
	if err != nil {
		return nil, err
	}
	var got received
	err = writer.hear(&got)
	writer.stop()
	return metrics{"events/s": float64(s.Events) / got.Seconds}, errors.Join(err, os.RemoveAll(s.Dir))
}

// ingest stores events, says how long it took, and ends.
func ingest(ctx context.Context, r *role) error {
	var s ingestSettings
	if err := r.read(&s); err != nil {
		return err
	}
	made, err := newRecords()
	if err != nil {
		return err
	}
	all := made.some(0, s.Events, nil)
	var store func(i int) error
	if s.Raw {
		js, stop, err := startJetStream(s.Dir)
		if err != nil {
			return err
		}
		defer stop()
		if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "RAW", Subjects: []string{"raw.>"}, Duplicates: time.Minute}); err != nil {
			return err
		}
		store = func(i int) error {
			data, err := proto.Marshal(all[i])
			if err != nil {
				return err
			}
			_, err = js.PublishMsg(ctx, &nats.Msg{Subject: "raw.call.ParticipantsUpdated", Data: data,
				Header: nats.Header{jetstream.MsgIDHeader: {all[i].GetEvent().GetId()}}})
			return err
		}
	} else {
		log, err := eventstream.OpenLog(ctx, eventstream.LogOptions{Dir: s.Dir, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
		defer func() { _ = log.Close() }()
		store = func(i int) error { return log.Append(ctx, all[i]) }
	}
	begin := time.Now()
	if err := saturated(s.Events, s.Writers, store); err != nil {
		return err
	}
	return r.say(received{Seconds: time.Since(begin).Seconds()})
}

// startJetStream is a NATS server in this process, that syncs what it stores.
func startJetStream(dir string) (jetstream.JetStream, func(), error) {
	n, err := server.NewServer(&server.Options{
		DontListen: true, JetStream: true, StoreDir: dir, SyncAlways: true, MaxPayload: 8 << 20,
		JetStreamMaxStore: 1 << 40, JetStreamMaxMemory: 1 << 30, NoLog: true, NoSigs: true, DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, nil, err
	}
	n.Start()
	stop := func() {
		n.Shutdown()
		n.WaitForShutdown()
	}
	if !n.ReadyForConnections(time.Minute) {
		stop()
		return nil, nil, fmt.Errorf("JetStream did not start in %s", dir)
	}
	conn, err := nats.Connect("", nats.InProcessServer(n))
	if err != nil {
		stop()
		return nil, nil, err
	}
	js, err := jetstream.New(conn)
	return js, func() { conn.Close(); stop() }, err
}
