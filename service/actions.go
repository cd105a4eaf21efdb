// Package service is the gRPC services: what a client asks for is translated for
// the upstream and the answer translated back, and every failure becomes one gRPC
// status.
package service

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/upstream"
)

// outcomes finds out how an action ended.
type outcomes interface {
	// Position is the log's last position: what an action brings about is
	// behind it.
	Position() string
	WaitForOutcome(context.Context, *callgatev1.ActionReceipt) (*callgatev1.ActionOutcome, error)
	// Began and Accepted let it tell, in metrics and traces, what comes of an action.
	Began(context.Context, *callgatev1.ActionReceipt)
	Accepted(*callgatev1.ActionReceipt)
}

// Actions is what all actions have in common: where the upstream is to report,
// what clients asked for before, the log that has what was asked for, and tells
// how it ended.
type Actions struct {
	outcomes  outcomes
	requests  requests
	commands  commands
	errors    *Errors
	callbacks Callbacks
	gate      *Gate // nil: clients are not authenticated
	logger    *slog.Logger
}

// NewActions has the upstream report as callbacks says. errs is what clients are
// told failures by.
func NewActions(outcomes outcomes, requests requests, commands commands, errs *Errors, callbacks Callbacks, logger *slog.Logger) *Actions {
	return &Actions{outcomes: outcomes, requests: requests, commands: commands, errors: errs, callbacks: callbacks, logger: logger}
}

// GuardedBy has gate bound what clients dial.
func (a *Actions) GuardedBy(gate *Gate) *Actions {
	a.gate = gate
	return a
}

// actionRequest is the request of an action.
type actionRequest interface {
	proto.Message
	GetRequestId() string
	GetValidateOnly() bool
}

// actionResponse is the response of an action.
type actionResponse interface {
	proto.Message
	GetReceipt() *callgatev1.ActionReceipt
}

// action is one action on its way.
type action struct {
	began       time.Time
	receipt     *callgatev1.ActionReceipt
	repeat      upstream.Repeat
	callbackURI string
}

// perform is the frame of every action. The log's position is taken before
// anything is sent, so that no outcome can be in front of it; do sends; what
// became of it is put on the log; the response has the receipt, and the outcome
// where the request waits for it. An action that the client named happens once.
func perform[R actionResponse](ctx context.Context, a *Actions, kind callgatev1.Action, req actionRequest, do func(*action) (R, error)) (R, error) {
	var (
		resp R
		err  error
	)
	if err := a.callbacks.check(req); err != nil {
		var none R
		return none, err
	}
	if req.GetValidateOnly() { // the rules have been checked on the way here
		return resp.ProtoReflect().New().Interface().(R), nil
	}
	act := a.begin(ctx, kind, req, time.Now())
	do = guarded(ctx, a.gate, kind, req, do)
	if req.GetRequestId() == "" {
		resp, err = do(act)
		if repetitions[kind] != harmless {
			err = unnamed(err)
		}
	} else {
		resp, err = once(ctx, a, act, req, do)
	}
	a.record(ctx, act, req, resp, err)
	if err != nil {
		var none R
		return none, err
	}
	if ended, is := any(resp).(interface{ GetAlreadyEnded() bool }); is && ended.GetAlreadyEnded() {
		return resp, nil // nothing is to come
	}
	if !resp.GetReceipt().GetReplayed() {
		a.outcomes.Accepted(resp.GetReceipt())
	}
	if req, can := req.(interface{ GetWaitTimeout() *durationpb.Duration }); can {
		a.wait(ctx, resp.GetReceipt(), req.GetWaitTimeout())
	}
	return resp, nil
}

// begin prepares an action that has not been sent yet.
func (a *Actions) begin(ctx context.Context, kind callgatev1.Action, req actionRequest, now time.Time) *action {
	act := &action{
		began:       now,
		receipt:     &callgatev1.ActionReceipt{Action: kind, Cursor: a.outcomes.Position()},
		repeat:      upstream.NewRepeat(now),
		callbackURI: a.callbacks.Prefix + a.callbacks.Token(ownerOf(ctx)),
	}
	if req.GetRequestId() != "" {
		act.repeat.ID = req.GetRequestId()
	}
	if req, has := req.(interface{ GetOperationContext() string }); has {
		act.receipt.OperationContext = req.GetOperationContext()
		if act.receipt.OperationContext == "" {
			act.receipt.OperationContext = madeUpContext(req.(actionRequest).GetRequestId())
		}
	}
	a.outcomes.Began(ctx, act.receipt)
	return act
}

// madeUpContext lets the events of an action be told where the caller gave no
// context. It is the same when the same request comes again.
func madeUpContext(requestID string) string {
	if requestID != "" {
		return requestID
	}
	return uuid.NewString()
}

// callback is the callback address of a new connection: the caller's own, or the
// gateway's.
func (act *action) callback(override string) string {
	if override != "" {
		return override
	}
	return act.callbackURI
}

// accepted is the receipt of an action that the upstream took.
func (act *action) accepted(callConnectionID string) *callgatev1.ActionReceipt {
	act.receipt.CallConnectionId = callConnectionID
	return act.receipt
}

// wait adds the outcome to a receipt, where the request waits for it.
func (a *Actions) wait(ctx context.Context, receipt *callgatev1.ActionReceipt, wait *durationpb.Duration) {
	if wait == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, waitFor(ctx, wait.AsDuration()))
	defer cancel()
	outcome, err := a.outcomes.WaitForOutcome(ctx, receipt)
	if err != nil {
		// The action stands: the receipt finds its outcome later.
		a.logger.WarnContext(ctx, "waiting for an outcome failed",
			"action", receipt.GetAction().String(), "call_connection_id", receipt.GetCallConnectionId(), "error", err)
		return
	}
	receipt.Outcome = outcome
}

// replyTime is what is left of the caller's deadline for the response to arrive.
const replyTime = 200 * time.Millisecond

// waitFor shortens a wait that would outlast the caller's own deadline, and cost
// it the receipt.
func waitFor(ctx context.Context, wait time.Duration) time.Duration {
	if deadline, has := ctx.Deadline(); has {
		return min(wait, time.Until(deadline)-replyTime)
	}
	return wait
}
