package service

import (
	"context"
	"errors"
	"fmt"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/upstream"
)

// callClient is what CallControl asks of the upstream.
type callClient interface {
	CreateCall(context.Context, upstream.Repeat, *upstream.CreateCallRequest) (*upstream.CallConnectionProperties, error)
	Connect(context.Context, upstream.Repeat, *upstream.ConnectRequest) (*upstream.CallConnectionProperties, error)
	AnswerCall(context.Context, upstream.Repeat, *upstream.AnswerCallRequest) (*upstream.CallConnectionProperties, error)
	RejectCall(context.Context, upstream.Repeat, *upstream.RejectCallRequest) error
	RedirectCall(context.Context, upstream.Repeat, *upstream.RedirectCallRequest) error
	GetCall(ctx context.Context, callConnectionID string) (*upstream.CallConnectionProperties, error)
	TransferToParticipant(ctx context.Context, repeat upstream.Repeat, callConnectionID string, req *upstream.TransferToParticipantRequest) (*upstream.TransferCallResponse, error)
	HangUpCall(ctx context.Context, callConnectionID string) error
	TerminateCall(ctx context.Context, repeat upstream.Repeat, callConnectionID string) error
}

// CallControl implements callgate.v1.CallControl.
type CallControl struct {
	callgatev1.UnsafeCallControlServer
	upstream callClient
	actions  *Actions
}

// NewCallControl controls calls through client.
func NewCallControl(client callClient, actions *Actions) *CallControl {
	return &CallControl{upstream: client, actions: actions}
}

// CreateCall implements callgatev1.CallControlServer.
func (s *CallControl) CreateCall(ctx context.Context, req *callgatev1.CreateCallRequest) (*callgatev1.CreateCallResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_CREATE_CALL, req, func(act *action) (*callgatev1.CreateCallResponse, error) {
		call, err := s.upstream.CreateCall(ctx, act.repeat, &upstream.CreateCallRequest{
			Targets:                 identifiersToUpstream(req.GetTargets()),
			SourceCallerIDNumber:    phoneToUpstream(req.GetSourceCallerIdNumber()),
			SourceDisplayName:       req.GetSourceDisplayName(),
			Source:                  userToUpstream(req.GetSource()),
			TeamsAppSource:          teamsAppToUpstream(req.GetTeamsAppSource()),
			CallbackURI:             act.callback(req.GetCallbackUri()),
			OperationContext:        act.receipt.GetOperationContext(),
			CallIntelligenceOptions: callIntelligenceToUpstream(req.GetCallIntelligenceOptions()),
			MediaStreamingOptions:   mediaStreamingToUpstream(req.GetMediaStreamingOptions()),
			TranscriptionOptions:    transcriptionToUpstream(req.GetTranscriptionOptions()),
		})
		if err != nil {
			return nil, fmt.Errorf("create call: %w", err)
		}
		return &callgatev1.CreateCallResponse{
			CallConnection: s.actions.callConnectionFromUpstream(call),
			Receipt:        act.accepted(call.CallConnectionID),
		}, nil
	})
}

// ConnectCall implements callgatev1.CallControlServer.
func (s *CallControl) ConnectCall(ctx context.Context, req *callgatev1.ConnectCallRequest) (*callgatev1.ConnectCallResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_CONNECT_CALL, req, func(act *action) (*callgatev1.ConnectCallResponse, error) {
		call, err := s.upstream.Connect(ctx, act.repeat, &upstream.ConnectRequest{
			CallLocator:             locatorToUpstream(req),
			CallbackURI:             act.callback(req.GetCallbackUri()),
			OperationContext:        act.receipt.GetOperationContext(),
			CallIntelligenceOptions: callIntelligenceToUpstream(req.GetCallIntelligenceOptions()),
			MediaStreamingOptions:   mediaStreamingToUpstream(req.GetMediaStreamingOptions()),
			TranscriptionOptions:    transcriptionToUpstream(req.GetTranscriptionOptions()),
		})
		if err != nil {
			return nil, fmt.Errorf("connect call: %w", err)
		}
		return &callgatev1.ConnectCallResponse{
			CallConnection: s.actions.callConnectionFromUpstream(call),
			Receipt:        act.accepted(call.CallConnectionID),
		}, nil
	})
}

func locatorToUpstream(req *callgatev1.ConnectCallRequest) *upstream.CallLocator {
	switch locator := req.GetLocator().(type) {
	case *callgatev1.ConnectCallRequest_ServerCallId:
		return &upstream.CallLocator{Kind: upstream.LocatorServerCall, ServerCallID: locator.ServerCallId}
	case *callgatev1.ConnectCallRequest_GroupCallId:
		return &upstream.CallLocator{Kind: upstream.LocatorGroupCall, GroupCallID: locator.GroupCallId}
	case *callgatev1.ConnectCallRequest_RoomId:
		return &upstream.CallLocator{Kind: upstream.LocatorRoomCall, RoomID: locator.RoomId}
	}
	return nil
}

