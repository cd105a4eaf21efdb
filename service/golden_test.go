package service_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// someone stands for the identities that the recorders blotted out.
const someone = "8:acs:b9614373-fd0b-480c-8fd2-cb58b70eab9f_0f50d091-5bd3-448b-884d-44be7037d9b9"

// exchange is one recorded request and its answer.
type exchange struct {
	Method       string          `json:"method"`
	Path         string          `json:"path"`
	RequestBody  json.RawMessage `json:"requestBody"`
	Status       int             `json:"status"`
	ResponseBody json.RawMessage `json:"responseBody"`
}

func readFile(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "exchanges", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	raw = bytes.ReplaceAll(raw, []byte(`"Sanitized"`), []byte(`"`+someone+`"`))
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

// recordingID is that of the recorded exchanges.
const recordingID = "eyJQbGF0Zm9ybUVuZHBvaW50SWQiOiI0MTFmMzUwMC1lNzAxLTQ2NjEtYmNhYi1jMDkyMzAxYzMyNjMiLCJSZXNvdXJjZVNwZWNpZmljSWQiOiJiOTBkODdmZS1mOWMyLTRlNzYtYWMyYi1jNzI0MTczYzA3OTgifQ"

// TestRecordedExchanges gives the gateway the gRPC request that is equivalent to
// a recorded HTTP request: it must send that request, and must translate the
// recorded answer without losing anything of it.
func TestRecordedExchanges(t *testing.T) {
	const (
		sanitizedCallback = "https://sanitized.skype.com/api/servicebuscallback/events?q=SanitizedSanitized"
		dummyCallback     = "https://dummy.ngrok.io/api/incident/callback?SecretKey=helloworld"
		incoming          = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJjYyI6Ikg0c0lBQUFBQUFBQUNz…"
		b961              = "8:acs:b9614373-fd0b-480c-8fd2-cb58b70eab9f_"
	)
	idempotent := &callgatev1.CreateCallRequest{
		Targets: []*callgatev1.CommunicationIdentifier{user(someone)}, Source: user(someone),
		CallbackUri: dummyCallback, RequestId: "61460096-a0cc-4f65-8cec-b61cc24e646c",
	}
	for _, tc := range []struct {
		file string
		send proto.Message
		code codes.Code
	}{
		{"01-createCall-repeatable-first", idempotent, codes.OK},
		{"02-createCall-repeatable-replay", idempotent, codes.OK},
		{"03-terminateCall", &callgatev1.HangUpCallRequest{CallConnectionId: "401f3500-af14-4fd7-ae55-37e7590932b1", ForEveryone: true}, codes.OK},
		{"04-createCall", &callgatev1.CreateCallRequest{
			Targets: []*callgatev1.CommunicationIdentifier{user(someone)}, Source: user(someone), CallbackUri: sanitizedCallback,
		}, codes.OK},
		{"05-answerCall", &callgatev1.AnswerCallRequest{
			IncomingCallContext: incoming, CallbackUri: sanitizedCallback, AnsweredBy: user(someone),
		}, codes.OK},
		{"06-addParticipant", &callgatev1.AddParticipantRequest{
			CallConnectionId: "441fc800-db74-4649-a870-3783628b6cd7", Participant: user(someone),
			InvitationTimeoutSeconds: proto.Int32(60), OperationContext: "context", CustomCallingContext: &callgatev1.CustomCallingContext{},
		}, codes.OK},
		{"07-cancelAddParticipant", &callgatev1.CancelAddParticipantRequest{
			CallConnectionId: "441fc800-db74-4649-a870-3783628b6cd7", InvitationId: "6898753d-edc0-45b4-bc0c-892956534aa2", OperationContext: "context",
		}, codes.OK},
		{"08-muteParticipant", &callgatev1.MuteParticipantRequest{
			CallConnectionId: "441fc800-3533-47b3-99a1-913d00a0b913", Participant: user(someone), OperationContext: "context",
		}, codes.OK},
		{"09-getParticipants-after-mute", &callgatev1.ListParticipantsRequest{CallConnectionId: "441fc800-3533-47b3-99a1-913d00a0b913"}, codes.OK},
		{"10-removeParticipant", &callgatev1.RemoveParticipantRequest{
			CallConnectionId: "6a1f6b00-243e-424e-8cc1-ab9b30b2ac1f", Participant: user(someone), OperationContext: "MyTestOperationcontext",
		}, codes.OK},
		{"11-rejectCall", &callgatev1.RejectCallRequest{IncomingCallContext: incoming}, codes.OK},
		{"12-getCall-caller-right-after-reject", &callgatev1.GetCallRequest{CallConnectionId: "401f3500-4391-4c88-8eec-90bac9c28e33"}, codes.OK},
		{"13-transferToParticipant", &callgatev1.TransferCallRequest{CallConnectionId: "401f3500-82e6-46ad-ba68-2660abdc6975", Target: user(someone)}, codes.OK},
		{"14-hangupCall", &callgatev1.HangUpCallRequest{CallConnectionId: "401f3500-facc-46cc-89bf-bf026869948f"}, codes.OK},
		{"15-error-getCall-404-after-hangup", &callgatev1.GetCallRequest{CallConnectionId: "401f3500-facc-46cc-89bf-bf026869948f"}, codes.NotFound},
		{"16-terminateCall-group", &callgatev1.HangUpCallRequest{CallConnectionId: "401f3500-9224-402e-a729-e4bf515496d7", ForEveryone: true}, codes.OK},
		{"17-error-getCall-404-after-transfer", &callgatev1.GetCallRequest{CallConnectionId: "401f3500-a63a-4934-866c-cf9e9b40f007"}, codes.NotFound},
		{"18-startRecording", &callgatev1.StartRecordingRequest{Call: &callgatev1.StartRecordingRequest_ServerCallId{ServerCallId: "s"}}, codes.OK},
		{"19-getRecording-active", &callgatev1.GetRecordingRequest{RecordingId: recordingID}, codes.OK},
		{"20-pauseRecording", &callgatev1.PauseRecordingRequest{RecordingId: recordingID}, codes.OK},
		{"21-resumeRecording", &callgatev1.ResumeRecordingRequest{RecordingId: recordingID}, codes.OK},
		{"22-stopRecording", &callgatev1.StopRecordingRequest{RecordingId: recordingID}, codes.OK},
		{"23-error-getRecording-404-after-stop", &callgatev1.GetRecordingRequest{RecordingId: recordingID}, codes.NotFound},
		{"30-connect", &callgatev1.ConnectCallRequest{
			Locator:                 &callgatev1.ConnectCallRequest_RoomId{RoomId: "99434917639286209"},
			CallbackUri:             "https://contoso.communications.azure.com/callback",
			CallIntelligenceOptions: &callgatev1.CallIntelligenceOptions{CognitiveServicesEndpoint: "https://cognitiveservice.com"},
			MediaStreamingOptions: &callgatev1.MediaStreamingOptions{
				TransportUrl:        "wss://contosowebsocketserver.com/",
				ContentType:         callgatev1.MediaStreamingContentType_MEDIA_STREAMING_CONTENT_TYPE_AUDIO,
				AudioChannelType:    callgatev1.MediaStreamingAudioChannelType_MEDIA_STREAMING_AUDIO_CHANNEL_TYPE_MIXED,
				StartMediaStreaming: proto.Bool(true), EnableBidirectional: proto.Bool(true),
				AudioFormat: callgatev1.AudioFormat_AUDIO_FORMAT_PCM16K_MONO,
			},
			TranscriptionOptions: &callgatev1.TranscriptionOptions{
				TransportUrl: "wss://contosowebsocketserver.com/", Locale: "en-ca", SpeechModelEndpointId: "afa0669c-a01e-4693-ae3a-93baf40f26d6",
				StartTranscription: proto.Bool(true), EnableIntermediateResults: proto.Bool(true),
			},
		}, codes.OK},
		{"31-redirectCall", &callgatev1.RedirectCallRequest{
			IncomingCallContext: "H4sIAAAAAAAEAMVVS2/bOBD+LzrspaElPiSSBoJFNnvYoNi0aHaB…", Target: user(b961 + "0f50d091-5bd3-448b-884d-44be7037d9b9"),
		}, codes.OK},
		{"32-moveParticipants", &callgatev1.MoveParticipantsRequest{
			CallConnectionId: "18dea47f-b081-4107-9a5c-4300819d2c6c", FromCallConnectionId: "28dea47f-b081-4107-9a5c-4300819d2c6c",
			Participants:     []*callgatev1.CommunicationIdentifier{user(b961 + "ae9e3307-f56e-44be-8934-80a63f080538")},
			OperationContext: "moveing participant", OperationCallbackUri: "https://app.contoso.com/callback",
		}, codes.OK},
		{"33-transferToParticipant-group-member", &callgatev1.TransferCallRequest{
			CallConnectionId: "18dea47f-b081-4107-9a5c-4300819d2c6c", Target: user(b961 + "da7be3a9-8788-42a6-85c6-56b2cf784fce"),
			Transferee:       user(b961 + "ae9e3307-f56e-44be-8934-80a63f080538"),
			OperationContext: "trasferring call", OperationCallbackUri: "https://app.contoso.com/callback",
		}, codes.OK},
		{"34-getParticipant", &callgatev1.GetParticipantRequest{
			CallConnectionId: "18dea47f-b081-4107-9a5c-4300819d2c6c", RawId: b961 + "da7be3a9-8788-42a6-85c6-56b2cf784fce",
		}, codes.OK},
	} {
		t.Run(tc.file, func(t *testing.T) {
			var ex exchange
			readFile(t, tc.file, &ex)
			answer := string(ex.ResponseBody)
			if answer == "null" {
				answer = ""
			}
			up := answering(ex.Status, answer)
			resp, err := newGateway(t, up).call(t.Context(), tc.send)
			if status.Code(err) != tc.code {
				t.Fatalf("code %v, want %v: %v", status.Code(err), tc.code, err)
			}
			if tc.file == "18-startRecording" {
				ex.RequestBody = json.RawMessage(up.received()[0].Body) // was not recorded
			}
			compareRequest(t, up, ex.Method, ex.Path, ex.RequestBody)
			if err == nil {
				compareAnswer(t, resp, ex.ResponseBody)
			}
		})
	}
}

// TestRequestsOfTheOfficialSDK holds the gateway to what the newest official SDK
// sends for the same calls.
func TestRequestsOfTheOfficialSDK(t *testing.T) {
	var file struct {
		Requests []struct {
			Method, Path string
			Headers      map[string]string
			Body         json.RawMessage
		}
	}
	readFile(t, "50-requests-js-sdk-1.6.0-loopback", &file)
	const id = "c 1/x"
	alice, bob := phone("+14255550123"), user("8:acs:res_user")
	equivalents := []proto.Message{
		&callgatev1.CreateCallRequest{
			Targets: []*callgatev1.CommunicationIdentifier{alice}, SourceCallerIdNumber: "+18885550100", SourceDisplayName: "x",
			Source: user("8:acs:res_src"), OperationContext: "ctx", CallbackUri: "https://app/cb?k=a b",
		},
		&callgatev1.AnswerCallRequest{IncomingCallContext: "ICC", CallbackUri: "https://app/cb", AnsweredBy: user("8:acs:res_src")},
		&callgatev1.RedirectCallRequest{IncomingCallContext: "ICC", Target: bob},
		&callgatev1.RejectCallRequest{IncomingCallContext: "ICC", CallRejectReason: callgatev1.CallRejectReason_CALL_REJECT_REASON_BUSY},
		&callgatev1.ConnectCallRequest{Locator: &callgatev1.ConnectCallRequest_RoomId{RoomId: "99"}, CallbackUri: "https://app/cb"},
		&callgatev1.GetCallRequest{CallConnectionId: id},
		&callgatev1.HangUpCallRequest{CallConnectionId: id},
		&callgatev1.HangUpCallRequest{CallConnectionId: id, ForEveryone: true},
		&callgatev1.GetParticipantRequest{CallConnectionId: id, RawId: "4:+14255550123"},
		&callgatev1.GetParticipantRequest{CallConnectionId: id, RawId: "8:acs:res_user"},
		&callgatev1.ListParticipantsRequest{CallConnectionId: id},
		&callgatev1.AddParticipantRequest{
			CallConnectionId: id, Participant: alice, SourceCallerIdNumber: "+18885550100", InvitationTimeoutSeconds: proto.Int32(30),
			CustomCallingContext: &callgatev1.CustomCallingContext{
				VoipHeaders: map[string]string{"a": "b"}, SipHeaders: map[string]string{"User-To-User": "u", "X-MS-Custom-h": "v"},
			},
		},
		&callgatev1.TransferCallRequest{CallConnectionId: id, Target: bob, Transferee: alice, OperationContext: "eb500892-b0c7-4f04-ab0a-d002737362fe"},
		&callgatev1.RemoveParticipantRequest{CallConnectionId: id, Participant: bob, OperationContext: "4ed8c8df-c862-4036-8064-a3abb5f8274d"},
		&callgatev1.MuteParticipantRequest{CallConnectionId: id, Participant: bob},
		&callgatev1.CancelAddParticipantRequest{CallConnectionId: id, InvitationId: "inv1", OperationContext: "04100de9-8ff2-4d33-9ef1-cda623ede182"},
		&callgatev1.MoveParticipantsRequest{
			CallConnectionId: id, Participants: []*callgatev1.CommunicationIdentifier{bob}, FromCallConnectionId: "from1",
			OperationContext: "185334bb-69bb-4276-acaf-2267b1b7719b",
		},
	}
	if len(equivalents) != len(file.Requests) {
		t.Fatalf("%d requests recorded, %d equivalents given", len(file.Requests), len(equivalents))
	}
	for i, want := range file.Requests {
		t.Run(fmt.Sprintf("%s %s", want.Method, want.Path), func(t *testing.T) {
			up := answering(404, `{"error":{"code":"8522","message":"Call not found."}}`)
			resp, err := newGateway(t, up).call(t.Context(), equivalents[i])
			gone, hangsUp := resp.(*callgatev1.HangUpCallResponse)
			if status.Code(err) != codes.NotFound && (!hangsUp || !gone.GetAlreadyEnded()) {
				t.Fatalf("the request did not get through: %v, %v", resp, err)
			}
			compareRequest(t, up, want.Method, want.Path, want.Body)
			got := up.received()[0].Header
			for name := range want.Headers {
				if name != "host" && got.Get(name) == "" && name != "content-length" {
					t.Errorf("header %s is missing", name)
				}
			}
			if want.Headers["content-type"] == "" && got.Get("Content-Type") != "" {
				t.Errorf("Content-Type %q without a body", got.Get("Content-Type"))
			}
		})
	}
}

// call sends a request to the RPC that takes it.
func (g *gateway) call(ctx context.Context, req proto.Message) (proto.Message, error) {
	for _, client := range []any{g.CallControlClient, g.ParticipantsClient, g.EventsClient, g.MediaClient, g.RecordingsClient} {
		v := reflect.ValueOf(client)
		for i := range v.NumMethod() {
			method := v.Method(i)
			if method.Type().NumOut() != 2 || method.Type().In(1) != reflect.TypeOf(req) {
				continue
			}
			out := method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(req)})
			err, _ := out[1].Interface().(error)
			resp, _ := out[0].Interface().(proto.Message)
			return resp, err
		}
	}
	return nil, fmt.Errorf("no RPC takes %T", req)
}

