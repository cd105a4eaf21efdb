package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/callgate/callgate/catalogue"
	"github.com/callgate/callgate/console"
	"github.com/callgate/callgate/emulator"
	"github.com/callgate/callgate/eventstream"
	"github.com/callgate/callgate/mask"
	"github.com/callgate/callgate/server"
	"github.com/callgate/callgate/service"
	"github.com/callgate/callgate/telemetry"
	"github.com/callgate/callgate/upstream"
)

// serveCmd runs the gateway.
type serveCmd struct {
	Config
}

// Run serves until ctx ends.
func (c *serveCmd) Run(ctx context.Context, p process) (err error) {
	if err := c.readSecrets(p.getenv); err != nil {
		return err
	}
	if err := c.validate(); err != nil {
		return err
	}
	logger := newLogger(p.stderr, c.LogFormat, c.LogLevel)
	adoptLibraries(logger)

	// The listeners come first: with port 0, the parts learn from them where
	// they are.
	listeners, err := server.Listen(c.addresses(), c.Insecure)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, listeners.Close()) }()

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(buildInfo())
	tracing, err := telemetry.NewTracing(ctx, p.getenv, version(), logger)
	if err != nil {
		return err
	}
	defer tracing.Close()
	entries := sync.OnceValues(catalogue.Load)
	go func() { _, _ = entries() }() // while the log waits for the disk
	log, hub, err := c.openLog(ctx, logger, registry)
	if err != nil {
		return err
	}
	defer func() {
		hub.Close()
		err = errors.Join(err, log.Close())
	}()

	known, err := entries()
	if err != nil {
		return err
	}
	errs := service.NewErrors(known, registry)
	groups, requests, err := c.openRecords(ctx, log, hub, logger, registry)
	if err != nil {
		return err
	}
	defer groups.Close()

	tokens, err := c.tokens()
	if err != nil {
		return err
	}
	em, err := c.startEmulator(listeners, tokens, logger)
	if err != nil {
		return err
	}
	if em != nil {
		defer em.Close()
	}
	client, err := c.upstreamClient(listeners, logger, registry, tracing.Provider())
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	clients, err := c.clients(log)
	if err != nil {
		return err
	}
	defer clients.count(ctx, hub, logger)()
	defer follow(ctx, logger, append(c.followedKeys(client, tokens, p.getenv), clients.followed...)...)()
	receiver := eventstream.NewReceiver(eventstream.ReceiverOptions{
		Catalogue:  known,
		Log:        log,
		Tokens:     tokens,
		Verifier:   c.verifier(listeners),
		EventGrid:  c.eventGrid(),
		PerSource:  c.CallbackConcurrency,
		Logger:     logger,
		Registerer: registry,

		TracerProvider: tracing.Provider(),
		Cause:          hub.Cause,
	})
	callbacks, err := c.callbacks(listeners, tokens)
	if err != nil {
		return err
	}
	outcomes := service.NewOutcomes(hub, client)
	actions := service.NewActions(outcomes, requests, log, errs, callbacks, logger).GuardedBy(clients.gate)
	srv, err := server.New(server.Options{
		CallControl:   service.NewCallControl(client, actions),
		Participants:  service.NewParticipants(client, actions, tokens),
		Events:        service.NewEvents(log, hub, outcomes, groups),
		Media:         service.NewMedia(client, actions),
		Recordings:    service.NewRecordings(client, log, actions),
		Groups:        service.NewGroups(groups),
		Callbacks:     receiver,
		Emulator:      emulatorServer(em),
		Console:       consoleConfig(em),
		Interceptors:  service.NewInterceptors(errs, logger),
		Authenticator: clients.authenticator,
		Gate:          clients.gate,
		TLS:           clients.tls,
		CallbackTLS:   clients.callbackTLS,
		Streams:       service.NewStreamLimits(c.MaxStreamsPerClient, c.MaxStreams, registry),
		Limits: server.Limits{
			Connections: c.MaxConnections, ConnectionRPCs: c.MaxConnectionRPCs, ConnectionAge: c.MaxConnectionAge,
			ReadTimeout: c.ReadTimeout, WriteTimeout: c.WriteTimeout,
		},
		Ready:      log.Check,
		Drain:      hub.Drain,
		Grace:      c.ShutdownGrace,
		Gatherer:   registry,
		Registerer: registry,
		Logger:     logger,

		TracerProvider: tracing.Provider(),
	})
	if err != nil {
		return err
	}
	c.welcome(p.stdout, listeners)
	return srv.Run(ctx, listeners)
}

