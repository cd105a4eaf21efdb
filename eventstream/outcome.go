package eventstream

import (
	"context"
	"errors"
	"fmt"
	"io"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// match tells whether an event, of the receipt's call connection and of a type
// that can end the receipt's action, is about that very action.
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
	if receipt.GetCallConnectionId() == "" {
		return nil, errors.New("a receipt without call connection has no outcome")
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
	sub, err := h.Subscribe(ctx, SubscribeOptions{
		Filter: &callgatev1.EventFilter{CallConnectionIds: []string{receipt.GetCallConnectionId()}, Types: types},
		Start:  StartAfter(receipt.GetCursor()),
	})
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
