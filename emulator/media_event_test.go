package emulator

import (
	"regexp"
	"strings"
	"testing"
)

// isMediaSample tells the samples of media and recordings from the rest.
func isMediaSample(name string) bool {
	return regexp.MustCompile("^(Play|Recognize|ContinuousDtmf|SendDtmf|Hold|Transcription|MediaStreaming|Recording|StartRecording)").MatchString(name)
}

// Every callback about media and recordings has the members of the captured or
// documented one, in its order, with its types.
func TestMediaEventsHaveTheShapeOfTheSamples(t *testing.T) {
	h := start(t, Options{})
	got := map[string]received{}
	note := func(events ...received) {
		for _, r := range events {
			if _, known := got[r.name]; !known {
				got[r.name] = r
			}
		}
	}
	phone := phoneEnding("0231")
	id := h.streaming(phone, "wss://app.example/media")
	h.media(id, "stopMediaStreaming", object{}).want(202)
	h.media(id, "startTranscription", object{}).want(202)
	h.media(id, "updateTranscription", object{"locale": "en-GB"}).want(202)
	h.media(id, "stopTranscription", object{}).want(202)
	h.media(id, "play", object{"playSources": []object{file("hello")}, "operationContext": "play"}).want(202)
	h.media(id, "play", object{"playSources": []object{file("8535")}, "operationContext": "play"}).want(202)
	prompted := recognize("dtmf", phone, nil)
	prompted["playPrompts"] = []object{file("8536")}
	h.media(id, "recognize", prompted).want(202)
	h.app.named(id, "RecognizeFailed")
	h.media(id, "play", object{"playSources": []object{file("long")}, "operationContext": "play", "playOptions": object{"loop": true}}).want(202)
	h.media(id, "recognize", recognize("dtmf", phone, nil)).want(202)
	h.media(id, "cancelAllMediaOperations", nil).want(202)
	h.media(id, "startContinuousDtmfRecognition", object{"targetParticipant": rawID(phone), "operationContext": "tones"}).want(200)
	h.app.named(id, "ContinuousDtmfRecognitionToneReceived")
	h.media(id, "stopContinuousDtmfRecognition", object{"targetParticipant": rawID(phone), "operationContext": "tones"}).want(200)
	h.media(id, "sendDtmfTones", object{"targetParticipant": rawID(phone), "tones": []string{"one"}, "operationContext": "tones"}).want(202)
	h.app.named(id, "SendDtmfTonesCompleted")
	note(of(id, h.app.all())...)

	id = h.connected(alice)
	h.media(id, "recognize", recognize("dtmf", alice, object{"initialSilenceTimeoutInSeconds": 300, "dtmfOptions": object{"maxTonesToCollect": 3}})).want(202)
	h.press(id, "56#")
	note(h.app.named(id, "RecognizeCompleted"))

	refusing := phoneEnding("0407")
	id = h.streaming(refusing, "wss://app.example/unreachable")
	h.media(id, "startTranscription", object{"operationContext": "context"}).want(202)
	h.media(id, "startMediaStreaming", object{"operationContext": "context"}).want(202)
	h.media(id, "hold", object{"targetParticipant": rawID(refusing), "operationContext": "context"}).want(200)
	h.media(id, "startContinuousDtmfRecognition", object{"targetParticipant": rawID(refusing), "operationContext": "tones"}).want(200)
	h.media(id, "sendDtmfTones", object{"targetParticipant": rawID(refusing), "tones": []string{"one"}, "operationContext": "tones"}).want(202)
	for _, name := range []string{"SendDtmfTonesFailed", "ContinuousDtmfRecognitionToneFailed"} {
		h.app.named(id, name)
	}
	events := of(id, h.app.all())
	for i, r := range events { // the first failed with the call, which has no context
		if r.name == "MediaStreamingFailed" && at(r.data, "operationContext") == "" {
			events = append(events[:i], events[i+1:]...)
			break
		}
	}
	note(events...)

	recording := h.record(object{"callConnectionId": id})
	states := h.app.recordingStates(recording, 2)
	got["RecordingStateChanged.initial-inactive"], got["RecordingStateChanged"] = states[0], states[1]
	failing := h.record(object{"callConnectionId": id, "externalStorage": object{
		"recordingStorageKind": "azureBlobStorage", "recordingDestinationContainerUrl": "https://storage.example/unreachable",
	}})
	note(h.app.wait("StartRecordingFailed", func(all []received) ([]received, bool) {
		for _, r := range all {
			if r.name == "StartRecordingFailed" && at(r.data, "recordingId") == failing {
				return []received{r}, true
			}
		}
		return nil, false
	})...)

	for _, name := range sampleNames(t) {
		if !isMediaSample(name) {
			continue
		}
		r, ok := got[name]
		if !ok {
			t.Errorf("no event for the sample %s", name)
			continue
		}
		want := sampleShape(t, name)
		if name == "StartRecordingFailed" { // startRecording takes no operation context
			want = strings.Replace(want, "operationContext:string ", "", 1)
		}
		if got := shape(t, r.raw); got != want {
			t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
		}
		if !strings.HasPrefix(name, "RecordingStateChanged") {
			checkEnvelope(t, r)
		}
	}
}

// streaming places a call with media streaming and transcription to that address,
// and waits until it is connected and the streaming has begun or failed.
func (h *harness) streaming(target, url string) string {
	h.t.Helper()
	body := h.createBody(target)
	delete(body, "operationContext")
	body["mediaStreamingOptions"] = object{
		"transportType": "websocket", "audioChannelType": "mixed", "startMediaStreaming": true, "transportUrl": url,
	}
	body["transcriptionOptions"] = object{"transportType": "websocket", "locale": "en-US", "transportUrl": url}
	id := h.request("POST", "/calling/callConnections", body).want(201).at("callConnectionId")
	h.app.named(id, "ParticipantsUpdated")
	return id
}

// media does one media operation.
func (h *harness) media(id, verb string, body any) response {
	h.t.Helper()
	return h.request("POST", h.path(id, ":"+verb), body)
}

// file is a play source.
func file(name string) object {
	return object{"kind": "file", "file": object{"uri": "https://app.example/" + name + ".wav"}}
}

// text is a play source that lasts that many characters.
func text(characters int) object {
	return object{"kind": "text", "text": object{"text": strings.Repeat("x", characters)}}
}

// recognize is a request to listen to a party, with more options.
func recognize(input, target string, options object) object {
	all := object{"targetParticipant": rawID(target)}
	for name, value := range options {
		all[name] = value
	}
	return object{"recognizeInputType": input, "recognizeOptions": all, "operationContext": "recognize"}
}

// all is what has arrived.
func (a *receiver) all() []received {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]received(nil), a.got...)
}

// named waits for a connection's first event of that name.
func (a *receiver) named(connection, name string) received {
	a.t.Helper()
	return a.wait(name, func(all []received) ([]received, bool) {
		for _, r := range of(connection, all) {
			if r.name == name {
				return []received{r}, true
			}
		}
		return nil, false
	})[0]
}
