package eventstream

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/identifier"
)

const (
	active   = callgatev1.RecordingState_RECORDING_STATE_ACTIVE
	inactive = callgatev1.RecordingState_RECORDING_STATE_INACTIVE
)

// holding is a list of the call's participants: of one, who is on hold, is not, or
// of whom that is not said (nil).
func holding(id, rawID string, onHold *bool) *logv1.Record {
	rec := happened(id, typeParticipantsUpdated, "")
	rec.Event.GetParticipantsUpdated().Participants = []*callgatev1.CallParticipant{{Identifier: identifier.Parse(rawID), IsOnHold: onHold}}
	return rec
}

// recorded is a state of a recording, on the recorder's own connection.
func recorded(id, recordingID string, state callgatev1.RecordingState, begun bool) *logv1.Record {
	rec := record(id, "recorder", typeRecordingState)
	changed := &callgatev1.RecordingStateChanged{RecordingId: recordingID, State: state}
	if begun {
		changed.StartTime = timestamppb.New(time.Unix(1e9, 0))
	}
	rec.Event.Detail = &callgatev1.CallEvent_RecordingStateChanged{RecordingStateChanged: changed}
	return rec
}

func notRecorded(id, recordingID string) *logv1.Record {
	rec := record(id, "recorder", callgatev1.CallEventType_CALL_EVENT_TYPE_START_RECORDING_FAILED)
	rec.Event.Detail = &callgatev1.CallEvent_StartRecordingFailed{StartRecordingFailed: &callgatev1.StartRecordingFailed{RecordingId: recordingID}}
	return rec
}

