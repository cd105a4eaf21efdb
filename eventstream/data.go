package eventstream

import (
	"errors"

	json "github.com/go-json-experiment/json/v1"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// eventData is all that the contract types of the upstream's data objects. No two
// types of event mean different things by one name.
type eventData struct {
	CallConnectionID string      `json:"callConnectionId"`
	ServerCallID     string      `json:"serverCallId"`
	CorrelationID    string      `json:"correlationId"`
	OperationContext string      `json:"operationContext"`
	Version          string      `json:"version"`
	Result           *resultData `json:"resultInformation"`

	// ParticipantsUpdated
	Participants   []participantData `json:"participants"`
	SequenceNumber optional[int32]   `json:"sequenceNumber"`
	// Add-, Remove- and MoveParticipant…
	Participant *identifierData `json:"participant"`
	FromCall    string          `json:"fromCall"`
	// CancelAddParticipant…
	InvitationID string `json:"invitationId"`
	// CallTransferAccepted
	TransferTarget *identifierData `json:"transferTarget"`
	Transferee     *identifierData `json:"transferee"`
	// IncomingCall
	To                  *identifierData    `json:"to"`
	From                *identifierData    `json:"from"`
	CallerDisplayName   string             `json:"callerDisplayName"`
	IncomingCallContext string             `json:"incomingCallContext"`
	CustomContext       *customContextData `json:"customContext"`
	OnBehalfOfCallee    *identifierData    `json:"onBehalfOfCallee"`
	// CallStarted, CallEnded, CallParticipantAdded, CallParticipantRemoved
	StartedBy      *partyData        `json:"startedBy"`
	Group          namedData         `json:"group"`
	Room           namedData         `json:"room"`
	IsTwoParty     optional[bool]    `json:"isTwoParty"`
	IsRoomsCall    optional[bool]    `json:"isRoomsCall"`
	DurationOfCall optional[float64] `json:"durationOfCall"`        // seconds
	CallDuration   optional[float64] `json:"callDurationInSeconds"` // the same, by its newer name
	User           *partyData        `json:"user"`
	DisplayName    string            `json:"displayName"`
	ParticipantID  string            `json:"participantId"`
	// PlayFailed, RecognizeFailed
	FailedPlaySourceIndex optional[int32] `json:"failedPlaySourceIndex"`
	// RecognizeCompleted
	RecognitionType string      `json:"recognitionType"`
	DtmfResult      *dtmfData   `json:"dtmfResult"`
	ChoiceResult    *choiceData `json:"choiceResult"`
	SpeechResult    *speechData `json:"speechResult"`
	// ContinuousDtmfRecognitionToneReceived
	SequenceID optional[int32] `json:"sequenceId"`
	Tone       string          `json:"tone"`
	// Transcription…, MediaStreaming…
	TranscriptionUpdate  transcriptionData  `json:"transcriptionUpdate"`
	MediaStreamingUpdate mediaStreamingData `json:"mediaStreamingUpdate"`
	// RecordingStateChanged, StartRecordingFailed
	RecordingID   string `json:"recordingId"`
	State         string `json:"state"`
	StartDateTime string `json:"startDateTime"`
	RecordingKind string `json:"recordingKind"`
	// RecordingFileStatusUpdated
	RecordingStorageInfo recordingStorageData `json:"recordingStorageInfo"`
	RecordingStartTime   string               `json:"recordingStartTime"`
	RecordingDurationMs  optional[float64]    `json:"recordingDurationMs"`
	RecordingContentType string               `json:"recordingContentType"`
	RecordingChannelType string               `json:"recordingChannelType"`
	RecordingFormatType  string               `json:"recordingFormatType"`
	SessionEndReason     string               `json:"sessionEndReason"`
}

// optional is a number or a truth that may be absent. Of another type it is absent,
// too: a pointer would then be to zero.
type optional[T any] struct{ value *T }

// UnmarshalJSON implements json.Unmarshaler.
func (o *optional[T]) UnmarshalJSON(text []byte) error {
	var value *T
	if json.Unmarshal(text, &value) == nil {
		o.value = value
	}
	return nil // an error would end the decoding of the rest
}

// decodeData sets the members of ev that come from its data. A member of another
// type than it should have is left out, and so is data that is no object: whoever
// needs them finds them in the event's data, as they came.
func decodeData(ev *callgatev1.CallEvent, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	var d eventData
	var mistyped *json.UnmarshalTypeError // then the rest has been decoded all the same
	if err := json.Unmarshal(data, &d); err != nil && !errors.As(err, &mistyped) {
		return jsonError(err)
	}
	ev.CallConnectionId = d.CallConnectionID
	ev.ServerCallId = d.ServerCallID
	ev.CorrelationId = d.CorrelationID
	ev.OperationContext = d.OperationContext
	ev.Result = d.Result.toProto()
	if ev.GetDataVersion() == "" {
		ev.DataVersion = d.Version
	}
	d.setDetail(ev)
	return nil
}

// setDetail sets the detail of the types that have one.
func (d *eventData) setDetail(ev *callgatev1.CallEvent) {
	switch ev.GetType() {
	case callgatev1.CallEventType_CALL_EVENT_TYPE_PARTICIPANTS_UPDATED:
		ev.Detail = &callgatev1.CallEvent_ParticipantsUpdated{ParticipantsUpdated: d.participantsUpdated()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_ADD_PARTICIPANT_SUCCEEDED:
		ev.Detail = &callgatev1.CallEvent_AddParticipantSucceeded{AddParticipantSucceeded: d.participant()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_ADD_PARTICIPANT_FAILED:
		ev.Detail = &callgatev1.CallEvent_AddParticipantFailed{AddParticipantFailed: d.participant()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_REMOVE_PARTICIPANT_SUCCEEDED:
		ev.Detail = &callgatev1.CallEvent_RemoveParticipantSucceeded{RemoveParticipantSucceeded: d.participant()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_REMOVE_PARTICIPANT_FAILED:
		ev.Detail = &callgatev1.CallEvent_RemoveParticipantFailed{RemoveParticipantFailed: d.participant()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_MOVE_PARTICIPANT_SUCCEEDED:
		ev.Detail = &callgatev1.CallEvent_MoveParticipantSucceeded{MoveParticipantSucceeded: d.moveParticipant()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_MOVE_PARTICIPANT_FAILED:
		ev.Detail = &callgatev1.CallEvent_MoveParticipantFailed{MoveParticipantFailed: d.moveParticipant()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_CANCEL_ADD_PARTICIPANT_SUCCEEDED:
		ev.Detail = &callgatev1.CallEvent_CancelAddParticipantSucceeded{CancelAddParticipantSucceeded: d.invitation()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_CANCEL_ADD_PARTICIPANT_FAILED:
		ev.Detail = &callgatev1.CallEvent_CancelAddParticipantFailed{CancelAddParticipantFailed: d.invitation()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_TRANSFER_ACCEPTED:
		ev.Detail = &callgatev1.CallEvent_CallTransferAccepted{CallTransferAccepted: d.transferAccepted()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_INCOMING_CALL:
		ev.Detail = &callgatev1.CallEvent_IncomingCall{IncomingCall: d.incomingCall()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_STARTED:
		ev.Detail = &callgatev1.CallEvent_CallStarted{CallStarted: d.lifecycle()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_ENDED:
		ev.Detail = &callgatev1.CallEvent_CallEnded{CallEnded: d.lifecycle()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_PARTICIPANT_ADDED:
		ev.Detail = &callgatev1.CallEvent_CallParticipantAdded{CallParticipantAdded: d.lifecycle()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_PARTICIPANT_REMOVED:
		ev.Detail = &callgatev1.CallEvent_CallParticipantRemoved{CallParticipantRemoved: d.lifecycle()}
	default:
		d.setMediaDetail(ev)
	}
}

// setMediaDetail is setDetail for the types of media and recording.
func (d *eventData) setMediaDetail(ev *callgatev1.CallEvent) {
	switch ev.GetType() {
	case callgatev1.CallEventType_CALL_EVENT_TYPE_PLAY_FAILED:
		ev.Detail = &callgatev1.CallEvent_PlayFailed{PlayFailed: d.playSourceFailure()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_RECOGNIZE_COMPLETED:
		ev.Detail = &callgatev1.CallEvent_RecognizeCompleted{RecognizeCompleted: d.recognized()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_RECOGNIZE_FAILED:
		ev.Detail = &callgatev1.CallEvent_RecognizeFailed{RecognizeFailed: d.playSourceFailure()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_CONTINUOUS_DTMF_RECOGNITION_TONE_RECEIVED:
		ev.Detail = &callgatev1.CallEvent_ContinuousDtmfRecognitionToneReceived{ContinuousDtmfRecognitionToneReceived: d.dtmfTone()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_STARTED:
		ev.Detail = &callgatev1.CallEvent_TranscriptionStarted{TranscriptionStarted: d.transcription()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_STOPPED:
		ev.Detail = &callgatev1.CallEvent_TranscriptionStopped{TranscriptionStopped: d.transcription()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_UPDATED:
		ev.Detail = &callgatev1.CallEvent_TranscriptionUpdated{TranscriptionUpdated: d.transcription()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_FAILED:
		ev.Detail = &callgatev1.CallEvent_TranscriptionFailed{TranscriptionFailed: d.transcription()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_MEDIA_STREAMING_STARTED:
		ev.Detail = &callgatev1.CallEvent_MediaStreamingStarted{MediaStreamingStarted: d.mediaStreaming()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_MEDIA_STREAMING_STOPPED:
		ev.Detail = &callgatev1.CallEvent_MediaStreamingStopped{MediaStreamingStopped: d.mediaStreaming()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_MEDIA_STREAMING_FAILED:
		ev.Detail = &callgatev1.CallEvent_MediaStreamingFailed{MediaStreamingFailed: d.mediaStreaming()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_RECORDING_STATE_CHANGED:
		ev.Detail = &callgatev1.CallEvent_RecordingStateChanged{RecordingStateChanged: d.recordingState()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_START_RECORDING_FAILED:
		ev.Detail = &callgatev1.CallEvent_StartRecordingFailed{StartRecordingFailed: d.startRecordingFailed()}
	case callgatev1.CallEventType_CALL_EVENT_TYPE_RECORDING_FILE_STATUS_UPDATED:
		ev.Detail = &callgatev1.CallEvent_RecordingFileStatusUpdated{RecordingFileStatusUpdated: d.recordingFiles(ev.GetSubject())}
		if ev.GetServerCallId() == "" {
			ev.ServerCallId, _ = recordingInSubject(ev.GetSubject())
		}
	}
}
