package emulator

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

type contractOperation struct {
	Name, Method, Path string
	Repeatable         bool
}

func contractOperations(t *testing.T) (found []contractOperation) {
	t.Helper()
	var contract struct{ Operations []contractOperation }
	if err := json.Unmarshal(readFile(t, "../upstream/testdata/contract.json"), &contract); err != nil {
		t.Fatal(err)
	}
	for _, o := range contract.Operations {
		if o.Path != "{nextLink}" { // another page of getParticipants
			found = append(found, o)
		}
	}
	return found
}

// Every operation of the contract has its route, and nothing else has one.
func TestEveryOperationOfTheContract(t *testing.T) {
	known := operations()
	for _, o := range contractOperations(t) {
		path := strings.NewReplacer("{callConnectionId}", "c", "{participantRawId}", "r", "{recordingId}", "r").Replace(o.Path)
		if r, err := parseRoute(o.Method, path, path); err != nil || r.operation != o.Name {
			t.Errorf("%s %s is %q, %v; want %s", o.Method, path, r.operation, err, o.Name)
		}
		if !slices.Contains(known, o.Name) {
			t.Errorf("%s is not listed", o.Name)
		}
		known = slices.DeleteFunc(known, func(name string) bool { return name == o.Name })
	}
	if slices.Sort(known); !slices.Equal(known, []string{deleteRecording, downloadRecording}) {
		t.Errorf("the contract does not have %v", known)
	}
}

// requestBodies are bodies that parse, for the operations that need one.
func requestBodies() map[string]any {
	party := object{"targetParticipant": rawID(alice)}
	create := object{"targets": []object{rawID(alice)}, "callbackUri": "https://app.example"}
	taken := object{"incomingCallContext": incomingContextHeader + ".x.", "callbackUri": "https://app.example", "target": rawID(alice)}
	return map[string]any{
		"createCall": create, "answerCall": taken, "redirectCall": taken, "rejectCall": taken,
		"connect":               object{"callLocator": object{"kind": "roomCallLocator", "roomId": "9"}, "callbackUri": "https://app.example"},
		"transferToParticipant": party, "addParticipant": object{"participantToAdd": rawID(alice)},
		"removeParticipant": object{"participantToRemove": rawID(alice)}, "mute": object{"targetParticipants": []object{rawID(alice)}},
		"cancelAddParticipant": object{"invitationId": "x"}, "moveParticipants": object{"targetParticipants": []object{rawID(alice)}, "fromCall": "x"},
		"play": object{"playSources": []object{text(1)}}, "recognize": recognize("dtmf", alice, nil), "hold": party, "unhold": party,
		"startContinuousDtmfRecognition": party, "stopContinuousDtmfRecognition": party,
		"sendDtmfTones":      object{"targetParticipant": rawID(phone), "tones": []string{"one"}},
		"startTranscription": object{}, "stopTranscription": object{}, "updateTranscription": object{"locale": "en-US"},
		"startMediaStreaming": object{}, "stopMediaStreaming": object{}, "startRecording": object{"callConnectionId": "c"},
	}
}

// What may be repeated is what the contract says.
func TestRepeatableOperationsAreTheContracts(t *testing.T) {
	bodies := requestBodies()
	for _, o := range contractOperations(t) {
		body, err := json.Marshal(bodies[o.Name])
		if err != nil {
			t.Fatal(err)
		}
		act, repeatable, err := parseRequest(route{operation: o.Name}, body)
		if err != nil || act == nil || repeatable != o.Repeatable {
			t.Errorf("%s: repeatable is %v, want %v, %v", o.Name, repeatable, o.Repeatable, err)
		}
	}
}
