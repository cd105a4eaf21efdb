package eventstream

import (
	"context"
	"errors"
	"fmt"
	"io"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/identifier"
)

// match tells whether an event, of the receipt's call connection (or, for a
// recording, of any) and of a type that can end the receipt's action, is about that
// very action.
type match func(*callgatev1.ActionReceipt, *callgatev1.CallEvent) bool

// ending is one way for an action to end.
type ending struct {
	on     callgatev1.CallEventType
	match  match
	status callgatev1.ActionOutcome_Status
}

const (
	succeeded = callgatev1.ActionOutcome_STATUS_SUCCEEDED
	failed    = callgatev1.ActionOutcome_STATUS_FAILED
	canceled  = callgatev1.ActionOutcome_STATUS_CANCELED
	callEnded = callgatev1.ActionOutcome_STATUS_CALL_ENDED
)

// endings are how each action ends: by the first event behind its receipt's
// cursor that one of its lines matches. An action without lines has no outcome.
//
// What makes or ends the connection is matched by the connection alone: there is
// one such event of each, and its context is that of the action that made the
// connection, or none.
var endings = map[callgatev1.Action][]ending{
	callgatev1.Action_ACTION_CREATE_CALL: {
		{typeCallConnected, byConnection, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_CREATE_CALL_FAILED, byConnection, failed},
		{typeCallDisconnected, byConnection, failed},
	},
	callgatev1.Action_ACTION_ANSWER_CALL: {
		{typeCallConnected, byConnection, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_ANSWER_FAILED, byConnection, failed},
		{typeCallDisconnected, byConnection, failed},
	},
	callgatev1.Action_ACTION_CONNECT_CALL: {
		{typeCallConnected, byConnection, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_CONNECT_FAILED, byConnection, failed},
		{typeCallDisconnected, byConnection, failed},
	},
	callgatev1.Action_ACTION_HANG_UP_CALL: {
		{typeCallDisconnected, byConnection, succeeded},
	},
	callgatev1.Action_ACTION_TRANSFER_CALL: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_TRANSFER_ACCEPTED, byContext, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_TRANSFER_FAILED, byContext, failed},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_ADD_PARTICIPANT: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_ADD_PARTICIPANT_SUCCEEDED, byContext, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_ADD_PARTICIPANT_FAILED, byContext, failed},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_CANCEL_ADD_PARTICIPANT_SUCCEEDED, byInvitation, canceled},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_CANCEL_ADD_PARTICIPANT: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_CANCEL_ADD_PARTICIPANT_SUCCEEDED, byContext, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_CANCEL_ADD_PARTICIPANT_FAILED, byContext, failed},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_REMOVE_PARTICIPANT: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_REMOVE_PARTICIPANT_SUCCEEDED, byContext, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_REMOVE_PARTICIPANT_FAILED, byContext, failed},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_MOVE_PARTICIPANTS: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_MOVE_PARTICIPANT_SUCCEEDED, byContext, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_MOVE_PARTICIPANT_FAILED, byContext, failed},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_PLAY_MEDIA: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_PLAY_COMPLETED, byContext, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_PLAY_FAILED, byContext, failed},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_PLAY_CANCELED, byContext, canceled},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_RECOGNIZE_INPUT: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_RECOGNIZE_COMPLETED, byContext, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_RECOGNIZE_FAILED, byContext, failed},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_RECOGNIZE_CANCELED, byContext, canceled},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_STOP_CONTINUOUS_DTMF_RECOGNITION: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_CONTINUOUS_DTMF_RECOGNITION_STOPPED, byContext, succeeded},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_SEND_DTMF_TONES: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_SEND_DTMF_TONES_COMPLETED, byContext, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_SEND_DTMF_TONES_FAILED, byContext, failed},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_HOLD_PARTICIPANT: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_PARTICIPANTS_UPDATED, byHold(true), succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_HOLD_FAILED, byContext, failed},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_UNHOLD_PARTICIPANT: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_PARTICIPANTS_UPDATED, byHold(false), succeeded},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_START_TRANSCRIPTION: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_STARTED, byContext, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_FAILED, byContext, failed},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_STOP_TRANSCRIPTION: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_STOPPED, byContext, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_FAILED, byContext, failed},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_UPDATE_TRANSCRIPTION: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_UPDATED, byContext, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_TRANSCRIPTION_FAILED, byContext, failed},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_START_MEDIA_STREAMING: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_MEDIA_STREAMING_STARTED, byContext, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_MEDIA_STREAMING_FAILED, byContext, failed},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_STOP_MEDIA_STREAMING: {
		{callgatev1.CallEventType_CALL_EVENT_TYPE_MEDIA_STREAMING_STOPPED, byContext, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_MEDIA_STREAMING_FAILED, byContext, failed},
		{typeCallDisconnected, byConnection, callEnded},
	},
	callgatev1.Action_ACTION_START_RECORDING: {
		{typeRecordingState, byRecordingState, succeeded},
		{callgatev1.CallEventType_CALL_EVENT_TYPE_START_RECORDING_FAILED, byRecording, failed},
	},
	callgatev1.Action_ACTION_PAUSE_RECORDING:  {{typeRecordingState, byRecordingState, succeeded}},
	callgatev1.Action_ACTION_RESUME_RECORDING: {{typeRecordingState, byRecordingState, succeeded}},
	callgatev1.Action_ACTION_STOP_RECORDING:   {{typeRecordingState, byRecordingState, succeeded}},
}

