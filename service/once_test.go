package service_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	requestID = "61460096-a0cc-4f65-8cec-b61cc24e646c"
	created   = `{"callConnectionId":"the-call","callConnectionState":"connecting"}`
)

func named() *callgatev1.CreateCallRequest {
	return &callgatev1.CreateCallRequest{
		Targets: []*callgatev1.CommunicationIdentifier{user("8:acs:res_user")}, RequestId: requestID,
	}
}

func TestSameRequestActsOnce(t *testing.T) {
	up := answering(201, created)
	g := newGateway(t, up)
	first, err := g.CreateCall(t.Context(), named())
	if err != nil || first.GetReceipt().GetReplayed() {
		t.Fatalf("%v, %v", first, err)
	}
	again, err := g.CreateCall(t.Context(), named())
	if err != nil || !again.GetReceipt().GetReplayed() {
		t.Fatalf("%v, %v", again, err)
	}
	again.Receipt.Replayed = false
	if !proto.Equal(again, first) {
		t.Errorf("first  %v\nagain  %v", first, again)
	}
	if n := len(up.received()); n != 1 {
		t.Errorf("the upstream was asked %d times", n)
	}
}

func TestRequestIDIsOfOneRequest(t *testing.T) {
	up := answering(201, created)
	g := newGateway(t, up)
	if _, err := g.CreateCall(t.Context(), named()); err != nil {
		t.Fatal(err)
	}
	other := named()
	other.OperationContext = "another"
	_, err := g.CreateCall(t.Context(), other)
	if s := status.Convert(err); s.Code() != codes.InvalidArgument || reason(s) != "REQUEST_ID_REUSED" {
		t.Errorf("another request of that id: %v", err)
	}
	if _, err := g.HangUpCall(t.Context(), &callgatev1.HangUpCallRequest{CallConnectionId: "x", RequestId: requestID}); reason(status.Convert(err)) == "REQUEST_ID_REUSED" {
		t.Errorf("another kind of action with that id: %v", err)
	}
}

// TestManyAtOnce: a thousand copies of one request, a client that retries like
// mad, are one call.
func TestManyAtOnce(t *testing.T) {
	var calls atomic.Int64
	up := &stub{answer: func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprint(w, created)
	}}
	g := newGateway(t, up)
	var clients sync.WaitGroup
	for range 1000 {
		clients.Go(func() {
			for {
				resp, err := g.CreateCall(t.Context(), named())
				switch status.Code(err) {
				case codes.Aborted: // on its way: ask again
					continue
				case codes.Unavailable, codes.DeadlineExceeded: // so are too many others; asking again is safe
					continue
				}
				if err != nil || resp.GetCallConnection().GetCallConnectionId() != "the-call" {
					t.Errorf("%v, %v", resp, err)
				}
				return
			}
		})
	}
	clients.Wait()
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestRequestOnItsWay(t *testing.T) {
	arrived, goOn := make(chan struct{}), make(chan struct{})
	up := &stub{answer: func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-goOn
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprint(w, created)
	}}
	g := newGateway(t, up)
	done := make(chan error, 1)
	go func() { _, err := g.CreateCall(t.Context(), named()); done <- err }()
	<-arrived
	_, err := g.CreateCall(t.Context(), named())
	if s := status.Convert(err); s.Code() != codes.Aborted || reason(s) != "REQUEST_IN_PROGRESS" {
		t.Errorf("asked again meanwhile: %v", err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestUnansweredRequestIsSentAgainAsTheSame: what the upstream did not answer is
// sent again under the name, the time and with the body that it first had.
func TestUnansweredRequestIsSentAgainAsTheSame(t *testing.T) {
	var asked atomic.Int64
	up := &stub{}
	up.answer = func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) <= 2 { // both tries
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprint(w, created)
	}
	g := newGateway(t, up)
	if _, err := g.CreateCall(t.Context(), named()); status.Code(err) != codes.Unavailable {
		t.Fatalf("first: %v", err)
	}
	resp, err := g.CreateCall(t.Context(), named())
	if err != nil || resp.GetReceipt().GetReplayed() {
		t.Fatalf("again: %v, %v", resp, err)
	}
	sent := up.received()
	for _, again := range sent[1:] {
		if again.Body != sent[0].Body || again.Header.Get("Repeatability-First-Sent") != sent[0].Header.Get("Repeatability-First-Sent") ||
			again.Header.Get("Repeatability-Request-Id") != requestID {
			t.Errorf("sent %v\nthen %v", sent[0], again)
		}
	}
}

func TestRefusedRequestMayBeMadeAnew(t *testing.T) {
	var asked atomic.Int64
	up := &stub{}
	up.answer = func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprint(w, created)
	}
	g := newGateway(t, up)
	if _, err := g.CreateCall(t.Context(), named()); status.Code(err) != codes.PermissionDenied {
		t.Fatalf("first: %v", err)
	}
	if resp, err := g.CreateCall(t.Context(), named()); err != nil || resp.GetReceipt().GetReplayed() {
		t.Errorf("again: %v, %v", resp, err)
	}
}

// TestGatewayGoneMeanwhile: another replica, or the same after a restart, finds
// an action that was begun and not answered.
func TestGatewayGoneMeanwhile(t *testing.T) {
	for _, tc := range []struct {
		name   string
		begun  time.Duration
		code   codes.Code
		reason string
	}{
		{"a moment ago", 3 * time.Second, codes.OK, ""},
		{"too long ago to be sent again", 10 * time.Minute, codes.Unknown, "UPSTREAM_OUTCOME_UNKNOWN"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			up := answering(201, created)
			g := newGateway(t, up)
			begun := time.Now().Add(-tc.begun).UTC().Truncate(time.Second)
			key := sha256.Sum256([]byte("ACTION_CREATE_CALL\n" + requestID))
			raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(named())
			if err != nil {
				t.Fatal(err)
			}
			hash := sha256.Sum256(raw)
			if _, _, err := g.requests.Create(t.Context(), base64.RawURLEncoding.EncodeToString(key[:]), &logv1.Request{
				Hash: hash[:], RepeatId: requestID, FirstSent: timestamppb.New(begun), BusyUntil: timestamppb.New(begun),
				CallbackUri: "https://gateway.example/callbacks/before", Cursor: g.hub.Position(),
			}); err != nil {
				t.Fatal(err)
			}
			_, err = g.CreateCall(t.Context(), named())
			if s := status.Convert(err); s.Code() != tc.code || reason(s) != tc.reason {
				t.Fatalf("%v", err)
			}
			if tc.code != codes.OK {
				if len(up.received()) != 0 {
					t.Error("it was sent")
				}
				return
			}
			sent := up.received()[0]
			if got := sent.Header.Get("Repeatability-First-Sent"); got != begun.Format(http.TimeFormat) {
				t.Errorf("first sent %s, want %v", got, begun)
			}
			if !strings.Contains(sent.Body, "/callbacks/before") {
				t.Errorf("sent %s, with another callback address than before", sent.Body)
			}
		})
	}
}

func TestHangingUpAnEndedCall(t *testing.T) {
	g := newGateway(t, answering(404, `{"error":{"code":"8522","message":"Call not found."}}`))
	for _, everyone := range []bool{false, true} {
		resp, err := g.HangUpCall(t.Context(), &callgatev1.HangUpCallRequest{
			CallConnectionId: id, ForEveryone: everyone, WaitTimeout: durationpb.New(5 * time.Minute),
		})
		if err != nil || !resp.GetAlreadyEnded() {
			t.Errorf("for everyone %v: %v, %v", everyone, resp, err)
		}
	}
}
