package emulator

import (
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callgate/callgate/upstream"
)

// record starts a recording, whose state goes to the application, and returns its
// id.
func (h *harness) record(body object) string {
	h.t.Helper()
	body["recordingStateCallbackUri"] = h.app.url + "/recording"
	return h.request("POST", "/calling/recordings", body).want(200).at("recordingId")
}

// recordingStates waits for n RecordingStateChanged of a recording, and checks
// that there are no more.
func (a *receiver) recordingStates(id string, n int) []received {
	a.t.Helper()
	return a.wait("RecordingStateChanged", func(all []received) ([]received, bool) {
		var states []received
		for _, r := range all {
			if r.name == "RecordingStateChanged" && at(r.data, "recordingId") == id {
				states = append(states, r)
			}
		}
		return states, len(states) >= n
	})
}

// fileStatus waits for the RecordingFileStatusUpdated of a recording.
func (a *receiver) fileStatus(id string) received {
	a.t.Helper()
	return a.wait("RecordingFileStatusUpdated", func(all []received) ([]received, bool) {
		for _, r := range all {
			if r.name == "RecordingFileStatusUpdated" && strings.HasSuffix(at(r.event, "subject"), "/recordingId/"+id) {
				return []received{r}, true
			}
		}
		return nil, false
	})[0]
}

// The exchanges of a captured recording, one after another.
func TestRecordingGoesAsCaptured(t *testing.T) {
	h := start(t, Options{})
	call := h.connected(alice)
	files, err := filepath.Glob("testdata/exchanges/[12][0-9]-*.json")
	if err != nil || len(files) != 6 {
		t.Fatalf("found %v, %v", files, err)
	}
	id := ""
	for _, name := range files {
		var want struct {
			Method, Path string
			Status       int
			ResponseBody object
		}
		if err := json.Unmarshal(readFile(t, name), &want); err != nil {
			t.Fatal(err)
		}
		path, _, _ := strings.Cut(want.Path, "?")
		captured := strings.Split(strings.TrimPrefix(path, "/calling/recordings/"), ":")[0]
		var body any
		if id == "" {
			body = object{"callConnectionId": call, "recordingStateCallbackUri": h.app.url + "/recording"}
		} else {
			path = strings.Replace(path, captured, id, 1)
		}
		got := h.request(want.Method, path, body).want(want.Status)
		if id == "" {
			id = got.at("recordingId")
			h.app.recordingStates(id, 2) // until it records
		}
		if got.at("recordingState") != at(want.ResponseBody, "recordingState") || got.at("error", "message") != at(want.ResponseBody, "error", "message") ||
			got.at("error", "code") != at(want.ResponseBody, "error", "code") || (len(got.raw) == 0) != (want.ResponseBody == nil) {
			t.Errorf("%s: %s, want %v", name, got.raw, want.ResponseBody)
		}
	}
}

func TestRecordingID(t *testing.T) {
	h := start(t, Options{})
	id := h.record(object{"callConnectionId": h.connected(alice)})
	raw, err := base64.RawURLEncoding.DecodeString(id)
	var decoded struct{ PlatformEndpointId, ResourceSpecificId string }
	if err != nil || json.Unmarshal(raw, &decoded) != nil || decoded.PlatformEndpointId == "" || decoded.ResourceSpecificId == "" {
		t.Fatalf("%q, %v", raw, err)
	}
	if got := h.app.recordingStates(id, 1)[0].connection(); got != decoded.PlatformEndpointId {
		t.Errorf("events of %s, the recorder is %s", got, decoded.PlatformEndpointId)
	}
}

