package service_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/service"
)

const (
	accepted = callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_ACCEPTED
	rejected = callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_REJECTED
	failed   = callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_FAILED
)

// commandsOnLog are all commands that the log has, also those of no call.
func commandsOnLog(t *testing.T, g *gateway) []*callgatev1.CallEvent {
	t.Helper()
	check(t, g.log.Append(t.Context(), storedEvent(0))) // the end
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stream, err := g.StreamEvents(ctx, &callgatev1.StreamEventsRequest{
		Start: &callgatev1.StreamEventsRequest_Earliest{Earliest: true}, IncludeCommands: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	var events []*callgatev1.CallEvent
	for {
		resp, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		switch ev := resp.GetEvent(); {
		case ev.GetCommand() != nil:
			events = append(events, ev)
		case ev != nil:
			return events
		}
	}
}

func wantCommand(t *testing.T, g *gateway) *callgatev1.CallEvent {
	t.Helper()
	events := commandsOnLog(t, g)
	if len(events) != 1 {
		t.Fatalf("%d commands are on the log: %v", len(events), events)
	}
	return events[0]
}

// TestWhatBecomesOfAnActionIsOnTheLog: by the type of its command, and by what
// that has to say.
func TestWhatBecomesOfAnActionIsOnTheLog(t *testing.T) {
	bob := user("8:acs:res_bob")
	for _, tc := range []struct {
		name     string
		upstream http.Handler
		req      proto.Message
		want     *callgatev1.CallEvent
	}{
		{
			"a call", answering(201, `{"callConnectionId":"the-call","serverCallId":"server","correlationId":"correlation"}`),
			&callgatev1.CreateCallRequest{Targets: []*callgatev1.CommunicationIdentifier{phone("+14255550123"), bob}, SourceCallerIdNumber: "+18005550100", RequestId: requestID, OperationContext: "mine"},
			&callgatev1.CallEvent{
				Type: accepted, CallConnectionId: "the-call", ServerCallId: "server", CorrelationId: "correlation", OperationContext: "mine",
				Detail: &callgatev1.CallEvent_Command{Command: &callgatev1.CommandEvent{
					Action: "ACTION_CREATE_CALL", RequestId: requestID, UpstreamStatus: proto.Int32(201),
					Targets: []*callgatev1.CommunicationIdentifier{
						{RawId: "4:+14255550123", Kind: phone("+14255550123").GetKind()}, {RawId: "8:acs:res_bob", Kind: bob.GetKind()},
					},
				}},
			},
		},
		{
			"an invitation", answering(202, `{"invitationId":"the-invitation"}`),
			&callgatev1.AddParticipantRequest{CallConnectionId: id, Participant: &callgatev1.CommunicationIdentifier{RawId: "8:acs:res_bob"}, OperationContext: "mine"},
			&callgatev1.CallEvent{
				Type: accepted, CallConnectionId: id, OperationContext: "mine",
				Detail: &callgatev1.CallEvent_Command{Command: &callgatev1.CommandEvent{
					Action: "ACTION_ADD_PARTICIPANT", UpstreamStatus: proto.Int32(202), InvitationId: "the-invitation",
					Targets: []*callgatev1.CommunicationIdentifier{{RawId: "8:acs:res_bob", Kind: bob.GetKind()}},
				}},
			},
		},
		{
			"tones", answering(202, `{}`),
			&callgatev1.SendDtmfTonesRequest{CallConnectionId: id, TargetParticipant: phone("+14255550123"), Tones: []callgatev1.Tone{1}, OperationContext: "mine"},
			&callgatev1.CallEvent{
				Type: accepted, CallConnectionId: id, OperationContext: "mine",
				Detail: &callgatev1.CallEvent_Command{Command: &callgatev1.CommandEvent{
					Action: "ACTION_SEND_DTMF_TONES", UpstreamStatus: proto.Int32(202),
					Targets: []*callgatev1.CommunicationIdentifier{{RawId: "4:+14255550123", Kind: phone("+14255550123").GetKind()}},
				}},
			},
		},
		{
			"a recording", answering(200, `{"recordingId":"the-recording"}`),
			&callgatev1.StartRecordingRequest{Call: &callgatev1.StartRecordingRequest_CallConnectionId{CallConnectionId: id}},
			&callgatev1.CallEvent{
				Type: accepted, CallConnectionId: id,
				Detail: &callgatev1.CallEvent_Command{Command: &callgatev1.CommandEvent{
					Action: "ACTION_START_RECORDING", UpstreamStatus: proto.Int32(200), RecordingId: "the-recording",
				}},
			},
		},
		{
			"a pause of no recording", answering(404, `{"error":{"code":"8522","message":"Recording not found."}}`),
			&callgatev1.PauseRecordingRequest{RecordingId: "the-recording"},
			&callgatev1.CallEvent{
				Type: rejected,
				Detail: &callgatev1.CallEvent_Command{Command: &callgatev1.CommandEvent{
					Action: "ACTION_PAUSE_RECORDING", UpstreamStatus: proto.Int32(404), UpstreamCode: "8522", RecordingId: "the-recording",
					Code: code.Code_NOT_FOUND, Reason: "RECORDING_NOT_FOUND",
				}},
			},
		},
		{
			"hanging up what has ended", answering(404, `{"error":{"code":"8522","message":"Call not found."}}`),
			&callgatev1.HangUpCallRequest{CallConnectionId: id},
			&callgatev1.CallEvent{
				Type: accepted, CallConnectionId: id,
				Detail: &callgatev1.CallEvent_Command{Command: &callgatev1.CommandEvent{Action: "ACTION_HANG_UP_CALL", UpstreamStatus: proto.Int32(404)}},
			},
		},
		{
			"a transfer that is refused", answering(404, `{"error":{"code":"8522","message":"Call not found."}}`),
			&callgatev1.TransferCallRequest{CallConnectionId: id, Target: bob, Transferee: bob, OperationContext: "mine"},
			&callgatev1.CallEvent{
				Type: rejected, CallConnectionId: id, OperationContext: "mine",
				Detail: &callgatev1.CallEvent_Command{Command: &callgatev1.CommandEvent{
					Action: "ACTION_TRANSFER_CALL", UpstreamStatus: proto.Int32(404), UpstreamCode: "8522",
					Code: code.Code_NOT_FOUND, Reason: "CALL_NOT_FOUND",
					Targets:    []*callgatev1.CommunicationIdentifier{{RawId: "8:acs:res_bob", Kind: bob.GetKind()}},
					Transferee: &callgatev1.CommunicationIdentifier{RawId: "8:acs:res_bob", Kind: bob.GetKind()},
				}},
			},
		},
		{
			"a call of no connection, throttled", answering(429, "", "Retry-After", "60"),
			&callgatev1.ConnectCallRequest{Locator: &callgatev1.ConnectCallRequest_ServerCallId{ServerCallId: "server"}, OperationContext: "mine"},
			&callgatev1.CallEvent{
				Type: rejected, ServerCallId: "server", OperationContext: "mine",
				Detail: &callgatev1.CallEvent_Command{Command: &callgatev1.CommandEvent{
					Action: "ACTION_CONNECT_CALL", UpstreamStatus: proto.Int32(429), Code: code.Code_RESOURCE_EXHAUSTED, Reason: "UPSTREAM_THROTTLED",
				}},
			},
		},
		{
			"an answer that may have been too much for the upstream", answering(500, ""),
			&callgatev1.AnswerCallRequest{IncomingCallContext: "eyJhbGciOiJub25lIn0", OperationContext: "mine"},
			&callgatev1.CallEvent{
				Type: failed, OperationContext: "mine",
				Detail: &callgatev1.CallEvent_Command{Command: &callgatev1.CommandEvent{
					Action: "ACTION_ANSWER_CALL", UpstreamStatus: proto.Int32(500), Code: code.Code_UNKNOWN, Reason: "UPSTREAM_OUTCOME_UNKNOWN",
				}},
			},
		},
		{
			"a rejection without an answer", hangingUp(),
			&callgatev1.RejectCallRequest{IncomingCallContext: "eyJhbGciOiJub25lIn0", RequestId: requestID},
			&callgatev1.CallEvent{
				Type: failed,
				Detail: &callgatev1.CallEvent_Command{Command: &callgatev1.CommandEvent{
					Action: "ACTION_REJECT_CALL", RequestId: requestID, Code: code.Code_UNAVAILABLE, Reason: "UPSTREAM_UNAVAILABLE",
				}},
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := newGateway(t, tc.upstream)
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			_, _ = g.call(ctx, tc.req)
			took := time.Since(began)
			got := wantCommand(t, g)
			if at := got.GetTime().AsTime(); at.Before(began) || got.GetReceiveTime().AsTime().Before(at) {
				t.Errorf("it was given at %v and answered at %v", at, got.GetReceiveTime().AsTime())
			}
			if d := got.GetCommand().GetDuration().AsDuration(); d <= 0 || d > took {
				t.Errorf("it took %v of %v", d, took)
			}
			if got.GetCommand().GetUpstreamRequestId() == "" || got.GetSource() != callgatev1.CallEventSource_CALL_EVENT_SOURCE_GATEWAY {
				t.Errorf("%v", got)
			}
			if strings.Contains(protojson.Format(got), "eyJhbGci") {
				t.Errorf("it has a secret: %v", got)
			}
			for _, unforeseeable := range []func(){
				func() { got.Cursor, got.Id, got.Time, got.ReceiveTime = "", "", nil, nil },
				func() { got.GetCommand().Duration, got.GetCommand().UpstreamRequestId = nil, "" },
				func() { got.Source, got.EventSource, got.TypeName = 0, "", "" },
			} {
				unforeseeable()
			}
			if !proto.Equal(got, tc.want) {
				t.Errorf("got  %v\nwant %v", got, tc.want)
			}
		})
	}
}

// hangingUp is an upstream that takes requests and does not answer.
func hangingUp() *stub {
	return &stub{answer: func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}}
}

// TestWhatIsNoActionIsNotOnTheLog: nor is an action there twice.
func TestWhatIsNoActionIsNotOnTheLog(t *testing.T) {
	g := newGateway(t, answering(201, created))
	check := named()
	check.ValidateOnly = true
	for _, req := range []proto.Message{check, &callgatev1.CreateCallRequest{}, &callgatev1.GetCallRequest{CallConnectionId: id}, named(), named(), named()} {
		_, _ = g.call(t.Context(), req)
	}
	if got := wantCommand(t, g); got.GetType() != accepted || got.GetCommand().GetRequestId() != requestID {
		t.Errorf("%v", got)
	}
}

func TestReusedRequestIDIsARejectedCommand(t *testing.T) {
	g := newGateway(t, answering(201, created))
	other := named()
	other.OperationContext = "another"
	for _, req := range []proto.Message{named(), other} {
		_, _ = g.call(t.Context(), req)
	}
	events := commandsOnLog(t, g)
	if len(events) != 2 || events[1].GetType() != rejected || events[1].GetCommand().GetReason() != "REQUEST_ID_REUSED" ||
		events[1].GetOperationContext() != "another" || events[1].GetCommand().UpstreamStatus != nil {
		t.Errorf("%v", events)
	}
}

// TestRequestThatMeetsItselfIsOneCommand: however often it comes while the first
// is on its way.
func TestRequestThatMeetsItselfIsOneCommand(t *testing.T) {
	arrived, goOn := make(chan struct{}), make(chan struct{})
	g := newGateway(t, &stub{answer: func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-goOn
		w.WriteHeader(http.StatusForbidden)
	}})
	done := make(chan error, 1)
	go func() { _, err := g.CreateCall(t.Context(), named()); done <- err }()
	<-arrived
	for range 3 {
		if _, err := g.CreateCall(t.Context(), named()); status.Code(err) != codes.Aborted {
			t.Errorf("asked again meanwhile: %v", err)
		}
	}
	close(goOn)
	if err := <-done; status.Code(err) != codes.PermissionDenied {
		t.Errorf("the first: %v", err)
	}
	if got := wantCommand(t, g); got.GetType() != rejected {
		t.Errorf("%v", got)
	}
}

