// Package server is the process as seen from outside: its listeners, what each
// of them speaks, whether it is ready, and the order in which it stops.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/callgate/callgate/access"
	"github.com/callgate/callgate/console"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/service"
)

// Options are the parts that a Server puts on its listeners.
type Options struct {
	CallControl  callgatev1.CallControlServer
	Participants callgatev1.ParticipantsServer
	Events       callgatev1.EventsServer
	Media        callgatev1.MediaServer
	Recordings   callgatev1.RecordingsServer
	Groups       callgatev1.GroupsServer
	// Callbacks takes what the upstream posts.
	Callbacks http.Handler
	// Emulator is nil without an emulator.
	Emulator *http.Server
	// Console is what the web page is told.
	Console console.Config

	Interceptors *service.Interceptors
	// Authenticator finds out who clients are, and Gate knows what they may do;
	// both nil: whoever comes may do everything.
	Authenticator *access.Authenticator
	Gate          *service.Gate
	// TLS is for clients, and CallbackTLS for the upstream; nil: in the clear.
	TLS, CallbackTLS *TLS
	// Streams bounds how many there are.
	Streams *service.StreamLimits
	Limits  Limits
	// Ready says why the gateway cannot do its work, if it cannot.
	Ready func(context.Context) error
	// Drain tells the streams that the gateway is about to stop, and ends them.
	Drain func()
	// Grace is how long running requests may take to end when the server stops.
	Grace    time.Duration
	Gatherer prometheus.Gatherer
	// Registerer receives the metrics of RPCs.
	Registerer prometheus.Registerer
	// TracerProvider takes a span of each RPC; nil: none is taken.
	TracerProvider trace.TracerProvider

	rpcs   *rpcs // of both servers
	Logger *slog.Logger
}

// Server serves all listeners.
type Server struct {
	opts      Options
	grpc      *grpc.Server
	inner     *grpc.Server // of the REST front, whose one connection carries all its requests
	health    *health.Server
	rest      *rest
	http      *http.Server
	callbacks *http.Server
	draining  atomic.Bool
}

// New builds a server; Run serves it.
func New(opts Options) (*Server, error) {
	opts.rpcs = newRPCs(opts.Logger, opts.Registerer)
	s := &Server{opts: opts, health: health.NewServer()}
	if (opts.Authenticator == nil) != (opts.Gate == nil) {
		return nil, errors.New("an authenticator needs a gate, and a gate an authenticator")
	}
	s.grpc = newGRPCServer(opts.guardedBy(s.identity), s.health, append(opts.Limits.connectionBounds(), opts.TLS.credentials())...)
	s.inner = newGRPCServer(opts.guardedBy(carriedIdentity), s.health)
	rest, err := newREST(opts.Interceptors.Explain)
	if err != nil {
		return nil, err
	}
	s.rest = rest
	handler, err := s.httpHandler()
	if err != nil {
		return nil, err
	}
	s.http = opts.Limits.newHTTPServer(handler)
	s.callbacks = opts.Limits.newCallbackServer(opts.Callbacks)
	s.http.ErrorLog = slog.NewLogLogger(opts.Logger.Handler(), slog.LevelWarn)
	s.callbacks.ErrorLog = s.http.ErrorLog
	s.http.TLSConfig, s.callbacks.TLSConfig = opts.TLS.serverConfig(), opts.CallbackTLS.serverConfig()
	if opts.Emulator != nil {
		opts.Limits.boundReads(opts.Emulator)
	}
	return s, nil
}

// Run serves the listeners until ctx ends, then stops in order. It returns when
// nothing runs any more.
func (s *Server) Run(ctx context.Context, l *Listeners) error {
	l.limit(s.opts.Limits.Connections)
	serving, fail := errgroup.WithContext(ctx)
	serving.Go(func() error { return serveGRPC("grpc", s.grpc, l.GRPC) })
	serving.Go(func() error { return serveGRPC("rest", s.inner, s.rest.pipe) })
	serving.Go(func() error { return serveHTTP("http", s.http, l.HTTP) })
	serving.Go(func() error { return serveHTTP("callbacks", s.callbacks, l.Callbacks) })
	if s.opts.Emulator != nil {
		serving.Go(func() error { return serveHTTP("emulator", s.opts.Emulator, l.Emulator) })
	}
	if l.Profiles != nil {
		profiles := &http.Server{Handler: profilesHandler(), ReadHeaderTimeout: maxHeaderTime} // a profile takes as long as it is asked to
		stop := context.AfterFunc(fail, func() { _ = profiles.Close() })                       // nobody's request depends on it
		defer stop()
		serving.Go(func() error { return serveHTTP("pprof", profiles, l.Profiles) })
	}
	serving.Go(func() error { return s.watchReadiness(fail) })
	serving.Go(func() error {
		<-fail.Done()
		s.stop()
		return nil
	})
	return serving.Wait()
}

// readinessInterval is how often the gRPC health service is told.
const readinessInterval = 2 * time.Second

func (s *Server) watchReadiness(ctx context.Context) error {
	tick := time.NewTicker(readinessInterval)
	defer tick.Stop()
	for {
		state := grpc_health_v1.HealthCheckResponse_SERVING
		if err := s.ready(ctx); err != nil {
			state = grpc_health_v1.HealthCheckResponse_NOT_SERVING
		}
		if !s.draining.Load() {
			s.health.SetServingStatus("", state)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

var errDraining = errors.New("the gateway is stopping")

func (s *Server) ready(ctx context.Context) error {
	if s.draining.Load() {
		return errDraining
	}
	ctx, cancel := context.WithTimeout(ctx, readinessInterval)
	defer cancel()
	return s.opts.Ready(ctx)
}

// stop takes the server down in order: readiness off, so that nobody new is sent
// here; streams told and ended; HTTP, which may still wait on gRPC; gRPC within
// the grace, then by force. An open stream must not hold the process.
func (s *Server) stop() {
	s.draining.Store(true)
	s.health.Shutdown()
	s.opts.Drain()

	ctx, cancel := context.WithTimeout(context.Background(), s.opts.Grace)
	defer cancel()
	servers := []*http.Server{s.callbacks, s.http}
	if s.opts.Emulator != nil {
		servers = append([]*http.Server{s.opts.Emulator}, servers...)
	}
	for _, server := range servers {
		if err := server.Shutdown(ctx); err != nil {
			s.opts.Logger.Warn("requests were cut off", "error", err)
			_ = server.Close() // Shutdown's error has been told
		}
	}
	for _, server := range []*grpc.Server{s.inner, s.grpc} {
		force := context.AfterFunc(ctx, server.Stop)
		server.GracefulStop()
		force()
	}
	s.rest.close()
}

func serveGRPC(name string, server *grpc.Server, l net.Listener) error {
	if err := server.Serve(l); !errors.Is(err, grpc.ErrServerStopped) {
		return named(name, err)
	}
	return nil
}

func serveHTTP(name string, server *http.Server, l net.Listener) error {
	serve := server.Serve
	if server.TLSConfig != nil {
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
		return named(name, err)
	}
	return nil
}

func named(listener string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("serve %s: %w", listener, err)
}