func (c *Config) addresses() server.Addresses {
	addrs := server.Addresses{
		GRPC: c.GRPCAddr, HTTP: c.HTTPAddr, Callbacks: c.CallbackAddr, Profiles: c.PprofAddr, Guarded: c.guarded(),
	}
	if c.emulated() {
		addrs.Emulator = c.EmulatorAddr
	}
	return addrs
}

// logOptions are those of the log, wherever it is.
func (c *Config) logOptions(logger *slog.Logger, registry prometheus.Registerer) eventstream.LogOptions {
	sync := eventstream.SyncAlways
	if c.LogSync == "interval" {
		sync = eventstream.SyncInterval
	}
	dir := c.DataDir
	if dir == memory {
		dir = ""
	}
	return eventstream.LogOptions{
		NATS:            c.natsOptions(),
		Dir:             dir,
		Sync:            sync,
		MaxAge:          c.LogMaxAge,
		MaxBytes:        c.LogMaxBytes,
		DuplicateWindow: c.LogDuplicateWindow,
		Logger:          logger,
		Registerer:      registry,
	}
}

func (c *Config) openLog(ctx context.Context, logger *slog.Logger, registry prometheus.Registerer) (*eventstream.Log, *eventstream.Hub, error) {
	log, err := eventstream.OpenLog(ctx, c.logOptions(logger, registry))
	if err != nil {
		return nil, nil, fmt.Errorf("open the event log: %w", err)
	}
	hub, err := eventstream.NewHub(ctx, log, eventstream.HubOptions{SubscriptionAge: c.MaxConnectionAge, Registerer: registry})
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("follow the event log: %w", err), log.Close())
	}
	return log, hub, nil
}

// openRecords opens what is kept beside the log, at the same time.
func (c *Config) openRecords(ctx context.Context, log *eventstream.Log, hub *eventstream.Hub, logger *slog.Logger, registry prometheus.Registerer) (groups *eventstream.Groups, requests *eventstream.Requests, err error) {
	var opening errgroup.Group
	opening.Go(func() (err error) {
		groups, err = eventstream.NewGroups(ctx, hub, eventstream.GroupsOptions{Visible: service.GroupVisible, Logger: logger, Registerer: registry})
		return err
	})
	opening.Go(func() (err error) {
		requests, err = log.Requests(ctx, c.RequestMemory)
		return err
	})
	if err = opening.Wait(); err != nil && groups != nil {
		groups.Close()
	}
	return groups, requests, err
}

func (c *Config) startEmulator(l *server.Listeners, tokens *eventstream.Tokens, logger *slog.Logger) (*emulator.Emulator, error) {
	if !c.emulated() {
		return nil, nil
	}
	return emulator.New(emulator.Options{
		PublicURL:          localURL(l.Emulator),
		EventGridEndpoints: []string{localURL(l.Callbacks) + eventstream.EventGridPath + "?key=" + tokens.EventGrid()},
		TimeScale:          c.EmulatorTimeScale,
		Logger:             logger,
	})
}

func emulatorServer(em *emulator.Emulator) *http.Server {
	if em == nil {
		return nil
	}
	return emulator.NewServer(em.Handler())
}

func consoleConfig(em *emulator.Emulator) console.Config {
	config := console.Config{Version: version()}
	if em == nil {
		return config
	}
	config.Emulator = &console.Emulator{Control: em.ControlREST()}
	for _, b := range emulator.Behaviours() {
		config.Emulator.Behaviours = append(config.Emulator.Behaviours, console.Behaviour{Suffix: b.Suffix, Name: b.Name, Meaning: b.Meaning})
	}
	return config
}

func (c *Config) upstreamClient(l *server.Listeners, logger *slog.Logger, reg prometheus.Registerer, tracing trace.TracerProvider) (*upstream.Client, error) {
	opts := upstream.Options{
		TokenScope: c.TokenScope,
		Logger:     logger,
		APIVersion: c.APIVersion,
		Tries:      c.UpstreamTries,
		TryTimeout: c.UpstreamTryTimeout,
		RetryRate:  c.UpstreamRetryRate,
		Version:    version(),
		Registerer: reg,

		TracerProvider: tracing,
	}
	connection := c.connectionString.Reveal()
	if c.emulated() {
		connection = emulator.ConnectionString(localURL(l.Emulator), emulator.DefaultAccessKey)
	}
	if connection == "" {
		credential, err := azidentity.NewDefaultAzureCredential(nil)
		if err != nil {
			return nil, fmt.Errorf("find an Entra credential: %w", err)
		}
		opts.Endpoint, opts.TokenCredential = c.Endpoint, credential
		return upstream.New(opts)
	}
	var err error
	if opts.Endpoint, opts.AccessKey, err = upstream.ParseConnectionString(connection); err != nil {
		return nil, err
	}
	if opts.SecondaryAccessKey, err = c.secondaryKey(); err != nil {
		return nil, err
	}
	return upstream.New(opts)
}