// As captured: first inactive, at a time of the year 1, then active; from a
// source of its own.
func TestRecordingStates(t *testing.T) {
	h := start(t, Options{})
	call := h.connected(alice)
	server := h.request("GET", h.path(call, ""), nil).at("serverCallId")
	id := h.record(object{"callLocator": object{"kind": "serverCallLocator", "serverCallId": server}})
	h.app.recordingStates(id, 2)
	recording := "/calling/recordings/" + id
	for _, verb := range []string{":pause", ":pause", ":resume", ":resume"} { // the second of each changes nothing
		h.request("POST", recording+verb, nil).want(202)
	}
	h.request("DELETE", recording, nil).want(204)
	h.app.fileStatus(id)
	states := h.app.recordingStates(id, 5)
	source := "calling/recordings/" + server + "/" + id + "/RecordingStateChanged"
	for i, want := range []string{"inactive", "active", "inactive", "active", "inactive"} {
		r := states[i]
		if at(r.data, "state") != want || r.path != "/recording" || at(r.event, "source") != source || at(r.event, "subject") != source ||
			at(r.data, "serverCallId") != server || r.connection() == call || at(r.data, "recordingKind") != "azureCommunicationServices" {
			t.Errorf("want %s: %s", want, r.raw)
		}
		if began := at(r.data, "startDateTime"); (began == "0001-01-01T00:00:00+00:00") != (i == 0) {
			t.Errorf("state %d began at %s", i, began)
		}
	}
	if len(states) != 5 {
		t.Errorf("%d states", len(states))
	}
	for _, method := range []string{"GET", "DELETE"} {
		if got := h.request(method, recording, nil).want(404).at("error", "message"); got != "Recording not found." {
			t.Errorf("%s: %s", method, got)
		}
	}
}

func TestRecordingThatStartsPaused(t *testing.T) {
	h := start(t, Options{})
	id := h.record(object{"callConnectionId": h.connected(alice), "pauseOnStart": true})
	h.request("POST", "/calling/recordings/"+id+":resume", nil).want(202)
	states := h.app.recordingStates(id, 2)
	if at(states[0].data, "state") != "inactive" || at(states[1].data, "state") != "active" {
		t.Errorf("%s\n%s", states[0].raw, states[1].raw)
	}
}

func TestRecordingThatCannotStart(t *testing.T) {
	h := start(t, Options{})
	id := h.record(object{"callConnectionId": h.connected(alice), "externalStorage": object{
		"recordingStorageKind": "azureBlobStorage", "recordingDestinationContainerUrl": "https://storage.example/unreachable",
	}})
	r := h.app.wait("StartRecordingFailed", func(all []received) ([]received, bool) {
		found := all[len(all)-1]
		return []received{found}, found.name == "StartRecordingFailed"
	})[0]
	if at(r.data, "recordingId") != id || r.path != "/recording" {
		t.Errorf("%s", r.raw)
	}
	wantResult(t, r, 400, 8501, "")
	h.request("GET", "/calling/recordings/"+id, nil).want(404)
}

func TestRecordingEndsWithTheCall(t *testing.T) {
	h := start(t, Options{})
	call := h.connected(alice)
	id := h.record(object{"callConnectionId": call})
	h.app.recordingStates(id, 2)
	h.request("DELETE", h.path(call, ""), nil).want(204)
	if got := at(h.app.recordingStates(id, 3)[2].data, "state"); got != "inactive" {
		t.Errorf("state %s", got)
	}
	if got := at(h.app.fileStatus(id).data, "sessionEndReason"); got != "CallEnded" {
		t.Errorf("reason %s", got)
	}
}

func TestRecordingByLocator(t *testing.T) {
	group := "33333333-0000-4000-8000-000000000003"
	h := start(t, Options{TimeScale: unhurried})
	call := h.connect(object{"kind": "groupCallLocator", "groupCallId": group})
	h.app.named(call, "CallConnected")
	ringing := h.create(phoneEnding("0408"))
	cases := []struct {
		name    string
		body    object
		status  int
		message string
	}{
		{"of a group call", object{"callLocator": object{"kind": "groupCallLocator", "groupCallId": group}}, 200, ""},
		{"of a group call that nobody is in", object{"callLocator": object{"kind": "groupCallLocator", "groupCallId": ringing}}, 404, "Call not found."},
		{"of a server call that is not there", object{"callLocator": object{"kind": "serverCallLocator", "serverCallId": newServerCallID()}}, 404, "Call not found."},
		{"of a connection that is not there", object{"callConnectionId": "nowhere"}, 404, "Call not found."},
		{"of a call that nobody answered", object{"callConnectionId": ringing}, 400, "Call is not in Established state."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h.t = t
			if got := h.request("POST", "/calling/recordings", c.body).want(c.status).at("error", "message"); got != c.message {
				t.Errorf("message %q", got)
			}
		})
	}
}

