package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	unaryLoad = 32    // calls at once, when saturated
	unaryRate = 1_000 // calls a second, when paced
	// stubDelay is how long the paced stub takes to answer, about what a server in
	// the same region does.
	stubDelay = 20 * time.Millisecond
)

// unaryScenarios place calls at an upstream that is a stub.
func unaryScenarios() []scenario {
	return []scenario{
		{
			name:     "unary, paced",
			about:    "1,000 CreateCall a second to an upstream that answers after 20 ms: latency as the client sees it, through callgate by gRPC and with net/http straight to the upstream.",
			subjects: []subject{{"callgate", pacedCalls}, {"net/http", pacedPosts}},
			checks: []check{
				{what: "median latency", metric: "p50 ms", of: "callgate", against: "net/http", atMost: 1.25},
				{what: "99th percentile of the latency", metric: "p99 ms", of: "callgate", against: "net/http", atMost: 1.5},
			},
		},
		{
			name:  "unary, saturated",
			about: "CreateCall, 32 at once, as fast as it goes, to an upstream that answers at once; the gateway authenticates clients, validates, logs each call, counts, and has its record synced to disk. Processor time per call is that of the gateway, of a bare gRPC server with a tuned net/http client, and of Node with the official SDK.",
			subjects: []subject{
				{"callgate", saturatedCalls(false)}, {"callgate, REST", saturatedCalls(true)}, {"bare gRPC", bareCalls}, {"official JavaScript SDK", sdkCalls},
			},
			checks: []check{
				{what: "calls per processor second against the official SDK", metric: "calls/cpu s", of: "callgate", against: "official JavaScript SDK", least: 2.5},
				{what: "calls per processor second against bare gRPC", metric: "calls/cpu s", of: "callgate", against: "bare gRPC", least: 0.6},
				{what: "processor time by REST against gRPC", metric: "cpu µs", of: "callgate, REST", against: "callgate", atMost: 1.7},
			},
		},
	}
}

// createCall is the request of the measurements: some 600 bytes upstream.
func createCall() *callgatev1.CreateCallRequest {
	return &callgatev1.CreateCallRequest{
		Targets: []*callgatev1.CommunicationIdentifier{{Kind: &callgatev1.CommunicationIdentifier_CommunicationUserId{
			CommunicationUserId: "8:acs:6d889502-3d7a-41a8-befa-d21fd80e8767_00000028-2f1c-5555-e64a-5c3a0d006c6a"}}},
		OperationContext: "9ece62de-abfb-4ffa-bc7d-1cf7183e2a85",
	}
}

// createCallJSON is the same as the upstream, and as REST, get it.
const (
	createCallUpstream = `{"targets":[{"kind":"communicationUser","communicationUser":{"id":"8:acs:6d889502-3d7a-41a8-befa-d21fd80e8767_00000028-2f1c-5555-e64a-5c3a0d006c6a"}}],"callbackUri":"https://callgate.invalid/callbacks/AUGaF8uWAXSiAAAAAAAAAABt9XEyAUGaF8uWAXSiAAAAAAAAAABt9XEy","operationContext":"9ece62de-abfb-4ffa-bc7d-1cf7183e2a85"}`
	createCallREST     = `{"targets":[{"communicationUserId":"8:acs:6d889502-3d7a-41a8-befa-d21fd80e8767_00000028-2f1c-5555-e64a-5c3a0d006c6a"}],"operationContext":"9ece62de-abfb-4ffa-bc7d-1cf7183e2a85"}`
	createPath         = "/calling/callConnections?api-version=2026-03-12"
)

// stub starts an upstream, and returns its address.
func (b *bench) stub(ctx context.Context, delay time.Duration) (*child, string, error) {
	stub, err := b.role(ctx, "stub", stubSettings{Delay: delay})
	if err != nil {
		return nil, "", err
	}
	var at place
	if err := stub.hear(&at); err != nil {
		stub.stop()
		return nil, "", err
	}
	return stub, at.HTTP, nil
}

