package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// walk calls RPCs over one transport and fails the test when one fails.
type walk struct {
	*testing.T
	gateway   *gateway
	transport transport
}

func (w walk) do(method string, req, resp proto.Message) {
	w.Helper()
	if err := w.try(method, req, resp); err != nil {
		w.Fatalf("%s: %v", method, err)
	}
}

func (w walk) try(method string, req, resp proto.Message) error {
	ctx, cancel := context.WithTimeout(w.Context(), 90*time.Second)
	defer cancel()
	return w.transport.call(ctx, w.gateway, method, req, resp)
}

var patience = durationpb.New(time.Minute)

// call places a call and waits until it is connected.
func (w walk) call(targets ...*callgatev1.CommunicationIdentifier) *callgatev1.CreateCallResponse {
	w.Helper()
	var resp callgatev1.CreateCallResponse
	w.do("CallControl/CreateCall", &callgatev1.CreateCallRequest{
		Targets: targets, SourceCallerIdNumber: "+18005550100", WaitTimeout: patience,
	}, &resp)
	w.succeeded(resp.GetReceipt(), callgatev1.Action_ACTION_CREATE_CALL)
	return &resp
}

func (w walk) succeeded(receipt *callgatev1.ActionReceipt, action callgatev1.Action) {
	w.Helper()
	if receipt.GetAction() != action || receipt.GetCursor() == "" {
		w.Errorf("receipt %v, want one of %v with a cursor", receipt, action)
	}
	if got := receipt.GetOutcome().GetStatus(); got != callgatev1.ActionOutcome_STATUS_SUCCEEDED {
		w.Fatalf("%v: outcome %v, want success: %v", action, got, receipt.GetOutcome())
	}
}

// ring has somebody call, and returns the context of the IncomingCall event.
func (w walk) ring(events *events, to string) *callgatev1.IncomingCall {
	w.Helper()
	resp, err := w.gateway.http.Post(w.gateway.emulatorURL+"/control/v1/incomingCalls", "application/json",
		strings.NewReader(fmt.Sprintf(`{"from":"+14255550123","to":%q,"callerDisplayName":"Ada"}`, to)))
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var placed struct{ ServerCallID, IncomingCallContext string }
	if err := json.NewDecoder(resp.Body).Decode(&placed); err != nil || resp.StatusCode != http.StatusOK {
		w.Fatalf("place an incoming call: %s, %v", resp.Status, err)
	}
	event := events.find(w.T, callgatev1.CallEventType_CALL_EVENT_TYPE_INCOMING_CALL, func(e *callgatev1.CallEvent) bool {
		return e.GetServerCallId() == placed.ServerCallID
	})
	if event.GetSource() != callgatev1.CallEventSource_CALL_EVENT_SOURCE_EVENT_GRID {
		w.Errorf("IncomingCall's source is %v", event.GetSource())
	}
	call := event.GetIncomingCall()
	if call.GetIncomingCallContext() == "" || call.GetTo().GetRawId() != to || call.GetFrom().GetPhoneNumber() != "+14255550123" || call.GetCallerDisplayName() != "Ada" {
		w.Errorf("IncomingCall = %v", call)
	}
	return call
}

// TestEveryRPC does all that there is, over gRPC and over REST, against the
// emulator, and sees the events that the upstream sends.
func TestEveryRPC(t *testing.T) {
	g := start(t)
	for _, transport := range transports {
		t.Run(transport.name, func(t *testing.T) {
			w := walk{t, g, transport}
			t.Run("create, get, list, wait", w.with(createGetListWait))
			t.Run("add, cancel, mute, remove", w.with(addCancelMuteRemove))
			t.Run("move", w.with(move))
			t.Run("transfer", w.with(transfer))
			t.Run("connect", w.with(connect))
			t.Run("hang up", w.with(hangUp))
			t.Run("incoming", w.with(incoming))
			t.Run("play", w.with(play))
			t.Run("recognize", w.with(recognize))
			t.Run("tones", w.with(tones))
			t.Run("hold", w.with(hold))
			t.Run("transcription and media streaming", w.with(streams))
			t.Run("record", w.with(record))
		})
	}
}

