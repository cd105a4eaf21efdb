package eventstream

import (
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// TestMediaDetails: what no capture shows.
func TestMediaDetails(t *testing.T) {
	for name, test := range map[string]struct{ eventType, data, want string }{
		"every tone": {
			"RecognizeCompleted",
			`{"recognitionType":"dtmf","dtmfResult":{"tones":["zero","one","two","three","four","five","six","seven","eight","nine","a","b","c","d","pound","asterisk"]}}`,
			`{"recognizeCompleted":{"recognitionType":"RECOGNITION_TYPE_DTMF","recognitionTypeName":"dtmf","dtmfResult":{"digits":"0123456789ABCD#*","tones":["TONE_ZERO","TONE_ONE","TONE_TWO","TONE_THREE","TONE_FOUR","TONE_FIVE","TONE_SIX","TONE_SEVEN","TONE_EIGHT","TONE_NINE","TONE_A","TONE_B","TONE_C","TONE_D","TONE_POUND","TONE_ASTERISK"]}}}`,
		},
		"a tone that is no key": {
			"RecognizeCompleted", `{"recognitionType":"dtmf","dtmfResult":{"tones":["one","flash"]}}`,
			`{"recognizeCompleted":{"recognitionType":"RECOGNITION_TYPE_DTMF","recognitionTypeName":"dtmf","dtmfResult":{"digits":"1?","tones":["TONE_ONE","TONE_UNSPECIFIED"]}}}`,
		},
		"a choice": {
			"RecognizeCompleted", `{"recognitionType":"choices","choiceResult":{"label":"Yes","recognizedPhrase":"sure","confidence":0.75}}`,
			`{"recognizeCompleted":{"recognitionType":"RECOGNITION_TYPE_CHOICES","recognitionTypeName":"choices","choiceResult":{"label":"Yes","recognizedPhrase":"sure","confidence":0.75}}}`,
		},
		"speech": {
			"RecognizeCompleted", `{"recognitionType":"speech","speechResult":{"speech":"hello","confidence":0}}`,
			`{"recognizeCompleted":{"recognitionType":"RECOGNITION_TYPE_SPEECH","recognitionTypeName":"speech","speechResult":{"speech":"hello","confidence":0}}}`,
		},
		"a kind of input that is new": {
			"RecognizeCompleted", `{"recognitionType":"gesture"}`, `{"recognizeCompleted":{"recognitionTypeName":"gesture"}}`,
		},
		"a failure that is of no prompt": {"RecognizeFailed", `{}`, `{"recognizeFailed":{}}`},
		"a status that is new": {
			"TranscriptionUpdated", `{"transcriptionUpdate":{"transcriptionStatus":"paused","transcriptionStatusDetails":"coffee"}}`,
			`{"transcriptionUpdated":{"statusName":"paused","statusDetailsName":"coffee"}}`,
		},
		"members of the wrong type": {"ContinuousDtmfRecognitionToneReceived", `{"sequenceId":1,"tone":5}`, `{"continuousDtmfRecognitionToneReceived":{"sequenceId":1}}`},
	} {
		t.Run(name, func(t *testing.T) { checkDetail(t, cloudEvent(typePrefix+test.eventType, test.data, ""), test.want) })
	}
}

func TestRecordingFiles(t *testing.T) {
	const (
		data = `{"recordingStorageInfo":{"recordingChunks":[
			{"documentId":"0-eus","index":0,"endReason":"ChunkMaximumSizeExceeded","contentLocation":"https://x.asm.skype.com/0/content","metadataLocation":"https://x.asm.skype.com/0/meta","deleteLocation":"https://x.asm.skype.com/0"},
			{"documentId":"1-eus","index":1,"endReason":"SessionEnded"}]},
			"recordingStartTime":"2026-03-12T10:00:02.5Z","recordingDurationMs":27500,"recordingContentType":"AudioVideo","recordingChannelType":"Mixed","recordingFormatType":"Mp4","sessionEndReason":"SessionEnded"}`
		want = `{"files":[
			{"documentId":"0-eus","index":0,"endReason":"ChunkMaximumSizeExceeded","contentLocation":"https://x.asm.skype.com/0/content","metadataLocation":"https://x.asm.skype.com/0/meta","deleteLocation":"https://x.asm.skype.com/0"},
			{"documentId":"1-eus","index":1,"endReason":"SessionEnded"}],
			"startTime":"2026-03-12T10:00:02.5Z","duration":"27.5s","contentType":"RECORDING_CONTENT_TYPE_AUDIO_VIDEO","contentTypeName":"AudioVideo",
			"channelType":"RECORDING_CHANNEL_TYPE_MIXED","channelTypeName":"Mixed","formatType":"RECORDING_FORMAT_TYPE_MP4","formatTypeName":"Mp4","sessionEndReason":"SessionEnded"`
	)
	for name, test := range map[string]struct{ subject, recordingID, serverCallID string }{
		"a subject with all ids":           {"/recording/call/c/serverCallId/aHR0cHM6/Ly9h==/recordingId/eyJQ", "eyJQ", "aHR0cHM6/Ly9h=="},
		"a subject without a recording id": {"/recording/call/c/serverCallId/aHR0", "", "aHR0"},
		"an old subject":                   {"/recording/call/c", "", ""},
		"no subject":                       {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			body := `[{"id":"1","topic":"t","subject":"` + test.subject + `","eventType":"Microsoft.Communication.RecordingFileStatusUpdated","eventTime":"2026-03-12T10:01:00Z","dataVersion":"1.0","metadataVersion":"1","data":` + data + `}]`
			id := ""
			if test.recordingID != "" {
				id = `,"recordingId":"` + test.recordingID + `"`
			}
			ev := checkDetail(t, body, `{"recordingFileStatusUpdated":`+want+id+`}}`)
			if ev.GetServerCallId() != test.serverCallID {
				t.Errorf("server call id is %q", ev.GetServerCallId())
			}
		})
	}
}

