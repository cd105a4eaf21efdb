package main

import (
	"cmp"
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
	Addr                 string     `variable:"CALLGATE_EMULATOR_ADDR" default:"127.0.0.1:8082" help:"Where the emulator listens. Port 0 takes a free one."`
	Insecure             bool       `help:"Listen beyond loopback, although whoever knows the key may use it."`
	AllowBearer          bool       `name:"allow-bearer" help:"Also accept every bearer token, unexamined, for applications that use Entra ID."`
	EventGrid            []string   `name:"event-grid" help:"Webhook addresses that get IncomingCall and the other events of Event Grid."`
	EventGridSchema      string     `name:"event-grid-schema" enum:"EventGridSchema,CloudEventSchemaV1_0" default:"EventGridSchema" help:"Schema of those events: EventGridSchema or CloudEventSchemaV1_0."`
	TimeScale            float64    `default:"1" help:"How many times faster than life the people act."`
	ParticipantsPageSize int        `default:"100" help:"How many participants fit in one page."`
	Seed                 uint64     `default:"0" help:"Decides by chance where an injected fault has no seed of its own."`
	LogFormat            string     `enum:"text,json" default:"text" help:"Format of the log lines."`
	LogLevel             slog.Level `default:"info" help:"Level of the log lines."`
}

// Help explains what the numbers do.
func (emulatorCmd) Help() string {
	var b strings.Builder
	b.WriteString("Whom you call decides what happens. The last digits of a phone number, or of an ACS user's id:\n\n")
	for _, behaviour := range emulator.Behaviours() {
		fmt.Fprintf(&b, "  %-6s %-22s %s\n", cmp.Or(behaviour.Suffix, "other"), behaviour.Name, behaviour.Meaning)
	}
	b.WriteString("\nA control API on the same address rings, presses keys, speaks, hangs up, lists calls and received requests, and injects faults:\n" +
		"see docs/emulator.md, or grpcurl -plaintext ADDRESS describe callgate.emulator.v1.Emulator\n")
	return b.String()
}

// Run serves the emulator until ctx ends.
func (c *emulatorCmd) Run(ctx context.Context, p process) error {
	logger := newLogger(p.stderr, c.LogFormat, c.LogLevel)
	adoptLibraries(logger)
	listeners, err := server.Listen(server.Addresses{Emulator: c.Addr}, c.Insecure)
	if err != nil {
		return err
	}
	em, err := emulator.New(emulator.Options{
		PublicURL:            localURL(listeners.Emulator),
		AllowBearer:          c.AllowBearer,
		EventGridEndpoints:   c.EventGrid,
		EventGridSchema:      emulator.Schema(c.EventGridSchema),
		TimeScale:            c.TimeScale,
		ParticipantsPageSize: c.ParticipantsPageSize,
		Seed:                 c.Seed,
		Logger:               logger,
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
