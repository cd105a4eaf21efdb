package eventstream

import (
	"encoding/json"
	"errors"

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
	SequenceNumber *int32            `json:"sequenceNumber"`
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
	StartedBy      *partyData `json:"startedBy"`
	Group          namedData  `json:"group"`
	Room           namedData  `json:"room"`
	IsTwoParty     *bool      `json:"isTwoParty"`
	IsRoomsCall    *bool      `json:"isRoomsCall"`
	DurationOfCall *float64   `json:"durationOfCall"`        // seconds
	CallDuration   *float64   `json:"callDurationInSeconds"` // the same, by its newer name
	User           *partyData `json:"user"`
	DisplayName    string     `json:"displayName"`
	ParticipantID  string     `json:"participantId"`
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
	}
}
