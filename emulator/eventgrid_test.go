package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestIncomingCallIsDeliveredAfterTheHandshake(t *testing.T) {
	cases := []struct {
		schema              Schema
		contentType, sample string
	}{
		{EventGridSchema, "application/json; charset=utf-8", "IncomingCall.eventgrid"},
		{CloudEventSchema, "application/cloudevents+json; charset=utf-8", "IncomingCall.cloudevents"},
	}
	for _, c := range cases {
		t.Run(string(c.schema), func(t *testing.T) {
			h := start(t, Options{EventGridSchema: c.schema})
			h.ring(alice, bob)
			second := h.ring(alice, bob)
			r := h.app.grid("IncomingCall", at(second, "serverCallId"), 1)[0]
			if got, want := shape(t, r.raw), sampleShape(t, c.sample); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if r.header.Get("aeg-event-type") != "Notification" || r.header.Get("Content-Type") != c.contentType || r.path != "/grid" {
				t.Errorf("%s: %v", r.path, r.header)
			}
			if at(r.event, "subject") != "/caller/"+alice+"/recipient/"+bob {
				t.Errorf("subject %s", at(r.event, "subject"))
			}
			h.app.mu.Lock()
			defer h.app.mu.Unlock()
			if h.app.handshakes != 1 {
				t.Errorf("%d handshakes, want 1", h.app.handshakes)
			}
		})
	}
}

func TestIncomingCallBetweenPhonesHasTheShapeOfTheCapture(t *testing.T) {
	h := start(t, Options{})
	data, err := json.Marshal(h.ring("+18447649276", ourNumber))
	if err != nil {
		t.Fatal(err)
	}
	var got, want map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(readFile(t, "testdata/events/IncomingCall.data-pstn.json"), &want); err != nil {
		t.Fatal(err)
	}
	for name, value := range want {
		if _, isText := value.(string); isText {
			value = got[name] // ids differ
		}
		if g, w := jsonText(t, got[name]), jsonText(t, value); g != w {
			t.Errorf("%s: %s, want %s", name, g, w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("members %v", got)
	}
}

func TestHandshakeThatFailsIsAttemptedAgain(t *testing.T) {
	for _, schema := range []Schema{EventGridSchema, CloudEventSchema} {
		t.Run(string(schema), func(t *testing.T) {
			stranger := &stranger{reject: 1}
			app := newReceiver(t)
			defer app.server.Close()
			stranger.next = app
			h := start(t, Options{EventGridSchema: schema, EventGridEndpoints: []string{serve(t, stranger) + "/grid"}})
			h.app = app
			h.ring(alice, bob)
		})
	}
}

// stranger fails a number of handshakes, then lets everything through.
type stranger struct {
	reject int
	next   http.Handler
}

func (s *stranger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.reject > 0 {
		s.reject--
		_, _ = w.Write([]byte(`{"validationResponse":"no"}`))
		return
	}
	s.next.ServeHTTP(w, r)
}

func TestEndpointThatNeverPassesTheHandshakeGetsNothing(t *testing.T) {
	strange := &stranger{reject: 1000}
	h := start(t, Options{TimeScale: 1000, EventGridEndpoints: []string{serve(t, strange)}})
	h.control("POST", "/control/v1/incomingCalls", object{"from": alice, "to": bob}).want(200)
	h.stats(func(s Stats) bool { return s.GaveUp == 1 && s.Delivered == 0 })
}

func TestCallingEventsAreRaisedForUsersOnly(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	server := h.request("GET", h.path(id, ""), nil).at("serverCallId")
	started := h.app.grid("CallStarted", server, 1)[0]
	if at(started.event, "subject") != "call/"+server+"/startedBy/"+alice || started.data["isTwoParty"] != true {
		t.Errorf("CallStarted: %s", started.raw)
	}
	h.app.grid("CallParticipantAdded", server, 1)
	h.request("POST", h.path(id, "/participants:add"), object{
		"participantToAdd": rawID(phone), "sourceCallerIdNumber": object{"value": callerID},
	}).want(202)
	h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "AddParticipantSucceeded", "ParticipantsUpdated")
	h.request("POST", h.path(id, ":terminate"), nil).want(204)
	ended := h.app.grid("CallEnded", server, 1)[0]
	if seconds, ok := ended.data["durationOfCall"].(float64); !ok || seconds <= 0 {
		t.Errorf("CallEnded: %s", ended.raw)
	}
	removed := h.app.grid("CallParticipantRemoved", server, 1)
	if at(removed[0].data, "user", "communicationIdentifier", "rawId") != alice || at(removed[0].data, "participantId") == "" {
		t.Errorf("CallParticipantRemoved: %s", removed[0].raw)
	}

	h.app.mu.Lock()
	defer h.app.mu.Unlock()
	var order []string
	for _, r := range h.app.got {
		if strings.Contains(string(r.raw), `"eventType"`) {
			order = append(order, r.name)
		}
	}
	if want := []string{"CallStarted", "CallParticipantAdded", "CallParticipantRemoved", "CallEnded"}; !slices.Equal(order, want) {
		t.Errorf("events %v, want %v and none for the phone and the application", order, want)
	}
}

func TestCallOfPhonesRaisesNoCallingEvents(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(phone)
	h.request("DELETE", h.path(id, ""), nil).want(204)
	h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "CallDisconnected")
	h.ring(alice, bob) // delivered after anything that was raised before
	h.app.mu.Lock()
	defer h.app.mu.Unlock()
	for _, r := range h.app.got {
		if r.name == "CallStarted" || r.name == "CallEnded" {
			t.Errorf("%s for a phone", r.name)
		}
	}
}