func pacedCalls(ctx context.Context, b *bench) (metrics, error) {
	return b.withGateway(ctx, stubDelay, func(g *production) (metrics, error) {
		conn, err := grpc.NewClient(g.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		defer func() { _ = conn.Close() }()
		client := callgatev1.NewCallControlClient(conn)
		return b.pacedLatency(func() error {
			_, err := client.CreateCall(asClient(ctx), createCall())
			return err
		})
	})
}

func pacedPosts(ctx context.Context, b *bench) (metrics, error) {
	stub, at, err := b.stub(ctx, stubDelay)
	if err != nil {
		return nil, err
	}
	defer stub.stop()
	p := newPoster(256)
	defer p.close()
	return b.pacedLatency(func() error { return p.post(ctx, "http://"+at+createPath, "", []byte(createCallUpstream)) })
}

func (b *bench) pacedLatency(call func() error) (metrics, error) {
	if err := paced(unaryRate/2, unaryRate, func(int) error { return call() }); err != nil { // warms up
		return nil, err
	}
	took := make([]time.Duration, b.scaled(4*unaryRate))
	if err := paced(len(took), unaryRate, func(i int) error {
		begin := time.Now()
		err := call()
		took[i] = time.Since(begin)
		return err
	}); err != nil {
		return nil, err
	}
	slices.Sort(took)
	return metrics{
		"p50 ms": float64(took[len(took)/2].Microseconds()) / 1e3,
		"p99 ms": float64(took[len(took)*99/100].Microseconds()) / 1e3,
	}, nil
}

func saturatedCalls(rest bool) func(context.Context, *bench) (metrics, error) {
	return func(ctx context.Context, b *bench) (metrics, error) {
		return b.withGateway(ctx, 0, func(g *production) (metrics, error) {
			if rest {
				p := newPoster(unaryLoad)
				defer p.close()
				return b.cost(g.child, func() error { return p.post(ctx, "http://"+g.http+"/v1/calls", clientToken, []byte(createCallREST)) })
			}
			return b.grpcCost(ctx, g.child, g.grpc)
		})
	}
}

func bareCalls(ctx context.Context, b *bench) (metrics, error) {
	stub, at, err := b.stub(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer stub.stop()
	server, err := b.role(ctx, "unary", unarySettings{Upstream: at})
	if err != nil {
		return nil, err
	}
	defer server.stop()
	var place place
	if err := server.hear(&place); err != nil {
		return nil, err
	}
	return b.grpcCost(ctx, server, place.Addr)
}

func (b *bench) grpcCost(ctx context.Context, server *child, addr string) (metrics, error) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	client := callgatev1.NewCallControlClient(conn)
	return b.cost(server, func() error {
		_, err := client.CreateCall(asClient(ctx), createCall())
		return err
	})
}

// cost is the processor time that a call costs the server.
func (b *bench) cost(server *child, call func() error) (metrics, error) {
	do := func(int) error { return call() }
	if err := saturated(b.scaled(1_000), unaryLoad, do); err != nil { // warms up
		return nil, err
	}
	n := b.scaled(15_000)
	before, err := server.cpu()
	if err != nil {
		return nil, err
	}
	if err := saturated(n, unaryLoad, do); err != nil {
		return nil, err
	}
	after, err := server.cpu()
	if err != nil {
		return nil, err
	}
	return costOf(n, after-before), nil
}

func costOf(n int, cpu time.Duration) metrics {
	return metrics{"cpu µs": float64(cpu.Microseconds()) / float64(n), "calls/cpu s": float64(n) / cpu.Seconds()}
}

// sdkCalls makes the calls with the SDK that conformance/ has installed.
func sdkCalls(ctx context.Context, b *bench) (metrics, error) {
	stub, at, err := b.stub(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer stub.stop()
	n := b.scaled(6_000)
	script := filepath.Join(b.source, "bench", "sdk.mjs")
	cmd := exec.CommandContext(ctx, "node", script, "http://"+at, accessKey, fmt.Sprint(n), fmt.Sprint(unaryLoad)) //nolint:gosec // ours
	cmd.Stderr = &tail{}
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %v (npm ci in conformance/ installs it)", err, cmd.Stderr)
	}
	var used struct{ Seconds float64 }
	if err := json.Unmarshal(out, &used); err != nil {
		return nil, err
	}
	return costOf(n, time.Duration(used.Seconds*float64(time.Second))), nil
}

// withGateway measures a gateway in front of a stub, with everything on.
func (b *bench) withGateway(ctx context.Context, delay time.Duration, measure func(*production) (metrics, error)) (metrics, error) {
	stub, at, err := b.stub(ctx, delay)
	if err != nil {
		return nil, err
	}
	defer stub.stop()
	a, err := newAuthority()
	if err != nil {
		return nil, err
	}
	defer a.server.Close()
	guarded, err := b.guarded()
	if err != nil {
		return nil, err
	}
	g, err := b.production(ctx, a, at, b.folder(), guarded...)
	if err != nil {
		return nil, err
	}
	defer g.stop()
	return measure(g)
}

type stubSettings struct{ Delay time.Duration }

//go:embed testdata/createCall.json
var createdCall []byte

// stubUpstream accepts every call.
func stubUpstream(ctx context.Context, r *role) error {
	var s stubSettings
	if err := r.read(&s); err != nil {
		return err
	}
	return serveHTTP(ctx, r, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		time.Sleep(s.Delay)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(createdCall)
	})
}

