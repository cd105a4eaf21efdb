package emulator

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestRequestsThatAreRefused(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	id := h.connected(alice)
	create := func(change func(object)) object {
		body := h.createBody(phone)
		change(body)
		return body
	}
	set := func(name string, value any) func(object) { return func(o object) { o[name] = value } }
	without := func(name string) func(object) { return func(o object) { delete(o, name) } }
	call := "/calling/callConnections"
	in := at(h.ring(alice, bob), "incomingCallContext")
	locator := func(l any) object { return object{"callLocator": l, "callbackUri": h.app.url} }

	cases := []struct {
		name   string
		method string
		path   string
		body   any
		status int
		code   string
	}{
		{"broken JSON", "POST", call, `{"targets":`, 400, "8523"},
		{"no body", "POST", call, nil, 400, "8523"},
		{"null for a body", "POST", call, `null`, 400, "8523"},
		{"two bodies", "POST", call, `{} {}`, 400, "8523"},
		{"a member of another type", "POST", call, `{"targets":"alice"}`, 400, "8523"},
		{"a body beyond the limit", "POST", call, `{"operationContext":"` + strings.Repeat("x", maxBody) + `"}`, 413, codeTooLarge},
		{"no targets", "POST", call, create(without("targets")), 400, "8523"},
		{"a target without any identifier", "POST", call, create(set("targets", []object{{}})), 400, "8523"},
		{"a target with two identifiers", "POST", call, create(set("targets", []object{{
			"communicationUser": object{"id": alice}, "phoneNumber": object{"value": "+14255550123"},
		}})), 400, "8523"},
		{"a target whose raw id spells nothing", "POST", call, create(set("targets", []object{rawID("alice")})), 400, "8523"},
		{"a target that is no E.164 number", "POST", call, create(set("targets", []object{{"phoneNumber": object{"value": "555"}}})), 400, "8523"},
		{"a target twice", "POST", call, create(set("targets", []object{rawID(phone), rawID(phone)})), 400, "8523"},
		{"a phone without a caller id", "POST", call, create(without("sourceCallerIdNumber")), 400, "8523"},
		{"a caller id that is no number", "POST", call, create(set("sourceCallerIdNumber", object{"value": "x"})), 400, "8523"},
		{"an empty source", "POST", call, create(set("source", object{})), 400, "8523"},
		{"no callback URI", "POST", call, create(without("callbackUri")), 400, "8523"},
		{"a relative callback URI", "POST", call, create(set("callbackUri", "/callback")), 400, "8523"},
		{"a plain http callback URI across a network", "POST", call, create(set("callbackUri", "http://app.example/callback")), 400, "8523"},
		{"media options without a transport", "POST", call, create(set("mediaStreamingOptions", object{})), 400, "8523"},
		{"transcription options without a locale", "POST", call, create(set("transcriptionOptions", object{"transportType": "websocket"})), 400, "8523"},

		{"an answer without a context", "POST", call + ":answer", object{"callbackUri": h.app.url}, 400, "8523"},
		{"an answer without a callback URI", "POST", call + ":answer", object{"incomingCallContext": in}, 400, "8523"},
		{"a redirect without a target", "POST", call + ":redirect", object{"incomingCallContext": in}, 400, "8523"},
		{"a reject with an unknown reason", "POST", call + ":reject", object{"incomingCallContext": in, "callRejectReason": "rude"}, 400, "8523"},
		{"no locator", "POST", call + ":connect", object{"callbackUri": h.app.url}, 400, "8523"},
		{"a locator without an id", "POST", call + ":connect", locator(object{"kind": "roomCallLocator"}), 400, "8523"},
		{"a locator with two ids", "POST", call + ":connect", locator(object{"kind": "roomCallLocator", "roomId": "1", "groupCallId": "2"}), 400, "8523"},
		{"a locator of another kind", "POST", call + ":connect", locator(object{"kind": "groupCallLocator", "roomId": "1"}), 400, "8523"},
		{"a group call id that is no GUID", "POST", call + ":connect", locator(object{"kind": "groupCallLocator", "groupCallId": "1"}), 400, "8523"},
		{"a server call id that is no URL", "POST", call + ":connect", locator(object{"kind": "serverCallLocator", "serverCallId": "1"}), 400, "8523"},

		{"adding nobody", "POST", h.path(id, "/participants:add"), object{}, 400, "8523"},
		{"adding a phone without a caller id", "POST", h.path(id, "/participants:add"), object{"participantToAdd": rawID(phone)}, 400, "8523"},
		{"an invitation of 181 seconds", "POST", h.path(id, "/participants:add"), object{"participantToAdd": rawID(bob), "invitationTimeoutInSeconds": 181}, 400, "8523"},
		{"an invitation of -1 seconds", "POST", h.path(id, "/participants:add"), object{"participantToAdd": rawID(bob), "invitationTimeoutInSeconds": -1}, 400, "8523"},
		{"a plain http operation callback", "POST", h.path(id, "/participants:add"), object{"participantToAdd": rawID(bob), "operationCallbackUri": "http://app.example"}, 400, "8523"},
		{"removing nobody", "POST", h.path(id, "/participants:remove"), object{}, 400, "8523"},
		{"removing the application itself", "POST", h.path(id, "/participants:remove"), object{"participantToRemove": rawID(carol)}, 400, "8523"},
		{"cancelling no invitation", "POST", h.path(id, "/participants:cancelAddParticipant"), object{}, 400, "8523"},
		{"moving nobody", "POST", h.path(id, "/participants:moveHere"), object{"fromCall": "x"}, 400, "8523"},
		{"moving from nowhere", "POST", h.path(id, "/participants:moveHere"), object{"targetParticipants": []object{rawID(bob)}}, 400, "8523"},
		{"a transfer to nobody", "POST", h.path(id, ":transferToParticipant"), object{}, 400, "8523"},

		{"a play without sources", "POST", h.path(id, ":play"), object{}, 400, "8523"},
		{"a play source of an unknown kind", "POST", h.path(id, ":play"), object{"playSources": []object{{"kind": "tape"}}}, 400, "8523"},
		{"a play source of another kind", "POST", h.path(id, ":play"), object{"playSources": []object{{"kind": "file", "text": object{"text": "x"}}}}, 400, "8523"},
		{"a play source of two kinds", "POST", h.path(id, ":play"), object{"playSources": []object{{"kind": "text", "text": object{"text": "x"}, "ssml": object{"ssmlText": "x"}}}}, 400, "8523"},
		{"a file that is no URL", "POST", h.path(id, ":play"), object{"playSources": []object{{"kind": "file", "file": object{"uri": "hello.wav"}}}}, 400, "8523"},
		{"a text that is empty", "POST", h.path(id, ":play"), object{"playSources": []object{{"kind": "text", "text": object{"text": " "}}}}, 400, "8523"},
		{"a text that is too long", "POST", h.path(id, ":play"), object{"playSources": []object{text(4001)}}, 400, "8523"},
		{"a play to nobody by name", "POST", h.path(id, ":play"), object{"playSources": []object{text(1)}, "playTo": []object{{}}}, 400, "8523"},
		{"a play with a plain http callback", "POST", h.path(id, ":play"), object{"playSources": []object{text(1)}, "operationCallbackUri": "http://app.example"}, 400, "8523"},
		{"holding nobody", "POST", h.path(id, ":hold"), object{}, 400, "8523"},
		{"holding the application itself", "POST", h.path(id, ":hold"), object{"targetParticipant": rawID(carol)}, 400, "8523"},
		{"holding with a source that is none", "POST", h.path(id, ":hold"), object{"targetParticipant": rawID(alice), "playSourceInfo": object{}}, 400, "8523"},
		{"a recognition without options", "POST", h.path(id, ":recognize"), object{"recognizeInputType": "dtmf"}, 400, "8523"},
		{"a recognition of an unknown kind", "POST", h.path(id, ":recognize"), recognize("smell", alice, nil), 400, "8523"},
		{"a recognition of nobody", "POST", h.path(id, ":recognize"), object{"recognizeInputType": "dtmf", "recognizeOptions": object{}}, 400, "8523"},
		{"an initial silence of 301 seconds", "POST", h.path(id, ":recognize"), recognize("dtmf", alice, object{"initialSilenceTimeoutInSeconds": 301}), 400, "8523"},
		{"no time between tones", "POST", h.path(id, ":recognize"), recognize("dtmf", alice, object{"dtmfOptions": object{"interToneTimeoutInSeconds": 0}}), 400, "8523"},
		{"61 seconds between tones", "POST", h.path(id, ":recognize"), recognize("dtmf", alice, object{"dtmfOptions": object{"interToneTimeoutInSeconds": 61}}), 400, "8523"},
		{"collecting no tones", "POST", h.path(id, ":recognize"), recognize("dtmf", alice, object{"dtmfOptions": object{"maxTonesToCollect": 0}}), 400, "8523"},
		{"a stop tone that is none", "POST", h.path(id, ":recognize"), recognize("dtmf", alice, object{"dtmfOptions": object{"stopTones": []string{"#"}}}), 400, "8523"},
		{"an end silence below nothing", "POST", h.path(id, ":recognize"), recognize("speech", alice, object{"speechOptions": object{"endSilenceTimeoutInMs": -1}}), 400, "8523"},
		{"no choices to choose from", "POST", h.path(id, ":recognize"), recognize("choices", alice, nil), 400, "8523"},
		{"a choice without phrases", "POST", h.path(id, ":recognize"), recognize("choices", alice, object{"choices": []object{{"label": "x"}}}), 400, "8523"},
		{"a choice whose tone is none", "POST", h.path(id, ":recognize"), recognize("choices", alice, object{"choices": []object{{"label": "x", "phrases": []string{"x"}, "tone": "1"}}}), 400, "8523"},
		{"continuous tones of nobody", "POST", h.path(id, ":startContinuousDtmfRecognition"), object{}, 400, "8523"},
		{"sending no tones", "POST", h.path(id, ":sendDtmfTones"), object{"targetParticipant": rawID(phone)}, 400, "8523"},
		{"sending 19 tones", "POST", h.path(id, ":sendDtmfTones"), object{"targetParticipant": rawID(phone), "tones": strings.Split(strings.Repeat("one ", 18)+"one", " ")}, 400, "8523"},
		{"sending a tone that is none", "POST", h.path(id, ":sendDtmfTones"), object{"targetParticipant": rawID(phone), "tones": []string{"eleven"}}, 400, "8523"},
		{"sending tones to a user", "POST", h.path(id, ":sendDtmfTones"), object{"targetParticipant": rawID(alice), "tones": []string{"one"}}, 400, "8523"},
		{"a locale without a region", "POST", h.path(id, ":startTranscription"), object{"locale": "en"}, 400, "8523"},
		{"an update without a locale", "POST", h.path(id, ":updateTranscription"), object{}, 400, "8523"},
		{"a recording of nothing", "POST", "/calling/recordings", object{}, 400, "8523"},
		{"a recording of two calls", "POST", "/calling/recordings", object{"callConnectionId": id, "callLocator": object{"kind": "serverCallLocator", "serverCallId": newServerCallID()}}, 400, "8523"},
		{"a recording of a room", "POST", "/calling/recordings", object{"callLocator": object{"kind": "roomCallLocator", "roomId": "99"}}, 400, "8523"},
		{"a recording with a plain http callback", "POST", "/calling/recordings", object{"callConnectionId": id, "recordingStateCallbackUri": "http://app.example"}, 400, "8523"},
		{"a recording of video in WAV", "POST", "/calling/recordings", object{"callConnectionId": id, "recordingContentType": "audioVideo", "recordingFormatType": "wav"}, 400, "8523"},
		{"a recording of unmixed MP3", "POST", "/calling/recordings", object{"callConnectionId": id, "recordingChannelType": "unmixed", "recordingFormatType": "mp3"}, 400, "8523"},
		{"a recording on channel 5", "POST", "/calling/recordings", object{"callConnectionId": id, "channelAffinity": []object{{"channel": 5, "participant": rawID(alice)}}}, 400, "8523"},
		{"a recording on a channel of nobody", "POST", "/calling/recordings", object{"callConnectionId": id, "channelAffinity": []object{{"channel": 1}}}, 400, "8523"},
		{"a recording into a storage without a container", "POST", "/calling/recordings", object{"callConnectionId": id, "externalStorage": object{"recordingStorageKind": "azureBlobStorage"}}, 400, "8523"},
		{"an unknown recording", "GET", "/calling/recordings/x", nil, 404, "8522"},
		{"pausing an unknown recording", "POST", "/calling/recordings/x:pause", nil, 404, "8522"},
		{"a recording by another method", "PUT", "/calling/recordings/x", nil, 405, "8520"},
		{"a verb that recordings do not have", "POST", "/calling/recordings/x:rewind", nil, 404, codeNoSuchResource},

		{"an unknown call", "GET", h.path("nowhere", ""), nil, 404, "8522"},
		{"hanging up an unknown call", "DELETE", h.path("nowhere", ""), nil, 404, "8522"},
		{"terminating an unknown call", "POST", h.path("nowhere", ":terminate"), nil, 404, "8522"},
		{"the participants of an unknown call", "GET", h.path("nowhere", "/participants"), nil, 404, "8522"},
		{"adding to an unknown call", "POST", h.path("nowhere", "/participants:add"), object{"participantToAdd": rawID(bob)}, 404, "8522"},
		{"another method", "PUT", h.path(id, ""), nil, 405, "8520"},
		{"a verb that does not exist", "POST", call + ":listen", object{}, 404, codeNoSuchResource},
		{"a path that does not exist", "GET", "/calling/other", nil, 404, codeNoSuchResource},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h.t = t
			if got := h.request(c.method, c.path, c.body).want(c.status).at("error", "code"); got != c.code {
				t.Errorf("code %s, want %s", got, c.code)
			}
		})
	}
}

