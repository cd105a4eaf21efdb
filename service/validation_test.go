package service_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const id = "401f3500-af14-4fd7-ae55-37e7590932b1"

// TestBadInput: a request that breaks a rule of the contract is refused with the
// field that breaks it, before anything is sent.
func TestBadInput(t *testing.T) {
	type ids = []*callgatev1.CommunicationIdentifier
	raw := func(s string) *callgatev1.CommunicationIdentifier {
		return &callgatev1.CommunicationIdentifier{RawId: s}
	}
	create := func(change func(*callgatev1.CreateCallRequest)) proto.Message {
		req := &callgatev1.CreateCallRequest{Targets: ids{phone("+14255550123")}, SourceCallerIdNumber: "+18005550100"}
		change(req)
		return req
	}
	add := func(change func(*callgatev1.AddParticipantRequest)) proto.Message {
		req := &callgatev1.AddParticipantRequest{CallConnectionId: id, Participant: user("8:acs:res_user")}
		change(req)
		return req
	}
	context := func(c *callgatev1.CustomCallingContext) proto.Message {
		return add(func(r *callgatev1.AddParticipantRequest) { r.CustomCallingContext = c })
	}
	many := func(n int, prefix string) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[prefix+strings.Repeat("a", i%20)+string(rune('a'+i%26))+strings.Repeat("b", i/26)] = "v"
		}
		return m
	}
	for _, tc := range []struct {
		name  string
		req   proto.Message
		field string
	}{
		{"no target", create(func(r *callgatev1.CreateCallRequest) { r.Targets = nil }), "targets"},
		{"empty target", create(func(r *callgatev1.CreateCallRequest) { r.Targets = ids{{}} }), "targets[0]"},
		{"number without a plus", create(func(r *callgatev1.CreateCallRequest) { r.Targets = ids{phone("4255550123")} }), "targets[0].phone_number"},
		{"number with spaces", create(func(r *callgatev1.CreateCallRequest) { r.Targets = ids{phone("+1 425 555 0123")} }), "targets[0].phone_number"},
		{"number too long", create(func(r *callgatev1.CreateCallRequest) { r.Targets = ids{phone("+1234567890123456")} }), "targets[0].phone_number"},
		{"second target malformed", create(func(r *callgatev1.CreateCallRequest) {
			r.Targets = ids{user("8:acs:a_b"), user("alice")}
		}), "targets[1].communication_user_id"},
		{"raw id of no known prefix", create(func(r *callgatev1.CreateCallRequest) { r.Targets = ids{raw("9:acs:x")} }), "targets[0].raw_id"},
		{"raw id without an id", create(func(r *callgatev1.CreateCallRequest) { r.Targets = ids{raw("8:acs:")} }), "targets[0].raw_id"},
		{"raw id of a bad number", create(func(r *callgatev1.CreateCallRequest) { r.Targets = ids{raw("4:425")} }), "targets[0].raw_id"},
		{"phone without caller id", create(func(r *callgatev1.CreateCallRequest) { r.SourceCallerIdNumber = "" }), ""},
		{"phone by raw id without caller id", create(func(r *callgatev1.CreateCallRequest) {
			r.Targets, r.SourceCallerIdNumber = ids{raw("4:+14255550123")}, ""
		}), ""},
		{"malformed caller id", create(func(r *callgatev1.CreateCallRequest) { r.SourceCallerIdNumber = "anonymous" }), "source_caller_id_number"},
		{"source that is no user", create(func(r *callgatev1.CreateCallRequest) { r.Source = phone("+14255550123") }), "source"},
		{"callback over http", create(func(r *callgatev1.CreateCallRequest) { r.CallbackUri = "http://app.example/cb" }), "callback_uri"},
		{"callback to where it is not allowed", create(func(r *callgatev1.CreateCallRequest) { r.CallbackUri = "https://evil.example/cb" }), "callback_uri"},
		{"callback to where it is not allowed, of one action", add(func(r *callgatev1.AddParticipantRequest) {
			r.OperationCallbackUri = "https://evil.example/cb"
		}), "operation_callback_uri"},
		{"callback that is no URL", create(func(r *callgatev1.CreateCallRequest) { r.CallbackUri = "/cb" }), "callback_uri"},
		{"request id that is no UUID", create(func(r *callgatev1.CreateCallRequest) { r.RequestId = "1" }), "request_id"},
		{"endless context", create(func(r *callgatev1.CreateCallRequest) { r.OperationContext = strings.Repeat("x", 5001) }), "operation_context"},
		{"waiting too long", create(func(r *callgatev1.CreateCallRequest) { r.WaitTimeout = durationpb.New(time.Hour) }), "wait_timeout"},
		{"waiting for no time", create(func(r *callgatev1.CreateCallRequest) { r.WaitTimeout = durationpb.New(0) }), "wait_timeout"},
		{"media streaming without layout", create(func(r *callgatev1.CreateCallRequest) {
			r.MediaStreamingOptions = &callgatev1.MediaStreamingOptions{TransportUrl: "wss://a.example/"}
		}), "media_streaming_options.audio_channel_type"},
		{"media streaming over http", create(func(r *callgatev1.CreateCallRequest) {
			r.MediaStreamingOptions = &callgatev1.MediaStreamingOptions{TransportUrl: "https://a.example/", AudioChannelType: 1}
		}), "media_streaming_options.transport_url"},
		{"transcription without locale", create(func(r *callgatev1.CreateCallRequest) {
			r.TranscriptionOptions = &callgatev1.TranscriptionOptions{}
		}), "transcription_options.locale"},
		{"no locator", &callgatev1.ConnectCallRequest{}, "locator"},
		{"empty locator", &callgatev1.ConnectCallRequest{Locator: &callgatev1.ConnectCallRequest_RoomId{}}, "room_id"},
		{"answer without context", &callgatev1.AnswerCallRequest{}, "incoming_call_context"},
		{"answer by a phone", &callgatev1.AnswerCallRequest{IncomingCallContext: "x", AnsweredBy: phone("+14255550123")}, "answered_by"},
		{"reject without context", &callgatev1.RejectCallRequest{}, "incoming_call_context"},
		{"unknown reject reason", &callgatev1.RejectCallRequest{IncomingCallContext: "x", CallRejectReason: 9}, "call_reject_reason"},
		{"redirect to nobody", &callgatev1.RedirectCallRequest{IncomingCallContext: "x"}, "target"},
		{"call without id", &callgatev1.GetCallRequest{}, "call_connection_id"},
		{"transfer to nobody", &callgatev1.TransferCallRequest{CallConnectionId: id}, "target"},
		{"hang up of no call", &callgatev1.HangUpCallRequest{}, "call_connection_id"},
		{"add nobody", &callgatev1.AddParticipantRequest{CallConnectionId: id}, "participant"},
		{"add a phone without caller id", add(func(r *callgatev1.AddParticipantRequest) { r.Participant = phone("+14255550123") }), ""},
		{"invitation of 181 s", add(func(r *callgatev1.AddParticipantRequest) { r.InvitationTimeoutSeconds = proto.Int32(181) }), "invitation_timeout_seconds"},
		{"invitation of -1 s", add(func(r *callgatev1.AddParticipantRequest) { r.InvitationTimeoutSeconds = proto.Int32(-1) }), "invitation_timeout_seconds"},
		{"SIP header of any name", context(&callgatev1.CustomCallingContext{SipHeaders: map[string]string{"From": "x"}}), `custom_calling_context.sip_headers["From"]`},
		{"SIP header value with a line break", context(&callgatev1.CustomCallingContext{
			SipHeaders: map[string]string{"X-MS-Custom-a": "x\r\nX-Evil: 1"},
		}), `custom_calling_context.sip_headers["X-MS-Custom-a"]`},
		{"six SIP headers", context(&callgatev1.CustomCallingContext{SipHeaders: many(6, "X-MS-Custom-")}), "custom_calling_context.sip_headers"},
		{"SIP header value of 257", context(&callgatev1.CustomCallingContext{
			SipHeaders: map[string]string{"X-MS-Custom-a": strings.Repeat("x", 257)},
		}), "custom_calling_context.sip_headers"},
		{"VoIP header name of 65", context(&callgatev1.CustomCallingContext{
			VoipHeaders: map[string]string{strings.Repeat("x", 65): "v"},
		}), `custom_calling_context.voip_headers["` + strings.Repeat("x", 65) + `"]`},
		{"VoIP header value of 1025", context(&callgatev1.CustomCallingContext{
			VoipHeaders: map[string]string{"a": strings.Repeat("x", 1025)},
		}), `custom_calling_context.voip_headers["a"]`},
		{"1,001 VoIP headers", context(&callgatev1.CustomCallingContext{VoipHeaders: many(1001, "h")}), "custom_calling_context.voip_headers"},
		{"topic of 49", context(&callgatev1.CustomCallingContext{
			TeamsPhoneCallDetails: &callgatev1.TeamsPhoneCallDetails{CallTopic: strings.Repeat("x", 49)},
		}), "custom_calling_context.teams_phone_call_details.call_topic"},
		{"cancel without invitation", &callgatev1.CancelAddParticipantRequest{CallConnectionId: id}, "invitation_id"},
		{"remove nobody", &callgatev1.RemoveParticipantRequest{CallConnectionId: id}, "participant"},
		{"mute a phone", &callgatev1.MuteParticipantRequest{CallConnectionId: id, Participant: phone("+14255550123")}, "participant"},
		{"move nobody", &callgatev1.MoveParticipantsRequest{CallConnectionId: id, FromCallConnectionId: "x"}, "participants"},
		{"move from itself", &callgatev1.MoveParticipantsRequest{
			CallConnectionId: id, FromCallConnectionId: id, Participants: ids{user("8:acs:res_user")},
		}, ""},
		{"participant without raw id", &callgatev1.GetParticipantRequest{CallConnectionId: id}, "raw_id"},
		{"negative page", &callgatev1.ListParticipantsRequest{CallConnectionId: id, PageSize: -1}, "page_size"},
		{"made-up page token", &callgatev1.ListParticipantsRequest{CallConnectionId: id, PageToken: "x!"}, "page_token"},
		{"outcome of no receipt", &callgatev1.WaitForOutcomeRequest{}, "receipt"},
		{"outcome of a mute", &callgatev1.WaitForOutcomeRequest{Receipt: &callgatev1.ActionReceipt{
			Action: callgatev1.Action_ACTION_MUTE_PARTICIPANT, CallConnectionId: id, Cursor: "x",
		}}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			up := answering(500, "")
			_, err := newGateway(t, up).call(t.Context(), tc.req)
			checkViolation(t, err, tc.field)
			if sent := up.received(); len(sent) != 0 {
				t.Errorf("the upstream was sent %d requests", len(sent))
			}
		})
	}
}

