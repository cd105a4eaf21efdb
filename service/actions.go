// Package service is the gRPC services: what a client asks for is translated for
// the upstream and the answer translated back, and every failure becomes one gRPC
// status.
package service

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
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
}

// Actions is what all actions have in common: where the upstream is to report,
// and the log that tells how they ended.
type Actions struct {
	outcomes       outcomes
	callbackPrefix string
	callbackURI    string
	logger         *slog.Logger
}

// NewActions reports to callbackPrefix+token, an absolute URL whose last part is
// a secret.
func NewActions(outcomes outcomes, callbackPrefix, token string, logger *slog.Logger) *Actions {
	return &Actions{outcomes: outcomes, callbackPrefix: callbackPrefix, callbackURI: callbackPrefix + token, logger: logger}
}

// callback is the callback address of a new connection: the caller's own, or the
// gateway's.
func (a *Actions) callback(override string) string {
	if override != "" {
		return override
	}
	return a.callbackURI
}

// action is one action on its way.
type action struct {
	*Actions
	receipt *callgatev1.ActionReceipt
	repeat  upstream.Repeat
	// Sending the client's request again is sending the same action again:
	// with its request_id the upstream acts once.
	sameAgain bool
}

// begin is the first step of every action: the log's position is taken before
// anything is sent, so that no outcome can be in front of it.
func (a *Actions) begin(kind callgatev1.Action, req interface{ GetRequestId() string }) action {
	act := action{
		Actions:   a,
		receipt:   &callgatev1.ActionReceipt{Action: kind, Cursor: a.outcomes.Position()},
		repeat:    upstream.NewRepeat(time.Now()),
		sameAgain: req.GetRequestId() != "",
	}
	if act.sameAgain {
		act.repeat.ID = req.GetRequestId()
	}
	if req, has := req.(interface{ GetOperationContext() string }); has {
		act.receipt.OperationContext = req.GetOperationContext()
		if act.receipt.OperationContext == "" {
			act.receipt.OperationContext = act.madeUpContext()
		}
	}
	return act
}

// madeUpContext lets the events of an action be told where the caller gave no
// context. It must be the same when the same request comes again.
func (act *action) madeUpContext() string {
	if act.sameAgain {
		return act.repeat.ID
	}
	return uuid.NewString()
}

// failed is the error of an action that the upstream did not accept. Without a
// request_id the client's next try would be another action, which the upstream
// could not know for the same one: such an error does not say "send it again".
func (act *action) failed(err error) error {
	var e *upstream.Error
	if act.sameAgain || !errors.As(err, &e) || !e.Repeatable || !e.MayHaveActed() {
		return err
	}
	once := *e
	once.Repeatable = false
	return &once
}

// accepted is the last step of every action: the receipt, with the outcome where
// the request waits for it.
func (act *action) accepted(ctx context.Context, callConnectionID string, wait *durationpb.Duration) *callgatev1.ActionReceipt {
	act.receipt.CallConnectionId = callConnectionID
	if wait == nil {
		return act.receipt
	}
	ctx, cancel := context.WithTimeout(ctx, waitFor(ctx, wait.AsDuration()))
	defer cancel()
	outcome, err := act.outcomes.WaitForOutcome(ctx, act.receipt)
	if err != nil {
		// The action stands: the receipt finds its outcome later.
		act.logger.WarnContext(ctx, "waiting for an outcome failed",
			"action", act.receipt.GetAction().String(), "call_connection_id", callConnectionID, "error", err)
		return act.receipt
	}
	act.receipt.Outcome = outcome
	return act.receipt
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