func byConnection(*callgatev1.ActionReceipt, *callgatev1.CallEvent) bool { return true }

// byContext: an event that carries no context is not held against it.
func byContext(receipt *callgatev1.ActionReceipt, ev *callgatev1.CallEvent) bool {
	return ev.GetOperationContext() == "" || ev.GetOperationContext() == receipt.GetOperationContext()
}

func byInvitation(receipt *callgatev1.ActionReceipt, ev *callgatev1.CallEvent) bool {
	invitation := ev.GetCancelAddParticipantSucceeded().GetInvitationId()
	return invitation != "" && invitation == receipt.GetInvitationId()
}

// byHold matches when the participant that the receipt is about is on hold, or is
// not. No event tells of the action itself.
func byHold(want bool) match {
	return func(receipt *callgatev1.ActionReceipt, ev *callgatev1.CallEvent) bool {
		for _, p := range ev.GetParticipantsUpdated().GetParticipants() {
			if p.GetIdentifier().GetRawId() == identifier.RawID(receipt.GetParticipant()) {
				return p.IsOnHold != nil && p.GetIsOnHold() == want
			}
		}
		return false
	}
}

// byRecordingState matches when the recording is in the state that the action
// brings it into. The first event of a recording tells of its state before it
// begins: that one counts for nothing but a start that is to be paused.
func byRecordingState(receipt *callgatev1.ActionReceipt, ev *callgatev1.CallEvent) bool {
	changed := ev.GetRecordingStateChanged()
	begun := changed.GetStartTime() != nil || receipt.GetAction() == callgatev1.Action_ACTION_START_RECORDING
	return begun && changed.GetRecordingId() == receipt.GetRecordingId() && changed.GetState() == receipt.GetRecordingState()
}

func byRecording(receipt *callgatev1.ActionReceipt, ev *callgatev1.CallEvent) bool {
	return ev.GetStartRecordingFailed().GetRecordingId() == receipt.GetRecordingId()
}

// WaitForOutcome waits for the event that ends the action of receipt, which may
// have come already. It returns nil without an error when ctx's deadline passes
// first, or when the action has no outcome.
//
// Errors: those of a cursor, *CursorTrimmedError among them when the log no longer
// has what follows the receipt; ErrLogUnavailable; ErrDraining; and
// context.Canceled.
func (h *Hub) WaitForOutcome(ctx context.Context, receipt *callgatev1.ActionReceipt) (*callgatev1.ActionOutcome, error) {
	ways := endings[receipt.GetAction()]
	if len(ways) == 0 {
		return nil, nil
	}
	if receipt.GetCallConnectionId() == "" && receipt.GetRecordingId() == "" {
		return nil, errors.New("a receipt without call connection or recording has no outcome")
	}
	outcome, err := h.waitForOutcome(ctx, receipt, ways)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, nil
	}
	return outcome, err
}

func (h *Hub) waitForOutcome(ctx context.Context, receipt *callgatev1.ActionReceipt, ways []ending) (*callgatev1.ActionOutcome, error) {
	types := make([]callgatev1.CallEventType, len(ways))
	for i, way := range ways {
		types[i] = way.on
	}
	filter := &callgatev1.EventFilter{Types: types}
	if receipt.GetRecordingId() == "" { // else the events are the recorder's, whose connection nobody knows
		filter.CallConnectionIds = []string{receipt.GetCallConnectionId()}
	}
	sub, err := h.Subscribe(ctx, SubscribeOptions{Filter: filter, Start: StartAfter(receipt.GetCursor())})
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	for {
		item, err := sub.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return nil, ErrDraining
		case err != nil:
			return nil, err
		case item.Draining != nil:
			return nil, ErrDraining
		case item.Gap != nil && item.Gap.Reason == callgatev1.StreamGap_REASON_RETENTION:
			return nil, fmt.Errorf("the outcome may be among what was removed: %w", &CursorTrimmedError{Earliest: item.Gap.To})
		case item.Event != nil:
			if outcome := outcomeOf(receipt, ways, item.Event.CallEvent); outcome != nil {
				return outcome, nil
			}
		}
	}
}

// outcomeOf is the outcome that ev is, nil if it is none.
func outcomeOf(receipt *callgatev1.ActionReceipt, ways []ending, ev *callgatev1.CallEvent) *callgatev1.ActionOutcome {
	for _, way := range ways {
		if way.on == ev.GetType() && way.match(receipt, ev) {
			return &callgatev1.ActionOutcome{Status: way.status, Event: ev}
		}
	}
	return nil
}