func (w walk) with(f func(walk, *events)) func(*testing.T) {
	return func(t *testing.T) {
		f(walk{t, w.gateway, w.transport}, w.gateway.stream(t, &callgatev1.StreamEventsRequest{}))
	}
}

func createGetListWait(w walk, events *events) {
	var created callgatev1.CreateCallResponse
	w.do("CallControl/CreateCall", &callgatev1.CreateCallRequest{
		Targets: []*callgatev1.CommunicationIdentifier{phone("+14255550123")}, SourceCallerIdNumber: "+18005550100", OperationContext: "my-word",
	}, &created)
	call := created.GetCallConnection()
	id := call.GetCallConnectionId()
	if call.GetState() != callgatev1.CallConnectionState_CALL_CONNECTION_STATE_CONNECTING || created.GetReceipt().GetOperationContext() != "my-word" {
		w.Errorf("created %v", &created)
	}
	if uri := call.GetCallbackUri(); !strings.HasSuffix(uri, "/callbacks/***") {
		w.Errorf("callback_uri %q shows its token", uri)
	}
	connected := events.find(w.T, callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED, ofCall(id))
	if connected.GetOperationContext() != "my-word" || connected.GetResult().GetCode() != 200 {
		w.Errorf("CallConnected = %v", connected)
	}
	updated := events.find(w.T, callgatev1.CallEventType_CALL_EVENT_TYPE_PARTICIPANTS_UPDATED, ofCall(id))
	if len(updated.GetParticipantsUpdated().GetParticipants()) != 2 {
		w.Errorf("ParticipantsUpdated = %v", updated)
	}

	var waited callgatev1.WaitForOutcomeResponse
	w.do("Events/WaitForOutcome", &callgatev1.WaitForOutcomeRequest{Receipt: created.GetReceipt()}, &waited)
	if waited.GetOutcome().GetStatus() != callgatev1.ActionOutcome_STATUS_SUCCEEDED || waited.GetOutcome().GetEvent().GetId() != connected.GetId() {
		w.Errorf("outcome %v", &waited)
	}

	var got callgatev1.GetCallResponse
	w.do("CallControl/GetCall", &callgatev1.GetCallRequest{CallConnectionId: id}, &got)
	if got.GetCallConnection().GetState() != callgatev1.CallConnectionState_CALL_CONNECTION_STATE_CONNECTED || got.GetCallConnection().GetServerCallId() == "" {
		w.Errorf("GetCall = %v", &got)
	}
	var first, second callgatev1.ListParticipantsResponse
	w.do("Participants/ListParticipants", &callgatev1.ListParticipantsRequest{CallConnectionId: id, PageSize: 1}, &first)
	w.do("Participants/ListParticipants", &callgatev1.ListParticipantsRequest{CallConnectionId: id, PageSize: 1, PageToken: first.GetNextPageToken()}, &second)
	if len(first.GetParticipants()) != 1 || len(second.GetParticipants()) != 1 || second.GetNextPageToken() != "" ||
		proto.Equal(first.GetParticipants()[0], second.GetParticipants()[0]) {
		w.Errorf("pages %v and %v", &first, &second)
	}
	var one callgatev1.GetParticipantResponse
	w.do("Participants/GetParticipant", &callgatev1.GetParticipantRequest{CallConnectionId: id, RawId: "4:+14255550123"}, &one)
	if one.GetParticipant().GetIdentifier().GetPhoneNumber() != "+14255550123" {
		w.Errorf("GetParticipant = %v", &one)
	}
	var story callgatev1.ListEventsResponse
	w.do("Events/ListEvents", &callgatev1.ListEventsRequest{CallConnectionId: id, IncludeData: true}, &story)
	if len(story.GetEvents()) < 2 || story.GetEvents()[0].GetData() == nil {
		w.Errorf("ListEvents = %v", &story)
	}
}

