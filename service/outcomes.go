package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/identifier"
	"github.com/callgate/callgate/upstream"
)

// participantReader reads one party of a call.
type participantReader interface {
	GetParticipant(ctx context.Context, callConnectionID, rawID string) (*upstream.CallParticipant, error)
}

// readBackPause is the pause before a party is read back again; it doubles with
// each.
const readBackPause = time.Second

// Outcomes finds out how actions ended: by the log's events, and where the upstream
// has none, by asking it.
type Outcomes struct {
	outcomes
	upstream participantReader
}

// NewOutcomes finds them in events, and reads parties back from client.
func NewOutcomes(events outcomes, client participantReader) *Outcomes {
	return &Outcomes{outcomes: events, upstream: client}
}

// WaitForOutcome waits for how the action of receipt ended. It returns nil without
// an error when ctx's deadline passes first, or when the action has no outcome.
func (o *Outcomes) WaitForOutcome(ctx context.Context, receipt *callgatev1.ActionReceipt) (*callgatev1.ActionOutcome, error) {
	switch receipt.GetAction() {
	case callgatev1.Action_ACTION_HOLD_PARTICIPANT:
		return o.waitForHold(ctx, receipt, true)
	case callgatev1.Action_ACTION_UNHOLD_PARTICIPANT:
		return o.waitForHold(ctx, receipt, false)
	}
	return o.outcomes.WaitForOutcome(ctx, receipt)
}

// waitForHold waits until the party is on hold, or is not: as the party itself
// says, read back from time to time, or an event, whichever is first.
func (o *Outcomes) waitForHold(ctx context.Context, receipt *callgatev1.ActionReceipt, want bool) (*callgatev1.ActionOutcome, error) {
	for pause := readBackPause; ; pause *= 2 {
		p, err := o.upstream.GetParticipant(ctx, receipt.GetCallConnectionId(), identifier.RawID(receipt.GetParticipant()))
		if err == nil && p.IsOnHold != nil && *p.IsOnHold == want {
			return &callgatev1.ActionOutcome{Status: callgatev1.ActionOutcome_STATUS_SUCCEEDED, Participant: participantFromUpstream(p)}, nil
		}
		outcome, eventErr := o.untilThen(ctx, pause, receipt)
		switch {
		case outcome != nil || eventErr != nil:
			return outcome, eventErr
		case ctx.Err() != nil && err != nil && !errors.Is(err, context.DeadlineExceeded):
			return nil, fmt.Errorf("read the participant back: %w", err)
		case ctx.Err() != nil:
			return nil, nil
		}
	}
}

func (o *Outcomes) untilThen(ctx context.Context, pause time.Duration, receipt *callgatev1.ActionReceipt) (*callgatev1.ActionOutcome, error) {
	ctx, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	return o.outcomes.WaitForOutcome(ctx, receipt)
}
