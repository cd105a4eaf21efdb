package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/callgate/callgate/client"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// gridAddress is where Event Grid posts to, with a key of the gateway's data
// folder.
func (g *gateway) gridAddress(t *testing.T, dir string) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"eventgrid-url", "--data-dir=" + dir, "--callback-base-url=https://gw.example"}, noEnv, &out, &out); err != nil {
		t.Fatal(err)
	}
	return g.callbackURL + strings.TrimPrefix(strings.TrimSpace(out.String()), "https://gw.example")
}

// TestDribblingClientsAreCutOff: whatever listener a client sends to, a byte at a
// time, it is gone soon, and others are served meanwhile.
func TestDribblingClientsAreCutOff(t *testing.T) {
	dir := t.TempDir()
	g := start(t, "--data-dir="+dir, "--read-timeout=2s")
	host := func(url string) string { return strings.TrimPrefix(url, "http://") }
	grid := strings.TrimPrefix(g.gridAddress(t, dir), g.callbackURL)
	const slowBody = " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
	var done sync.WaitGroup
	for name, test := range map[string]struct{ addr, begin string }{
		"HTTP: a header":                   {host(g.httpURL), "GET / HTTP/1.1\r\nX-Slow: "},
		"HTTP: nothing at all":             {host(g.httpURL), ""},
		"HTTP: a request's body":           {host(g.httpURL), "POST /v1/calls" + slowBody},
		"HTTP: a body that nobody reads":   {host(g.httpURL), "POST /healthz" + slowBody},
		"HTTP: a stream's request":         {host(g.httpURL), "POST /v1/events:stream" + slowBody},
		"callbacks: a header":              {host(g.callbackURL), "POST /eventgrid HTTP/1.1\r\nX-Slow: "},
		"callbacks: a body with a key":     {host(g.callbackURL), "POST " + grid + slowBody},
		"callbacks: a body without":        {host(g.callbackURL), "POST /callbacks/x" + slowBody},
		"callbacks: a body to nowhere":     {host(g.callbackURL), "POST /nowhere" + slowBody},
		"emulator: a header":               {host(g.emulatorURL), "GET / HTTP/1.1\r\nX-Slow: "},
		"emulator: a body":                 {host(g.emulatorURL), "POST /calling/callConnections?api-version=2026-03-12" + slowBody},
		"emulator: a body for the control": {host(g.emulatorURL), "POST /control/v1/incomingCalls" + slowBody},
		"gRPC: a preface":                  {g.grpcAddr, "PRI * HTT"},
		"gRPC: nothing at all":             {g.grpcAddr, ""},
		"gRPC: HTTP/1.1":                   {g.grpcAddr, "POST /callgate.v1.CallControl/CreateCall" + slowBody},
	} {
		done.Go(func() {
			if err := dribble(test.addr, test.begin, test.begin == "PRI * HTT"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	for range 5 {
		g.http.CloseIdleConnections() // the gateway closes one, too, that is idle for as long
		walk{t, g, transports[1]}.call(user("8:acs:res_a"))
	}
	done.Wait()
}

// dribble begins a request and goes on with a byte at a time, until the server
// closes the connection.
func dribble(addr, begin string, silent bool) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	closed := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, conn)
		closed <- err
	}()
	if _, err := io.WriteString(conn, begin); err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-closed:
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return fmt.Errorf("the connection is still open: %w", err)
			}
			return nil // by whatever means
		case <-tick.C:
			if begin != "" && !silent {
				_, _ = io.WriteString(conn, "a") // if it fails, the reader says why
			}
		}
	}
}

// TestReaderThatNeverReads: who opens a stream over HTTP and reads nothing of it
// is cut off; its place is free again.
func TestReaderThatNeverReads(t *testing.T) {
	dir := t.TempDir()
	g := start(t, "--data-dir="+dir, "--write-timeout=500ms")
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.httpURL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /v1/events:stream?include_data=true HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	open := func(n int) bool {
		_, metrics, err := g.rest(t.Context(), "GET", "/metrics", "")
		return err == nil && strings.Contains(string(metrics), fmt.Sprintf("\ncallgate_subscriptions %d\n", n))
	}
	waitUntil(t, "the stream is open", func() bool { return open(1) })
	grid, large := g.gridAddress(t, dir), strings.Repeat("x", 500_000)
	id := 0
	waitUntil(t, "the stream is closed", func() bool {
		if id < 40 { // more than the buffers of the two sockets have room for
			id++
			post(t, grid, fmt.Sprintf(`{"id":"%d","source":"s","type":"a.B","data":{"large":%q}}`, id, large))
		}
		return open(0)
	})
}

