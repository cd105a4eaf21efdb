package emulator

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
)

// serve runs handler on a listener of its own and returns its URL.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// dialGRPC connects to the emulator's listener, which serves HTTP/1.1 too.
func (h *harness) dialGRPC() *grpc.ClientConn {
	h.t.Helper()
	conn, err := grpc.NewClient(strings.TrimPrefix(h.url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestControlAPIOverGRPC(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	ctx := context.Background()
	client := emulatorv1.NewEmulatorClient(h.dialGRPC())
	placed, err := client.PlaceIncomingCall(ctx, &emulatorv1.PlaceIncomingCallRequest{
		From: "+18447649276", To: bob, CallerDisplayName: "Ann", SipHeaders: map[string]string{"X-MS-Custom-a": "b"},
	})
	if err != nil {
		t.Fatal(err)
	}
	in := h.app.incomingCall(placed.GetServerCallId())
	if at(in, "incomingCallContext") != placed.GetIncomingCallContext() || at(in, "correlationId") != placed.GetCorrelationId() ||
		at(in, "callerDisplayName") != "Ann" || at(in, "customContext", "sipHeaders", "X-MS-Custom-a") != "b" {
		t.Errorf("IncomingCall %v", in)
	}
	list := func() []*emulatorv1.Call {
		resp, err := client.ListCalls(ctx, &emulatorv1.ListCallsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetCalls()
	}
	if calls := list(); len(calls) != 1 || calls[0].GetState() != "ringing" || !slices.Equal(calls[0].GetParticipants(), []string{"4:+18447649276"}) {
		t.Errorf("calls %v", calls)
	}
	id := h.answer(in).want(200).at("callConnectionId")
	h.app.sequence(id, "CallConnected", "ParticipantsUpdated")
	other := h.connected(alice)
	calls := list()
	if len(calls) != 2 || calls[0].GetState() != "connected" || !slices.Equal(calls[0].GetCallConnectionIds(), []string{id}) ||
		!slices.Equal(calls[1].GetCallConnectionIds(), []string{other}) {
		t.Errorf("calls %v", calls)
	}
	hangUp := func(req *emulatorv1.HangUpParticipantRequest) codes.Code {
		_, err := client.HangUpParticipant(ctx, req)
		return status.Code(err)
	}
	call := &emulatorv1.HangUpParticipantRequest_CallConnectionId{CallConnectionId: id}
	if code := hangUp(&emulatorv1.HangUpParticipantRequest{Call: call, RawId: "4:+1"}); code != codes.NotFound {
		t.Errorf("a party that is not in the call: %s", code)
	}
	if code := hangUp(&emulatorv1.HangUpParticipantRequest{Call: call}); code != codes.OK {
		t.Errorf("the only remote party: %s", code)
	}
	if code := hangUp(&emulatorv1.HangUpParticipantRequest{Call: call}); code != codes.NotFound {
		t.Errorf("a call that is over: %s", code)
	}
	group := h.connected(alice, bob)
	h.app.sequence(group, "CallConnected", "ParticipantsUpdated", "ParticipantsUpdated")
	call.CallConnectionId = group
	if code := hangUp(&emulatorv1.HangUpParticipantRequest{Call: call}); code != codes.InvalidArgument {
		t.Errorf("one of two without a name: %s", code)
	}
	if _, err := client.PlaceIncomingCall(ctx, &emulatorv1.PlaceIncomingCallRequest{From: "Ann", To: bob}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a caller without identifier: %v", err)
	}
	if _, err := client.PlaceIncomingCall(ctx, &emulatorv1.PlaceIncomingCallRequest{From: bob, To: "4:12"}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a number that is not E.164: %v", err)
	}
	if _, err := client.Reset(ctx, &emulatorv1.ResetRequest{}); err != nil || len(list()) != 0 {
		t.Errorf("after reset: %v, %v", err, list())
	}
}

func TestControlAPIDescribesItself(t *testing.T) {
	h := start(t, Options{})
	stream, err := grpc_reflection_v1.NewServerReflectionClient(h.dialGRPC()).ServerReflectionInfo(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	request := &grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{ListServices: "*"},
	}
	if err := stream.Send(request); err != nil {
		t.Fatal(err)
	}
	resp, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	found := slices.ContainsFunc(resp.GetListServicesResponse().GetService(), func(s *grpc_reflection_v1.ServiceResponse) bool {
		return s.GetName() == "callgate.emulator.v1.Emulator"
	})
	if !found {
		t.Errorf("services %v", resp)
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
}

func TestOtherPathsAreNotFound(t *testing.T) {
	h := start(t, Options{})
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	w := httptest.NewRecorder()
	h.emulator.Handler().ServeHTTP(w, req)
	if w.Code != http.StatusNotFound {
		t.Errorf("status %d", w.Code)
	}
}

func TestSeveralEmulatorsRunSideBySide(t *testing.T) {
	one, two := start(t, Options{}), start(t, Options{PublicURL: "http://" + net.JoinHostPort("emulator.example", "80") + "/"})
	id := one.connected(alice)
	two.request("GET", two.path(id, ""), nil).want(404)
	if got := two.unsigned(OpenIDConfigurationPath).at("jwks_uri"); got != "http://emulator.example:80"+JWKSPath {
		t.Errorf("jwks_uri %s", got)
	}
}