// checkViolation wants err to refuse a field; "" stands for the request as a whole.
func checkViolation(t *testing.T, err error, field string) {
	t.Helper()
	if status.Code(err) != codes.InvalidArgument {
		t.Fatalf("code %v, want InvalidArgument: %v", status.Code(err), err)
	}
	var fields []string
	for _, detail := range status.Convert(err).Details() {
		if bad, is := detail.(*errdetails.BadRequest); is {
			for _, v := range bad.GetFieldViolations() {
				fields = append(fields, v.GetField())
			}
		}
	}
	if !slices.Contains(fields, field) {
		t.Errorf("violations of %q, want %q: %v", fields, field, err)
	}
}

// TestValidateOnly: a request that is only to be checked goes nowhere.
func TestValidateOnly(t *testing.T) {
	up := answering(500, "")
	g := newGateway(t, up)
	resp, err := g.CreateCall(t.Context(), &callgatev1.CreateCallRequest{
		Targets: []*callgatev1.CommunicationIdentifier{user("8:acs:res_user")}, ValidateOnly: true, RequestId: requestID,
	})
	if err != nil || !proto.Equal(resp, &callgatev1.CreateCallResponse{}) {
		t.Errorf("%v, %v", resp, err)
	}
	if _, err := g.RejectCall(t.Context(), &callgatev1.RejectCallRequest{ValidateOnly: true}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a bad request: %v", err)
	}
	if n := len(up.received()); n != 0 {
		t.Errorf("the upstream was asked %d times", n)
	}
}

// TestBadStream: a stream's request is held to its rules too.
func TestBadStream(t *testing.T) {
	g := newGateway(t, answering(500, ""))
	for _, tc := range []struct {
		name string
		req  *callgatev1.StreamEventsRequest
		code codes.Code
	}{
		{"heartbeats too often", &callgatev1.StreamEventsRequest{HeartbeatInterval: durationpb.New(time.Millisecond)}, codes.InvalidArgument},
		{"until no call ends", &callgatev1.StreamEventsRequest{UntilCallEnds: true}, codes.InvalidArgument},
		{"no cursor at all", &callgatev1.StreamEventsRequest{Start: &callgatev1.StreamEventsRequest_AfterCursor{AfterCursor: "nonsense"}}, codes.InvalidArgument},
		{"unknown type", &callgatev1.StreamEventsRequest{Filter: &callgatev1.EventFilter{Types: []callgatev1.CallEventType{9999}}}, codes.InvalidArgument},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stream, err := g.StreamEvents(t.Context(), tc.req)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Recv(); status.Code(err) != tc.code {
				t.Errorf("code %v, want %v: %v", status.Code(err), tc.code, err)
			}
		})
	}
}
