package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc/codes"

	"github.com/callgate/callgate/console"
)

// httpHandler is what the HTTP listener serves.
func (s *Server) httpHandler() (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("/v1/", s.rest.inUTF8(eventStreamRequest(s.rest.readBody(s.rest.mux))))
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(openAPI) // a client that is gone needs no answer
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.opts.Gatherer, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	if err := console.Register(mux, s.opts.Console); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	// A page of another origin, open in a browser on this machine, must not be
	// able to place calls.
	return http.NewCrossOriginProtection().Handler(s.authenticated(mux)), nil
}

// readyz says whether the gateway can do its work, and if not, why.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if err := s.ready(r.Context()); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, "not ready:", err)
		return
	}
	fmt.Fprintln(w, "ready")
}

// readBody takes a request's body in, bounded in size, and in time by the
// server, before it is dealt with. The time is lifted then: a stream's response
// has none.
func (r *rest) readBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxRequest))
		if err != nil {
			var tooLarge *http.MaxBytesError
			if errors.As(err, &tooLarge) {
				r.refuse(w, http.StatusRequestEntityTooLarge, codes.ResourceExhausted,
					fmt.Sprintf("the request is larger than %d bytes", tooLarge.Limit))
				return
			}
			r.refuse(w, http.StatusRequestTimeout, codes.Canceled, "the request's body did not arrive")
			return
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // not settable only under test recorders
		if len(body) > 0 {
			req.Body = io.NopCloser(bytes.NewReader(body))
		}
		next.ServeHTTP(w, req)
	})
}
