package emulator

import "testing"

func TestTranscription(t *testing.T) {
	h := start(t, Options{})
	body := h.createBody(alice)
	body["transcriptionOptions"] = object{"transportType": "websocket", "locale": "en-US", "transportUrl": "wss://app.example/media", "startTranscription": true}
	id := h.request("POST", "/calling/callConnections", body).want(201).at("callConnectionId")
	h.app.sequence(id, "CallConnected", "TranscriptionStarted", "ParticipantsUpdated")
	h.media(id, "startTranscription", object{}).want(400)
	h.media(id, "updateTranscription", object{"locale": "de-DE", "operationContext": "update"}).want(202)
	if got := h.request("GET", h.path(id, ""), nil).at("transcriptionSubscription", "locale"); got != "de-DE" {
		t.Errorf("locale %q", got)
	}
	h.media(id, "stopTranscription", object{"operationContext": "stop"}).want(202)
	h.media(id, "stopTranscription", object{}).want(400)
	if got := h.request("GET", h.path(id, ""), nil).at("transcriptionSubscription", "state"); got != "inactive" {
		t.Errorf("state %q", got)
	}
	h.media(id, "startTranscription", object{"locale": "fr-FR", "operationContext": "start"}).want(202)
	h.request("DELETE", h.path(id, ""), nil).want(204)
	events := h.app.sequence(id, "CallConnected", "TranscriptionStarted", "ParticipantsUpdated", "TranscriptionUpdated",
		"TranscriptionStopped", "TranscriptionStarted", "TranscriptionStopped", "CallDisconnected")
	for i, want := range map[int][3]string{
		1: {"", "transcriptionStarted", "subscriptionStarted"},
		3: {"update", "transcriptionUpdated", "transcriptionLocaleUpdated"},
		4: {"stop", "transcriptionStopped", "subscriptionStopped"},
		5: {"start", "transcriptionStarted", "subscriptionStarted"},
		6: {"", "transcriptionStopped", "subscriptionStopped"},
	} {
		wantResult(t, events[i], 200, 0, want[0])
		if at(events[i].data, "transcriptionUpdate", "transcriptionStatus") != want[1] ||
			at(events[i].data, "transcriptionUpdate", "transcriptionStatusDetails") != want[2] {
			t.Errorf("want %v: %s", want, events[i].raw)
		}
	}
}

func TestMediaStreaming(t *testing.T) {
	h := start(t, Options{})
	id := h.streaming(alice, "wss://app.example/media")
	h.media(id, "startMediaStreaming", object{}).want(400)
	h.media(id, "stopMediaStreaming", object{"operationContext": "stop"}).want(202)
	h.media(id, "stopMediaStreaming", object{}).want(400)
	h.media(id, "startMediaStreaming", object{"operationContext": "start"}).want(202)
	if got := h.request("GET", h.path(id, ""), nil).at("mediaStreamingSubscription", "state"); got != "active" {
		t.Errorf("state %q", got)
	}
	events := h.app.sequence(id, "CallConnected", "MediaStreamingStarted", "ParticipantsUpdated", "MediaStreamingStopped", "MediaStreamingStarted")
	for i, context := range map[int]string{1: "", 3: "stop", 4: "start"} {
		wantResult(t, events[i], 200, 0, context)
		if at(events[i].data, "mediaStreamingUpdate", "contentType") != "Audio" {
			t.Errorf("%s", events[i].raw)
		}
	}
}

func TestStreamsThatFail(t *testing.T) {
	cases := []struct {
		name, url             string
		code, sub             int
		streaming, transcript string
	}{
		{"to a server that is not there", "wss://app.example/unreachable", 500, 8578, "initialWebSocketConnectionFailed", "streamConnectionUnsuccessful"},
		{"without an address", "", 400, 8581, "streamUrlMissing", "streamUrlMissing"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := start(t, Options{})
			id := h.streaming(alice, c.url)
			h.media(id, "startTranscription", object{"operationContext": "start"}).want(202)
			events := h.app.sequence(id, "CallConnected", "MediaStreamingFailed", "ParticipantsUpdated", "TranscriptionFailed")
			wantResult(t, events[1], c.code, c.sub, "")
			wantResult(t, events[3], c.code, c.sub, "start")
			if at(events[1].data, "mediaStreamingUpdate", "mediaStreamingStatusDetails") != c.streaming ||
				at(events[3].data, "transcriptionUpdate", "transcriptionStatusDetails") != c.transcript {
				t.Errorf("%s\n%s", events[1].raw, events[3].raw)
			}
			if got := h.request("GET", h.path(id, ""), nil).at("mediaStreamingSubscription", "state"); got != "inactive" {
				t.Errorf("state %q", got)
			}
		})
	}
}

func TestStreamsThatWereNotSetUp(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	for _, verb := range []string{"startTranscription", "stopTranscription", "startMediaStreaming", "stopMediaStreaming"} {
		if got := h.media(id, verb, object{}).want(405).at("error", "code"); got != "8522" {
			t.Errorf("%s: code %s", verb, got)
		}
	}
}

func TestUpdateTranscriptionOfAConnectionThatJoined(t *testing.T) {
	h := start(t, Options{})
	id := h.connect(object{"kind": "roomCallLocator", "roomId": "99"})
	h.app.named(id, "CallConnected")
	if got := h.media(id, "updateTranscription", object{"locale": "en-US"}).want(405).at("error", "code"); got != "8520" {
		t.Errorf("code %s", got)
	}
}
