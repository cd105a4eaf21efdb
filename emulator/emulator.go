// Package emulator is a Call Automation service for development and tests. It
// speaks the service's REST contract over real HTTP, keeps a state machine for
// each call, and posts signed CloudEvents to the callback URIs it is given, in
// the shapes of real captures. The far ends of its calls are simulated: the
// number or user that is called decides how the call goes (see Behaviours).
//
// In a Go test, one line starts it on a port of its own, until the test ends:
//
//	em := emulator.Start(t, emulator.Options{TimeScale: 100})
//
// A client is configured with em.ConnectionString. em.Control() rings, makes people
// press keys, speak and hang up, tells which requests were received, and injects
// faults: latency, throttling, broken connections, callbacks that are lost, late,
// doubled or out of order, and tokens that are not to be trusted. A fault says how
// often and how probably it strikes; the same seed gives the same run. Where there
// is no test to end it, use New and NewServer, or run "callgate emulator".
//
// It needs no account and no network. Nothing in it is meant for production.
package emulator

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
)

// Emulator is one emulated Call Automation resource.
type Emulator struct {
	options   Options
	accessKey []byte
	log       *slog.Logger
	signer    *signer
	courier   *courier
	eventGrid *eventGrid
	control   *control
	goroutine sync.WaitGroup // everything the emulator started
	cancel    context.CancelFunc

	mu    sync.Mutex
	world *world // replaced by Reset; nil once closed
}

// New starts an emulator. Close ends it.
func New(options Options) (*Emulator, error) {
	options, key, err := options.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("emulator options: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	e := &Emulator{options: options, accessKey: key, log: options.Logger, cancel: cancel}
	e.signer = newSigner(options, &e.goroutine)
	e.courier = newCourier(options)
	e.eventGrid = newEventGrid(ctx, options, e.courier, &e.goroutine)
	if e.control, err = newControl(e); err != nil {
		e.Close()
		return nil, fmt.Errorf("emulator control API: %w", err)
	}
	e.world = newWorld(e)
	return e, nil
}

// Close ends every timer and delivery and waits for them. Events that were not
// delivered yet are lost. Requests that a fault makes hang are cut off, and those
// that come later are answered 503, so that the HTTP server may be shut down
// before or after.
func (e *Emulator) Close() {
	e.mu.Lock()
	w := e.world
	e.world = nil
	e.mu.Unlock()
	if w != nil {
		w.end()
	}
	e.cancel()
	if e.control != nil {
		e.control.grpc.Stop()
	}
	e.goroutine.Wait()
	e.courier.close()
}

// Reset forgets every call, recording, repeatability record, received request and
// fault, without sending an event. Event Grid endpoints stay validated.
func (e *Emulator) Reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.world == nil {
		return
	}
	e.world.end()
	e.world = newWorld(e)
}

// Control is the control API for Go code in the same process: it rings, presses
// keys, speaks, hangs up, injects faults and tells what was received, as over gRPC.
func (e *Emulator) Control() emulatorv1.EmulatorServer { return e.control }

// ControlREST serves the control API as REST, under /control/, to pages of another
// listener.
func (e *Emulator) ControlREST() http.Handler { return e.control.rest }

// currentWorld is nil once the emulator is closed.
func (e *Emulator) currentWorld() *world {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.world
}

// Handler serves everything the emulator offers: the REST API and its OpenID
// configuration under /calling, the files of recordings under /v1/objects, the
// control API as gRPC and, under /control, as REST. gRPC needs a server that speaks HTTP/2: see NewServer.
func (e *Emulator) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+OpenIDConfigurationPath, e.serveOpenIDConfiguration)
	mux.HandleFunc("GET "+JWKSPath, e.signer.serveJWKS)
	mux.Handle("/control/", http.MaxBytesHandler(e.control.rest, maxBody))

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		switch {
		case r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"):
			e.control.grpc.ServeHTTP(w, r)
		case strings.HasPrefix(path, apiPrefix) && path != OpenIDConfigurationPath && path != JWKSPath:
			e.serveAPI(w, r) // not through the mux, which would clean paths that hold raw ids
		case strings.HasPrefix(path, objectsPath+"/"):
			e.serveContent(w, r)
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

// baseURL is where the emulator can be reached by whoever sent r.
func (e *Emulator) baseURL(r *http.Request) string {
	if e.options.PublicURL != "" {
		return e.options.PublicURL
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// NewServer is an http.Server for handler that speaks HTTP/1.1 and, without TLS
// too, HTTP/2, which gRPC needs. The caller owns it: Serve, then Shutdown.
func NewServer(handler http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
}
