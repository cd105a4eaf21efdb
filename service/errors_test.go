package service_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/upstream"
)

func TestStatus(t *testing.T) {
	for _, tc := range []struct {
		name   string
		err    error
		code   codes.Code
		reason string
	}{
		{"refused request", &upstream.Error{StatusCode: 400, Code: "8523"}, codes.InvalidArgument, "UPSTREAM_INVALID_REQUEST"},
		{"our credential refused", &upstream.Error{StatusCode: 401}, codes.Internal, "UPSTREAM_CREDENTIAL_REFUSED"},
		{"forbidden", &upstream.Error{StatusCode: 403}, codes.PermissionDenied, "UPSTREAM_FORBIDDEN"},
		{"no such call", &upstream.Error{StatusCode: 404, Code: "8522"}, codes.NotFound, "CALL_NOT_FOUND"},
		{"no such participant", &upstream.Error{StatusCode: 404, Code: "8522", Message: "Participant not found."}, codes.NotFound, "PARTICIPANT_NOT_FOUND"},
		{"no such thing", &upstream.Error{StatusCode: 404}, codes.NotFound, "UPSTREAM_NOT_FOUND"},
		{"not now", &upstream.Error{StatusCode: 405, Code: "8520"}, codes.FailedPrecondition, "UPSTREAM_PRECONDITION_FAILED"},
		{"conflict", &upstream.Error{StatusCode: 409}, codes.FailedPrecondition, "UPSTREAM_CONFLICT"},
		{"too early", &upstream.Error{StatusCode: 400, Code: "8501"}, codes.FailedPrecondition, "CALL_NOT_ESTABLISHED"},
		{"our signature refused", &upstream.Error{StatusCode: 401, Code: "7509"}, codes.Internal, "UPSTREAM_SIGNATURE_REFUSED"},
		{"refused in a way that is not known", &upstream.Error{StatusCode: 418}, codes.InvalidArgument, "UPSTREAM_REFUSED"},
		{"precondition", &upstream.Error{StatusCode: 412}, codes.FailedPrecondition, "UPSTREAM_PRECONDITION_FAILED"},
		{"throttled", &upstream.Error{StatusCode: 429, Repeatable: true}, codes.ResourceExhausted, "UPSTREAM_THROTTLED"},
		{"broken, safe to repeat", &upstream.Error{StatusCode: 503, Repeatable: true}, codes.Unavailable, "UPSTREAM_UNAVAILABLE"},
		{"broken, might dial twice", &upstream.Error{StatusCode: 503}, codes.Unknown, "UPSTREAM_OUTCOME_UNKNOWN"},
		{"no answer, safe to repeat", &upstream.Error{Repeatable: true}, codes.Unavailable, "UPSTREAM_UNAVAILABLE"},
		{"no answer, might dial twice", &upstream.Error{}, codes.Unknown, "UPSTREAM_OUTCOME_UNKNOWN"},
		{"no answer in the caller's time, safe to repeat", &upstream.Error{Repeatable: true, Err: context.DeadlineExceeded}, codes.DeadlineExceeded, "DEADLINE_EXCEEDED"},
		{"no answer in the caller's time, might dial twice", &upstream.Error{Err: context.DeadlineExceeded}, codes.Unknown, "UPSTREAM_OUTCOME_UNKNOWN"},
		{"left alone", &upstream.Error{Repeatable: true, Err: upstream.ErrCircuitOpen}, codes.Unavailable, "UPSTREAM_CIRCUIT_OPEN"},
		{"too much on its way", &upstream.Error{Repeatable: true, Err: upstream.ErrOverloaded}, codes.ResourceExhausted, "GATEWAY_OVERLOADED"},
		{"answer that cannot be read", &upstream.Error{StatusCode: 200, Repeatable: true, Err: io.ErrUnexpectedEOF}, codes.Internal, "UPSTREAM_RESPONSE_INVALID"},
		{"wrapped on the way", fmt.Errorf("play: %w", &upstream.Error{StatusCode: 429}), codes.ResourceExhausted, "UPSTREAM_THROTTLED"},
		{"id that leaves its place in the path", &upstream.Error{Repeatable: true, Err: upstream.ErrInvalidRequest}, codes.InvalidArgument, "INVALID_REQUEST"},
		{"cancelled", fmt.Errorf("get call: %w", context.Canceled), codes.Canceled, "CANCELLED"},
		{"out of time", context.DeadlineExceeded, codes.DeadlineExceeded, "DEADLINE_EXCEEDED"},
		{"trimmed cursor", &eventstream.CursorTrimmedError{Earliest: "e"}, codes.OutOfRange, "CURSOR_TRIMMED"},
		{"no cursor", fmt.Errorf("stream events: %w", eventstream.ErrCursorInvalid), codes.InvalidArgument, "CURSOR_INVALID"},
		{"cursor of another log", eventstream.ErrCursorOtherLog, codes.FailedPrecondition, "CURSOR_OF_OTHER_LOG"},
		{"cursor from the future", eventstream.ErrCursorAhead, codes.FailedPrecondition, "CURSOR_AHEAD_OF_LOG"},
		{"log gone", eventstream.ErrLogUnavailable, codes.Unavailable, "LOG_UNAVAILABLE"},
		{"gateway about to stop", eventstream.ErrDraining, codes.Unavailable, "DRAINING"},
		{"anything else", io.ErrClosedPipe, codes.Internal, "INTERNAL"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newErrors(t).Status(tc.err)
			if len(s.Details()) < 2 {
				t.Errorf("no help: %v", s.Details())
			}
			if s.Code() != tc.code || reason(s) != tc.reason {
				t.Errorf("Status = %v %s, want %v %s", s.Code(), reason(s), tc.code, tc.reason)
			}
		})
	}
}

