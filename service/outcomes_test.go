package service_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/service"
)

const alice = "8:acs:res_alice"

// holdingUpstream takes every action, and says of a party what onHold has: "" for
// nothing.
func holdingUpstream(onHold func() string) *stub {
	return &stub{answer: func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			return
		}
		hold := onHold()
		if hold == "gone" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"error":{"code":"8522","message":"Call not found."}}`))
			return
		}
		body := `{"identifier":{"rawId":"` + alice + `"},"isMuted":false}`
		if hold != "" {
			body = strings.TrimSuffix(body, "}") + `,"isOnHold":` + hold + `}`
		}
		_, _ = w.Write([]byte(body))
	}}
}

// told is an event of the call.
func told(t callgatev1.CallEventType, operationContext string, participants ...*callgatev1.CallParticipant) *logv1.Record {
	rec := storedEvent(1)
	rec.Event.Id, rec.Event.Type, rec.Event.CallConnectionId, rec.Event.OperationContext = t.String(), t, id, operationContext
	if participants != nil {
		rec.Event.Detail = &callgatev1.CallEvent_ParticipantsUpdated{ParticipantsUpdated: &callgatev1.ParticipantsUpdated{Participants: participants}}
	}
	return rec
}

func TestHoldOutcome(t *testing.T) {
	const (
		succeeded = callgatev1.ActionOutcome_STATUS_SUCCEEDED
		updated   = callgatev1.CallEventType_CALL_EVENT_TYPE_PARTICIPANTS_UPDATED
		failed    = callgatev1.CallEventType_CALL_EVENT_TYPE_HOLD_FAILED
		ended     = callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_DISCONNECTED
	)
	always := func(s string) func() string { return func() string { return s } }
	onHold := &callgatev1.CallParticipant{Identifier: user(alice), IsOnHold: proto.Bool(true)}
	onHold.Identifier.RawId = alice
	for name, test := range map[string]struct {
		onHold   func() string
		event    *logv1.Record
		status   callgatev1.ActionOutcome_Status
		readBack bool
	}{
		"the party says so":                   {always("true"), nil, succeeded, true},
		"the party says so when asked again":  {later("false", "true"), nil, succeeded, true},
		"an event says so":                    {always("false"), told(updated, "", onHold), succeeded, false},
		"an event says so, and the party not": {always(""), told(updated, "", onHold), succeeded, false},
		"it failed":                           {always("false"), told(failed, "ctx"), callgatev1.ActionOutcome_STATUS_FAILED, false},
		"the call ended":                      {always("gone"), told(ended, ""), callgatev1.ActionOutcome_STATUS_CALL_ENDED, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, holdingUpstream(test.onHold))
			resp, err := g.HoldParticipant(t.Context(), &callgatev1.HoldParticipantRequest{
				CallConnectionId: id, TargetParticipant: user(alice), OperationContext: "ctx",
			})
			if err != nil || resp.GetReceipt().GetOutcome() != nil {
				t.Fatalf("%v, %v", resp, err)
			}
			if test.event != nil {
				if err := g.log.Append(t.Context(), test.event); err != nil {
					t.Fatal(err)
				}
			}
			waited, err := g.WaitForOutcome(t.Context(), &callgatev1.WaitForOutcomeRequest{Receipt: resp.GetReceipt(), Timeout: durationpb.New(time.Minute)})
			outcome := waited.GetOutcome()
			if err != nil || outcome.GetStatus() != test.status {
				t.Fatalf("%v, %v", outcome, err)
			}
			if (outcome.GetParticipant() != nil) != test.readBack || (outcome.GetEvent() != nil) == test.readBack {
				t.Errorf("outcome is %v", outcome)
			}
		})
	}
}

// later says first once, and then what follows.
func later(first, then string) func() string {
	var asked atomic.Int64
	return func() string {
		if asked.Add(1) == 1 {
			return first
		}
		return then
	}
}

func TestHoldOutcomeThatDoesNotCome(t *testing.T) {
	hold := func(g *gateway, wait time.Duration) (*callgatev1.HoldParticipantResponse, error) {
		return g.HoldParticipant(t.Context(), &callgatev1.HoldParticipantRequest{
			CallConnectionId: id, TargetParticipant: user(alice), WaitTimeout: durationpb.New(wait),
		})
	}
	t.Run("time runs out", func(t *testing.T) {
		g := newGateway(t, holdingUpstream(func() string { return "false" }))
		if resp, err := hold(g, 50*time.Millisecond); err != nil || resp.GetReceipt().GetOutcome() != nil {
			t.Errorf("%v, %v", resp, err)
		}
	})
	t.Run("the party cannot be read", func(t *testing.T) {
		t.Parallel() // it waits more than it works
		g := newGateway(t, holdingUpstream(func() string { return "gone" }))
		resp, err := hold(g, 50*time.Millisecond)
		if err != nil {
			t.Fatal(err) // the action stands
		}
		_, err = g.WaitForOutcome(t.Context(), &callgatev1.WaitForOutcomeRequest{Receipt: resp.GetReceipt(), Timeout: durationpb.New(5 * time.Second)})
		if status.Code(err) != codes.NotFound {
			t.Errorf("%v", err)
		}
	})
}

func TestUnholdOutcome(t *testing.T) {
	g := newGateway(t, holdingUpstream(func() string { return "false" }))
	resp, err := g.UnholdParticipant(t.Context(), &callgatev1.UnholdParticipantRequest{
		CallConnectionId: id, TargetParticipant: user(alice), WaitTimeout: durationpb.New(time.Minute),
	})
	if outcome := resp.GetReceipt().GetOutcome(); err != nil || outcome.GetStatus() != callgatev1.ActionOutcome_STATUS_SUCCEEDED ||
		outcome.GetParticipant().IsOnHold == nil || outcome.GetParticipant().GetIsOnHold() {
		t.Errorf("%v, %v", outcome, err)
	}
}

// TestOutcomesOfOthersAreTheLogs: only holds are read back.
func TestOutcomesOfOthersAreTheLogs(t *testing.T) {
	want := errors.New("the log was asked")
	o := service.NewOutcomes(asking{want}, nil)
	if _, err := o.WaitForOutcome(t.Context(), &callgatev1.ActionReceipt{Action: callgatev1.Action_ACTION_PLAY_MEDIA}); !errors.Is(err, want) {
		t.Errorf("%v", err)
	}
}

type asking struct{ err error }

func (asking) Position() string { return "" }

func (asking) Began(context.Context, *callgatev1.ActionReceipt) {}

func (asking) Accepted(*callgatev1.ActionReceipt) {}

func (a asking) WaitForOutcome(context.Context, *callgatev1.ActionReceipt) (*callgatev1.ActionOutcome, error) {
	return nil, a.err
}
