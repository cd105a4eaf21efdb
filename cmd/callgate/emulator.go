package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/callgate/callgate/emulator"
	"github.com/callgate/callgate/server"
)

// emulatorCmd runs the emulator alone, for applications that talk to Call
// Automation themselves.
type emulatorCmd struct {
	Addr      string     `default:"127.0.0.1:8082" help:"Where the emulator listens."`
	Insecure  bool       `help:"Listen beyond loopback, although whoever knows the key may use it."`
	EventGrid []string   `name:"event-grid" help:"Webhook addresses that get IncomingCall and the other events of Event Grid."`
	TimeScale float64    `default:"1" help:"How many times faster than life the people act."`
	LogFormat string     `enum:"text,json" default:"text" help:"Format of the log lines."`
	LogLevel  slog.Level `default:"info" help:"Level of the log lines."`
}

// Help explains what the numbers do.
func (emulatorCmd) Help() string {
	var b strings.Builder
	b.WriteString("Whom you call decides what happens. The last digits of a phone number, or of an ACS user's id:\n\n")
	for _, behaviour := range emulator.Behaviours() {
		fmt.Fprintf(&b, "  %-6s %-20s %s\n", behaviour.Suffix, behaviour.Name, behaviour.Meaning)
	}
	return b.String()
}

// Run serves the emulator until ctx ends.
func (c *emulatorCmd) Run(ctx context.Context, p process) error {
	logger := newLogger(p.stderr, c.LogFormat, c.LogLevel)
	listeners, err := server.Listen(server.Addresses{Emulator: c.Addr}, c.Insecure)
	if err != nil {
		return err
	}
	em, err := emulator.New(emulator.Options{
		PublicURL:          localURL(listeners.Emulator),
		EventGridEndpoints: c.EventGrid,
		TimeScale:          c.TimeScale,
		Logger:             logger,
	})
	if err != nil {
		return errors.Join(err, listeners.Close())
	}
	defer em.Close()
	fmt.Fprintf(p.stdout, "The Call Automation emulator is ready. Its connection string is\n\n  %s\n\n",
		emulator.ConnectionString(localURL(listeners.Emulator), emulator.DefaultAccessKey))

	srv := emulator.NewServer(em.Handler())
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		stopped <- srv.Shutdown(grace)
	}()
	if err := srv.Serve(listeners.Emulator); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
