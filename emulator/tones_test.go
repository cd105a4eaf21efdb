package emulator

import (
	"context"
	"testing"
	"time"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
)

func TestContinuousTones(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	about := func(context string) object {
		return object{"targetParticipant": rawID(alice), "operationContext": context}
	}
	h.media(id, "startContinuousDtmfRecognition", about("start")).want(200)
	if h.press(id, "5*") != 2 {
		t.Error("not every key was heard")
	}
	h.media(id, "stopContinuousDtmfRecognition", about("stop")).want(200)
	if h.press(id, "1") != 0 {
		t.Error("a key was heard after the end")
	}
	h.media(id, "stopContinuousDtmfRecognition", about("stop again")).want(200)
	events := h.after(id, "ContinuousDtmfRecognitionToneReceived", "ContinuousDtmfRecognitionToneReceived", "ContinuousDtmfRecognitionStopped")
	for i, tone := range []string{"five", "asterisk"} {
		wantResult(t, events[i], 200, 0, "start")
		if at(events[i].data, "tone") != tone || events[i].data["sequenceId"] != float64(i+1) {
			t.Errorf("want tone %d %s: %s", i+1, tone, events[i].raw)
		}
	}
	wantResult(t, events[2], 200, 7000, "stop")
	if got := at(events[2].data, "resultInformation", "message"); got != "The conversation has ended. DiagCode: 0#7000.@" {
		t.Errorf("message %q", got)
	}
}

func TestContinuousTonesEndWithTheCall(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	h.media(id, "startContinuousDtmfRecognition", object{"targetParticipant": rawID(alice), "operationContext": "tones"}).want(200)
	h.request("DELETE", h.path(id, ""), nil).want(204)
	wantResult(t, h.after(id, "ContinuousDtmfRecognitionStopped", "CallDisconnected")[0], 200, 7000, "tones")
}

func TestContinuousTonesAreHeardBesideARecognition(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	for _, context := range []string{"first", "tones"} { // the second takes the place of the first
		h.media(id, "startContinuousDtmfRecognition", object{"targetParticipant": rawID(alice), "operationContext": context}).want(200)
	}
	h.media(id, "recognize", recognize("dtmf", alice, object{"initialSilenceTimeoutInSeconds": 300, "dtmfOptions": object{"maxTonesToCollect": 1}})).want(202)
	if h.press(id, "1") != 2 {
		t.Error("it was not heard twice")
	}
	events := h.after(id, "ContinuousDtmfRecognitionToneReceived", "RecognizeCompleted")
	wantResult(t, events[0], 200, 0, "tones")
	wantResult(t, events[1], 200, 8531, "recognize")
}

func TestPartyThatRefusesMedia(t *testing.T) {
	h := start(t, Options{})
	target := phoneEnding("0407")
	id := h.connected(target)
	h.media(id, "startContinuousDtmfRecognition", object{"targetParticipant": rawID(target), "operationContext": "tones"}).want(200)
	wantResult(t, h.after(id, "ContinuousDtmfRecognitionToneFailed")[0], 400, 8501, "tones")
	h.media(id, "sendDtmfTones", object{"targetParticipant": rawID(target), "tones": []string{"one"}, "operationContext": "send"}).want(202)
	wantResult(t, h.after(id, "ContinuousDtmfRecognitionToneFailed", "SendDtmfTonesFailed")[1], 400, 8501, "send")
}

func TestSendTones(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(phone)
	body := object{"targetParticipant": rawID(phone), "tones": []string{"one", "pound"}, "operationContext": "send"}
	if got := h.media(id, "sendDtmfTones", body).want(202).at("operationContext"); got != "send" {
		t.Errorf("operationContext %q", got)
	}
	wantResult(t, h.after(id, "SendDtmfTonesCompleted")[0], 200, 0, "send")
}

func TestSendTonesToAPhoneThatLeaves(t *testing.T) {
	inBubble(t, func(b *bubble) {
		target := phoneEnding("0200")
		id := b.connected(target, userEnding("0200"))
		b.request("POST", "/calling/callConnections/"+id+":sendDtmfTones", object{
			"targetParticipant": rawID(target), "tones": []string{"one", "two", "three"}, "operationContext": "send",
		})
		b.pass(2 * toneLasts)
		if _, err := b.emulator.Control().HangUpParticipant(context.Background(), &emulatorv1.HangUpParticipantRequest{
			Call: &emulatorv1.HangUpParticipantRequest_CallConnectionId{CallConnectionId: id}, RawId: target,
		}); err != nil {
			t.Fatal(err)
		}
		b.pass(time.Second)
		events := b.inbox.events()
		r := events[len(events)-1]
		if r.name != "SendDtmfTonesFailed" {
			t.Fatalf("%s", r.raw)
		}
		wantResult(t, r, 400, 8501, "send")
	})
}

func TestSendTonesIsRepeatableAndActsOnce(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(phone)
	pair := []string{"Repeatability-Request-ID", "11111111-0000-4000-8000-000000000011", "Repeatability-First-Sent", "Mon, 23 Nov 2026 15:40:57 GMT"}
	for range 2 {
		h.request("POST", h.path(id, ":sendDtmfTones"), object{"targetParticipant": rawID(phone), "tones": []string{"one"}}, pair...).want(202)
	}
	h.after(id, "SendDtmfTonesCompleted")
	if effect := h.receivedRequests()[2].GetEffect().String(); effect != "EFFECT_REPEATED" {
		t.Errorf("the second had %s", effect)
	}
	for range 2 { // play may not be repeated: the headers mean nothing
		h.request("POST", h.path(id, ":play"), object{"playSources": []object{text(1)}}, pair...).want(202)
	}
	h.after(id, "SendDtmfTonesCompleted", "PlayStarted", "PlayCompleted", "PlayStarted", "PlayCompleted")
}