// serveHTTP serves until the role is over.
func serveHTTP(ctx context.Context, r *role, handle http.HandlerFunc) error {
	listener, err := listen(ctx)
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: handle}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	if err := r.say(place{HTTP: listener.Addr().String()}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

type unarySettings struct{ Upstream string }

// bareUnary is a gRPC server that posts, and no more: no signature, no checks.
func bareUnary(ctx context.Context, r *role) error {
	s := &unaryServer{poster: newPoster(unaryLoad)}
	if err := r.read(&s.settings); err != nil {
		return err
	}
	server := grpc.NewServer()
	callgatev1.RegisterCallControlServer(server, s)
	listener, err := listen(ctx)
	if err != nil {
		return err
	}
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	if err := r.say(place{Addr: listener.Addr().String()}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

type unaryServer struct {
	callgatev1.UnimplementedCallControlServer
	settings unarySettings
	poster   *poster
}

// CreateCall implements callgatev1.CallControlServer.
func (s *unaryServer) CreateCall(ctx context.Context, req *callgatev1.CreateCallRequest) (*callgatev1.CreateCallResponse, error) {
	body, err := json.Marshal(map[string]any{
		"targets":          []any{map[string]any{"kind": "communicationUser", "communicationUser": map[string]string{"id": req.GetTargets()[0].GetCommunicationUserId()}}},
		"callbackUri":      "https://callgate.invalid/callbacks/AUGaF8uWAXSiAAAAAAAAAABt9XEyAUGaF8uWAXSiAAAAAAAAAABt9XEy",
		"operationContext": req.GetOperationContext(),
	})
	if err != nil {
		return nil, err
	}
	httpReq, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.settings.Upstream+createPath, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	httpReq.Header.Set("Content-Type", "application/json")
	resp, err := s.poster.client.Do(httpReq)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	var call struct {
		CallConnectionID string `json:"callConnectionId"`
		CorrelationID    string `json:"correlationId"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&call); err != nil {
		return nil, err
	}
	return &callgatev1.CreateCallResponse{CallConnection: &callgatev1.CallConnection{
		CallConnectionId: call.CallConnectionID, CorrelationId: call.CorrelationID, Targets: req.GetTargets(),
	}}, nil
}