func compareRequest(t *testing.T, up *stub, method, path string, body json.RawMessage) {
	t.Helper()
	received := up.received()
	if len(received) != 1 {
		t.Fatalf("the upstream was sent %d requests, want 1", len(received))
	}
	got := received[0]
	if got.Method != method || pathOf(got.Target) != pathOf(path) {
		t.Errorf("sent %s %s, recorded %s %s", got.Method, got.Target, method, path)
	}
	if !strings.HasSuffix(got.Target, "?api-version=2026-03-12") {
		t.Errorf("sent %s, without the api-version", got.Target)
	}
	gotBody, wantBody := withoutNoise(t, []byte(got.Body)), withoutNoise(t, body)
	if wantBody != nil && wantBody["operationContext"] == nil {
		delete(gotBody, "operationContext") // made up where none is given
	}
	if !reflect.DeepEqual(gotBody, wantBody) {
		t.Errorf("sent body %v\nrecorded  %v", gotBody, wantBody)
	}
}

func pathOf(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}

// withoutNoise is a body without what may differ: what the upstream calls optional
// and senders give or leave out as they like, and names that older versions had.
func withoutNoise(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var body map[string]any
	if err := json.Unmarshal(raw, &body); err != nil {
		t.Fatalf("body %s: %v", raw, err)
	}
	rename(body, "customContext", "customCallingContext")
	if old, is := body["participantsToRemove"].([]any); is {
		body["participantToRemove"] = old[0]
		delete(body, "participantsToRemove")
	}
	if source, is := body["source"].(map[string]any); is && source["identifier"] != nil {
		body["source"] = source["identifier"].(map[string]any)["communicationUser"]
	}
	return withoutOptional(body).(map[string]any)
}