func addCancelMuteRemove(w walk, events *events) {
	id := w.call(phone("+14255550123")).GetCallConnection().GetCallConnectionId()
	alice := user("8:acs:res_alice-" + strings.ToLower(w.transport.name))

	var added callgatev1.AddParticipantResponse
	w.do("Participants/AddParticipant", &callgatev1.AddParticipantRequest{
		CallConnectionId: id, Participant: alice, WaitTimeout: patience, InvitationTimeoutSeconds: proto.Int32(30),
	}, &added)
	w.succeeded(added.GetReceipt(), callgatev1.Action_ACTION_ADD_PARTICIPANT)

	var ringing callgatev1.AddParticipantResponse
	w.do("Participants/AddParticipant", &callgatev1.AddParticipantRequest{
		CallConnectionId: id, Participant: phone("+14255550408"), SourceCallerIdNumber: "+18005550100", InvitationTimeoutSeconds: proto.Int32(180),
	}, &ringing)
	var cancelled callgatev1.CancelAddParticipantResponse
	w.do("Participants/CancelAddParticipant", &callgatev1.CancelAddParticipantRequest{
		CallConnectionId: id, InvitationId: ringing.GetInvitationId(), WaitTimeout: patience,
	}, &cancelled)
	w.succeeded(cancelled.GetReceipt(), callgatev1.Action_ACTION_CANCEL_ADD_PARTICIPANT)
	var withdrawn callgatev1.WaitForOutcomeResponse
	w.do("Events/WaitForOutcome", &callgatev1.WaitForOutcomeRequest{Receipt: ringing.GetReceipt()}, &withdrawn)
	if got := withdrawn.GetOutcome().GetStatus(); got != callgatev1.ActionOutcome_STATUS_CANCELED {
		w.Errorf("the cancelled invitation's outcome is %v", &withdrawn)
	}

	var muted callgatev1.MuteParticipantResponse
	w.do("Participants/MuteParticipant", &callgatev1.MuteParticipantRequest{CallConnectionId: id, Participant: alice}, &muted)
	events.find(w.T, callgatev1.CallEventType_CALL_EVENT_TYPE_PARTICIPANTS_UPDATED, func(e *callgatev1.CallEvent) bool {
		for _, p := range e.GetParticipantsUpdated().GetParticipants() {
			if e.GetCallConnectionId() == id && p.GetIsMuted() {
				return true
			}
		}
		return false
	})

	var removed callgatev1.RemoveParticipantResponse
	w.do("Participants/RemoveParticipant", &callgatev1.RemoveParticipantRequest{CallConnectionId: id, Participant: alice, WaitTimeout: patience}, &removed)
	w.succeeded(removed.GetReceipt(), callgatev1.Action_ACTION_REMOVE_PARTICIPANT)
	err := w.try("Participants/GetParticipant", &callgatev1.GetParticipantRequest{CallConnectionId: id, RawId: alice.GetCommunicationUserId()}, &callgatev1.GetParticipantResponse{})
	wantCode(w.T, err, codes.NotFound)
}

func move(w walk, events *events) {
	here := w.call(phone("+14255550123")).GetCallConnection().GetCallConnectionId()
	there := w.call(user("8:acs:res_bob"), user("8:acs:res_carol")).GetCallConnection().GetCallConnectionId()
	events.find(w.T, callgatev1.CallEventType_CALL_EVENT_TYPE_PARTICIPANTS_UPDATED, func(e *callgatev1.CallEvent) bool {
		return e.GetCallConnectionId() == there && len(e.GetParticipantsUpdated().GetParticipants()) == 3
	})
	var moved callgatev1.MoveParticipantsResponse
	w.do("Participants/MoveParticipants", &callgatev1.MoveParticipantsRequest{
		CallConnectionId: here, FromCallConnectionId: there, WaitTimeout: patience,
		Participants: []*callgatev1.CommunicationIdentifier{user("8:acs:res_bob")},
	}, &moved)
	w.succeeded(moved.GetReceipt(), callgatev1.Action_ACTION_MOVE_PARTICIPANTS)
	if e := moved.GetReceipt().GetOutcome().GetEvent().GetMoveParticipantSucceeded(); e.GetFromCallConnectionId() != there || moved.GetFromCallConnectionId() != there {
		w.Errorf("moved %v", &moved)
	}
}

