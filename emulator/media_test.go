package emulator

import (
	"slices"
	"strings"
	"testing"
)

// after is the events of a connection since its call was connected with one party,
// once there are as many as names, which they have to be.
func (h *harness) after(id string, names ...string) []received {
	h.t.Helper()
	return h.app.sequence(id, append([]string{"CallConnected", "ParticipantsUpdated"}, names...)...)[2:]
}

// wantResult checks the result and the operation context of an event.
func wantResult(t *testing.T, r received, code, sub int, operationContext string) {
	t.Helper()
	if c, s := r.code(); c != code || s != sub || at(r.data, "operationContext") != operationContext {
		t.Errorf("%s, want %d/%d for %q: %s", r.name, code, sub, operationContext, r.raw)
	}
}

func TestPlay(t *testing.T) {
	cases := []struct {
		name    string
		sources []object
		want    []want
		index   any
	}{
		{"a file", []object{file("hello")}, []want{{"PlayStarted", 200, 0}, {"PlayCompleted", 200, 0}}, nil},
		{"a text", []object{text(10)}, []want{{"PlayStarted", 200, 0}, {"PlayCompleted", 200, 0}}, nil},
		{"SSML", []object{{"kind": "ssml", "ssml": object{"ssmlText": "<speak>hello</speak>"}}}, []want{{"PlayStarted", 200, 0}, {"PlayCompleted", 200, 0}}, nil},
		{"several sources", []object{file("hello"), text(10)}, []want{{"PlayStarted", 200, 0}, {"PlayCompleted", 200, 0}}, nil},
		{"a file of a wrong format", []object{file("x-8535")}, []want{{"PlayFailed", 400, 8535}}, 0.0},
		{"a file that is not there", []object{file("x-8536")}, []want{{"PlayFailed", 400, 8536}}, 0.0},
		{"a second file of a wrong format", []object{file("hello"), file("8535")}, []want{{"PlayStarted", 200, 0}, {"PlayFailed", 400, 8535}}, 1.0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := start(t, Options{})
			id := h.connected(alice)
			h.media(id, "play", object{"playSources": c.sources, "operationContext": "play"}).want(202)
			events := h.after(id, names(c.want)...)
			for i, w := range c.want {
				wantResult(t, events[i], w.code, w.sub, "play")
			}
			if got := events[len(events)-1].data["failedPlaySourceIndex"]; got != c.index {
				t.Errorf("failedPlaySourceIndex %v, want %v", got, c.index)
			}
		})
	}
}

func TestPlayGoesToTheCallbackOfTheOperation(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	h.media(id, "play", object{"playSources": []object{text(1)}, "operationCallbackUri": h.app.url + "/other"}).want(202)
	for _, r := range h.after(id, "PlayStarted", "PlayCompleted") {
		if r.path != "/other" {
			t.Errorf("%s at %s", r.name, r.path)
		}
	}
}

// As captured: whom something is played to alone is shown as being on hold.
func TestPlayToOneParty(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	h.media(id, "play", object{"playSources": []object{text(1)}, "playTo": []object{rawID(alice)}}).want(202)
	events := h.after(id, "PlayStarted", "ParticipantsUpdated", "PlayCompleted", "ParticipantsUpdated")
	for i, held := range map[int]bool{1: true, 3: false} {
		if got := onHold(events[i], alice); got != held {
			t.Errorf("on hold is %v: %s", got, events[i].raw)
		}
	}
}

// onHold is what a ParticipantsUpdated says of a party.
func onHold(r received, id string) bool {
	list, _ := r.data["participants"].([]any)
	for _, p := range list {
		if at(p, "identifier", "rawId") == id {
			held, _ := p.(map[string]any)["isOnHold"].(bool)
			return held
		}
	}
	return false
}

func TestMediaOperationsWaitForEachOther(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	for _, context := range []string{"first", "second"} {
		h.media(id, "play", object{"playSources": []object{text(1)}, "operationContext": context}).want(202)
	}
	h.media(id, "recognize", recognize("dtmf", alice, nil)).want(202)
	events := h.after(id, "PlayStarted", "PlayCompleted", "PlayStarted", "PlayCompleted", "RecognizeFailed")
	for i, context := range []string{"first", "first", "second", "second", "recognize"} {
		if got := at(events[i].data, "operationContext"); got != context {
			t.Errorf("%s of %q, want %q", events[i].name, got, context)
		}
	}
}

