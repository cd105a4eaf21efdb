package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/callgate/callgate/client"
	"github.com/callgate/callgate/eventstream"
	"github.com/callgate/callgate/eventstream/natscluster"
	"github.com/callgate/callgate/eventstream/promises"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	// chaosSeconds, in the environment, is for how long TestReplicas makes trouble;
	// 60 when it is not set.
	chaosSeconds = "CALLGATE_TEST_CHAOS_SECONDS"
	// eventsPerSecond come all the while.
	eventsPerSecond = 200
	// maxUnderWay bounds the events that are being sent.
	maxUnderWay = 4000
	eventStream = "CALLGATE_EVENTS"
)

var replicaCalls = strings.Split("abcdefghijkl", "")

// TestReplicas: two gateways share a log on three NATS servers. Events come to
// either, 200 a second, while servers, their leader and the gateways are stopped,
// killed and started again. Whatever was answered with 200 comes exactly once, in
// order, to everybody who resumes, and at least once, in order by call, to a group.
func TestReplicas(t *testing.T) {
	t.Parallel()
	trouble := 60 * time.Second
	if text := os.Getenv(chaosSeconds); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		trouble = time.Duration(seconds) * time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), trouble+4*time.Minute)
	defer cancel()
	cluster, err := natscluster.Start(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	r := newReplicas(t, cluster)

	filters := []*callgatev1.EventFilter{nil, ofCalls("a"), ofCalls("b", "c"), nil, ofCalls("c")}
	readers := make([]*reader, len(filters))
	var reading, sender sync.WaitGroup
	defer func() { cancel(); reading.Wait(); sender.Wait() }() // also when it fails before
	for i, filter := range filters {
		readers[i] = newReader(filter)
		reading.Go(func() {
			if err := readers[i].follow(ctx, r.conn); err != nil {
				t.Errorf("reader %d: %v", i, err)
			}
		})
	}
	group := r.consume(ctx, t)
	defer func() { cancel(); group.consuming.Wait() }()
	sending, stopSending := context.WithCancel(ctx)
	sender.Go(func() { r.load(ctx, sending) })
	for round, deadline := 0, time.Now().Add(trouble); time.Now().Before(deadline) && ctx.Err() == nil; round++ {
		r.harm(t, round)
	}
	stopSending()
	sender.Wait()
	for _, call := range replicaCalls { // the sign for readers to end
		r.send(ctx, 0, call, endOf(call))
	}
	reading.Wait()
	dead := group.finish(ctx, t)

	log := r.history(ctx, t)
	t.Logf("%d events acknowledged, %d attempts refused or lost", r.acked.Load(), r.failed.Load())
	if got, want := int64(len(log)), r.acked.Load(); got != want || want < eventsPerSecond*int64(trouble.Seconds()) {
		t.Errorf("the log has %d events; %d were acknowledged", got, want)
	}
	for i, reader := range readers {
		if err := promises.Check(reader.recording, log, reader.matches); err != nil {
			t.Errorf("reader %d: %v", i, err)
		}
		t.Logf("reader %d had %d streams", i, len(reader.recording.Connections))
	}
	group.check(t, log, dead)
}

func endOf(call string) string { return "end " + call }

func ofCalls(calls ...string) *callgatev1.EventFilter {
	return &callgatev1.EventFilter{CallConnectionIds: calls}
}

// replicas are gateways over one cluster, and what is sent to them.
type replicas struct {
	cluster   *natscluster.Cluster
	key       []byte
	eventGrid string // path and query
	addresses *manual.Resolver
	conn      *grpc.ClientConn
	http      *http.Client
	acked     atomic.Int64
	failed    atomic.Int64

	mu       sync.Mutex // held to read or change who runs
	gateways [2]*killable
}