func transfer(w walk, events *events) {
	two := w.call(user("8:acs:res_frank")).GetCallConnection().GetCallConnectionId()
	var transferred callgatev1.TransferCallResponse
	w.do("CallControl/TransferCall", &callgatev1.TransferCallRequest{
		CallConnectionId: two, Target: phone("+14255550125"), SourceCallerIdNumber: "+18005550100", WaitTimeout: patience,
		CustomCallingContext: &callgatev1.CustomCallingContext{SipHeaders: map[string]string{"X-MS-Custom-ticket": "1"}},
	}, &transferred)
	w.succeeded(transferred.GetReceipt(), callgatev1.Action_ACTION_TRANSFER_CALL)
	events.find(w.T, callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_DISCONNECTED, ofCall(two))
	waitUntil(w.T, "the application is out of the call", func() bool {
		return w.try("CallControl/GetCall", &callgatev1.GetCallRequest{CallConnectionId: two}, &callgatev1.GetCallResponse{}) != nil
	})

	group := w.call(user("8:acs:res_gina"), user("8:acs:res_hal")).GetCallConnection().GetCallConnectionId()
	events.find(w.T, callgatev1.CallEventType_CALL_EVENT_TYPE_PARTICIPANTS_UPDATED, func(e *callgatev1.CallEvent) bool {
		return e.GetCallConnectionId() == group && len(e.GetParticipantsUpdated().GetParticipants()) == 3
	})
	w.do("CallControl/TransferCall", &callgatev1.TransferCallRequest{
		CallConnectionId: group, Target: user("8:acs:res_ivy"), Transferee: user("8:acs:res_gina"), WaitTimeout: patience,
	}, &transferred)
	w.succeeded(transferred.GetReceipt(), callgatev1.Action_ACTION_TRANSFER_CALL)
	w.do("CallControl/GetCall", &callgatev1.GetCallRequest{CallConnectionId: group}, &callgatev1.GetCallResponse{})
}

func connect(w walk, events *events) {
	id := w.call(phone("+14255550123")).GetCallConnection().GetCallConnectionId()
	var running callgatev1.GetCallResponse
	w.do("CallControl/GetCall", &callgatev1.GetCallRequest{CallConnectionId: id}, &running)
	for _, locator := range []*callgatev1.ConnectCallRequest{
		{Locator: &callgatev1.ConnectCallRequest_ServerCallId{ServerCallId: running.GetCallConnection().GetServerCallId()}},
		{Locator: &callgatev1.ConnectCallRequest_GroupCallId{GroupCallId: "29228d3e-040e-4656-a70e-890ab4e173e5"}},
		{Locator: &callgatev1.ConnectCallRequest_RoomId{RoomId: "99434917639286209"}},
	} {
		locator.WaitTimeout = patience
		var connected callgatev1.ConnectCallResponse
		w.do("CallControl/ConnectCall", locator, &connected)
		w.succeeded(connected.GetReceipt(), callgatev1.Action_ACTION_CONNECT_CALL)
		events.find(w.T, callgatev1.CallEventType_CALL_EVENT_TYPE_PARTICIPANTS_UPDATED, ofCall(connected.GetCallConnection().GetCallConnectionId()))
	}
}

