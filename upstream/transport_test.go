package upstream

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// TestConnectionsGrowOld: a connection is used again while it is young, and then
// a new one is made, which finds the address anew.
func TestConnectionsGrowOld(t *testing.T) {
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	now := time.Now()
	transport := &freshTransport{age: time.Minute, now: func() time.Time { return now }, make: func() *http.Transport { return &http.Transport{} }}
	defer transport.CloseIdleConnections()
	for i, want := range []int64{1, 1, 2, 2} {
		if i == 2 {
			now = now.Add(time.Minute)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := connections.Load(); got != want {
			t.Errorf("request %d: %d connections, want %d", i, got, want)
		}
	}
}