func TestMediaThatIsCanceled(t *testing.T) {
	loop := object{"playSources": []object{file("music")}, "playOptions": object{"loop": true}, "operationContext": "loop"}
	const canceled = "Action falied, the operation was cancelled."
	cases := []struct {
		name   string
		cancel func(*harness, string)
		want   []string
	}{
		{"by cancelAllMediaOperations", func(h *harness, id string) { h.media(id, "cancelAllMediaOperations", nil).want(202) },
			[]string{"PlayStarted", "PlayCanceled", "PlayCanceled", "RecognizeCanceled"}},
		{"by a play that interrupts", func(h *harness, id string) {
			h.media(id, "play", object{"playSources": []object{text(1)}, "interruptCallMediaOperation": true}).want(202)
		}, []string{"PlayStarted", "PlayCanceled", "PlayCanceled", "RecognizeCanceled", "PlayStarted", "PlayCompleted"}},
		{"by a recognition that interrupts", func(h *harness, id string) {
			body := recognize("dtmf", alice, object{"initialSilenceTimeoutInSeconds": 1})
			body["interruptCallMediaOperation"] = true
			h.media(id, "recognize", body).want(202)
		}, []string{"PlayStarted", "PlayCanceled", "PlayCanceled", "RecognizeCanceled", "RecognizeFailed"}},
		{"by hanging up", func(h *harness, id string) { h.request("DELETE", h.path(id, ""), nil).want(204) },
			[]string{"PlayStarted", "PlayCanceled", "PlayCanceled", "RecognizeCanceled", "CallDisconnected"}},
		{"by the far end", func(h *harness, id string) {
			h.control("POST", "/control/v1/participants:hangUp", object{"callConnectionId": id}).want(200)
		}, []string{"PlayStarted", "RecognizeCanceled", "PlayCanceled", "PlayCanceled", "CallDisconnected"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := start(t, Options{})
			id := h.connected(alice)
			h.media(id, "play", loop).want(202)
			h.media(id, "play", loop).want(202)
			h.media(id, "recognize", recognize("dtmf", alice, nil)).want(202)
			c.cancel(h, id)
			for _, r := range h.after(id, c.want...) {
				code, sub := r.code()
				message := at(r.data, "resultInformation", "message")
				if is := strings.HasSuffix(r.name, "Canceled"); is && (code != 400 || sub != 8508 || message != canceled) {
					t.Errorf("%s", r.raw)
				}
			}
		})
	}
}

func TestHold(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	held := func() bool {
		p := h.request("GET", h.path(id, "/participants/"+alice), nil).want(200)
		held, _ := p.body["isOnHold"].(bool)
		return held
	}
	music := object{"targetParticipant": rawID(alice), "playSourceInfo": file("music"), "operationContext": "hold"}
	for range 2 { // the second changes nothing
		if r := h.media(id, "hold", music).want(200); len(r.raw) != 0 {
			t.Errorf("answer %s, want none", r.raw)
		}
	}
	if !held() {
		t.Error("not on hold")
	}
	h.media(id, "unhold", object{"targetParticipant": rawID(alice)}).want(200)
	if held() {
		t.Error("on hold still")
	}
	events := h.after(id, "ParticipantsUpdated", "ParticipantsUpdated")
	if !onHold(events[0], alice) || onHold(events[1], alice) {
		t.Errorf("%s\n%s", events[0].raw, events[1].raw)
	}
}

func TestHoldThatFails(t *testing.T) {
	h := start(t, Options{})
	target := userEnding("0407")
	id := h.connected(target)
	h.media(id, "hold", object{"targetParticipant": rawID(target), "operationContext": "hold"}).want(200)
	wantResult(t, h.after(id, "HoldFailed")[0], 400, 8501, "hold")
}

// Each operation needs an established call, and parties that are in it.
func TestMediaThatIsRefused(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	connected, ringing := h.connected(alice), h.create(phoneEnding("0408"))
	bodies := map[string]func(string) object{
		"play":                           func(id string) object { return object{"playSources": []object{text(1)}, "playTo": []object{rawID(id)}} },
		"recognize":                      func(id string) object { return recognize("dtmf", id, nil) },
		"hold":                           func(id string) object { return object{"targetParticipant": rawID(id)} },
		"unhold":                         func(id string) object { return object{"targetParticipant": rawID(id)} },
		"startContinuousDtmfRecognition": func(id string) object { return object{"targetParticipant": rawID(id)} },
		"stopContinuousDtmfRecognition":  func(id string) object { return object{"targetParticipant": rawID(id)} },
		"sendDtmfTones":                  func(string) object { return object{"targetParticipant": rawID(phone), "tones": []string{"one"}} },
		"cancelAllMediaOperations":       nil, "startTranscription": nil, "stopTranscription": nil,
		"updateTranscription": func(string) object { return object{"locale": "en-US"} },
		"startMediaStreaming": nil, "stopMediaStreaming": nil,
	}
	for _, verb := range mediaOperations() {
		body, listed := bodies[verb]
		if !listed {
			t.Errorf("no test for %s", verb)
		}
		var about any = object{}
		if body != nil {
			about = body(bob)
		}
		t.Run(verb, func(t *testing.T) {
			h.t = t
			if got := h.media(ringing, verb, about).want(400).at("error", "code"); got != "8501" {
				t.Errorf("before the answer: %s", got)
			}
			if got := h.media("nowhere", verb, about).want(404); got.at("error", "code") != "8522" || got.at("error", "message") != "Call not found." {
				t.Errorf("no call: %s", got.raw)
			}
			withParty := []string{"play", "recognize", "hold", "unhold", "startContinuousDtmfRecognition", "stopContinuousDtmfRecognition", "sendDtmfTones"}
			if slices.Contains(withParty, verb) {
				if got := h.media(connected, verb, about).want(404).at("error", "message"); got != "Participant not found." {
					t.Errorf("no party: %s", got)
				}
			}
		})
	}
}

func TestMediaQueueIsBounded(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	loop := object{"playSources": []object{file("music")}, "playOptions": object{"loop": true}}
	for range maxTasks {
		h.media(id, "play", loop).want(202)
	}
	h.media(id, "play", loop).want(429)
}
