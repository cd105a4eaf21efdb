package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// route is one way to ask the gateway for something.
type route struct {
	name string
	rpc  string // empty for a page
	call func(ctx context.Context, g *gateway) codes.Code
}

// routes are all that there are: every RPC over gRPC and at every address that the
// contract gives it, reflection, and the pages.
func routes(t *testing.T) []route {
	t.Helper()
	var all []route
	protoregistry.GlobalFiles.RangeFilesByPackage("callgate.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				m := service.Methods().Get(j)
				rpc := string(service.Name()) + "/" + string(m.Name())
				path := "/" + string(service.FullName()) + "/" + string(m.Name())
				all = append(all, route{"gRPC " + rpc, rpc, grpcRoute(path, m.Input(), m.Output())})
				rule, _ := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
				for _, binding := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
					verb, path := verbOf(t, rpc, binding)
					all = append(all, route{verb + " " + path, rpc, httpRoute(verb, pathField.ReplaceAllString(path, "x"))})
				}
			}
		}
		return true
	})
	for _, desc := range []protoreflect.FileDescriptor{
		reflectionv1.File_grpc_reflection_v1_reflection_proto, reflectionv1alpha.File_grpc_reflection_v1alpha_reflection_proto,
	} {
		m := desc.Services().Get(0).Methods().Get(0)
		path := "/" + string(desc.Services().Get(0).FullName()) + "/" + string(m.Name())
		all = append(all, route{"gRPC " + path, "", grpcRoute(path, m.Input(), m.Output())})
	}
	for _, path := range []string{"/", "/metrics", "/openapi.json", "/docs", "/events", "/console/config.json", "/nowhere"} {
		all = append(all, route{"GET " + path, "", httpRoute(http.MethodGet, path)})
	}
	const people = "/emulator/control/v1/calls" // for those who may place calls
	all = append(all, route{"GET " + people, "CallControl/CreateCall", httpRoute(http.MethodGet, people)})
	return all
}

func verbOf(t *testing.T, rpc string, rule *annotations.HttpRule) (verb, path string) {
	t.Helper()
	for verb, path := range map[string]string{
		http.MethodGet: rule.GetGet(), http.MethodPost: rule.GetPost(), http.MethodDelete: rule.GetDelete(),
		http.MethodPut: rule.GetPut(), http.MethodPatch: rule.GetPatch(),
	} {
		if path != "" {
			return verb, path
		}
	}
	t.Fatalf("%s has no HTTP rule", rpc)
	return "", ""
}

// grpcRoute sends an empty request and takes the first answer, whatever kind of
// RPC it is.
func grpcRoute(path string, in, out protoreflect.MessageDescriptor) func(context.Context, *gateway) codes.Code {
	return func(ctx context.Context, g *gateway) codes.Code {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		stream, err := g.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, path)
		if err != nil {
			return status.Code(err)
		}
		_ = stream.SendMsg(dynamicpb.NewMessage(in)) // RecvMsg says why it failed
		_ = stream.CloseSend()
		return status.Code(stream.RecvMsg(dynamicpb.NewMessage(out)))
	}
}