func TestStartRecordingIsRepeatableAndActsOnce(t *testing.T) {
	h := start(t, Options{})
	call := h.connected(alice)
	pair := []string{"Repeatability-Request-ID", "11111111-0000-4000-8000-000000000012", "Repeatability-First-Sent", "Mon, 23 Nov 2026 15:40:57 GMT"}
	first := h.request("POST", "/calling/recordings", object{"callConnectionId": call}, pair...).want(200).at("recordingId")
	for deadline := time.Now().Add(time.Minute); ; {
		again := h.request("POST", "/calling/recordings", object{"callConnectionId": call}, pair...).want(200)
		if again.at("recordingId") != first {
			t.Fatalf("another recording: %s", again.raw)
		}
		if again.at("recordingState") == "active" { // the state of that moment
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it never records")
		}
	}
}

// The announcement of a file, as documented, in either envelope.
func TestRecordingFileStatusInBothSchemas(t *testing.T) {
	want := "{recordingStorageInfo:{recordingChunks:[{documentId:string index:number endReason:string contentLocation:string " +
		"metadataLocation:string deleteLocation:string }] } recordingStartTime:string recordingDurationMs:number " +
		"recordingContentType:string recordingChannelType:string recordingFormatType:string sessionEndReason:string }"
	for _, schema := range []Schema{EventGridSchema, CloudEventSchema} {
		t.Run(string(schema), func(t *testing.T) {
			h := start(t, Options{EventGridSchema: schema})
			chunk, status := h.recordedFile(object{})
			var event struct{ Data json.RawMessage }
			raw := strings.TrimSuffix(strings.TrimPrefix(string(status.raw), "["), "]")
			if err := json.Unmarshal([]byte(raw), &event); err != nil {
				t.Fatal(err)
			}
			if got := shape(t, event.Data); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			object := h.url + "/v1/objects/" + at(chunk, "documentId")
			if at(chunk, "contentLocation") != object+"/content/audio" || at(chunk, "metadataLocation") != object+"/content/acsmetadata" ||
				at(chunk, "deleteLocation") != object {
				t.Errorf("%v", chunk)
			}
		})
	}
}

func TestChannelsOfAnUnmixedRecording(t *testing.T) {
	cases := []struct {
		name  string
		heard []string
		asked channels
		want  string
		count int
	}{
		{"by order of joining", []string{"a", "b"}, channels{}, "a0 b1", 2},
		{"by the order that was asked for", []string{"a", "b", "c"}, channels{order: []string{"c", "x", "b"}}, "c0 b1 a2", 3},
		{"by affinity, the others around it", []string{"a", "b", "c"}, channels{affinity: map[string]int{"b": 0, "c": 2}}, "a1 b0 c2", 3},
		{"more than there are", []string{"a", "b", "c", "d", "e", "f"}, channels{}, "a0 b1 c2 d3 e4 f-", 5},
		{"nobody", nil, channels{}, "", 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := &recording{heard: c.heard, channels: c.asked, request: &upstream.StartCallRecordingRequest{RecordingChannelType: upstream.RecordingUnmixed}}
			participants, count := r.recordedParticipants()
			var got []string
			for _, p := range participants {
				channel := "-"
				if p.ChannelID != nil {
					channel = strconv.Itoa(*p.ChannelID)
				}
				got = append(got, p.ParticipantID+channel)
			}
			if strings.Join(got, " ") != c.want || count != c.count {
				t.Errorf("%v on %d channels, want %s on %d", got, count, c.want, c.count)
			}
		})
	}
}

func TestRecordingsOfACallAreBounded(t *testing.T) {
	h := start(t, Options{})
	call := h.connected(alice)
	for range maxRecordings {
		h.request("POST", "/calling/recordings", object{"callConnectionId": call}).want(200)
	}
	h.request("POST", "/calling/recordings", object{"callConnectionId": call}).want(429)
}
