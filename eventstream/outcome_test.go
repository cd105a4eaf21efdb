package eventstream

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// happened is an event of the call "c" with an operation context.
func happened(id string, t callgatev1.CallEventType, operationContext string) *logv1.Record {
	rec := record(id, "c", t)
	rec.Event.OperationContext = operationContext
	return rec
}

func withdrawn(id, operationContext, invitation string) *logv1.Record {
	rec := happened(id, callgatev1.CallEventType_CALL_EVENT_TYPE_CANCEL_ADD_PARTICIPANT_SUCCEEDED, operationContext)
	rec.Event.Detail = &callgatev1.CallEvent_CancelAddParticipantSucceeded{
		CancelAddParticipantSucceeded: &callgatev1.InvitationEvent{InvitationId: invitation},
	}
	return rec
}

type outcomeCase struct {
	action callgatev1.Action
	events []*logv1.Record
	want   string // the event's id
	status callgatev1.ActionOutcome_Status
	// receipt adds what the receipt of such an action has; nil for nothing.
	receipt func(*callgatev1.ActionReceipt)
}

func outcomeCases() map[string]outcomeCase {
	const (
		createFailed     = callgatev1.CallEventType_CALL_EVENT_TYPE_CREATE_CALL_FAILED
		answerFailed     = callgatev1.CallEventType_CALL_EVENT_TYPE_ANSWER_FAILED
		connectFailed    = callgatev1.CallEventType_CALL_EVENT_TYPE_CONNECT_FAILED
		transferAccepted = callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_TRANSFER_ACCEPTED
		transferFailed   = callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_TRANSFER_FAILED
		addSucceeded     = callgatev1.CallEventType_CALL_EVENT_TYPE_ADD_PARTICIPANT_SUCCEEDED
		addFailed        = callgatev1.CallEventType_CALL_EVENT_TYPE_ADD_PARTICIPANT_FAILED
		cancelFailed     = callgatev1.CallEventType_CALL_EVENT_TYPE_CANCEL_ADD_PARTICIPANT_FAILED
		removeSucceeded  = callgatev1.CallEventType_CALL_EVENT_TYPE_REMOVE_PARTICIPANT_SUCCEEDED
		removeFailed     = callgatev1.CallEventType_CALL_EVENT_TYPE_REMOVE_PARTICIPANT_FAILED
		moveSucceeded    = callgatev1.CallEventType_CALL_EVENT_TYPE_MOVE_PARTICIPANT_SUCCEEDED
		moveFailed       = callgatev1.CallEventType_CALL_EVENT_TYPE_MOVE_PARTICIPANT_FAILED
		create           = callgatev1.Action_ACTION_CREATE_CALL
		answer           = callgatev1.Action_ACTION_ANSWER_CALL
		connect          = callgatev1.Action_ACTION_CONNECT_CALL
		transfer         = callgatev1.Action_ACTION_TRANSFER_CALL
		hangUp           = callgatev1.Action_ACTION_HANG_UP_CALL
		add              = callgatev1.Action_ACTION_ADD_PARTICIPANT
		cancel           = callgatev1.Action_ACTION_CANCEL_ADD_PARTICIPANT
		remove           = callgatev1.Action_ACTION_REMOVE_PARTICIPANT
		move             = callgatev1.Action_ACTION_MOVE_PARTICIPANTS
	)
	events := func(records ...*logv1.Record) []*logv1.Record { return records }
	other := happened("noise", addSucceeded, "other")
	ended := happened("end", typeCallDisconnected, "of the creation")
	return map[string]outcomeCase{
		"created":                         {action: create, events: events(happened("u", typeParticipantsUpdated, ""), happened("y", typeCallConnected, "ctx")), want: "y", status: succeeded},
		"creation failed":                 {action: create, events: events(happened("y", createFailed, ""), ended), want: "y", status: failed},
		"creation failed, end first":      {action: create, events: events(ended, happened("y", createFailed, "")), want: "end", status: failed},
		"created, and then ended":         {action: create, events: events(happened("y", typeCallConnected, "ctx"), ended), want: "y", status: succeeded},
		"answered":                        {action: answer, events: events(happened("y", typeCallConnected, "")), want: "y", status: succeeded},
		"answering failed":                {action: answer, events: events(happened("y", answerFailed, "ctx")), want: "y", status: failed},
		"ended before it was answered":    {action: answer, events: events(ended), want: "end", status: failed},
		"connected":                       {action: connect, events: events(happened("y", typeCallConnected, "ctx")), want: "y", status: succeeded},
		"connecting failed":               {action: connect, events: events(happened("y", connectFailed, "ctx")), want: "y", status: failed},
		"ended before it was connected":   {action: connect, events: events(ended), want: "end", status: failed},
		"transferred":                     {action: transfer, events: events(other, happened("y", transferAccepted, "ctx"), ended), want: "y", status: succeeded},
		"transfer failed":                 {action: transfer, events: events(happened("x", transferFailed, "other"), happened("y", transferFailed, "ctx")), want: "y", status: failed},
		"ended before it was transferred": {action: transfer, events: events(ended), want: "end", status: callEnded},
		"hung up":                         {action: hangUp, events: events(other, ended), want: "end", status: succeeded},
		"added":                           {action: add, events: events(other, happened("y", addSucceeded, "ctx")), want: "y", status: succeeded},
		"added, without a context":        {action: add, events: events(happened("y", addSucceeded, "")), want: "y", status: succeeded},
		"adding failed":                   {action: add, events: events(other, happened("y", addFailed, "ctx")), want: "y", status: failed},
		"adding was withdrawn": {
			action: add, events: events(withdrawn("x", "cancel", "other"), withdrawn("y", "cancel", "invitation")), want: "y", status: canceled,
		},
		"ended before it was added": {action: add, events: events(other, ended), want: "end", status: callEnded},
		"withdrawn":                 {action: cancel, events: events(withdrawn("x", "other", "other"), withdrawn("y", "ctx", "invitation")), want: "y", status: succeeded},
		"could not be withdrawn":    {action: cancel, events: events(happened("y", cancelFailed, "ctx")), want: "y", status: failed},
		"ended before withdrawn":    {action: cancel, events: events(ended), want: "end", status: callEnded},
		"removed":                   {action: remove, events: events(happened("x", removeSucceeded, "other"), happened("y", removeSucceeded, "ctx")), want: "y", status: succeeded},
		"removing failed":           {action: remove, events: events(happened("y", removeFailed, "ctx")), want: "y", status: failed},
		"ended before it was removed": {
			action: remove, events: events(ended), want: "end", status: callEnded,
		},
		"moved":                     {action: move, events: events(happened("y", moveSucceeded, "ctx")), want: "y", status: succeeded},
		"moving failed":             {action: move, events: events(happened("y", moveFailed, "ctx")), want: "y", status: failed},
		"ended before it was moved": {action: move, events: events(ended), want: "end", status: callEnded},
	}
}

