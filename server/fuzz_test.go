package server

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"

	"github.com/callgate/callgate/catalogue"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/service"
)

// stub has every RPC, and does nothing.
type stub struct {
	callgatev1.UnimplementedCallControlServer
	callgatev1.UnimplementedParticipantsServer
	callgatev1.UnimplementedEventsServer
	callgatev1.UnimplementedMediaServer
	callgatev1.UnimplementedRecordingsServer
}

// newFront is the REST front before services that do nothing.
func newFront(tb testing.TB) http.Handler {
	tb.Helper()
	known, err := catalogue.Load()
	if err != nil {
		tb.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	interceptors := service.NewInterceptors(service.NewErrors(known, nil), logger)
	s := &Server{opts: Options{
		CallControl: stub{}, Participants: stub{}, Events: stub{}, Media: stub{}, Recordings: stub{}, Interceptors: interceptors,
		Streams: service.NewStreamLimits(100, 100, nil), Logger: logger, rpcs: newRPCs(logger, nil),
	}}
	front, err := newREST(interceptors.Explain)
	if err != nil {
		tb.Fatal(err)
	}
	s.rest = front
	inner := newGRPCServer(s.opts, health.NewServer())
	served := make(chan error, 1)
	go func() { served <- inner.Serve(front.pipe) }()
	tb.Cleanup(func() {
		front.close()
		inner.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			tb.Error(err)
		}
	})
	handler, err := s.httpHandler()
	if err != nil {
		tb.Fatal(err)
	}
	return handler
}

// FuzzREST: whatever is asked for over REST is refused as what it is, or reaches
// a service; it is never a defect of ours.
func FuzzREST(f *testing.F) {
	const id = "401f3500-af14-4fd7-ae55-37e7590932b1"
	for _, seed := range []struct{ method, target, body string }{
		{"POST", "/v1/calls", `{"targets":[{"phoneNumber":"+14255550123"}],"sourceCallerIdNumber":"+18005550100","waitTimeout":"10s","requestId":"61460096-a0cc-4f65-8cec-b61cc24e646c"}`},
		{"POST", "/v1/calls", `{"targets":[{"communicationUserId":"8:acs:res_alice"},{"rawId":"28:orgid:x"}],"callbackUri":"https://app.example/cb","operationContext":"ctx"}`},
		{"POST", "/v1/calls", `{"targets":[{"microsoftTeamsUser":{"userId":"u","isAnonymous":true,"cloud":"CLOUD_GCCH"}}],"mediaStreamingOptions":{"transportUrl":"wss://x","audioChannelType":1}}`},
		{"POST", "/v1/calls:connect", `{"roomId":"99"}`},
		{"POST", "/v1/calls:answer", `{"incomingCallContext":"eyJhbGciOiJub25lIiwidHliSldUIn0"}`},
		{"POST", "/v1/calls:reject", `{"incomingCallContext":"x","callRejectReason":"CALL_REJECT_REASON_BUSY"}`},
		{"POST", "/v1/calls:redirect", `{"incomingCallContext":"x","target":{"rawId":"4:+14255550123"}}`},
		{"GET", "/v1/calls/" + id, ""},
		{"POST", "/v1/calls/" + id + ":transfer", `{"target":{"phoneNumber":"+14255550123"},"customCallingContext":{"sipHeaders":{"X-MS-Custom-a":"b"}}}`},
		{"POST", "/v1/calls/" + id + ":hangUp", `{"forEveryone":true}`},
		{"GET", "/v1/calls/" + id + "/participants?page_size=1&pageToken=x", ""},
		{"GET", "/v1/calls/" + id + "/participants/4%3A%2B14255550123", ""},
		{"POST", "/v1/calls/" + id + "/participants:add", `{"participant":{"phoneNumber":"+14255550123"},"invitationTimeoutSeconds":180}`},
		{"POST", "/v1/calls/" + id + "/participants:move", `{"fromCallConnectionId":"x","participants":[{"communicationUserId":"8:acs:res_bob"}]}`},
		{"GET", "/v1/calls/" + id + "/events?include_data=true", ""},
		{"POST", "/v1/events:waitForOutcome", `{"receipt":{"action":"ACTION_CREATE_CALL","callConnectionId":"c","cursor":"x"},"timeout":"0.5s"}`},
		{"GET", "/v1/events:stream?filter.types=CALL_EVENT_TYPE_CALL_CONNECTED&filter.call_connection_ids=c", ""},
		{"POST", "/v1/events:stream", `{"filter":{"types":[1]},"fromTime":"2026-11-25T00:00:00Z","heartbeatInterval":"15s"}`},
		{"DELETE", "/v1/calls/" + id, ""}, {"GET", "/v1/calls/%2e%2e/%00?%zz", ""}, {"POST", "/v1/calls", `{"targets":[{"a":1e999}]}`},
	} {
		f.Add(seed.method, seed.target, seed.body)
	}
	front := newFront(f)
	answers := []int{
		http.StatusOK, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusRequestEntityTooLarge, http.StatusNotImplemented,
		http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect, // of a path that is not clean
	}
	f.Fuzz(func(t *testing.T, method, target, body string) {
		if !strings.HasPrefix(target, "/v1/") {
			return
		}
		r, err := http.NewRequestWithContext(t.Context(), method, "http://gateway.example"+target, strings.NewReader(body))
		if err != nil {
			return // no client could send it
		}
		r.RemoteAddr = "192.0.2.1:1234"
		w := httptest.NewRecorder()
		front.ServeHTTP(w, r)
		if !slices.Contains(answers, w.Code) {
			t.Errorf("%s %s: answer %d %s", method, target, w.Code, w.Body)
		}
		if kind := w.Header().Get("Content-Type"); kind == "application/json" && !json.Valid(w.Body.Bytes()) && method != http.MethodHead {
			t.Errorf("%s %s: no JSON: %q", method, target, w.Body)
		}
	})
}
