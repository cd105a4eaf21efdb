package emulator

import (
	"context"
	"testing"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
)

func TestFaultsStrikeTheOperationsOfMediaAndRecordings(t *testing.T) {
	h := start(t, Options{})
	call := h.connected(alice)
	recording := h.record(object{"callConnectionId": call})
	bodies := requestBodies()
	cases := map[string][2]string{
		"startRecording": {"POST", "/calling/recordings"}, "getRecordingProperties": {"GET", "/calling/recordings/" + recording},
		"pauseRecording": {"POST", "/calling/recordings/" + recording + ":pause"}, "resumeRecording": {"POST", "/calling/recordings/" + recording + ":resume"},
		"stopRecording": {"DELETE", "/calling/recordings/" + recording},
	}
	for _, verb := range mediaOperations() {
		cases[verb] = [2]string{"POST", h.path(call, ":"+verb)}
	}
	for operation, request := range cases {
		t.Run(operation, func(t *testing.T) {
			h.t = t
			h.inject(&emulatorv1.Fault{Kind: fail, Operation: operation, Count: 1})
			h.request(request[0], request[1], bodies[operation]).want(503)
			all := h.receivedRequests()
			if last := all[len(all)-1]; last.GetOperation() != operation || last.GetEffect() != emulatorv1.Effect_EFFECT_NONE {
				t.Errorf("received %v", last)
			}
		})
	}
}

func TestFaultsStrikeTheCallbacksOfMediaAndRecordings(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	h.inject(&emulatorv1.Fault{Kind: emulatorv1.FaultKind_FAULT_KIND_LOSE, EventType: "PlayStarted"})
	h.inject(&emulatorv1.Fault{Kind: emulatorv1.FaultKind_FAULT_KIND_DUPLICATE, EventType: "RecordingStateChanged", Count: 1})
	h.media(id, "play", object{"playSources": []object{text(1)}}).want(202)
	h.after(id, "PlayCompleted")
	states := h.app.recordingStates(h.record(object{"callConnectionId": id}), 3)
	if at(states[0].event, "id") != at(states[1].event, "id") {
		t.Errorf("%s\n%s", states[0].raw, states[1].raw)
	}
}

func TestCallbackBeforeTheAnswerOfAPlay(t *testing.T) {
	h := start(t, Options{TimeScale: 1})
	id := h.connected(alice)
	h.inject(&emulatorv1.Fault{Kind: earlyCallback, Operation: "play"})
	h.media(id, "play", object{"playSources": []object{text(4000)}}).want(202)
	for _, r := range of(id, h.app.all()) {
		if r.name == "PlayStarted" {
			return
		}
	}
	t.Error("the answer came before PlayStarted")
}

// Reset forgets recordings and their files too.
func TestResetForgetsRecordings(t *testing.T) {
	h := start(t, Options{})
	chunk, _ := h.recordedFile(object{})
	id := h.record(object{"callConnectionId": h.connected(alice)})
	if _, err := h.emulator.Control().Reset(context.Background(), &emulatorv1.ResetRequest{}); err != nil {
		t.Fatal(err)
	}
	h.request("GET", "/calling/recordings/"+id, nil).want(404)
	if got := h.content("GET", at(chunk, "contentLocation")); got.status != 404 {
		t.Errorf("status %d", got.status)
	}
}
