package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/callgate/callgate/eventstream"
)

// logCommands are about the event log, by the gateway's own settings.
type logCommands struct {
	Config
	Migrate migrateCmd `cmd:"" help:"Copy the event log of --data-dir to the servers of --nats-url, while no gateway runs."`
}

// migrateCmd moves from the embedded log to a cluster.
type migrateCmd struct{}

// Run migrates.
func (migrateCmd) Run(ctx context.Context, p process, settings *logCommands) error {
	c := &settings.Config
	if err := c.readSecrets(p.getenv); err != nil {
		return err
	}
	if !c.externalLog() || c.DataDir == memory {
		return errors.New("--nats-url says where the log is to be, and --data-dir where it is")
	}
	if _, err := c.natsOptions().Hosts(); err != nil {
		return fmt.Errorf("--nats-url: %w", err)
	}
	logger := newLogger(p.stderr, c.LogFormat, c.LogLevel)
	to := c.logOptions(logger, nil)
	from := to
	from.NATS = nil
	if err := eventstream.Migrate(ctx, from, to, func(m eventstream.Moved) {
		done := "copied"
		if m.Before {
			done = "was there before"
		}
		fmt.Fprintf(p.stdout, "%-24s %d records: %s\n", m.Stream, m.Records, done)
	}); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "\nThe log is at %s. Before the gateways start:\n"+
		"  restart the NATS servers, one after the other: then they know events that come again\n"+
		"  give all gateways the callback key (--callback-key-file): without one of your own it is in %s\n", c.logPlace(), filepath.Join(c.DataDir, "callback.key"))
	return nil
}
