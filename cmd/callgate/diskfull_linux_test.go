package main

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// TestDiskFull: a gateway whose disk takes no more refuses callbacks with 503,
// says so to whoever asks for its health, and is read from all the same; when
// there is space again it goes on by itself, without a loss.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	key := []byte(strings.Repeat("k", 32))
	tokens, err := eventstream.NewTokens(key)
	if err != nil {
		t.Fatal(err)
	}
	g := startProcess(t, t.TempDir(), key)
	defer g.kill(t)
	eventGrid := g.callbackURL + eventstream.EventGridPath + "?key=" + tokens.EventGrid()
	limitFiles := func(size uint64) {
		// No file of the process can grow beyond it: a write is cut off, and fails, as
		// on a disk that is full.
		if err := unix.Prlimit(g.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}, nil); err != nil {
			t.Fatal(err)
		}
	}
	health := func() grpc_health_v1.HealthCheckResponse_ServingStatus {
		resp, err := grpc_health_v1.NewHealthClient(g.conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetStatus()
	}
	readiness := func() (int, string) {
		status, body, err := g.rest(t.Context(), http.MethodGet, "/readyz", "")
		if err != nil {
			t.Fatal(err)
		}
		return status, string(body)
	}

	limitFiles(64 << 10)
	stored, status := 0, http.StatusOK
	for ; status == http.StatusOK; stored++ {
		status = deliver(t.Context(), eventGrid, incomingCallEvent(stored))
	}
	stored--
	if status != http.StatusServiceUnavailable || stored < 10 {
		t.Fatalf("after %d events: %d", stored, status)
	}
	waitUntil(t, "the health service knows", func() bool { return health() == grpc_health_v1.HealthCheckResponse_NOT_SERVING })
	if status, body := readiness(); status != http.StatusServiceUnavailable || !strings.Contains(body, unix.EFBIG.Error()) {
		t.Errorf("readiness is %d, %q", status, body)
	}
	seen := g.stream(t, &callgatev1.StreamEventsRequest{Start: &callgatev1.StreamEventsRequest_Earliest{Earliest: true}})
	waitUntil(t, "what there is has been read", func() bool { return len(seen.all()) == stored })

	limitFiles(unix.RLIM_INFINITY)
	waitUntil(t, "it is ready again", func() bool {
		status, _ := readiness()
		return status == http.StatusOK && health() == grpc_health_v1.HealthCheckResponse_SERVING
	})
	for i := range stored + 10 { // as a sender does that is not sure
		post(t, eventGrid, incomingCallEvent(i))
	}
	waitUntil(t, "the rest has come", func() bool { return len(seen.all()) >= stored+10 })
	for i, ev := range seen.all() {
		if ev.GetId() != eventID(i) {
			t.Errorf("event %d is %s", i, ev.GetId())
		}
	}
}