func mediaOutcomeCases() map[string]outcomeCase {
	const (
		play           = callgatev1.Action_ACTION_PLAY_MEDIA
		recognize      = callgatev1.Action_ACTION_RECOGNIZE_INPUT
		stopDtmf       = callgatev1.Action_ACTION_STOP_CONTINUOUS_DTMF_RECOGNITION
		sendDtmf       = callgatev1.Action_ACTION_SEND_DTMF_TONES
		hold           = callgatev1.Action_ACTION_HOLD_PARTICIPANT
		unhold         = callgatev1.Action_ACTION_UNHOLD_PARTICIPANT
		start          = callgatev1.Action_ACTION_START_RECORDING
		pause          = callgatev1.Action_ACTION_PAUSE_RECORDING
		resume         = callgatev1.Action_ACTION_RESUME_RECORDING
		stop           = callgatev1.Action_ACTION_STOP_RECORDING
		playCompleted  = callgatev1.CallEventType_CALL_EVENT_TYPE_PLAY_COMPLETED
		playFailed     = callgatev1.CallEventType_CALL_EVENT_TYPE_PLAY_FAILED
		playCanceled   = callgatev1.CallEventType_CALL_EVENT_TYPE_PLAY_CANCELED
		playStarted    = callgatev1.CallEventType_CALL_EVENT_TYPE_PLAY_STARTED
		holdFailed     = callgatev1.CallEventType_CALL_EVENT_TYPE_HOLD_FAILED
		alice, bob     = "8:acs:r_alice", "8:acs:r_bob"
		toneReceived   = callgatev1.CallEventType_CALL_EVENT_TYPE_CONTINUOUS_DTMF_RECOGNITION_TONE_RECEIVED
		tonesStopped   = callgatev1.CallEventType_CALL_EVENT_TYPE_CONTINUOUS_DTMF_RECOGNITION_STOPPED
		tonesSent      = callgatev1.CallEventType_CALL_EVENT_TYPE_SEND_DTMF_TONES_COMPLETED
		tonesNotSent   = callgatev1.CallEventType_CALL_EVENT_TYPE_SEND_DTMF_TONES_FAILED
		recognized     = callgatev1.CallEventType_CALL_EVENT_TYPE_RECOGNIZE_COMPLETED
		notRecognized  = callgatev1.CallEventType_CALL_EVENT_TYPE_RECOGNIZE_FAILED
		recognizeEnded = callgatev1.CallEventType_CALL_EVENT_TYPE_RECOGNIZE_CANCELED
	)
	events := func(records ...*logv1.Record) []*logv1.Record { return records }
	ended := happened("end", typeCallDisconnected, "of the creation")
	on, off := proto.Bool(true), proto.Bool(false)
	held := func(r *callgatev1.ActionReceipt) { r.Participant = identifier.User(alice) }
	bring := func(state callgatev1.RecordingState) func(*callgatev1.ActionReceipt) {
		return func(r *callgatev1.ActionReceipt) {
			r.CallConnectionId, r.OperationContext, r.RecordingId, r.RecordingState = "", "", "rec", state
		}
	}
	cases := map[string]outcomeCase{
		"played":                    {action: play, events: events(happened("s", playStarted, "ctx"), happened("x", playCompleted, "other"), happened("y", playCompleted, "ctx")), want: "y", status: succeeded},
		"playing failed":            {action: play, events: events(happened("y", playFailed, "ctx")), want: "y", status: failed},
		"playing was cancelled":     {action: play, events: events(happened("y", playCanceled, "ctx")), want: "y", status: canceled},
		"ended while playing":       {action: play, events: events(happened("s", playStarted, "ctx"), ended), want: "end", status: callEnded},
		"recognized":                {action: recognize, events: events(happened("y", recognized, "ctx")), want: "y", status: succeeded},
		"nothing recognized":        {action: recognize, events: events(happened("y", notRecognized, "ctx")), want: "y", status: failed},
		"recognizing was cancelled": {action: recognize, events: events(happened("y", recognizeEnded, "ctx")), want: "y", status: canceled},
		"tones no more":             {action: stopDtmf, events: events(happened("x", toneReceived, "ctx"), happened("y", tonesStopped, "ctx")), want: "y", status: succeeded},
		"tones sent":                {action: sendDtmf, events: events(happened("y", tonesSent, "ctx")), want: "y", status: succeeded},
		"tones not sent":            {action: sendDtmf, events: events(happened("y", tonesNotSent, "ctx")), want: "y", status: failed},
		"on hold":                   {action: hold, receipt: held, events: events(holding("a", bob, on), holding("b", alice, off), holding("c", alice, nil), holding("y", alice, on)), want: "y", status: succeeded},
		"not put on hold":           {action: hold, receipt: held, events: events(happened("x", holdFailed, "other"), happened("y", holdFailed, "ctx")), want: "y", status: failed},
		"ended before on hold":      {action: hold, receipt: held, events: events(ended), want: "end", status: callEnded},
		"off hold":                  {action: unhold, receipt: held, events: events(holding("a", bob, off), holding("b", alice, on), holding("c", alice, nil), holding("y", alice, off)), want: "y", status: succeeded},
		"recording":                 {action: start, receipt: bring(active), events: events(recorded("a", "rec", inactive, false), recorded("b", "other", active, true), recorded("y", "rec", active, true)), want: "y", status: succeeded},
		"recording, paused":         {action: start, receipt: bring(inactive), events: events(recorded("y", "rec", inactive, false)), want: "y", status: succeeded},
		"not recording":             {action: start, receipt: bring(active), events: events(notRecorded("x", "other"), notRecorded("y", "rec")), want: "y", status: failed},
		"recording paused":          {action: pause, receipt: bring(inactive), events: events(recorded("a", "rec", inactive, false), recorded("b", "rec", active, true), recorded("y", "rec", inactive, true)), want: "y", status: succeeded},
		"recording resumed":         {action: resume, receipt: bring(active), events: events(recorded("a", "rec", inactive, true), recorded("y", "rec", active, true)), want: "y", status: succeeded},
		"recording stopped":         {action: stop, receipt: bring(inactive), events: events(recorded("b", "other", inactive, true), recorded("y", "rec", inactive, true)), want: "y", status: succeeded},
	}
	for name, test := range map[string]struct {
		action     callgatev1.Action
		good, fail callgatev1.CallEventType
	}{
		"transcription started":   {callgatev1.Action_ACTION_START_TRANSCRIPTION, callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_STARTED, callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_FAILED},
		"transcription stopped":   {callgatev1.Action_ACTION_STOP_TRANSCRIPTION, callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_STOPPED, callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_FAILED},
		"transcription updated":   {callgatev1.Action_ACTION_UPDATE_TRANSCRIPTION, callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_UPDATED, callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_FAILED},
		"media streaming started": {callgatev1.Action_ACTION_START_MEDIA_STREAMING, callgatev1.CallEventType_CALL_EVENT_TYPE_MEDIA_STREAMING_STARTED, callgatev1.CallEventType_CALL_EVENT_TYPE_MEDIA_STREAMING_FAILED},
		"media streaming stopped": {callgatev1.Action_ACTION_STOP_MEDIA_STREAMING, callgatev1.CallEventType_CALL_EVENT_TYPE_MEDIA_STREAMING_STOPPED, callgatev1.CallEventType_CALL_EVENT_TYPE_MEDIA_STREAMING_FAILED},
	} {
		cases[name] = outcomeCase{action: test.action, events: events(happened("x", test.good, "other"), happened("y", test.good, "ctx")), want: "y", status: succeeded}
		cases["not "+name] = outcomeCase{action: test.action, events: events(happened("y", test.fail, "ctx")), want: "y", status: failed}
		cases["ended before "+name] = outcomeCase{action: test.action, events: events(ended), want: "end", status: callEnded}
	}
	return cases
}