// checkDetail compares the detail of an event with that of an event in JSON.
func checkDetail(t *testing.T, body, want string) *callgatev1.CallEvent {
	t.Helper()
	records, err := DecodeEvents([]byte(body), fromUpstream, receivedAt)
	if err != nil {
		t.Fatal(err)
	}
	wanted := &callgatev1.CallEvent{}
	if err := protojson.Unmarshal([]byte(want), wanted); err != nil {
		t.Fatal(err)
	}
	got := &callgatev1.CallEvent{Detail: records[0].GetEvent().GetDetail()}
	if !proto.Equal(got, wanted) {
		t.Errorf("%v\nwant %v", got, wanted)
	}
	return records[0].GetEvent()
}

// TestEveryTypeIsDetailedOrSaysNoMore: the contract's list of what has no more to
// say than every event has.
func TestEveryTypeIsDetailedOrSaysNoMore(t *testing.T) {
	plain := map[string]bool{
		"CallConnected": true, "CallDisconnected": true, "CreateCallFailed": true, "AnswerFailed": true, "ConnectFailed": true,
		"CallTransferFailed": true, "HoldFailed": true, "PlayStarted": true, "PlayCompleted": true, "PlayCanceled": true,
		"RecognizeCanceled": true, "ContinuousDtmfRecognitionToneFailed": true, "ContinuousDtmfRecognitionStopped": true,
		"SendDtmfTonesCompleted": true, "SendDtmfTonesFailed": true,
	}
	for eventType, name := range typeNames {
		if detailed[eventType] == plain[name] {
			t.Errorf("%s has a detail: %v", name, detailed[eventType])
		}
		if detailed[eventType] != (decodedDetail(t, name) != nil) {
			t.Errorf("%s is decoded otherwise than the contract has it", name)
		}
	}
}

func decodedDetail(t *testing.T, name string) any {
	t.Helper()
	records, err := DecodeEvents([]byte(cloudEvent(typePrefix+name, `{}`, "")), fromUpstream, receivedAt)
	if err != nil {
		t.Fatal(err)
	}
	if detail := records[0].GetEvent().GetDetail(); detail != nil {
		return detail
	}
	return nil
}