func hangUp(w walk, events *events) {
	for _, everyone := range []bool{false, true} {
		id := w.call(phone("+14255550123")).GetCallConnection().GetCallConnectionId()
		var hungUp callgatev1.HangUpCallResponse
		w.do("CallControl/HangUpCall", &callgatev1.HangUpCallRequest{CallConnectionId: id, ForEveryone: everyone, WaitTimeout: patience}, &hungUp)
		w.succeeded(hungUp.GetReceipt(), callgatev1.Action_ACTION_HANG_UP_CALL)
		events.find(w.T, callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_DISCONNECTED, ofCall(id))
		waitUntil(w.T, "the ended call is gone", func() bool {
			return w.try("CallControl/GetCall", &callgatev1.GetCallRequest{CallConnectionId: id}, &callgatev1.GetCallResponse{}) != nil
		})
		wantCode(w.T, w.try("CallControl/GetCall", &callgatev1.GetCallRequest{CallConnectionId: id}, &callgatev1.GetCallResponse{}), codes.NotFound)
		wantCode(w.T, w.try("CallControl/TransferCall", &callgatev1.TransferCallRequest{CallConnectionId: id, Target: user("8:acs:res_x")}, &callgatev1.TransferCallResponse{}), codes.NotFound)
	}
}

func incoming(w walk, events *events) {
	var answered callgatev1.AnswerCallResponse
	w.do("CallControl/AnswerCall", &callgatev1.AnswerCallRequest{
		IncomingCallContext: w.ring(events, "8:acs:res_me").GetIncomingCallContext(), WaitTimeout: patience,
	}, &answered)
	w.succeeded(answered.GetReceipt(), callgatev1.Action_ACTION_ANSWER_CALL)
	if answered.GetCallConnection().GetServerCallId() == "" || answered.GetCallConnection().GetState() != callgatev1.CallConnectionState_CALL_CONNECTION_STATE_UNKNOWN {
		w.Errorf("answered %v", answered.GetCallConnection())
	}
	for _, reason := range []callgatev1.CallRejectReason{
		callgatev1.CallRejectReason_CALL_REJECT_REASON_UNSPECIFIED, callgatev1.CallRejectReason_CALL_REJECT_REASON_NONE,
		callgatev1.CallRejectReason_CALL_REJECT_REASON_BUSY, callgatev1.CallRejectReason_CALL_REJECT_REASON_FORBIDDEN,
	} {
		rejected := w.ring(events, "8:acs:res_me").GetIncomingCallContext()
		w.do("CallControl/RejectCall", &callgatev1.RejectCallRequest{IncomingCallContext: rejected, CallRejectReason: reason}, &callgatev1.RejectCallResponse{})
		if err := w.try("CallControl/AnswerCall", &callgatev1.AnswerCallRequest{IncomingCallContext: rejected}, &callgatev1.AnswerCallResponse{}); err == nil {
			w.Errorf("a call that was rejected with %v could be answered", reason)
		}
	}
	w.do("CallControl/RedirectCall", &callgatev1.RedirectCallRequest{
		IncomingCallContext: w.ring(events, "8:acs:res_me").GetIncomingCallContext(), Target: user("8:acs:res_desk"),
	}, &callgatev1.RedirectCallResponse{})
	events.find(w.T, callgatev1.CallEventType_CALL_EVENT_TYPE_INCOMING_CALL, func(e *callgatev1.CallEvent) bool {
		return e.GetIncomingCall().GetTo().GetCommunicationUserId() == "8:acs:res_desk"
	})
}

// TestOutcomesAreExplained: who does not know the upstream's numbers reads the
// reason.
func TestOutcomesAreExplained(t *testing.T) {
	g := start(t)
	w := walk{t, g, transports[0]}
	for number, want := range map[string]string{
		"+14255550486": "BUSY",
		"+14255550603": "DECLINED",
		"+14255550404": "NUMBER_NOT_FOUND",
		"+14255550480": "NOT_REACHABLE",
		"+14255550408": "NO_ANSWER",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			var resp callgatev1.CreateCallResponse
			w.do("CallControl/CreateCall", &callgatev1.CreateCallRequest{
				Targets: []*callgatev1.CommunicationIdentifier{phone(number)}, SourceCallerIdNumber: "+18005550100", WaitTimeout: patience,
			}, &resp)
			outcome := resp.GetReceipt().GetOutcome()
			result := outcome.GetEvent().GetResult()
			if outcome.GetStatus() != callgatev1.ActionOutcome_STATUS_FAILED || result.GetReason() != want || result.GetHint() == "" {
				t.Errorf("outcome %v", outcome)
			}
		})
	}
}