func rename(body map[string]any, from, to string) {
	if v, has := body[from]; has {
		body[to] = v
		delete(body, from)
	}
}

func withoutOptional(v any) any {
	switch v := v.(type) {
	case map[string]any:
		isIdentifier := v["communicationUser"] != nil || v["phoneNumber"] != nil
		for name, member := range maps.Clone(v) {
			v[name] = withoutOptional(member)
			empty, isMap := v[name].(map[string]any)
			if isIdentifier && (name == "kind" || name == "rawId") || name == "isAnonymous" && member == false || isMap && len(empty) == 0 {
				delete(v, name)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutOptional(v[i])
		}
	}
	return v
}

// compareAnswer finds every value of the recorded answer in what the client got.
func compareAnswer(t *testing.T, resp proto.Message, recorded json.RawMessage) {
	t.Helper()
	var want, got any
	if string(recorded) == "null" {
		return
	}
	if err := json.Unmarshal(recorded, &want); err != nil {
		t.Fatal(err)
	}
	raw, err := protojson.Marshal(resp)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	values := leaves(got, nil)
	for path, value := range paths(want, "") {
		// Of no use to a client: how an identifier was written (its kind is
		// told by the member that is set), and what newer versions dropped.
		if strings.HasSuffix(path, ".kind") || strings.HasSuffix(path, ".mediaSubscriptionId") || value == "" {
			continue
		}
		if strings.HasPrefix(path, ".source.identifier") {
			continue // the shape of 2022; today's is tested with today's captures
		}
		if !slices.Contains(values, value) {
			t.Errorf("%s = %v of the answer is lost in %s", path, value, raw)
		}
	}
}

func leaves(v any, found []any) []any {
	for _, value := range paths(v, "") {
		found = append(found, value)
	}
	return found
}

// paths are the values of a JSON document by where they stand.
func paths(v any, at string) map[string]any {
	found := map[string]any{}
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			maps.Copy(found, paths(member, at+"."+name))
		}
	case []any:
		for i, item := range v {
			maps.Copy(found, paths(item, fmt.Sprintf("%s[%d]", at, i)))
		}
	default:
		found[at] = v
	}
	return found
}
