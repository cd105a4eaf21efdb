package emulator

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOutboundCallFromBeginningToEnd(t *testing.T) {
	h := start(t, Options{})
	resp := h.request("POST", "/calling/callConnections", h.createBody(phone)).want(201)
	id := resp.at("callConnectionId")
	if resp.at("callConnectionState") != "connecting" || resp.at("serverCallId") != "" || resp.at("source", "rawId") != carol {
		t.Errorf("first answer: %s", resp.raw)
	}
	if name, ok := resp.body["sourceDisplayName"]; !ok || name != "" {
		t.Errorf("sourceDisplayName is %v, want the empty string", name)
	}
	if resp.header.Get("X-Microsoft-Skype-Chain-ID") != resp.at("correlationId") || resp.header.Get("X-Cache") != "CONFIG_NOCACHE" ||
		resp.header.Get("X-Azure-Ref") == "" || resp.header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("headers: %v", resp.header)
	}

	events := h.app.sequence(id, "CallConnected", "ParticipantsUpdated")
	if events[0].path != "/callback?token=secret" || at(events[0].data, "operationContext") != "create" {
		t.Errorf("CallConnected at %s: %s", events[0].path, events[0].raw)
	}
	if got := participantIDs(events[1].data["participants"]); !slices.Equal(got, []string{carol, phone}) {
		t.Errorf("participants %v", got)
	}
	if events[1].data["sequenceNumber"] != 1.0 {
		t.Errorf("sequenceNumber %v, want 1", events[1].data["sequenceNumber"])
	}
	now := h.request("GET", h.path(id, ""), nil, "x-ms-client-request-id", "mine").want(200)
	if now.at("callConnectionState") != "connected" || now.header.Get("x-ms-client-request-id") != "mine" {
		t.Errorf("connected call: %s", now.raw)
	}
	url, err := base64.StdEncoding.DecodeString(now.at("serverCallId"))
	if err != nil || !strings.HasPrefix(string(url), "https://") {
		t.Errorf("server call id is not base64 of a URL: %s", url)
	}

	h.request("DELETE", h.path(id, ""), nil).want(204)
	events = h.app.more(id, events, "CallDisconnected")
	if code, sub := events[2].code(); code != 200 || sub != 7000 || at(events[2].data, "operationContext") != "create" {
		t.Errorf("CallDisconnected: %s", events[2].raw)
	}
	gone := h.request("GET", h.path(id, ""), nil).want(404)
	if gone.at("error", "code") != "8522" || gone.at("error", "message") != "Call not found." {
		t.Errorf("after the end: %s", gone.raw)
	}
}

func TestGroupCallConnectsAtTheFirstAnswerAndOutlivesItsMembers(t *testing.T) {
	h := start(t, Options{})
	id := h.create(alice, phoneEnding("0202"), phoneEnding("0486"))
	events := h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "ParticipantsUpdated")
	if got := participantIDs(events[2].data["participants"]); len(got) != 3 {
		t.Errorf("participants %v, want the source and two who answered", got)
	}
	for _, member := range []string{alice, phoneEnding("0202")} {
		h.request("POST", h.path(id, "/participants:remove"), object{"participantToRemove": rawID(member)}).want(202)
	}
	h.app.more(id, events, "RemoveParticipantSucceeded", "ParticipantsUpdated", "RemoveParticipantSucceeded", "ParticipantsUpdated")
	now := h.request("GET", h.path(id, ""), nil).want(200)
	if targets, _ := now.body["targets"].([]any); len(targets) != 3 {
		t.Errorf("targets %v, want those of the beginning", targets)
	}
}

func TestGroupCallFailsWhenItsLastTargetFailed(t *testing.T) {
	h := start(t, Options{})
	id := h.create(phoneEnding("0486"), phoneEnding("0408"))
	events := h.app.sequence(id, "CreateCallFailed", "CallDisconnected")
	if code, sub := events[0].code(); code != 408 || sub != 10057 {
		t.Errorf("result %d/%d, want that of the last target", code, sub)
	}
}

func TestHangUp(t *testing.T) {
	t.Run("before anyone answered", func(t *testing.T) {
		h := start(t, Options{TimeScale: unhurried})
		id := h.create(phoneEnding("0408"))
		h.request("DELETE", h.path(id, ""), nil).want(204)
		h.app.sequence(id, "CallDisconnected")
		h.request("GET", h.path(id, ""), nil).want(404)
	})
	t.Run("of a group leaves the others in their call", func(t *testing.T) {
		h := start(t, Options{TimeScale: unhurried})
		id := h.connected(alice)
		server := h.request("GET", h.path(id, ""), nil).at("serverCallId")
		h.request("POST", h.path(id, "/participants:add"), object{"participantToAdd": rawID(bob)}).want(202)
		h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "AddParticipantSucceeded", "ParticipantsUpdated")
		second := h.connect(object{"kind": "serverCallLocator", "serverCallId": server})
		events := h.app.sequence(second, "CallConnected", "ParticipantsUpdated")
		h.request("DELETE", h.path(id, ""), nil).want(204)
		h.app.more(second, events, "ParticipantsUpdated")
		if got := h.participants(second); len(got) != 3 || slices.Contains(got, carol) {
			t.Errorf("participants %v", got)
		}
	})
	t.Run("by the far end", func(t *testing.T) {
		h := start(t, Options{TimeScale: unhurried})
		id := h.connected(phone)
		h.control("POST", "/control/v1/participants:hangUp", object{"callConnectionId": id}).want(200)
		events := h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "CallDisconnected")
		if code, sub := events[2].code(); code != 200 || sub != 560000 {
			t.Errorf("result %d/%d", code, sub)
		}
	})
}

