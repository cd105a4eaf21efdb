package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// TestFaultsOfTheUpstream: whatever goes wrong on every try, the client is told
// what is so, in its own time, and the upstream has acted once at most; asked
// again under the same name when all is well, it has acted once.
func TestFaultsOfTheUpstream(t *testing.T) {
	const deadline = 10 * time.Second
	faults := []struct {
		name  string
		fault *emulatorv1.Fault
		// What a read and hanging up, an action with a name and one without are
		// told, and whether they were carried out all the same.
		safe, named, unnamed codes.Code
		carriedOut           bool
	}{
		{
			"throttled for longer than the client waits",
			&emulatorv1.Fault{Kind: emulatorv1.FaultKind_FAULT_KIND_THROTTLE, RetryAfterSeconds: 30},
			codes.ResourceExhausted, codes.ResourceExhausted, codes.ResourceExhausted, false,
		},
		{
			"500", &emulatorv1.Fault{Kind: emulatorv1.FaultKind_FAULT_KIND_FAIL, Status: 500},
			codes.Unavailable, codes.Unavailable, codes.Unknown, false,
		},
		{
			"503", &emulatorv1.Fault{Kind: emulatorv1.FaultKind_FAULT_KIND_FAIL, Status: 503},
			codes.Unavailable, codes.Unavailable, codes.Unknown, false,
		},
		{
			"connection lost before it was carried out", &emulatorv1.Fault{Kind: emulatorv1.FaultKind_FAULT_KIND_RESET_BEFORE},
			codes.Unavailable, codes.Unavailable, codes.Unknown, false,
		},
		{
			"connection lost after it was carried out", &emulatorv1.Fault{Kind: emulatorv1.FaultKind_FAULT_KIND_RESET_AFTER},
			codes.Unavailable, codes.Unavailable, codes.Unknown, true,
		},
		{
			"no answer, not carried out", &emulatorv1.Fault{Kind: emulatorv1.FaultKind_FAULT_KIND_HANG_BEFORE},
			codes.Unavailable, codes.Unavailable, codes.Unknown, false,
		},
		{
			"no answer, carried out", &emulatorv1.Fault{Kind: emulatorv1.FaultKind_FAULT_KIND_HANG_AFTER},
			codes.Unavailable, codes.Unavailable, codes.Unknown, true,
		},
	}
	for _, tc := range faults {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			g := start(t, "--upstream-tries=2", "--upstream-try-timeout=1s")
			control := g.control(t)
			w := walk{t, g, transports[0]}
			ongoing := w.call(user("8:acs:res_a")).GetCallConnection().GetCallConnectionId()
			named := &callgatev1.CreateCallRequest{Targets: []*callgatev1.CommunicationIdentifier{user("8:acs:res_b")}, RequestId: uuid.NewString()}
			unnamed := &callgatev1.CreateCallRequest{Targets: []*callgatev1.CommunicationIdentifier{user("8:acs:res_c")}}

			for _, op := range []struct {
				name, method, upstream string
				req, resp              proto.Message
				want                   codes.Code
			}{
				{"reading", "CallControl/GetCall", "getCall", &callgatev1.GetCallRequest{CallConnectionId: ongoing}, &callgatev1.GetCallResponse{}, tc.safe},
				{"an action with a name", "CallControl/CreateCall", "createCall", named, &callgatev1.CreateCallResponse{}, tc.named},
				{"an action without", "CallControl/CreateCall", "createCall", unnamed, &callgatev1.CreateCallResponse{}, tc.unnamed},
				{"hanging up", "CallControl/HangUpCall", "hangupCall", &callgatev1.HangUpCallRequest{CallConnectionId: ongoing}, &callgatev1.HangUpCallResponse{}, tc.safe},
			} {
				tc.fault.Operation = op.upstream
				if _, err := control.InjectFault(t.Context(), &emulatorv1.InjectFaultRequest{Fault: tc.fault}); err != nil {
					t.Fatal(err)
				}
				before := performed(t, control, op.upstream)
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				begun := time.Now()
				err := overGRPC(ctx, g, op.method, op.req, op.resp)
				cancel()
				want := op.want
				if op.upstream == "hangupCall" && tc.carriedOut {
					want = codes.OK // the second try finds that the call is gone
				}
				if status.Code(err) != want && (op.upstream != "hangupCall" || status.Code(err) != op.want) {
					t.Errorf("%s: %v, want %v", op.name, err, want)
				}
				if took := time.Since(begun); took > deadline+time.Second {
					t.Errorf("%s took %v", op.name, took)
				}
				if n := performed(t, control, op.upstream) - before; op.upstream != "getCall" && (n > 1 || tc.carriedOut != (n == 1)) {
					t.Errorf("%s was carried out %d times", op.name, n)
				}
				if _, err := control.ClearFaults(t.Context(), &emulatorv1.ClearFaultsRequest{}); err != nil {
					t.Fatal(err)
				}
			}

			before := performed(t, control, "createCall")
			var again callgatev1.CreateCallResponse
			w.do("CallControl/CreateCall", named, &again)
			n := performed(t, control, "createCall") - before
			if tc.carriedOut != (n == 0) || n > 1 {
				t.Errorf("asked again, it was carried out %d times more", n)
			}
		})
	}
}

// control is the control API of the gateway's emulator.
func (g *gateway) control(t *testing.T) emulatorv1.EmulatorClient {
	t.Helper()
	conn, err := grpc.NewClient(strings.TrimPrefix(g.emulatorURL, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // nothing is left to say on it
	return emulatorv1.NewEmulatorClient(conn)
}

// performed is how many requests of an operation the emulator carried out.
func performed(t *testing.T, control emulatorv1.EmulatorClient, operation string) int {
	t.Helper()
	resp, err := control.ListReceivedRequests(t.Context(), &emulatorv1.ListReceivedRequestsRequest{Operation: operation})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range resp.GetRequests() {
		if r.GetEffect() == emulatorv1.Effect_EFFECT_PERFORMED {
			n++
		}
	}
	return n
}
