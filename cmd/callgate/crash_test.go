package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// TestKilledBeforeReplying: the upstream has acted, and the gateway is killed
// before its client hears of it. The client asks again, with the same
// request_id, and the upstream has acted once.
func TestKilledBeforeReplying(t *testing.T) {
	const id = "the-call"
	bob := []*callgatev1.CommunicationIdentifier{user("8:acs:res_bob")}
	for _, tc := range []struct {
		method    string
		req, resp proto.Message
		status    int
		answer    string
	}{
		{"CallControl/CreateCall", &callgatev1.CreateCallRequest{Targets: bob}, &callgatev1.CreateCallResponse{}, 201, `{"callConnectionId":"the-call"}`},
		{
			"CallControl/ConnectCall", &callgatev1.ConnectCallRequest{Locator: &callgatev1.ConnectCallRequest_RoomId{RoomId: "9"}},
			&callgatev1.ConnectCallResponse{}, 200, `{"callConnectionId":"the-call"}`,
		},
		{"CallControl/AnswerCall", &callgatev1.AnswerCallRequest{IncomingCallContext: "x"}, &callgatev1.AnswerCallResponse{}, 200, `{"callConnectionId":"the-call"}`},
		{"CallControl/RejectCall", &callgatev1.RejectCallRequest{IncomingCallContext: "x"}, &callgatev1.RejectCallResponse{}, 204, ""},
		{"CallControl/RedirectCall", &callgatev1.RedirectCallRequest{IncomingCallContext: "x", Target: bob[0]}, &callgatev1.RedirectCallResponse{}, 204, ""},
		{"CallControl/TransferCall", &callgatev1.TransferCallRequest{CallConnectionId: id, Target: bob[0]}, &callgatev1.TransferCallResponse{}, 202, "{}"},
		{"CallControl/HangUpCall", &callgatev1.HangUpCallRequest{CallConnectionId: id, ForEveryone: true}, &callgatev1.HangUpCallResponse{}, 204, ""},
		{"Participants/AddParticipant", &callgatev1.AddParticipantRequest{CallConnectionId: id, Participant: bob[0]}, &callgatev1.AddParticipantResponse{}, 202, `{"invitationId":"i"}`},
		{
			"Participants/CancelAddParticipant", &callgatev1.CancelAddParticipantRequest{CallConnectionId: id, InvitationId: "i"},
			&callgatev1.CancelAddParticipantResponse{}, 202, `{"invitationId":"i"}`,
		},
		{"Participants/RemoveParticipant", &callgatev1.RemoveParticipantRequest{CallConnectionId: id, Participant: bob[0]}, &callgatev1.RemoveParticipantResponse{}, 202, "{}"},
		{"Participants/MuteParticipant", &callgatev1.MuteParticipantRequest{CallConnectionId: id, Participant: bob[0]}, &callgatev1.MuteParticipantResponse{}, 200, "{}"},
		{
			"Participants/MoveParticipants", &callgatev1.MoveParticipantsRequest{CallConnectionId: id, FromCallConnectionId: "other", Participants: bob},
			&callgatev1.MoveParticipantsResponse{}, 202, `{"fromCall":"other"}`,
		},
		{
			"Media/SendDtmfTones", &callgatev1.SendDtmfTonesRequest{CallConnectionId: id, TargetParticipant: phone("+14255550123"), Tones: []callgatev1.Tone{1}},
			&callgatev1.SendDtmfTonesResponse{}, 202, "{}",
		},
		{
			"Recordings/StartRecording", &callgatev1.StartRecordingRequest{Call: &callgatev1.StartRecordingRequest_CallConnectionId{CallConnectionId: id}},
			&callgatev1.StartRecordingResponse{}, 200, `{"recordingId":"r"}`,
		},
	} {
		t.Run(tc.method, func(t *testing.T) {
			t.Parallel()
			acs := &actingOnce{status: tc.status, answer: tc.answer, acted: map[string]int{}}
			server := httptest.NewServer(acs)
			defer server.Close()
			dir := t.TempDir()
			named(tc.req, uuid.NewString())

			first := startAgainst(t, dir, server.URL)
			acs.kills(t, first, tc.method, tc.req, tc.resp)

			second := startAgainst(t, dir, server.URL)
			defer second.kill(t)
			waitUntil(t, "it is answered", func() bool {
				err := ask(second, 20*time.Second, tc.method, tc.req, tc.resp)
				if err != nil && status.Code(err) != codes.Aborted {
					t.Fatal(err)
				}
				return err == nil
			})
			if err := ask(second, 20*time.Second, tc.method, tc.req, tc.resp); err != nil {
				t.Errorf("asked once more: %v", err)
			}
			receipt := tc.resp.(interface {
				GetReceipt() *callgatev1.ActionReceipt
			}).GetReceipt()
			if !receipt.GetReplayed() {
				t.Error("what was asked once more is not said to be a repetition")
			}
			acs.mu.Lock()
			defer acs.mu.Unlock()
			if len(acs.acted) != 1 {
				t.Errorf("the upstream acted %d times: %v", len(acs.acted), acs.acted)
			}
		})
	}
}