func TestTerminateEndsEveryConnection(t *testing.T) {
	h := start(t, Options{})
	first := h.connected(alice)
	server := h.request("GET", h.path(first, ""), nil).at("serverCallId")
	second := h.connect(object{"kind": "serverCallLocator", "serverCallId": server})
	events := h.app.sequence(second, "CallConnected", "ParticipantsUpdated")
	h.request("POST", h.path(first, ":terminate"), nil).want(204)
	for _, r := range h.app.more(second, events, "CallDisconnected")[2:] {
		if code, sub := r.code(); code != 200 || sub != 7000 {
			t.Errorf("result %d/%d", code, sub)
		}
	}
	h.app.sequence(first, "CallConnected", "ParticipantsUpdated", "ParticipantsUpdated", "CallDisconnected")
	h.request("GET", h.path(first, ""), nil).want(404)
	h.request("GET", h.path(second, ""), nil).want(404)
}

// connect connects to a call and returns the call connection id.
func (h *harness) connect(locator object) string {
	h.t.Helper()
	return h.request("POST", "/calling/callConnections:connect", object{
		"callLocator": locator, "callbackUri": h.app.url + "/callback", "operationContext": "connect",
	}).want(200).at("callConnectionId")
}

func TestConnect(t *testing.T) {
	group := "33333333-0000-4000-8000-000000000003"
	cases := []struct {
		name    string
		locator object
	}{
		{"to a group call that begins with it", object{"kind": "groupCallLocator", "groupCallId": group}},
		{"to a room that begins with it", object{"kind": "roomCallLocator", "roomId": "99"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := start(t, Options{})
			resp := h.request("POST", "/calling/callConnections:connect", object{"callLocator": c.locator, "callbackUri": h.app.url}).want(200)
			if targets, ok := resp.body["targets"].([]any); !ok || len(targets) != 0 || resp.at("callConnectionState") != "connecting" {
				t.Errorf("answer: %s", resp.raw)
			}
			first := resp.at("callConnectionId")
			events := h.app.sequence(first, "CallConnected", "ParticipantsUpdated")
			second := h.connect(c.locator)
			h.app.sequence(second, "CallConnected", "ParticipantsUpdated")
			h.app.more(first, events, "ParticipantsUpdated")
			one, two := h.request("GET", h.path(first, ""), nil), h.request("GET", h.path(second, ""), nil)
			if one.at("serverCallId") != two.at("serverCallId") || one.at("correlationId") != two.at("correlationId") {
				t.Error("the connections are not to the same call")
			}
		})
	}
	t.Run("to a server call that does not exist", func(t *testing.T) {
		h := start(t, Options{})
		id := h.connect(object{"kind": "serverCallLocator", "serverCallId": newServerCallID()})
		events := h.app.sequence(id, "ConnectFailed")
		if code, sub := events[0].code(); code != 404 || sub != 8522 {
			t.Errorf("result %d/%d", code, sub)
		}
		h.request("GET", h.path(id, ""), nil).want(404)
	})
}

func TestSubscriptionsShowTheMediaOptions(t *testing.T) {
	h := start(t, Options{})
	body := h.createBody(alice)
	body["mediaStreamingOptions"] = object{"transportType": "websocket", "audioChannelType": "mixed", "startMediaStreaming": true}
	body["transcriptionOptions"] = object{"transportType": "websocket", "locale": "en-ca", "enableIntermediateResults": true}
	resp := h.request("POST", "/calling/callConnections", body).want(201)
	if resp.at("mediaStreamingSubscription", "state") != "active" || resp.at("transcriptionSubscription", "state") != "inactive" ||
		resp.at("transcriptionSubscription", "locale") != "en-ca" {
		t.Errorf("subscriptions: %s", resp.raw)
	}
}

func TestCallThatNoApplicationHoldsEndsInTheEnd(t *testing.T) {
	h := start(t, Options{TimeScale: 10000})
	id := h.create(alice, bob)
	h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "ParticipantsUpdated")
	h.request("DELETE", h.path(id, ""), nil).want(204)
	h.noCalls()
}

func TestTeamsAppAsSource(t *testing.T) {
	h := start(t, Options{})
	body := h.createBody(alice)
	body["teamsAppSource"] = object{"appId": "app-1"}
	resp := h.request("POST", "/calling/callConnections", body).want(201)
	if resp.at("source", "rawId") != "28:orgid:app-1" || resp.at("source", "kind") != "microsoftTeamsApp" {
		t.Errorf("source: %s", resp.raw)
	}
}

func TestCallbackURIWithASpaceInItsQuery(t *testing.T) {
	h := start(t, Options{})
	body := h.createBody(alice)
	body["callbackUri"] = h.app.url + "/cb?k=a b"
	resp := h.request("POST", "/calling/callConnections", body).want(201)
	events := h.app.sequence(resp.at("callConnectionId"), "CallConnected", "ParticipantsUpdated")
	if events[0].path != "/cb?k=a%20b" || resp.at("callbackUri") != body["callbackUri"] {
		t.Errorf("delivered at %s", events[0].path)
	}
}

// BenchmarkCreateCall measures requests alone: the calls keep ringing, so no
// event is signed.
func BenchmarkCreateCall(b *testing.B) {
	e, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	body := []byte(`{"targets":[{"phoneNumber":{"value":"+14257770408"}}],"sourceCallerIdNumber":{"value":"+18005550100"},"callbackUri":"https://app.example/callback"}`)
	handler := e.Handler()
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "http://emulator/calling/callConnections?api-version="+apiVersion, bytes.NewReader(body))
		sign(r, body, DefaultAccessKey, time.Now())
		r.RequestURI = r.URL.RequestURI()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			b.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
}