func reason(s *status.Status) string { return info(s).GetReason() }

func info(s *status.Status) *errdetails.ErrorInfo {
	for _, detail := range s.Details() {
		if info, is := detail.(*errdetails.ErrorInfo); is {
			return info
		}
	}
	return nil
}

// TestUpstreamErrorTellsAll: what the upstream said reaches the client.
func TestUpstreamErrorTellsAll(t *testing.T) {
	up := answering(429, `{"error":{"code":"8519","message":"Too many calls."}}`,
		"Retry-After", "7", "X-Microsoft-Skype-Chain-ID", "chain", "X-Azure-Ref", "ref")
	g := newGateway(t, up)
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	_, err := g.GetCall(ctx, &callgatev1.GetCallRequest{CallConnectionId: id})
	s := status.Convert(err)
	if s.Code() != codes.ResourceExhausted {
		t.Fatalf("code %v: %v", s.Code(), err)
	}
	metadata := info(s).GetMetadata()
	for key, want := range map[string]string{
		"upstream_status": "429", "upstream_code": "8519", "upstream_message": "Too many calls.", "upstream_chain_id": "chain", "upstream_azure_ref": "ref",
	} {
		if metadata[key] != want {
			t.Errorf("metadata %s = %q, want %q", key, metadata[key], want)
		}
	}
	if metadata["upstream_client_request_id"] == "" || info(s).GetDomain() != "callgate" {
		t.Errorf("ErrorInfo = %v", info(s))
	}
	var pause time.Duration
	for _, detail := range s.Details() {
		if retry, is := detail.(*errdetails.RetryInfo); is {
			pause = retry.GetRetryDelay().AsDuration()
		}
	}
	if pause != 7*time.Second {
		t.Errorf("RetryInfo says %v, want 7s", pause)
	}
	if n := len(up.received()); n != 1 {
		t.Errorf("sent %d times: a pause of 7 s does not fit a deadline of 6 s", n)
	}
}

// TestSilentUpstream: only what cannot act twice is UNAVAILABLE, which clients
// take for "send it again".
func TestSilentUpstream(t *testing.T) {
	hangUp := &stub{answer: func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}}
	create := &callgatev1.CreateCallRequest{Targets: []*callgatev1.CommunicationIdentifier{user("8:acs:res_user")}}
	withID := proto.Clone(create).(*callgatev1.CreateCallRequest)
	withID.RequestId = "61460096-a0cc-4f65-8cec-b61cc24e646c"
	for _, tc := range []struct {
		name string
		req  proto.Message
		code codes.Code
	}{
		{"reading", &callgatev1.GetCallRequest{CallConnectionId: id}, codes.Unavailable},
		{"hanging up", &callgatev1.HangUpCallRequest{CallConnectionId: id}, codes.Unavailable},
		{"creating with a request id", withID, codes.Unavailable},
		{"creating without one", create, codes.Unknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := newGateway(t, hangUp).call(t.Context(), tc.req)
			if status.Code(err) != tc.code {
				t.Errorf("code %v, want %v: %v", status.Code(err), tc.code, err)
			}
		})
	}
	t.Run("creating where nobody listens", func(t *testing.T) {
		_, err := newGatewayAt(t, "http://127.0.0.1:1").call(t.Context(), create)
		if status.Code(err) != codes.Unavailable {
			t.Errorf("code %v, want Unavailable: nothing was sent: %v", status.Code(err), err)
		}
	})
	t.Run("retries name the same action", func(t *testing.T) {
		up := answering(503, "")
		_, _ = newGateway(t, up).call(t.Context(), create)
		sent := up.received()
		if len(sent) != 2 {
			t.Fatalf("sent %d times, want 2", len(sent))
		}
		for _, name := range []string{"Repeatability-Request-Id", "Repeatability-First-Sent"} {
			if a, b := sent[0].Header.Get(name), sent[1].Header.Get(name); a == "" || a != b {
				t.Errorf("%s: %q, then %q", name, a, b)
			}
		}
	})
}