// TestKilledBeforeReplyingToWhatIsNeverRepeated: the upstream would act again if it
// were asked again. It is not, whoever asks the gateway.
func TestKilledBeforeReplyingToWhatIsNeverRepeated(t *testing.T) {
	const id = "the-call"
	for _, tc := range []struct {
		method    string
		req, resp proto.Message
		status    int
	}{
		{"Media/PlayMedia", &callgatev1.PlayMediaRequest{CallConnectionId: id, PlaySources: []*callgatev1.PlaySource{text("Hello.")}}, &callgatev1.PlayMediaResponse{}, 202},
		{"Media/HoldParticipant", &callgatev1.HoldParticipantRequest{CallConnectionId: id, TargetParticipant: user("8:acs:res_bob")}, &callgatev1.HoldParticipantResponse{}, 200},
		{"Recordings/PauseRecording", &callgatev1.PauseRecordingRequest{RecordingId: "r"}, &callgatev1.PauseRecordingResponse{}, 202},
	} {
		t.Run(tc.method, func(t *testing.T) {
			t.Parallel()
			acs := &actingOnce{status: tc.status, acted: map[string]int{}}
			server := httptest.NewServer(acs)
			defer server.Close()
			dir := t.TempDir()
			named(tc.req, uuid.NewString())

			first := startAgainst(t, dir, server.URL)
			acs.kills(t, first, tc.method, tc.req, tc.resp)

			second := startAgainst(t, dir, server.URL)
			defer second.kill(t)
			var err error
			waitUntil(t, "the first is given up", func() bool {
				err = ask(second, 20*time.Second, tc.method, tc.req, tc.resp)
				return status.Code(err) != codes.Aborted
			})
			if status.Code(err) != codes.Unknown || reasonOf(err) != "UPSTREAM_OUTCOME_UNKNOWN" {
				t.Errorf("asked again: %v", err)
			}
			acs.mu.Lock()
			defer acs.mu.Unlock()
			if total := acs.acted[" of "]; total != 1 || len(acs.acted) != 1 {
				t.Errorf("the upstream was asked %v", acs.acted)
			}
		})
	}
}

// actingOnce is an upstream that acts once under one name, as Call Automation
// does.
type actingOnce struct {
	status int
	answer string

	mu    sync.Mutex
	acted map[string]int // how often it was asked, by the action's name
	then  func()
}

func (a *actingOnce) whenActed(then func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.then = then
}

// kills asks a gateway, which is killed once the upstream has acted. It is asked
// briefly: until that time has passed, it is taken to be at it still.
func (a *actingOnce) kills(t *testing.T, g *killable, method string, req, resp proto.Message) {
	t.Helper()
	killed := make(chan struct{})
	a.whenActed(sync.OnceFunc(func() {
		g.kill(t)
		close(killed)
	}))
	waitUntil(t, "it is killed", func() bool { // when it was too slow to ask the upstream, it is asked again
		if err := ask(g, time.Second, method, req, resp); err == nil {
			t.Fatal("it answered")
		}
		select {
		case <-killed:
			return true
		default:
			return false
		}
	})
	a.whenActed(nil)
}

func (a *actingOnce) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.acted[r.Header.Get("Repeatability-Request-ID")+" of "+r.Header.Get("Repeatability-First-Sent")]++
	then := a.then
	a.mu.Unlock()
	if then != nil {
		then()
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = fmt.Fprint(w, a.answer)
}

// startAgainst is a gateway in a process of its own, before an upstream of ours.
func startAgainst(t *testing.T, dir, endpoint string) *killable {
	t.Helper()
	cmd := exec.Command(os.Args[0], "--grpc-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0", "--callback-addr=127.0.0.1:0", "--data-dir="+dir)
	cmd.Env = append(os.Environ(), beMain+"=1",
		"CALLGATE_CONNECTION_STRING=endpoint="+endpoint+";accesskey=c2VjcmV0a2V5", "CALLGATE_CALLBACK_BASE_URL=https://gw.example")
	return launch(t, cmd)
}

func ask(g *killable, within time.Duration, method string, req, resp proto.Message) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return overGRPC(ctx, g.gateway, method, req, resp)
}

// reasonOf is the stable name of an error.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, is := detail.(*errdetails.ErrorInfo); is {
			return info.GetReason()
		}
	}
	return ""
}

func named(req proto.Message, id string) {
	m := req.ProtoReflect()
	m.Set(m.Descriptor().Fields().ByName("request_id"), protoreflect.ValueOfString(id))
}
