package server

import (
	"net/http"
	"time"

	"golang.org/x/net/netutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// Limits are what clients may take of the process.
type Limits struct {
	// Connections is how many each listener serves at once; others wait to be
	// accepted.
	Connections int
	// ConnectionRPCs is how many RPCs run at once on one gRPC connection; others
	// wait in the client.
	ConnectionRPCs uint32
	// ConnectionAge is after how long a gRPC connection takes no new RPCs, so that
	// clients come to know new replicas and certificates. It ends with its last
	// RPC.
	ConnectionAge time.Duration
	// ReadTimeout is how long a client may take to send a request.
	ReadTimeout time.Duration
	// WriteTimeout is how long a client over HTTP may take to take in one piece of
	// an answer: an event of a stream, a piece of a file.
	WriteTimeout time.Duration
}

const (
	// maxRequest bounds a request's body or message, over gRPC and over REST.
	maxRequest = 1 << 20
	// maxHeader bounds a request's headers.
	maxHeader = 64 << 10
	// maxHeaderTime is how long headers may take, if ReadTimeout is longer.
	maxHeaderTime = 10 * time.Second
	// idleTime is for how long a connection that nobody uses is kept.
	idleTime     = 2 * time.Minute
	idleGRPCTime = 15 * time.Minute
	// Event Grid waits 30 s for its answer, half of which is the log's to append.
	maxCallbackTime = 15 * time.Second
	// maxCallbackHeader has room for a signed token and an address.
	maxCallbackHeader = 32 << 10
	// rpcWorkers is how many goroutines wait for RPCs, whose stacks have grown for
	// those before. When all have one to do, as a stream has for long, an RPC gets a
	// goroutine of its own.
	rpcWorkers = 128
	// outlivingStreams is for how many times its age a connection may go on for
	// what runs on it. A stream that began at its end lives for an age of its own,
	// and both ages vary by a tenth.
	outlivingStreams = 1.5
)

// limit makes the listeners serve no more than n connections each.
func (l *Listeners) limit(n int) {
	for _, listener := range l.all() {
		if *listener != nil {
			*listener = netutil.LimitListener(*listener, n)
		}
	}
}

// grpcBounds are those of every gRPC server, that of the REST front too.
func grpcBounds() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.MaxRecvMsgSize(maxRequest), grpc.MaxHeaderListSize(maxHeader), grpc.NumStreamWorkers(rpcWorkers)}
}

// connectionBounds are those of connections from outside.
func (l Limits) connectionBounds() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ConnectionTimeout(l.ReadTimeout),
		grpc.MaxConcurrentStreams(l.ConnectionRPCs),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			// Finds clients that are gone without a word, whose streams would else
			// stay forever.
			Time: time.Minute, Timeout: 20 * time.Second,
			MaxConnectionIdle:     idleGRPCTime,
			MaxConnectionAge:      l.ConnectionAge,
			MaxConnectionAgeGrace: time.Duration(outlivingStreams * float64(l.ConnectionAge)),
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	}
}

// newHTTPServer bounds what a client may take its time over. There is no write
// timeout for a whole response: it would cut streams. See boundWrites.
func (l Limits) newHTTPServer(handler http.Handler) *http.Server {
	s := &http.Server{Handler: boundWrites(l.WriteTimeout, handler), ReadHeaderTimeout: maxHeaderTime}
	l.boundReads(s)
	return s
}

func (l Limits) boundReads(s *http.Server) {
	s.ReadHeaderTimeout = min(l.ReadTimeout, maxHeaderTime)
	s.ReadTimeout = l.ReadTimeout
	s.IdleTimeout = idleTime
	s.MaxHeaderBytes = maxHeader
}

// newCallbackServer is for the listener that faces the internet: its requests and
// answers are small.
func (l Limits) newCallbackServer(handler http.Handler) *http.Server {
	s := l.newHTTPServer(handler)
	s.ReadTimeout = min(l.ReadTimeout, maxCallbackTime)
	s.MaxHeaderBytes = maxCallbackHeader
	return s
}

// boundWrites cuts off a client that does not take in a piece of its answer in
// time. A slow one is no harm, and a stream may go on for as long as it is read.
func boundWrites(timeout time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&boundWriter{ResponseWriter: w, control: http.NewResponseController(w), timeout: timeout}, r)
	})
}

// boundWriter gives each write its own time.
type boundWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

// Write implements http.ResponseWriter.
func (w *boundWriter) Write(b []byte) (int, error) {
	defer w.begin()()
	return w.ResponseWriter.Write(b)
}

// FlushError implements what http.ResponseController asks for.
func (w *boundWriter) FlushError() error {
	defer w.begin()()
	return w.control.Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (w *boundWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// begin sets the time. It is lifted again: over HTTP/2 it would end a stream that
// has nothing to write.
func (w *boundWriter) begin() (end func()) {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.timeout)) // not settable only under test recorders
	return func() { _ = w.control.SetWriteDeadline(time.Time{}) }
}
