package service

import (
	"cmp"
	"context"
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/upstream"
)

// commands is where it is kept what became of actions.
type commands interface {
	AppendCommand(ctx context.Context, owner string, ev *callgatev1.CallEvent) error
}

// commandTimeout bounds for how long a client's answer waits for the log to have
// its command.
const commandTimeout = 2 * time.Second

// record puts on the log what became of an action, unless it is there: a request
// that is answered with what was answered before, or that meets itself on its
// way, is no action of its own.
//
// The client is answered in any case and in time. An action that the upstream
// took has happened, whatever the log says.
func (a *Actions) record(ctx context.Context, act *action, req actionRequest, resp actionResponse, err error) {
	if errors.Is(err, errRequestInProgress) || err == nil && resp.GetReceipt().GetReplayed() {
		return
	}
	wait := commandTimeout
	if ctx.Err() == nil { // else nobody waits for the answer
		wait = max(waitFor(ctx, wait), replyTime/4)
	}
	recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait)
	defer cancel()
	ev := a.commandEvent(ctx, act, req, resp, err)
	if err := a.commands.AppendCommand(recording, a.commandOwner(recording, ev), ev); err != nil {
		a.logger.ErrorContext(ctx, "an action may be missing on the event log", "type", ev.GetTypeName(),
			"action", ev.GetCommand().GetAction(), "call_connection_id", ev.GetCallConnectionId(), "error", err)
	}
}

// commandOwner is who owns the call that a command is about, whoever gave it; of
// one that makes a call, or is about none, who gave it.
func (a *Actions) commandOwner(ctx context.Context, ev *callgatev1.CallEvent) string {
	action := callgatev1.Action(callgatev1.Action_value[ev.GetCommand().GetAction()])
	if a.gate == nil || opens[action] || ev.GetCallConnectionId() == "" {
		return ownerOf(ctx)
	}
	owner, err := a.gate.owners.of(ctx, ev.GetCallConnectionId())
	if err != nil {
		a.logger.ErrorContext(ctx, "an action is nobody's on the event log", "action", action.String(),
			"call_connection_id", ev.GetCallConnectionId(), "error", err)
	}
	return owner
}

// commandEvent is the event of an action that was answered with resp or err.
func (a *Actions) commandEvent(ctx context.Context, act *action, req actionRequest, resp actionResponse, err error) *callgatev1.CallEvent {
	now := time.Now()
	command := &callgatev1.CommandEvent{
		Action:       act.receipt.GetAction().String(),
		Principal:    principalOf(ctx),
		RequestId:    req.GetRequestId(),
		Targets:      targetsOf(req),
		InvitationId: act.receipt.GetInvitationId(),
		Duration:     durationpb.New(now.Sub(act.began)),
		TraceParent:  eventstream.TraceParent(ctx),
	}
	ev := &callgatev1.CallEvent{
		Time:             timestamppb.New(act.began),
		ReceiveTime:      timestamppb.New(now),
		OperationContext: act.receipt.GetOperationContext(),
		Detail:           &callgatev1.CallEvent_Command{Command: command},
	}
	if req, has := req.(interface{ GetCallConnectionId() string }); has {
		ev.CallConnectionId = req.GetCallConnectionId()
	}
	if req, has := req.(interface{ GetServerCallId() string }); has {
		ev.ServerCallId = req.GetServerCallId()
	}
	if req, has := req.(interface{ GetRecordingId() string }); has {
		command.RecordingId = req.GetRecordingId()
	}
	if req, has := req.(interface{ GetInvitationId() string }); has {
		command.InvitationId = req.GetInvitationId()
	}
	if req, has := req.(interface {
		GetTransferee() *callgatev1.CommunicationIdentifier
	}); has {
		command.Transferee = wholeIdentifier(req.GetTransferee())
	}
	answer := upstream.LastAnswer(ctx)
	command.UpstreamRequestId = answer.RequestID
	if err != nil {
		ev.Type = a.refusal(command, &answer, err)
	} else {
		ev.Type = callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_ACCEPTED
		ev.CallConnectionId = cmp.Or(resp.GetReceipt().GetCallConnectionId(), ev.GetCallConnectionId())
		command.RecordingId = resp.GetReceipt().GetRecordingId()
		if resp, has := resp.(interface {
			GetCallConnection() *callgatev1.CallConnection
		}); has {
			ev.ServerCallId = cmp.Or(resp.GetCallConnection().GetServerCallId(), ev.GetServerCallId())
			ev.CorrelationId = resp.GetCallConnection().GetCorrelationId()
		}
	}
	if answer.StatusCode != 0 {
		command.UpstreamStatus = proto.Int32(int32(answer.StatusCode))
	}
	return ev
}

// refusal says in command why it was not accepted.
func (a *Actions) refusal(command *callgatev1.CommandEvent, answer *upstream.Answer, err error) callgatev1.CallEventType {
	told := a.errors.describe(err)
	command.Code, command.Reason = code.Code(told.Code()), reasonOf(told)
	var e *upstream.Error
	if errors.As(err, &e) {
		command.UpstreamCode, answer.StatusCode = e.Code, e.StatusCode
	}
	if rejected(err, told.Code()) {
		return callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_REJECTED
	}
	return callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_FAILED
}

// rejected tells a refusal, which is certain, from everything else that may go
// wrong with an action.
func rejected(err error, told codes.Code) bool {
	var e *upstream.Error
	if errors.As(err, &e) && (e.StatusCode != 0 || e.MayHaveActed()) {
		return !e.MayHaveActed()
	}
	switch told {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied,
		codes.Unauthenticated, codes.FailedPrecondition, codes.ResourceExhausted, codes.OutOfRange:
		return true
	}
	return false
}

// targetsOf is whom an action is about.
func targetsOf(req actionRequest) []*callgatev1.CommunicationIdentifier {
	type identifier = *callgatev1.CommunicationIdentifier
	var targets []identifier
	switch req := req.(type) {
	case interface{ GetTargets() []identifier }:
		targets = req.GetTargets()
	case interface{ GetParticipants() []identifier }:
		targets = req.GetParticipants()
	case interface{ GetTarget() identifier }:
		targets = []identifier{req.GetTarget()}
	case interface{ GetParticipant() identifier }:
		targets = []identifier{req.GetParticipant()}
	case interface{ GetTargetParticipant() identifier }:
		targets = []identifier{req.GetTargetParticipant()}
	case interface{ GetPlayTo() []identifier }:
		targets = req.GetPlayTo()
	}
	whole := make([]identifier, 0, len(targets))
	for _, target := range targets {
		if target != nil {
			whole = append(whole, wholeIdentifier(target))
		}
	}
	return whole
}

// wholeIdentifier is an identifier as events have them: with kind and raw id,
// whichever the request gave.
func wholeIdentifier(id *callgatev1.CommunicationIdentifier) *callgatev1.CommunicationIdentifier {
	return identifierFromUpstream(identifierToUpstream(id))
}