func TestCommandNamesWhoAsked(t *testing.T) {
	g := newGateway(t, answering(201, created))
	if _, err := g.control.CreateCall(service.WithPrincipal(t.Context(), "billing"), named()); err != nil {
		t.Fatal(err)
	}
	if got := wantCommand(t, g).GetCommand().GetPrincipal(); got != "billing" {
		t.Errorf("%q asked", got)
	}
}

// TestAcceptedActionStandsWithoutTheLog: a client whose call rings is told so,
// whether that could be written down or not.
func TestAcceptedActionStandsWithoutTheLog(t *testing.T) {
	g := newGateway(t, answering(201, created))
	check(t, g.log.Close())
	unnamed := named()
	unnamed.RequestId = ""
	if resp, err := g.CreateCall(t.Context(), unnamed); err != nil || resp.GetCallConnection().GetCallConnectionId() != "the-call" {
		t.Errorf("%v, %v", resp, err)
	}
}

// TestEveryTryOfAClientIsACommand: an action that the upstream did not answer,
// and that its client made again, was tried twice.
func TestEveryTryOfAClientIsACommand(t *testing.T) {
	var asked atomic.Int64
	g := newGateway(t, &stub{answer: func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) <= 2 { // both tries of the first
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(created))
	}})
	for range 3 { // the last is answered with what the second was
		_, _ = g.CreateCall(t.Context(), named())
	}
	events := commandsOnLog(t, g)
	if len(events) != 2 || events[0].GetType() != failed || events[1].GetType() != accepted {
		t.Errorf("%v", events)
	}
}

func TestFilterOfCommandsNeedsThemIncluded(t *testing.T) {
	g := newGateway(t, http.NotFoundHandler())
	for name, filter := range map[string]*callgatev1.EventFilter{
		"by type":      {Types: []callgatev1.CallEventType{callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED, failed}},
		"by type name": {TypeNames: []string{"Callgate.Command.failed.v1"}},
	} {
		t.Run(name, func(t *testing.T) {
			stream, err := g.StreamEvents(t.Context(), &callgatev1.StreamEventsRequest{Filter: filter})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Recv(); status.Code(err) != codes.InvalidArgument {
				t.Errorf("error %v", err)
			}
		})
	}
}