func newReplicas(t *testing.T, cluster *natscluster.Cluster) *replicas {
	t.Helper()
	r := &replicas{cluster: cluster, key: []byte(strings.Repeat("k", 32)), addresses: manual.NewBuilderWithScheme("replicas")}
	tokens, err := eventstream.NewTokens(r.key)
	if err != nil {
		t.Fatal(err)
	}
	r.eventGrid = eventstream.EventGridPath + "?key=" + tokens.EventGrid()
	for i := range r.gateways {
		r.start(t, i)
	}
	r.conn, err = client.Dial("replicas:///", grpc.WithResolvers(r.addresses), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	r.http = &http.Client{Transport: transport, Timeout: 20 * time.Second}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := r.conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// start starts a gateway, wherever there is a free port.
func (r *replicas) start(t *testing.T, i int) {
	t.Helper()
	started := startProcess(t, t.TempDir(), r.key,
		"--nats-url="+strings.Join(r.cluster.URLs(i), ","), "--log-level=warn")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gateways[i] = started
	var state resolver.State
	for _, g := range r.gateways {
		if g != nil {
			state.Addresses = append(state.Addresses, resolver.Address{Addr: g.grpcAddr})
		}
	}
	if r.conn == nil {
		r.addresses.InitialState(state)
	} else {
		r.addresses.UpdateState(state)
	}
}

func (r *replicas) gateway(i int) *killable {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gateways[i%len(r.gateways)]
}

// harm makes one kind of trouble and mends it.
func (r *replicas) harm(t *testing.T, round int) {
	t.Helper()
	victim := round / 5 % len(r.gateways)
	switch round % 5 {
	case 0:
		r.restartNode(t, r.cluster.Leader(eventStream)+1)
	case 1:
		r.restartNode(t, r.cluster.Leader(eventStream))
	case 2:
		r.gateway(victim).kill(t)
		r.start(t, victim)
	case 3:
		r.gateway(victim).terminate(t)
		r.start(t, victim)
	default: // everything in turn
		for i := range natscluster.Nodes {
			r.restartNode(t, i)
		}
		for i := range r.gateways {
			r.gateway(i).terminate(t)
			r.start(t, i)
		}
	}
}

// restartNode stops a server, lets the others run without it, and starts it.
func (r *replicas) restartNode(t *testing.T, node int) {
	t.Helper()
	node = max(node, 0) % natscluster.Nodes
	r.cluster.StopNode(node)
	waitUntil(t, "the others have a leader", func() bool { return r.cluster.Leader(eventStream) >= 0 })
	if err := r.cluster.StartNode(node); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the cluster is whole", func() bool { return r.cluster.Whole(eventStream) })
}

// terminate stops a gateway as an operator does.
func (g *killable) terminate(t *testing.T) {
	t.Helper()
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-g.ended
	if !g.cmd.ProcessState.Success() {
		t.Errorf("the gateway ended with %v\n%s", g.cmd.ProcessState, g.stderr)
	}
}

// load sends events at their rate, whatever becomes of those before, until
// sending ends, and then waits until all have arrived.
func (r *replicas) load(ctx, sending context.Context) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	var underWay sync.WaitGroup
	defer underWay.Wait()
	turns := make(chan struct{}, maxUnderWay)
	sent, begun := 0, time.Now()
	for over := false; !over; {
		select {
		case <-sending.Done():
			over = true // but for what is due until now
		case <-ticker.C:
		}
		due := int(time.Since(begun).Seconds() * eventsPerSecond)
		for n := sent; n < due; n++ {
			turns <- struct{}{}
			underWay.Go(func() {
				r.send(ctx, n, replicaCalls[n%len(replicaCalls)], fmt.Sprint(n))
				<-turns
			})
		}
		sent = due
	}
}

// send sends an event as the upstream does: again, to whichever gateway, until
// one says that it has it.
func (r *replicas) send(ctx context.Context, to int, call, id string) {
	event := fmt.Sprintf(`[{"specversion":"1.0","id":%q,"source":"calling/callConnections/%s","time":"2026-11-23T19:27:24Z",`+
		`"type":"Microsoft.Communication.ParticipantsUpdated","data":{"callConnectionId":%q,"participants":[],"sequenceNumber":1}}]`, id, call, call)
	for pause := 100 * time.Millisecond; ctx.Err() == nil; to++ {
		if r.post(ctx, r.gateway(to).callbackURL+r.eventGrid, event) {
			r.acked.Add(1)
			return
		}
		r.failed.Add(1)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, 2*time.Second) // or those that wait keep others from coming through
	}
}

func (r *replicas) post(ctx context.Context, url, body string) (acknowledged bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/cloudevents-batch+json")
	resp, err := r.http.Do(req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// history is what the log has of all calls.
func (r *replicas) history(ctx context.Context, t *testing.T) promises.Log {
	t.Helper()
	var log promises.Log
	for _, call := range replicaCalls {
		for token, first := "", true; first || token != ""; first = false {
			page, err := callgatev1.NewEventsClient(r.conn).ListEvents(ctx, &callgatev1.ListEventsRequest{
				CallConnectionId: call, PageSize: 1000, PageToken: token,
			})
			if err != nil {
				t.Fatal(err)
			}
			log, token = append(log, page.GetEvents()...), page.GetNextPageToken()
		}
	}
	slices.SortFunc(log, func(a, b *callgatev1.CallEvent) int {
		x, _ := eventstream.CursorPosition(a.GetCursor())
		y, _ := eventstream.CursorPosition(b.GetCursor())
		return int(x) - int(y)
	})
	return log
}

// reader follows some calls from the beginning until all of them have ended.
type reader struct {
	filter    *callgatev1.EventFilter
	open      []string
	recording promises.Recording
	last      string
}

func newReader(filter *callgatev1.EventFilter) *reader {
	r := &reader{filter: filter, open: replicaCalls, recording: promises.Recording{Position: eventstream.CursorPosition}}
	if filter != nil {
		r.open = filter.GetCallConnectionIds()
	}
	r.open = slices.Clone(r.open)
	return r
}

func (r *reader) matches(ev *callgatev1.CallEvent) bool {
	return r.filter == nil || slices.Contains(r.filter.GetCallConnectionIds(), ev.GetCallConnectionId())
}

var errAllEnded = errors.New("all calls have ended")

func (r *reader) follow(ctx context.Context, conn *grpc.ClientConn) error {
	err := client.Stream(ctx, conn, &callgatev1.StreamEventsRequest{
		Filter: r.filter, Start: &callgatev1.StreamEventsRequest_Earliest{Earliest: true}, HeartbeatInterval: durationpb.New(time.Second),
	}, r.record)
	if errors.Is(err, errAllEnded) {
		return nil
	}
	return err
}

func (r *reader) record(resp *callgatev1.StreamEventsResponse) error {
	if resp.GetStarted() != nil {
		r.recording.Connections = append(r.recording.Connections, promises.Connection{After: r.last})
	}
	connection := &r.recording.Connections[len(r.recording.Connections)-1]
	connection.Responses = append(connection.Responses, resp)
	r.last = promises.Cursor(resp)
	r.open = slices.DeleteFunc(r.open, func(call string) bool { return resp.GetEvent().GetId() == endOf(call) })
	if len(r.open) == 0 {
		return errAllEnded
	}
	return nil
}