// AnswerCall implements callgatev1.CallControlServer.
func (s *CallControl) AnswerCall(ctx context.Context, req *callgatev1.AnswerCallRequest) (*callgatev1.AnswerCallResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_ANSWER_CALL, req, func(act *action) (*callgatev1.AnswerCallResponse, error) {
		call, err := s.upstream.AnswerCall(ctx, act.repeat, &upstream.AnswerCallRequest{
			IncomingCallContext:     req.GetIncomingCallContext(),
			AnsweredBy:              userToUpstream(req.GetAnsweredBy()),
			CallbackURI:             act.callback(req.GetCallbackUri()),
			OperationContext:        act.receipt.GetOperationContext(),
			CallIntelligenceOptions: callIntelligenceToUpstream(req.GetCallIntelligenceOptions()),
			MediaStreamingOptions:   mediaStreamingToUpstream(req.GetMediaStreamingOptions()),
			TranscriptionOptions:    transcriptionToUpstream(req.GetTranscriptionOptions()),
		})
		if err != nil {
			return nil, fmt.Errorf("answer call: %w", err)
		}
		return &callgatev1.AnswerCallResponse{
			CallConnection: s.actions.callConnectionFromUpstream(call),
			Receipt:        act.accepted(call.CallConnectionID),
		}, nil
	})
}

// RejectCall implements callgatev1.CallControlServer.
func (s *CallControl) RejectCall(ctx context.Context, req *callgatev1.RejectCallRequest) (*callgatev1.RejectCallResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_REJECT_CALL, req, func(act *action) (*callgatev1.RejectCallResponse, error) {
		if err := s.upstream.RejectCall(ctx, act.repeat, &upstream.RejectCallRequest{
			IncomingCallContext: req.GetIncomingCallContext(),
			CallRejectReason:    rejectReasons[req.GetCallRejectReason()],
		}); err != nil {
			return nil, fmt.Errorf("reject call: %w", err)
		}
		return &callgatev1.RejectCallResponse{Receipt: act.accepted("")}, nil
	})
}

// RedirectCall implements callgatev1.CallControlServer.
func (s *CallControl) RedirectCall(ctx context.Context, req *callgatev1.RedirectCallRequest) (*callgatev1.RedirectCallResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_REDIRECT_CALL, req, func(act *action) (*callgatev1.RedirectCallResponse, error) {
		if err := s.upstream.RedirectCall(ctx, act.repeat, &upstream.RedirectCallRequest{
			IncomingCallContext: req.GetIncomingCallContext(),
			Target:              identifierToUpstream(req.GetTarget()),
		}); err != nil {
			return nil, fmt.Errorf("redirect call: %w", err)
		}
		return &callgatev1.RedirectCallResponse{Receipt: act.accepted("")}, nil
	})
}

// GetCall implements callgatev1.CallControlServer.
func (s *CallControl) GetCall(ctx context.Context, req *callgatev1.GetCallRequest) (*callgatev1.GetCallResponse, error) {
	call, err := s.upstream.GetCall(ctx, req.GetCallConnectionId())
	if err != nil {
		return nil, fmt.Errorf("get call: %w", err)
	}
	return &callgatev1.GetCallResponse{CallConnection: s.actions.callConnectionFromUpstream(call)}, nil
}

// TransferCall implements callgatev1.CallControlServer.
func (s *CallControl) TransferCall(ctx context.Context, req *callgatev1.TransferCallRequest) (*callgatev1.TransferCallResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_TRANSFER_CALL, req, func(act *action) (*callgatev1.TransferCallResponse, error) {
		if _, err := s.upstream.TransferToParticipant(ctx, act.repeat, req.GetCallConnectionId(), &upstream.TransferToParticipantRequest{
			TargetParticipant:    identifierToUpstream(req.GetTarget()),
			Transferee:           identifierToUpstream(req.GetTransferee()),
			SourceCallerIDNumber: phoneToUpstream(req.GetSourceCallerIdNumber()),
			CustomCallingContext: customContextToUpstream(req.GetCustomCallingContext()),
			OperationContext:     act.receipt.GetOperationContext(),
			OperationCallbackURI: req.GetOperationCallbackUri(),
		}); err != nil {
			return nil, fmt.Errorf("transfer call: %w", err)
		}
		return &callgatev1.TransferCallResponse{Receipt: act.accepted(req.GetCallConnectionId())}, nil
	})
}

// HangUpCall implements callgatev1.CallControlServer. A call that is gone is what
// was asked for.
func (s *CallControl) HangUpCall(ctx context.Context, req *callgatev1.HangUpCallRequest) (*callgatev1.HangUpCallResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_HANG_UP_CALL, req, func(act *action) (*callgatev1.HangUpCallResponse, error) {
		var err error
		if req.GetForEveryone() {
			err = s.upstream.TerminateCall(ctx, act.repeat, req.GetCallConnectionId())
		} else {
			err = s.upstream.HangUpCall(ctx, req.GetCallConnectionId())
		}
		gone := errors.Is(err, upstream.ErrCallNotFound)
		if err != nil && !gone {
			return nil, fmt.Errorf("hang up call: %w", err)
		}
		return &callgatev1.HangUpCallResponse{Receipt: act.accepted(req.GetCallConnectionId()), AlreadyEnded: gone}, nil
	})
}