func (c *Config) verifier(l *server.Listeners) *eventstream.Verifier {
	opts := eventstream.VerifierOptions{ConfigURL: c.OpenIDConfigURL, Skew: c.CallbackClockSkew}
	if c.ResourceID != "" {
		opts.Audiences = []string{c.ResourceID}
	}
	if c.emulated() {
		opts.ConfigURL = localURL(l.Emulator) + emulator.OpenIDConfigurationPath
		opts.Audiences = []string{emulator.DefaultResourceID}
	}
	return eventstream.NewVerifier(opts)
}

// callbackBase is the address under which the upstream reaches the callback
// listener.
func (c *Config) callbackBase(l *server.Listeners) string {
	if c.CallbackBaseURL != "" {
		return strings.TrimSuffix(c.CallbackBaseURL, "/")
	}
	return localURL(l.Callbacks)
}

// callbacks is where the upstream is to report.
func (c *Config) callbacks(l *server.Listeners, tokens *eventstream.Tokens) (service.Callbacks, error) {
	allowed, err := service.ParseAllowedCallbacks(c.CallbackURIAllow, c.emulated())
	return service.Callbacks{Prefix: c.callbackBase(l) + eventstream.CallbackPath, Token: tokens.Callback, Allowed: allowed}, err
}

// localURL is a listener's address as this machine reaches it.
func localURL(l net.Listener) string {
	addr := l.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, fmt.Sprint(addr.Port))
}

// welcome says where everything is and what to try first.
func (c *Config) welcome(w io.Writer, l *server.Listeners) {
	grpc := l.GRPC.Addr().String()
	fmt.Fprintf(w, "callgate %s is ready\n\n", version())
	fmt.Fprintf(w, "  gRPC       %s\n", grpc)
	scheme, grpcurl := "http", "grpcurl -plaintext"
	if c.TLSCertFile != "" {
		scheme, grpcurl = "https", "grpcurl"
	}
	if c.authenticates() {
		grpcurl += ` -H "Authorization: Bearer $TOKEN"`
	}
	fmt.Fprintf(w, "  console    %s://%s/\n", scheme, l.HTTP.Addr())
	fmt.Fprintf(w, "  REST       %s://%s/v1/\n", scheme, l.HTTP.Addr())
	fmt.Fprintf(w, "  callbacks  %s/callbacks/...", c.callbackBase(l))
	if c.CallbackBaseURL != "" {
		fmt.Fprintf(w, " on %s", l.Callbacks.Addr())
	}
	fmt.Fprintln(w)
	if c.emulated() {
		fmt.Fprintf(w, "  emulator   http://%s\n", l.Emulator.Addr())
	}
	if l.Profiles != nil {
		fmt.Fprintf(w, "  pprof      http://%s/debug/pprof/\n", l.Profiles.Addr())
	}
	fmt.Fprintf(w, "  event log  %s\n", c.logPlace())
	if !c.emulated() && c.ResourceID == "" {
		fmt.Fprint(w, "\n  Warning: --resource-id is not set, so callbacks signed for other Communication Services\n"+
			"  resources are told apart by the token in their address alone.\n")
	}
	fmt.Fprint(w, "\nWatch all events:\n")
	fmt.Fprintf(w, "  %s -d '{}' %s callgate.v1.Events/StreamEvents\n", grpcurl, grpc)
	fmt.Fprint(w, "Place a call:\n")
	fmt.Fprintf(w, "  %s -d '{\"targets\":[{\"phoneNumber\":\"+14255550123\"}],\"sourceCallerIdNumber\":\"+18005550100\"}' "+
		"%s callgate.v1.CallControl/CreateCall\n\n", grpcurl, grpc)
}

func newLogger(w io.Writer, format string, level slog.Level) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(mask.Handler(slog.NewJSONHandler(w, opts)))
	}
	return slog.New(mask.Handler(slog.NewTextHandler(w, opts)))
}
