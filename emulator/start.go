package emulator

import (
	"errors"
	"net"
	"net/http"
)

// TB is what Start needs of a *testing.T, *testing.B or *testing.F. Code that is
// not a test need not link the testing package for it.
type TB interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
	Cleanup(func())
}

// Server is an emulator that listens on loopback.
type Server struct {
	*Emulator
	// URL is where it listens: http, without a slash at the end.
	URL string
	// ConnectionString is what a client of it is configured with.
	ConnectionString string
}

// Start runs an emulator on a free port of loopback until the test ends.
func Start(tb TB, options Options) *Server {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // nothing to cancel
	if err != nil {
		tb.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	if options.PublicURL == "" {
		options.PublicURL = url
	}
	e, err := New(options)
	if err != nil {
		_ = listener.Close() // nothing else uses it
		tb.Fatal(err)
	}
	server := NewServer(e.Handler())
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	tb.Cleanup(func() {
		e.Close()
		_ = server.Close() // every connection was the test's
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			tb.Errorf("the emulator's server ended with: %v", err)
		}
	})
	return &Server{Emulator: e, URL: url, ConnectionString: ConnectionString(url, e.options.AccessKey)}
}