// TestOldConnectionsAreReplaced: when a stream has grown old it is told to come
// back, and the client does: every event comes, once.
func TestOldConnectionsAreReplaced(t *testing.T) {
	dir := t.TempDir()
	g := start(t, "--data-dir="+dir, "--max-connection-age=300ms")
	grid := g.gridAddress(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var (
		mu                sync.Mutex
		got               []string
		started, draining int
	)
	streaming := make(chan error, 1)
	go func() {
		streaming <- client.Stream(ctx, g.conn, &callgatev1.StreamEventsRequest{
			Start: &callgatev1.StreamEventsRequest_Earliest{Earliest: true},
		}, func(resp *callgatev1.StreamEventsResponse) error {
			mu.Lock()
			defer mu.Unlock()
			switch r := resp.GetResponse().(type) {
			case *callgatev1.StreamEventsResponse_Started:
				started++
			case *callgatev1.StreamEventsResponse_Draining:
				draining++
			case *callgatev1.StreamEventsResponse_Event:
				got = append(got, r.Event.GetId())
			}
			return nil
		})
	}()
	sent := 0
	waitUntil(t, "the stream has come back several times, with all events", func() bool {
		mu.Lock()
		enough, all := started > 4 && draining > 3, len(got) == sent
		mu.Unlock()
		if !enough {
			sent++
			post(t, grid, incomingCallEvent(sent))
		}
		return enough && all
	})
	cancel()
	if err := <-streaming; !errors.Is(err, context.Canceled) {
		t.Errorf("the stream ended with: %v", err)
	}
	for i, id := range got {
		if id != eventID(i+1) {
			t.Fatalf("event %d is %s, want %s", i, id, eventID(i+1))
		}
	}
}

// TestTooManyStreams: over gRPC and over REST together, of one client.
func TestTooManyStreams(t *testing.T) {
	g := start(t, "--max-streams-per-client=2")
	g.stream(t, &callgatev1.StreamEventsRequest{})
	overHTTP, _ := g.lines(t, "GET", "/v1/events:stream", "")
	waitUntil(t, "both are open", func() bool {
		_, metrics, err := g.rest(t.Context(), "GET", "/metrics", "")
		return err == nil && strings.Contains(string(metrics), "\ncallgate_subscriptions 2\n")
	})
	stream, err := callgatev1.NewEventsClient(g.conn).StreamEvents(t.Context(), &callgatev1.StreamEventsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	wantCode(t, err, codes.ResourceExhausted)
	if info, is := status.Convert(err).Details()[0].(*errdetails.ErrorInfo); !is || info.GetReason() != "TOO_MANY_STREAMS" {
		t.Errorf("details %v", status.Convert(err).Details())
	}
	if code, body, err := g.rest(t.Context(), "GET", "/v1/events:stream", ""); err != nil || code != http.StatusTooManyRequests {
		t.Errorf("over REST: %d %s, %v", code, body, err)
	}
	_ = overHTTP.Body.Close()
	waitUntil(t, "there is room again", func() bool {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stream, err := callgatev1.NewEventsClient(g.conn).StreamEvents(ctx, &callgatev1.StreamEventsRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		return err == nil
	})
}

// TestConnectionsAreCounted: one more than there may be waits until another ends.
func TestConnectionsAreCounted(t *testing.T) {
	g := start(t, "--max-connections=2")
	g.http.CloseIdleConnections()
	addr := strings.TrimPrefix(g.httpURL, "http://")
	ask := func() net.Conn {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	answered := func(conn net.Conn, within time.Duration) bool {
		_ = conn.SetReadDeadline(time.Now().Add(within))
		_, err := conn.Read(make([]byte, 1))
		return err == nil
	}
	first, second := ask(), ask()
	if !answered(first, time.Minute) || !answered(second, time.Minute) {
		t.Fatal("the first two are not served")
	}
	third := ask()
	if answered(third, 200*time.Millisecond) {
		t.Error("the third is served beside two")
	}
	_ = first.Close()
	if !answered(third, time.Minute) {
		t.Error("the third is not served when there is room")
	}
}

func TestHeadersAreBounded(t *testing.T) {
	g := start(t)
	for name, url := range map[string]string{"HTTP": g.httpURL + "/healthz", "callbacks": g.callbackURL + "/eventgrid", "emulator": g.emulatorURL + "/"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Large", strings.Repeat("x", 128<<10))
		resp, err := g.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
}

// TestTheDataFolderIsPrivate: it holds a key, and what people say of people.
func TestTheDataFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	start(t, "--data-dir="+dir)
	for _, name := range []string{dir, filepath.Join(dir, "callback.key")} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}
