package chaos

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/callgate/callgate/catalogue"
	"github.com/callgate/callgate/emulator"
	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/leaktest"
	"github.com/callgate/callgate/server"
	"github.com/callgate/callgate/service"
	"github.com/callgate/callgate/upstream"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// gateway is the whole of it, with its emulator, and what each side saw.
type gateway struct {
	emulator     *emulator.Server
	acknowledged *acknowledgements
	streamed     *streamed
	calls        callgatev1.CallControlClient
	participants callgatev1.ParticipantsClient
	media        callgatev1.MediaClient
}

// startGateway composes a gateway as cmd/callgate does, with its log in memory,
// until the test ends.
func startGateway(t *testing.T) *gateway {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	logger := slog.New(slog.DiscardHandler)
	listeners, err := server.Listen(server.Addresses{GRPC: "127.0.0.1:0", HTTP: "127.0.0.1:0", Callbacks: "127.0.0.1:0"}, false)
	must(err)
	ctx, cancel := context.WithCancel(context.Background())
	log, err := eventstream.OpenLog(ctx, eventstream.LogOptions{Logger: logger})
	must(err)
	hub, err := eventstream.NewHub(ctx, log, eventstream.HubOptions{})
	must(err)
	groups, err := eventstream.NewGroups(ctx, hub, eventstream.GroupsOptions{Logger: logger})
	must(err)
	requests, err := log.Requests(ctx, time.Hour)
	must(err)
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	tokens, err := eventstream.NewTokens(key)
	must(err)
	callbacks := "http://" + listeners.Callbacks.Addr().String()

	g := &gateway{acknowledged: newAcknowledgements(), streamed: newStreamed()}
	g.emulator = emulator.Start(t, emulator.Options{
		TimeScale: 100, EventGridEndpoints: []string{callbacks + eventstream.EventGridPath + "?key=" + tokens.EventGrid()},
		HTTPClient: g.acknowledged.client(),
	})
	endpoint, accessKey, err := upstream.ParseConnectionString(g.emulator.ConnectionString)
	must(err)
	client, err := upstream.New(upstream.Options{
		Endpoint: endpoint, AccessKey: accessKey, TryTimeout: 250 * time.Millisecond, RetryDelay: 10 * time.Millisecond,
	})
	must(err)
	known, err := catalogue.Load()
	must(err)
	errs := service.NewErrors(known, nil)
	outcomes := service.NewOutcomes(hub, client)
	actions := service.NewActions(outcomes, requests, log, errs, service.Callbacks{Prefix: callbacks + eventstream.CallbackPath, Token: tokens.Callback}, logger)
	srv, err := server.New(server.Options{
		CallControl:  service.NewCallControl(client, actions),
		Participants: service.NewParticipants(client, actions, tokens),
		Events:       service.NewEvents(log, hub, outcomes, groups),
		Media:        service.NewMedia(client, actions),
		Recordings:   service.NewRecordings(client, log, actions),
		Groups:       service.NewGroups(groups),
		Callbacks: eventstream.NewReceiver(eventstream.ReceiverOptions{
			Log: log, Tokens: tokens, Catalogue: known, Logger: logger,
			Verifier: eventstream.NewVerifier(eventstream.VerifierOptions{
				ConfigURL: g.emulator.URL + emulator.OpenIDConfigurationPath, Audiences: []string{emulator.DefaultResourceID}, Skew: time.Minute,
			}),
		}),
		Interceptors: service.NewInterceptors(errs, logger),
		Streams:      service.NewStreamLimits(1000, 1000, nil),
		Limits: server.Limits{
			Connections: 1000, ConnectionRPCs: 1000, ConnectionAge: time.Hour, ReadTimeout: time.Minute, WriteTimeout: time.Minute,
		},
		Ready:    log.Check,
		Drain:    hub.Drain,
		Grace:    5 * time.Second,
		Gatherer: prometheus.NewRegistry(),
		Logger:   logger,
	})
	must(err)

	conn, err := grpc.NewClient(listeners.GRPC.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(err)
	g.calls, g.participants, g.media = callgatev1.NewCallControlClient(conn), callgatev1.NewParticipantsClient(conn), callgatev1.NewMediaClient(conn)
	var running sync.WaitGroup
	running.Go(func() {
		if err := srv.Run(ctx, listeners); err != nil {
			t.Errorf("the gateway ended with: %v", err)
		}
	})
	t.Cleanup(func() {
		_ = conn.Close() // nothing is left to say on it
		cancel()
		running.Wait()
		groups.Close()
		hub.Close()
		if err := log.Close(); err != nil {
			t.Errorf("close the log: %v", err)
		}
	})
	must(g.streamed.follow(t.Context(), callgatev1.NewEventsClient(conn), &running))
	return g
}
