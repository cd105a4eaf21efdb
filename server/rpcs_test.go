package server

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// observed are the RPCs of CallControl and Events, what they log, and where their
// metrics are.
func observed(t *testing.T, level slog.Level) (*rpcs, *bytes.Buffer, *prometheus.Registry) {
	t.Helper()
	var said bytes.Buffer
	reg := prometheus.NewRegistry()
	r := newRPCs(slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: level})), reg)
	s := grpc.NewServer()
	callgatev1.RegisterCallControlServer(s, stub{})
	callgatev1.RegisterEventsServer(s, stub{})
	r.know(s)
	return r, &said, reg
}

func TestRPCsAreLoggedWhenTheyEnd(t *testing.T) {
	refused, err := status.New(codes.NotFound, "no +14255550123").WithDetails(&errdetails.ErrorInfo{
		Reason: "CALL_NOT_FOUND", Metadata: map[string]string{"upstream_status": "404", "upstream_message": "no +14255550123"},
	})
	if err != nil {
		t.Fatal(err)
	}
	made := &callgatev1.CreateCallResponse{Receipt: &callgatev1.ActionReceipt{CallConnectionId: "made"}}
	for _, tc := range []struct {
		name   string
		method string
		req    any
		resp   any
		err    error
		wants  []string
	}{
		{"a call is made", callgatev1.CallControl_CreateCall_FullMethodName, &callgatev1.CreateCallRequest{}, made, nil,
			[]string{"level=INFO", "call_connection_id=made", "grpc.code=OK", "grpc.time_ms=", "grpc.start_time=", "protocol=grpc", "grpc.service=callgate.v1.CallControl", "grpc.method=CreateCall", "principal=token:alice"}},
		{"a call that there is not", callgatev1.CallControl_GetCall_FullMethodName, &callgatev1.GetCallRequest{CallConnectionId: "asked"}, nil, refused.Err(),
			[]string{"level=INFO", "call_connection_id=asked", "grpc.code=NotFound", "reason=CALL_NOT_FOUND", "upstream_status=404"}},
		{"an error of ours", callgatev1.CallControl_GetCall_FullMethodName, &callgatev1.GetCallRequest{}, nil, status.Error(codes.Internal, "x"),
			[]string{"level=ERROR", "grpc.code=Internal"}},
		{"a code that there is not", callgatev1.CallControl_GetCall_FullMethodName, &callgatev1.GetCallRequest{}, nil, status.Error(99, "x"),
			[]string{"level=ERROR", "grpc.code=Code(99)"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, said, _ := observed(t, slog.LevelInfo)
			_, err := r.unary(t.Context(), tc.req, &grpc.UnaryServerInfo{FullMethod: tc.method}, func(ctx context.Context, _ any) (any, error) {
				rpcOf(ctx).principal = "token:alice"
				return tc.resp, tc.err
			})
			if status.Code(err) != status.Code(tc.err) {
				t.Errorf("the error is %v", err)
			}
			for _, want := range tc.wants {
				if !strings.Contains(said.String(), want) {
					t.Errorf("%s is not in %s", want, said)
				}
			}
			if strings.Contains(said.String(), "4255550123") || strings.Count(said.String(), "\n") != 1 {
				t.Errorf("it says %s", said)
			}
		})
	}
}

func TestRPCsAreCounted(t *testing.T) {
	r, said, reg := observed(t, slog.LevelWarn)
	info := &grpc.UnaryServerInfo{FullMethod: callgatev1.CallControl_GetCall_FullMethodName}
	for _, code := range []codes.Code{codes.OK, codes.NotFound, codes.OK} {
		_, _ = r.unary(t.Context(), &callgatev1.GetCallRequest{}, info, func(context.Context, any) (any, error) { return nil, status.Error(code, "x") })
	}
	if n, err := testutil.GatherAndCount(reg, "grpc_server_started_total"); err != nil || n != len(r.methods) {
		t.Errorf("%d of %d methods are counted, %v", n, len(r.methods), err)
	}
	for _, tc := range []struct {
		vec    *prometheus.CounterVec
		labels []string
		want   float64
	}{
		{r.started, []string{"unary", "callgate.v1.CallControl", "GetCall"}, 3},
		{r.handled, []string{"unary", "callgate.v1.CallControl", "GetCall", "OK"}, 2},
		{r.handled, []string{"unary", "callgate.v1.CallControl", "GetCall", "NotFound"}, 1},
		{r.handled, []string{"server_stream", "callgate.v1.Events", "StreamEvents", "OK"}, 0},
	} {
		if got := testutil.ToFloat64(tc.vec.WithLabelValues(tc.labels...)); got != tc.want {
			t.Errorf("of %v there are %v, want %v", tc.labels, got, tc.want)
		}
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	if said.Len() > 0 {
		t.Errorf("it says %s", said)
	}
}

// TestAnRPCAllocates: what it costs to count and log one. The ceiling is what it costs
// today, and some more under the race detector.
func TestAnRPCAllocates(t *testing.T) {
	r, _, _ := observed(t, slog.LevelInfo)
	ctx := peer.NewContext(t.Context(), &peer.Peer{Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9090}})
	made := &callgatev1.CreateCallResponse{Receipt: &callgatev1.ActionReceipt{CallConnectionId: "made"}}
	req, info := &callgatev1.CreateCallRequest{}, &grpc.UnaryServerInfo{FullMethod: callgatev1.CallControl_CreateCall_FullMethodName}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := r.unary(ctx, req, info, func(context.Context, any) (any, error) { return made, nil }); err != nil {
			t.Fatal(err)
		}
	}); n > 12 {
		t.Errorf("%v allocations, at most 12 are allowed", n)
	}
}

// sink is a stream that takes everything.
type sink struct {
	grpc.ServerStream
	ctx context.Context
}

func (s sink) Context() context.Context { return s.ctx }

func (sink) SendMsg(any) error { return nil }

// TestStreamsCostNothingPerMessage holds the observer of RPCs off their messages.
func TestStreamsCostNothingPerMessage(t *testing.T) {
	r, _, _ := observed(t, slog.LevelInfo)
	info := &grpc.StreamServerInfo{FullMethod: callgatev1.Events_StreamEvents_FullMethodName, IsServerStream: true}
	err := r.stream(nil, sink{ctx: t.Context()}, info, func(_ any, stream grpc.ServerStream) error {
		if rpcOf(stream.Context()) == nil {
			t.Error("the stream's RPC is not known")
		}
		msg := &callgatev1.StreamEventsResponse{}
		if allocs := testing.AllocsPerRun(100, func() { _ = stream.SendMsg(msg) }); allocs > 0 {
			t.Errorf("a message costs %v allocations", allocs)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