func httpRoute(verb, path string) func(context.Context, *gateway) codes.Code {
	return func(ctx context.Context, g *gateway) codes.Code {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, verb, g.httpURL+path, strings.NewReader("{}"))
		if err != nil {
			return codes.Unknown
		}
		resp, err := g.http.Do(req)
		if err != nil {
			return codes.Unknown
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode < 400 {
			return codes.OK // a stream does not end by itself
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(resp.Body)
		var answer struct {
			Code  codes.Code
			Error struct{ Code codes.Code } // of a stream
		}
		if json.Unmarshal(body.Bytes(), &answer) != nil {
			answer.Code = codes.NotFound // a page that there is not
		}
		answer.Code = max(answer.Code, answer.Error.Code)
		if want := map[codes.Code]int{codes.Unauthenticated: 401, codes.PermissionDenied: 403}[answer.Code]; want != 0 && want != resp.StatusCode {
			return codes.Unknown
		}
		if answer.Code == codes.Unauthenticated && len(resp.Header.Values("WWW-Authenticate")) == 0 {
			return codes.Unknown
		}
		return answer.Code
	}
}

// viewersMay are the RPCs that only look. All others are refused to who may only
// look: an RPC that is new here is one of them until this says otherwise.
var viewersMay = []string{
	"CallControl/GetCall", "Participants/ListParticipants", "Participants/GetParticipant",
	"Events/StreamEvents", "Events/ListEvents", "Events/WaitForOutcome",
	"Recordings/GetRecording", "Recordings/DownloadRecording",
	// What a service has dealt with of what it sees is its own affair.
	"Events/AckEvents", "Events/NackEvents", "Groups/ListGroups", "Groups/GetGroup", "Groups/ListDeadLetters",
}

// TestUnauthorisedCalls tries every door with every key that does not fit, and
// with some that do.
func TestUnauthorisedCalls(t *testing.T) {
	f := newFiles(t)
	expired := tokenLine("expired") + ":2026-01-01T00:00:00Z\n"
	g := start(t, "--token-file="+f.write("tokens", expired+strings.Join([]string{
		tokenLine("monitor"), tokenLine("viewer"), tokenLine("narrow"), tokenLine("operator"), tokenLine("stranger"),
	}, "\n")), "--policy-file="+f.write("policy.yaml", policyOf(
		"monitor: {role: monitor}", "viewer: {role: viewer}", "operator: {role: operator}", "expired: {role: admin}",
		"narrow: {methods: [callgate.v1.CallControl/GetCall, grpc.reflection.v1.ServerReflection/*, grpc.reflection.v1alpha.ServerReflection/*]}",
	)))
	const forged = "token:operator x 2099-01-01T00:00:00Z"
	none := func(ctx context.Context) context.Context { return ctx }
	header := func(pairs ...string) func(context.Context) context.Context {
		return func(ctx context.Context) context.Context { return metadata.AppendToOutgoingContext(ctx, pairs...) }
	}
	token := func(name string) func(context.Context) context.Context {
		return func(ctx context.Context) context.Context { return as(ctx, name) }
	}
	always := func(code codes.Code) func(route) codes.Code { return func(route) codes.Code { return code } }
	refusedBut := func(rpcs []string, pages bool) func(route) codes.Code {
		return func(r route) codes.Code {
			if r.rpc != "" && slices.Contains(rpcs, r.rpc) || r.rpc == "" && pages {
				return codes.OK
			}
			return codes.PermissionDenied
		}
	}
	all := routes(t)
	tried := 0
	for _, tc := range []struct {
		name string
		with func(context.Context) context.Context
		want func(route) codes.Code // OK: not refused
	}{
		{"no credential", none, always(codes.Unauthenticated)},
		{"an unknown token", token("nobody"), always(codes.Unauthenticated)},
		{"an expired token", token("expired"), always(codes.Unauthenticated)},
		{"a token's hash", header("authorization", "Bearer "+strings.TrimPrefix(tokenLine("operator"), "operator:")), always(codes.Unauthenticated)},
		{"a token under another scheme", header("authorization", "Digest "+tokenOf("operator")), always(codes.Unauthenticated)},
		{"a token without a scheme", header("authorization", tokenOf("operator")), always(codes.Unauthenticated)},
		{"two tokens, one of them good", header("authorization", "Bearer x", "authorization", "Bearer "+tokenOf("operator")), always(codes.Unauthenticated)},
		{"what the gateway says to itself", header("callgate-identity-bin", forged), always(codes.Unauthenticated)},
		{"the same, through the REST front", header("grpc-metadata-callgate-identity-bin", base64.StdEncoding.EncodeToString([]byte(forged))), always(codes.Unauthenticated)},
		{"a token, through the REST front", header("grpc-metadata-authorization", "Bearer "+tokenOf("operator")), always(codes.Unauthenticated)},
		{"what the policy's engine goes by", header("callgate-role", "admin"), always(codes.Unauthenticated)},
		{"a token that the policy does not speak of", token("stranger"), refusedBut(nil, false)},
		{"one that may see pages", token("monitor"), refusedBut(nil, true)},
		{"one that may only look", token("viewer"), refusedBut(viewersMay, true)},
		{"the same as a browser's password", header("authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("ada:"+tokenOf("viewer")))), refusedBut(viewersMay, true)},
		{"one that may only look, and says it may more", func(ctx context.Context) context.Context {
			return metadata.AppendToOutgoingContext(as(ctx, "viewer"), "callgate-role", "admin", "callgate-identity-bin", forged,
				"grpc-metadata-callgate-role", "admin", "grpc-metadata-callgate-identity-bin", base64.StdEncoding.EncodeToString([]byte(forged)))
		}, refusedBut(viewersMay, true)},
		{"one that may do one thing", token("narrow"), refusedBut([]string{"CallControl/GetCall"}, true)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, r := range all {
				got, want := r.call(tc.with(t.Context()), g), tc.want(r)
				if refused := got == codes.Unauthenticated || got == codes.PermissionDenied; want == codes.OK && refused || want != codes.OK && got != want {
					t.Errorf("%s: %v, want %v", r.name, got, want)
				}
				if want != codes.OK {
					tried++
				}
			}
		})
	}
	if tried < 30 {
		t.Errorf("only %d unauthorised calls", tried)
	}
	t.Logf("%d unauthorised calls of %d routes", tried, len(all))

	health, err := grpc_health_v1.NewHealthClient(g.conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil || health.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", health, err)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, _, err := g.rest(t.Context(), "GET", path, ""); err != nil || code != http.StatusOK {
			t.Errorf("GET %s without a credential: %d, %v", path, code, err)
		}
	}
	code, metrics, err := g.rest(as(t.Context(), "monitor"), "GET", "/metrics", "")
	if err != nil || code != http.StatusOK || !strings.Contains(string(metrics), `callgate_clients_refused_total{reason="UNAUTHENTICATED"}`) {
		t.Errorf("metrics: %d, %v", code, err)
	}
}

// foreign are requests about one call, that would be good if it were one's own. An
// RPC that names a call must be here.
func foreign(call, own string) map[string]proto.Message {
	party := user("8:acs:res_a")
	return map[string]proto.Message{
		"CallControl/GetCall":               &callgatev1.GetCallRequest{CallConnectionId: call},
		"CallControl/TransferCall":          &callgatev1.TransferCallRequest{CallConnectionId: call, Target: user("8:acs:res_b")},
		"CallControl/HangUpCall":            &callgatev1.HangUpCallRequest{CallConnectionId: call},
		"Participants/ListParticipants":     &callgatev1.ListParticipantsRequest{CallConnectionId: call},
		"Participants/GetParticipant":       &callgatev1.GetParticipantRequest{CallConnectionId: call, RawId: "8:acs:res_a"},
		"Participants/AddParticipant":       &callgatev1.AddParticipantRequest{CallConnectionId: call, Participant: user("8:acs:res_b")},
		"Participants/CancelAddParticipant": &callgatev1.CancelAddParticipantRequest{CallConnectionId: call, InvitationId: "x"},
		"Participants/RemoveParticipant":    &callgatev1.RemoveParticipantRequest{CallConnectionId: call, Participant: user("8:acs:res_a")},
		"Participants/MuteParticipant":      &callgatev1.MuteParticipantRequest{CallConnectionId: call, Participant: user("8:acs:res_a")},
		"Participants/MoveParticipants": &callgatev1.MoveParticipantsRequest{
			CallConnectionId: own, FromCallConnectionId: call, Participants: []*callgatev1.CommunicationIdentifier{user("8:acs:res_a")},
		},
		"Media/PlayMedia": &callgatev1.PlayMediaRequest{CallConnectionId: call, PlaySources: []*callgatev1.PlaySource{text("Hello.")}},
		"Media/RecognizeInput": &callgatev1.RecognizeInputRequest{
			CallConnectionId: call, TargetParticipant: party, RecognizeInputType: callgatev1.RecognizeInputType_RECOGNIZE_INPUT_TYPE_SPEECH,
		},
		"Media/StartContinuousDtmfRecognition": &callgatev1.StartContinuousDtmfRecognitionRequest{CallConnectionId: call, TargetParticipant: party},
		"Media/StopContinuousDtmfRecognition":  &callgatev1.StopContinuousDtmfRecognitionRequest{CallConnectionId: call, TargetParticipant: party},
		"Media/SendDtmfTones":                  &callgatev1.SendDtmfTonesRequest{CallConnectionId: call, TargetParticipant: phone("+14255550123"), Tones: []callgatev1.Tone{1}},
		"Media/HoldParticipant":                &callgatev1.HoldParticipantRequest{CallConnectionId: call, TargetParticipant: party},
		"Media/UnholdParticipant":              &callgatev1.UnholdParticipantRequest{CallConnectionId: call, TargetParticipant: party},
		"Media/StartTranscription":             &callgatev1.StartTranscriptionRequest{CallConnectionId: call},
		"Media/StopTranscription":              &callgatev1.StopTranscriptionRequest{CallConnectionId: call},
		"Media/UpdateTranscription":            &callgatev1.UpdateTranscriptionRequest{CallConnectionId: call, Locale: "en-US"},
		"Media/StartMediaStreaming":            &callgatev1.StartMediaStreamingRequest{CallConnectionId: call},
		"Media/StopMediaStreaming":             &callgatev1.StopMediaStreamingRequest{CallConnectionId: call},
		"Media/CancelAllMediaOperations":       &callgatev1.CancelAllMediaOperationsRequest{CallConnectionId: call},
		"Recordings/StartRecording":            &callgatev1.StartRecordingRequest{Call: &callgatev1.StartRecordingRequest_CallConnectionId{CallConnectionId: call}},

		"Events/ListEvents": &callgatev1.ListEventsRequest{CallConnectionId: call},
	}
}

// TestCallsOfOthers: to a client that sees its own calls, one of somebody else is
// as one that there is not, in whatever it asks.
func TestCallsOfOthers(t *testing.T) {
	g := startGuarded(t, policyOf("one: {role: operator}", "other: {role: operator}"), "one", "other")
	tested := map[string]bool{}
	for _, transport := range transports {
		create := func(name string) *callgatev1.CreateCallResponse {
			var resp callgatev1.CreateCallResponse
			if err := transport.call(as(t.Context(), name), g, "CallControl/CreateCall", &callgatev1.CreateCallRequest{
				Targets: []*callgatev1.CommunicationIdentifier{user("8:acs:res_a"), user("8:acs:res_b")}, WaitTimeout: patience,
			}, &resp); err != nil {
				t.Fatal(err)
			}
			return &resp
		}
		theirs, own := create("one"), create("other")
		requests := foreign(theirs.GetCallConnection().GetCallConnectionId(), own.GetCallConnection().GetCallConnectionId())
		requests["Events/WaitForOutcome"] = &callgatev1.WaitForOutcomeRequest{Receipt: &callgatev1.ActionReceipt{
			Action: callgatev1.Action_ACTION_HANG_UP_CALL, CallConnectionId: theirs.GetReceipt().GetCallConnectionId(), Cursor: theirs.GetReceipt().GetCursor(),
		}}
		nowhere := foreign("nowhere", own.GetCallConnection().GetCallConnectionId())
		for _, rpc := range slices.Sorted(maps.Keys(requests)) {
			tested[rpc] = true
			t.Run(transport.name+" "+rpc, func(t *testing.T) {
				err := transport.call(as(t.Context(), "other"), g, rpc, requests[rpc], responseOf(t, rpc))
				wantCode(t, err, codes.NotFound)
				wantReason(t, err, "CALL_NOT_FOUND")
				if nowhere[rpc] == nil {
					return
				}
				if missing := transport.call(as(t.Context(), "other"), g, rpc, nowhere[rpc], responseOf(t, rpc)); missing.Error() != err.Error() {
					t.Errorf("it tells a call of somebody else (%v) from none (%v)", err, missing)
				}
			})
		}
		var got callgatev1.GetCallResponse
		if err := transport.call(as(t.Context(), "one"), g, "CallControl/GetCall", requests["CallControl/GetCall"], &got); err != nil {
			t.Errorf("%s: its own call: %v", transport.name, err)
		}
	}
	for _, r := range routes(t) {
		desc, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName("callgate.v1." + strings.ReplaceAll(r.rpc, "/", ".")))
		if r.rpc == "" || err != nil {
			continue
		}
		if desc.(protoreflect.MethodDescriptor).Input().Fields().ByName("call_connection_id") != nil && !tested[r.rpc] {
			t.Errorf("%s was not tried with the call of somebody else", r.rpc)
		}
	}
}

func responseOf(t *testing.T, rpc string) proto.Message {
	t.Helper()
	desc, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName("callgate.v1." + strings.ReplaceAll(rpc, "/", ".")))
	if err != nil {
		t.Fatal(err)
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(desc.(protoreflect.MethodDescriptor).Output().FullName())
	if err != nil {
		t.Fatal(err)
	}
	return kind.New().Interface()
}