func TestWaitForOutcome(t *testing.T) {
	cases := outcomeCases()
	maps.Copy(cases, mediaOutcomeCases())
	for name, test := range cases {
		for _, before := range []bool{true, false} {
			when := ", waiting before"
			if before {
				when = ", asking after"
			}
			t.Run(name+when, func(t *testing.T) {
				log := openLog(t, LogOptions{})
				hub := newHub(t, log, HubOptions{RingSize: 4})
				// What lies before the receipt does not count, nor do other calls.
				mustAppend(t, log, record("old end", "c", typeCallDisconnected), record("old", "c", typeCallConnected))
				receipt := &callgatev1.ActionReceipt{
					Action: test.action, CallConnectionId: "c", OperationContext: "ctx",
					InvitationId: "invitation", Cursor: hub.Position(),
				}
				if test.receipt != nil {
					test.receipt(receipt)
				}
				mustAppend(t, log, record("other end", "other", typeCallDisconnected))
				if before {
					mustAppend(t, log, test.events...)
				}
				type result struct {
					outcome *callgatev1.ActionOutcome
					err     error
				}
				done := make(chan result, 1)
				go func() {
					outcome, err := hub.WaitForOutcome(testContext(t), receipt)
					done <- result{outcome, err}
				}()
				if !before {
					mustAppend(t, log, test.events...)
				}
				got := <-done
				if got.err != nil {
					t.Fatal(got.err)
				}
				if id := got.outcome.GetEvent().GetId(); id != test.want || got.outcome.GetStatus() != test.status {
					t.Errorf("outcome %v by %q, want %v by %q", got.outcome.GetStatus(), id, test.status, test.want)
				}
			})
		}
	}
}

func TestWaitForOutcomeThatDoesNotCome(t *testing.T) {
	log := openLog(t, LogOptions{})
	hub := newHub(t, log, HubOptions{})
	receipt := func(change func(*callgatev1.ActionReceipt)) *callgatev1.ActionReceipt {
		r := &callgatev1.ActionReceipt{
			Action: callgatev1.Action_ACTION_ADD_PARTICIPANT, CallConnectionId: "c", OperationContext: "ctx", Cursor: hub.Position(),
		}
		if change != nil {
			change(r)
		}
		return r
	}
	t.Run("time runs out", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		if outcome, err := hub.WaitForOutcome(ctx, receipt(nil)); outcome != nil || err != nil {
			t.Errorf("%v, %v", outcome, err)
		}
	})
	t.Run("time ran out before", func(t *testing.T) {
		ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
		defer cancel()
		if outcome, err := hub.WaitForOutcome(ctx, receipt(nil)); outcome != nil || err != nil {
			t.Errorf("%v, %v", outcome, err)
		}
	})
	t.Run("the caller goes away", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := hub.WaitForOutcome(ctx, receipt(nil)); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("an action that has none", func(t *testing.T) {
		r := receipt(func(r *callgatev1.ActionReceipt) { r.Action = callgatev1.Action_ACTION_MUTE_PARTICIPANT })
		if outcome, err := hub.WaitForOutcome(testContext(t), r); outcome != nil || err != nil {
			t.Errorf("%v, %v", outcome, err)
		}
	})
	t.Run("a receipt without connection", func(t *testing.T) {
		r := receipt(func(r *callgatev1.ActionReceipt) { r.CallConnectionId = "" })
		if _, err := hub.WaitForOutcome(testContext(t), r); err == nil {
			t.Error("no error")
		}
	})
	t.Run("a cursor of another log", func(t *testing.T) {
		r := receipt(func(r *callgatev1.ActionReceipt) { r.Cursor = encodeCursor(logID{}, 0) })
		if _, err := hub.WaitForOutcome(testContext(t), r); !errors.Is(err, ErrCursorOtherLog) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("the log was trimmed", func(t *testing.T) {
		r := receipt(nil)
		appendMany(t, log, "c", 0, 5)
		purge(t, log, 3)
		_, err := hub.WaitForOutcome(testContext(t), r)
		var trimmed *CursorTrimmedError
		if !errors.As(err, &trimmed) || trimmed.Earliest != log.cursor(3) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("the gateway stops", func(t *testing.T) {
		done := make(chan error)
		r := receipt(nil)
		go func() {
			_, err := hub.WaitForOutcome(testContext(t), r)
			done <- err
		}()
		hub.Drain()
		if err := <-done; !errors.Is(err, ErrDraining) {
			t.Errorf("error %v", err)
		}
	})
}