func TestAPIVersion(t *testing.T) {
	h := start(t, Options{})
	cases := []struct {
		name, query string
		status      int
	}{
		{"the current one", "?api-version=2026-03-12", 201},
		{"an older one", "?api-version=2023-10-15", 201},
		{"a preview that is gone", "?api-version=2024-11-15-preview", 404},
		{"none", "", 404},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h.t = t
			resp := h.send("POST", "/calling/callConnections"+c.query, h.createBody(alice)).want(c.status)
			want := "No HTTP resource was found that matches the request URI '" + h.url + "/calling/callConnections" + c.query + "'."
			if c.status == 404 && resp.at("error", "message") != want {
				t.Errorf("message %q", resp.at("error", "message"))
			}
			if id := resp.at("callConnectionId"); c.status == 201 {
				events := h.app.sequence(id, "CallConnected", "ParticipantsUpdated")
				if got := at(events[0].data, "version"); c.query != "?api-version="+got {
					t.Errorf("event of version %s for %s", got, c.query)
				}
			}
		})
	}
}

func TestRoutesReadTheEscapedPath(t *testing.T) {
	base := "/calling/callConnections"
	cases := []struct {
		method, path       string
		operation, id, raw string
		status             int
	}{
		{"POST", base, "createCall", "", "", 0},
		{"POST", base + ":answer", "answerCall", "", "", 0},
		{"GET", base + "/c%201%2Fx", "getCall", "c 1/x", "", 0},
		{"DELETE", base + "/c%201%2Fx", "hangupCall", "c 1/x", "", 0},
		{"POST", base + "/c%201%2Fx:terminate", "terminateCall", "c 1/x", "", 0},
		{"GET", base + "/c/participants/4%3A%2B14255550123", "getParticipant", "c", phone, 0},
		{"GET", base + "/c/participants/8:acs:res_user", "getParticipant", "c", "8:acs:res_user", 0},
		{"POST", base + "/a%3Ab:transferToParticipant", "transferToParticipant", "a:b", "", 0},
		{"GET", base + "/c/participants", "getParticipants", "c", "", 0},
		{"POST", base + "/c/participants:moveHere", "moveParticipants", "c", "", 0},
		{"POST", base + "/c%201%2Fx:play", "play", "c 1/x", "", 0},
		{"POST", base + "/c:cancelAllMediaOperations", "cancelAllMediaOperations", "c", "", 0},
		{"GET", base + "/", "", "", "", 404},
		{"POST", base + ":", "", "", "", 404},
		{"POST", base + "/c/participants:", "", "", "", 404},
		{"POST", base + "/c:terminate/participants", "", "", "", 404},
		{"GET", base + "/c/participants/", "", "", "", 404},
		{"GET", base + "/c/participants/a/b", "", "", "", 404},
		{"GET", base + "x", "", "", "", 404},
		{"POST", base + "/c/participants", "", "", "", 405},
	}
	for _, c := range cases {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			got, err := parseRoute(c.method, c.path, "uri")
			if c.status != 0 {
				if err == nil || asAPIError(err).status != c.status {
					t.Errorf("error %v, want status %d", err, c.status)
				}
				return
			}
			if want := (route{operation: c.operation, callConnectionID: c.id, rawID: c.raw}); err != nil || got != want {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
		})
	}
}