// TestEveryActionHasEndingsOrNone: those without are done when they return.
func TestEveryActionHasEndingsOrNone(t *testing.T) {
	without := map[callgatev1.Action]bool{
		callgatev1.Action_ACTION_UNSPECIFIED:                       true,
		callgatev1.Action_ACTION_REJECT_CALL:                       true,
		callgatev1.Action_ACTION_REDIRECT_CALL:                     true,
		callgatev1.Action_ACTION_MUTE_PARTICIPANT:                  true,
		callgatev1.Action_ACTION_START_CONTINUOUS_DTMF_RECOGNITION: true,
		callgatev1.Action_ACTION_CANCEL_ALL_MEDIA_OPERATIONS:       true,
		callgatev1.Action_ACTION_DELETE_RECORDING:                  true,
	}
	for number, name := range callgatev1.Action_name {
		if action := callgatev1.Action(number); (len(endings[action]) == 0) != without[action] {
			t.Errorf("%s has %d endings", name, len(endings[action]))
		}
	}
}

func TestRecordingFilesAreFoundByRecording(t *testing.T) {
	log := openLog(t, LogOptions{})
	tell := func(id, recordingID, location string) {
		rec := record(id, "", typeRecordingFiles)
		rec.Event.Detail = &callgatev1.CallEvent_RecordingFileStatusUpdated{RecordingFileStatusUpdated: &callgatev1.RecordingFileStatusUpdated{
			RecordingId: recordingID, Files: []*callgatev1.RecordingFile{{ContentLocation: location}},
		}}
		mustAppend(t, log, rec)
	}
	tell("1", "rec", "old")
	tell("2", "rec", "new")
	tell("3", "other", "other")
	tell("4", "", "nameless")
	files, err := log.RecordingFiles(testContext(t), "rec")
	if err != nil || files.GetFiles()[0].GetContentLocation() != "new" {
		t.Errorf("%v, %v", files, err)
	}
	if files, err := log.RecordingFiles(testContext(t), "unknown"); err != ErrNoRecordingFiles { //nolint:errorlint // it is returned as it is
		t.Errorf("%v, %v", files, err)
	}
}
