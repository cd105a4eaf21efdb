package main

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// TestBadInputOverBothTransports: the same mistake is told alike over gRPC and
// over REST.
func TestBadInputOverBothTransports(t *testing.T) {
	g := start(t)
	setup := walk{t, g, transports[0]}
	connected := setup.call(phone("+14255550123")).GetCallConnection().GetCallConnectionId()
	ended := setup.call(phone("+14255550123")).GetCallConnection().GetCallConnectionId()
	setup.do("CallControl/HangUpCall", &callgatev1.HangUpCallRequest{CallConnectionId: ended, WaitTimeout: patience}, &callgatev1.HangUpCallResponse{})
	waitUntil(t, "the ended call is gone", func() bool {
		return setup.try("CallControl/GetCall", &callgatev1.GetCallRequest{CallConnectionId: ended}, &callgatev1.GetCallResponse{}) != nil
	})

	for _, tc := range []struct {
		name, method string
		req, resp    proto.Message
		code         codes.Code
		http         int
	}{
		{
			"malformed number", "CallControl/CreateCall",
			&callgatev1.CreateCallRequest{Targets: []*callgatev1.CommunicationIdentifier{phone("4255550123")}, SourceCallerIdNumber: "+18005550100"},
			&callgatev1.CreateCallResponse{}, codes.InvalidArgument, 400,
		},
		{
			"phone without caller id", "CallControl/CreateCall",
			&callgatev1.CreateCallRequest{Targets: []*callgatev1.CommunicationIdentifier{phone("+14255550123")}},
			&callgatev1.CreateCallResponse{}, codes.InvalidArgument, 400,
		},
		{"no locator", "CallControl/ConnectCall", &callgatev1.ConnectCallRequest{}, &callgatev1.ConnectCallResponse{}, codes.InvalidArgument, 400},
		{"unknown call", "CallControl/GetCall", &callgatev1.GetCallRequest{CallConnectionId: "nobody"}, &callgatev1.GetCallResponse{}, codes.NotFound, 404},
		{"ended call", "CallControl/GetCall", &callgatev1.GetCallRequest{CallConnectionId: ended}, &callgatev1.GetCallResponse{}, codes.NotFound, 404},
		{
			"adding to an ended call", "Participants/AddParticipant",
			&callgatev1.AddParticipantRequest{CallConnectionId: ended, Participant: user("8:acs:res_x")},
			&callgatev1.AddParticipantResponse{}, codes.NotFound, 404,
		},
		{
			"participant not in the call", "Participants/GetParticipant",
			&callgatev1.GetParticipantRequest{CallConnectionId: connected, RawId: "8:acs:res_nobody"},
			&callgatev1.GetParticipantResponse{}, codes.NotFound, 404,
		},
		{
			"muting somebody not in the call", "Participants/MuteParticipant",
			&callgatev1.MuteParticipantRequest{CallConnectionId: connected, Participant: user("8:acs:res_nobody")},
			&callgatev1.MuteParticipantResponse{}, codes.NotFound, 404,
		},
		{
			"made-up incoming call", "CallControl/AnswerCall",
			&callgatev1.AnswerCallRequest{IncomingCallContext: "made-up"}, &callgatev1.AnswerCallResponse{}, codes.InvalidArgument, 400,
		},
		{
			"made-up cursor", "Events/ListEvents",
			&callgatev1.ListEventsRequest{CallConnectionId: connected, PageToken: "nonsense"}, &callgatev1.ListEventsResponse{}, codes.InvalidArgument, 400,
		},
	} {
		for _, transport := range transports {
			t.Run(tc.name+" over "+transport.name, func(t *testing.T) {
				wantCode(t, walk{t, g, transport}.try(tc.method, tc.req, tc.resp), tc.code)
			})
		}
		t.Run(tc.name+": HTTP status", func(t *testing.T) {
			verb, path, body, err := restRequest(tc.method, tc.req)
			if err != nil {
				t.Fatal(err)
			}
			got, raw, err := g.rest(t.Context(), verb, path, body)
			if err != nil || got != tc.http {
				t.Errorf("status %d, %v, want %d: %s", got, err, tc.http, raw)
			}
		})
	}
}