func TestRoutesOfRecordings(t *testing.T) {
	recordings := "/calling/recordings"
	cases := []struct {
		method, path string
		want         route
		status       int
	}{
		{"POST", recordings, route{operation: "startRecording"}, 0},
		{"GET", recordings + "/eyJ9%2Fx", route{operation: "getRecordingProperties", recordingID: "eyJ9/x"}, 0},
		{"DELETE", recordings + "/r", route{operation: "stopRecording", recordingID: "r"}, 0},
		{"POST", recordings + "/r:pause", route{operation: "pauseRecording", recordingID: "r"}, 0},
		{"POST", recordings + "/r:resume", route{operation: "resumeRecording", recordingID: "r"}, 0},
		{"GET", "/v1/objects/d/content/audio", route{operation: downloadRecording, documentID: "d", part: contentPart}, 0},
		{"GET", "/v1/objects/d/content/acsmetadata", route{operation: downloadRecording, documentID: "d", part: metadataPart}, 0},
		{"DELETE", "/v1/objects/d", route{operation: deleteRecording, documentID: "d"}, 0},
		{"GET", recordings, route{}, 405},
		{"POST", recordings + "/r", route{}, 405},
		{"GET", recordings + "/", route{}, 404},
		{"POST", recordings + "/:pause", route{}, 404},
		{"GET", recordings + "/a/b", route{}, 404},
		{"GET", recordings + "x", route{}, 404},
		{"GET", recordings + "/%zz", route{}, 404},
		{"DELETE", "/v1/objects/", route{}, 404},
		{"DELETE", "/v1/objects/d/", route{}, 404},
		{"GET", "/v1/objects/d/content/video", route{}, 404},
	}
	for _, c := range cases {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			got, err := parseRoute(c.method, c.path, "uri")
			if c.status != 0 {
				if err == nil || asAPIError(err).status != c.status {
					t.Errorf("error %v, want status %d", err, c.status)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("%+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestIdentifiersAreCompletedFromRawIDs(t *testing.T) {
	cases := []struct{ rawID, want string }{
		{"4:+14255550123", `{"rawId":"4:+14255550123","kind":"phoneNumber","phoneNumber":{"value":"+14255550123"}}`},
		{"4:anonymous", `{"rawId":"4:anonymous","kind":"phoneNumber","phoneNumber":{"value":"anonymous","isAnonymous":true}}`},
		{"4:+14255550123_7", `{"rawId":"4:+14255550123_7","kind":"phoneNumber","phoneNumber":{"value":"+14255550123_7","assertedId":"7"}}`},
		{"8:acs:r_u", `{"rawId":"8:acs:r_u","kind":"communicationUser","communicationUser":{"id":"8:acs:r_u"}}`},
		{"8:spool:u", `{"rawId":"8:spool:u","kind":"communicationUser","communicationUser":{"id":"8:spool:u"}}`},
		{"8:dod-acs:r_t_u", `{"rawId":"8:dod-acs:r_t_u","kind":"teamsExtensionUser","teamsExtensionUser":{"userId":"u","tenantId":"t","resourceId":"r","cloud":"dod"}}`},
		{"8:orgid:u", `{"rawId":"8:orgid:u","kind":"microsoftTeamsUser","microsoftTeamsUser":{"userId":"u","cloud":"public"}}`},
		{"8:teamsvisitor:u", `{"rawId":"8:teamsvisitor:u","kind":"microsoftTeamsUser","microsoftTeamsUser":{"userId":"u","isAnonymous":true,"cloud":"public"}}`},
		{"28:gcch:a", `{"rawId":"28:gcch:a","kind":"microsoftTeamsApp","microsoftTeamsApp":{"appId":"a","cloud":"gcch"}}`},
		{"48:a", `{"rawId":"48:a","kind":"unknown"}`},
		{"8:acs:a:b", `{"rawId":"8:acs:a:b","kind":"unknown"}`},
	}
	for _, c := range cases {
		t.Run(c.rawID, func(t *testing.T) {
			id := identifierOf(c.rawID)
			got, err := json.Marshal(id)
			if err != nil || string(got) != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if id.Kind == "unknown" || id.PhoneNumber != nil {
				return
			}
			model := id.model()
			model.RawID, model.Kind = "", ""
			if again, err := identify("x", &model); err != nil || again.RawID != c.rawID {
				t.Errorf("back to %q, %v", again.RawID, err)
			}
		})
	}
}

// FuzzRequest: any method, path and body is either understood or refused with a
// client error.
func FuzzRequest(f *testing.F) {
	f.Add("POST", "/calling/callConnections", []byte(`{"targets":[{"kind":"phoneNumber","rawId":"4:+14255550123","phoneNumber":{"value":"+14255550123","isAnonymous":false}}],"sourceCallerIdNumber":{"value":"+18885550100"},"callbackUri":"https://app/cb?k=a b"}`))
	f.Add("POST", "/calling/callConnections:connect", []byte(`{"callLocator":{"roomId":"99","kind":"roomCallLocator"},"callbackUri":"https://app/cb"}`))
	f.Add("GET", "/calling/callConnections/c%201%2Fx/participants/4%3A%2B14255550123", []byte(nil))
	f.Add("POST", "/calling/callConnections/c/participants:mute", []byte(`{"targetParticipants":[null]}`))
	f.Add("POST", "/calling/callConnections/%zz:terminate", []byte(`[]`))
	f.Add("POST", "/calling/callConnections/c/participants:moveHere", []byte(`{"targetParticipants":[{"rawId":"8:acs:a_b_c_d"}],"fromCall":"x"}`))
	f.Add("POST", "/calling/callConnections/c:play", []byte(`{"playSources":[{"kind":"text","text":{"text":"hello"}}],"playTo":[],"playOptions":{"loop":false}}`))
	f.Add("POST", "/calling/callConnections/c:recognize", []byte(`{"recognizeInputType":"choices","playPrompt":{"kind":"ssml","ssml":{"ssmlText":"<a"}},"recognizeOptions":{"targetParticipant":{"rawId":"4:+14255550123"},"choices":[{"label":"a","phrases":["b"],"tone":"one"}],"dtmfOptions":{"stopTones":["pound"]}}}`))
	f.Add("POST", "/calling/callConnections/c:sendDtmfTones", []byte(`{"tones":["one",null],"targetParticipant":{"rawId":"4:+14255550123"}}`))
	f.Add("POST", "/calling/callConnections/c:hold", []byte(`{"targetParticipant":{"rawId":"8:acs:a_b"},"playSourceInfo":{"kind":"file","file":{"uri":"https://a/b.wav"}}}`))
	f.Add("POST", "/calling/callConnections/c:startContinuousDtmfRecognition", []byte(`{"targetParticipant":{"rawId":"8:acs:a_b"}}`))
	f.Add("POST", "/calling/callConnections/c:updateTranscription", []byte(`{"locale":"en-US"}`))
	f.Add("POST", "/calling/callConnections/c:stopMediaStreaming", []byte(`{}`))
	f.Add("POST", "/calling/recordings", []byte(`{"callLocator":{"serverCallId":"aHR0cHM6Ly9h","kind":"serverCallLocator"},"channelAffinity":[{"channel":0,"participant":{"rawId":"8:acs:a_b"}}],"externalStorage":{"recordingStorageKind":"azureBlobStorage","recordingDestinationContainerUrl":"https://a"}}`))
	f.Add("DELETE", "/calling/recordings/eyJ9", []byte(nil))
	f.Add("GET", "/v1/objects/0-emu-d1-00/content/audio", []byte(nil))
	f.Fuzz(func(t *testing.T, method, path string, body []byte) {
		refused := func(err error) {
			if status := asAPIError(err).status; status/100 != 4 {
				t.Errorf("status %d for %v", status, err)
			}
		}
		r, err := parseRoute(method, path, path)
		if err != nil {
			refused(err)
			return
		}
		act, repeatable, err := parseRequest(r, body)
		if err != nil {
			refused(err)
			return
		}
		if act == nil || repeatable && method != http.MethodPost {
			t.Errorf("%s %s: %+v", method, path, r)
		}
	})
}