// TestBadREST are mistakes that only HTTP can make.
func TestBadREST(t *testing.T) {
	g := start(t)
	for _, tc := range []struct {
		name, verb, path, body string
		want                   int
	}{
		{"both locators", "POST", "/v1/calls:connect", `{"roomId":"99","groupCallId":"g"}`, 400},
		{"broken JSON", "POST", "/v1/calls", `{"targets":[`, 400},
		{"unknown field", "POST", "/v1/calls", `{"target":"x"}`, 400},
		{"a path that is no text", "GET", "/v1/calls/%ff", "", 400},
		{"a query that is no text", "GET", "/v1/calls/x/participants?page_token=%ff", "", 400},
		{"a body that is no text", "POST", "/v1/calls", "{\"operationContext\":\"\xff\"}", 400},
		{"a query that is none", "GET", "/v1/calls/x/participants?page_token=%zz", "", 400},
		{"a query that is half none, half no text", "GET", "/v1/calls/x/participants?page_token=%ff&x=%zz", "", 400},
		{"unknown path", "GET", "/v1/nothing", "", 404},
		{"wrong verb", "DELETE", "/v1/calls", "", 405},
		{"oversized body", "POST", "/v1/calls", `{"operationContext":"` + strings.Repeat("x", 1<<20) + `"}`, 413},
		{"callbacks are elsewhere", "POST", "/callbacks/x", "[]", 404},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, raw, err := g.rest(t.Context(), tc.verb, tc.path, tc.body)
			if err != nil || got != tc.want {
				t.Errorf("status %d, %v, want %d: %s", got, err, tc.want, raw)
			}
		})
	}
	t.Run("oversized message over gRPC", func(t *testing.T) {
		err := overGRPC(t.Context(), g, "CallControl/CreateCall", &callgatev1.CreateCallRequest{OperationContext: strings.Repeat("x", 2<<20)}, &callgatev1.CreateCallResponse{})
		wantCode(t, err, codes.ResourceExhausted)
	})
	t.Run("page of another origin", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.httpURL+"/v1/calls", strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", "https://evil.example")
		req.Header.Set("Content-Type", "text/plain")
		resp, err := g.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("status %s, want 403", resp.Status)
		}
	})
}

// TestRawIDsInPaths: whatever a raw id holds, REST finds its participant and
// takes nothing in it for a verb or another path.
func TestRawIDsInPaths(t *testing.T) {
	g := start(t)
	w := walk{t, g, transports[1]}
	id := w.call(phone("+14255550123")).GetCallConnection().GetCallConnectionId()
	for _, rawID := range []string{"8:acs:res_x y", "8:acs:res_100%", "8:acs:res_q?x=1", "8:acs:res_:add", "8:acs:add"} {
		t.Run(rawID, func(t *testing.T) {
			want := codes.OK
			if strings.Contains(rawID, ":add") && rawID != "8:acs:add" {
				want = codes.NotFound // no user id has a fourth part, so nobody by that name can join
			} else {
				walk{t, g, transports[0]}.do("Participants/AddParticipant", &callgatev1.AddParticipantRequest{
					CallConnectionId: id, Participant: user(rawID), WaitTimeout: patience,
				}, &callgatev1.AddParticipantResponse{})
			}
			for _, transport := range transports {
				var got callgatev1.GetParticipantResponse
				err := transport.call(context.Background(), g, "Participants/GetParticipant", &callgatev1.GetParticipantRequest{CallConnectionId: id, RawId: rawID}, &got)
				if status.Code(err) != want {
					t.Errorf("%s: %v, want %v", transport.name, err, want)
				}
				if err == nil && got.GetParticipant().GetIdentifier().GetRawId() != rawID {
					t.Errorf("%s: got %v", transport.name, &got)
				}
			}
		})
	}
	t.Run("unescaped, as people type it", func(t *testing.T) {
		code, raw, err := g.rest(t.Context(), "GET", "/v1/calls/"+id+"/participants/4:+14255550123", "")
		if err != nil || code != http.StatusOK {
			t.Errorf("status %d, %v: %s", code, err, raw)
		}
	})
}
