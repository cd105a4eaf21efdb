package service

import (
	"context"
	"fmt"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/upstream"
)

// participantClient is what Participants asks of the upstream.
type participantClient interface {
	participantPages
	GetParticipant(ctx context.Context, callConnectionID, rawID string) (*upstream.CallParticipant, error)
	AddParticipant(ctx context.Context, repeat upstream.Repeat, callConnectionID string, req *upstream.AddParticipantRequest) (*upstream.AddParticipantResponse, error)
	CancelAddParticipant(ctx context.Context, repeat upstream.Repeat, callConnectionID string, req *upstream.CancelAddParticipantRequest) (*upstream.CancelAddParticipantResponse, error)
	RemoveParticipant(ctx context.Context, repeat upstream.Repeat, callConnectionID string, req *upstream.RemoveParticipantRequest) (*upstream.RemoveParticipantResponse, error)
	MuteParticipants(ctx context.Context, repeat upstream.Repeat, callConnectionID string, req *upstream.MuteParticipantsRequest) (*upstream.MuteParticipantsResult, error)
	MoveParticipants(ctx context.Context, repeat upstream.Repeat, callConnectionID string, req *upstream.MoveParticipantsRequest) (*upstream.MoveParticipantsResponse, error)
}

// Participants implements callgate.v1.Participants.
type Participants struct {
	callgatev1.UnsafeParticipantsServer
	upstream participantClient
	actions  *Actions
	seal     seal
}

// NewParticipants manages participants through client. seal keeps clients from
// making up page tokens.
func NewParticipants(client participantClient, actions *Actions, seal seal) *Participants {
	return &Participants{upstream: client, actions: actions, seal: seal}
}

// ListParticipants implements callgatev1.ParticipantsServer.
func (s *Participants) ListParticipants(ctx context.Context, req *callgatev1.ListParticipantsRequest) (*callgatev1.ListParticipantsResponse, error) {
	at, err := parsePageToken(s.seal, req.GetCallConnectionId(), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	participants, next, err := listParticipants(ctx, s.upstream, req.GetCallConnectionId(), at, int(req.GetPageSize()))
	if err != nil {
		return nil, fmt.Errorf("list participants: %w", err)
	}
	return &callgatev1.ListParticipantsResponse{
		Participants:  participantsFromUpstream(participants),
		NextPageToken: next.sealed(s.seal, req.GetCallConnectionId()),
	}, nil
}

// GetParticipant implements callgatev1.ParticipantsServer.
func (s *Participants) GetParticipant(ctx context.Context, req *callgatev1.GetParticipantRequest) (*callgatev1.GetParticipantResponse, error) {
	p, err := s.upstream.GetParticipant(ctx, req.GetCallConnectionId(), req.GetRawId())
	if err != nil {
		return nil, fmt.Errorf("get participant: %w", err)
	}
	return &callgatev1.GetParticipantResponse{Participant: participantFromUpstream(p)}, nil
}

// AddParticipant implements callgatev1.ParticipantsServer.
func (s *Participants) AddParticipant(ctx context.Context, req *callgatev1.AddParticipantRequest) (*callgatev1.AddParticipantResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_ADD_PARTICIPANT, req, func(act *action) (*callgatev1.AddParticipantResponse, error) {
		added, err := s.upstream.AddParticipant(ctx, act.repeat, req.GetCallConnectionId(), &upstream.AddParticipantRequest{
			ParticipantToAdd:           identifierToUpstream(req.GetParticipant()),
			SourceCallerIDNumber:       phoneToUpstream(req.GetSourceCallerIdNumber()),
			SourceDisplayName:          req.GetSourceDisplayName(),
			InvitationTimeoutInSeconds: req.InvitationTimeoutSeconds,
			CustomCallingContext:       customContextToUpstream(req.GetCustomCallingContext()),
			OperationContext:           act.receipt.GetOperationContext(),
			OperationCallbackURI:       req.GetOperationCallbackUri(),
		})
		if err != nil {
			return nil, fmt.Errorf("add participant: %w", err)
		}
		act.receipt.InvitationId = added.InvitationID
		return &callgatev1.AddParticipantResponse{
			Participant:  participantFromUpstream(added.Participant),
			InvitationId: added.InvitationID,
			Receipt:      act.accepted(req.GetCallConnectionId()),
		}, nil
	})
}

// CancelAddParticipant implements callgatev1.ParticipantsServer.
func (s *Participants) CancelAddParticipant(ctx context.Context, req *callgatev1.CancelAddParticipantRequest) (*callgatev1.CancelAddParticipantResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_CANCEL_ADD_PARTICIPANT, req, func(act *action) (*callgatev1.CancelAddParticipantResponse, error) {
		cancelled, err := s.upstream.CancelAddParticipant(ctx, act.repeat, req.GetCallConnectionId(), &upstream.CancelAddParticipantRequest{
			InvitationID:         req.GetInvitationId(),
			OperationContext:     act.receipt.GetOperationContext(),
			OperationCallbackURI: req.GetOperationCallbackUri(),
		})
		if err != nil {
			return nil, fmt.Errorf("cancel add participant: %w", err)
		}
		act.receipt.InvitationId = req.GetInvitationId()
		return &callgatev1.CancelAddParticipantResponse{
			InvitationId: cancelled.InvitationID,
			Receipt:      act.accepted(req.GetCallConnectionId()),
		}, nil
	})
}

// RemoveParticipant implements callgatev1.ParticipantsServer.
func (s *Participants) RemoveParticipant(ctx context.Context, req *callgatev1.RemoveParticipantRequest) (*callgatev1.RemoveParticipantResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_REMOVE_PARTICIPANT, req, func(act *action) (*callgatev1.RemoveParticipantResponse, error) {
		if _, err := s.upstream.RemoveParticipant(ctx, act.repeat, req.GetCallConnectionId(), &upstream.RemoveParticipantRequest{
			ParticipantToRemove:  identifierToUpstream(req.GetParticipant()),
			OperationContext:     act.receipt.GetOperationContext(),
			OperationCallbackURI: req.GetOperationCallbackUri(),
		}); err != nil {
			return nil, fmt.Errorf("remove participant: %w", err)
		}
		return &callgatev1.RemoveParticipantResponse{
			Receipt: act.accepted(req.GetCallConnectionId()),
		}, nil
	})
}

// MuteParticipant implements callgatev1.ParticipantsServer. The upstream takes a
// list, but only ever one entry.
func (s *Participants) MuteParticipant(ctx context.Context, req *callgatev1.MuteParticipantRequest) (*callgatev1.MuteParticipantResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_MUTE_PARTICIPANT, req, func(act *action) (*callgatev1.MuteParticipantResponse, error) {
		if _, err := s.upstream.MuteParticipants(ctx, act.repeat, req.GetCallConnectionId(), &upstream.MuteParticipantsRequest{
			TargetParticipants: []upstream.CommunicationIdentifierModel{*identifierToUpstream(req.GetParticipant())},
			OperationContext:   act.receipt.GetOperationContext(),
		}); err != nil {
			return nil, fmt.Errorf("mute participant: %w", err)
		}
		return &callgatev1.MuteParticipantResponse{Receipt: act.accepted(req.GetCallConnectionId())}, nil
	})
}

// MoveParticipants implements callgatev1.ParticipantsServer.
func (s *Participants) MoveParticipants(ctx context.Context, req *callgatev1.MoveParticipantsRequest) (*callgatev1.MoveParticipantsResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_MOVE_PARTICIPANTS, req, func(act *action) (*callgatev1.MoveParticipantsResponse, error) {
		moved, err := s.upstream.MoveParticipants(ctx, act.repeat, req.GetCallConnectionId(), &upstream.MoveParticipantsRequest{
			TargetParticipants:   identifiersToUpstream(req.GetParticipants()),
			FromCall:             req.GetFromCallConnectionId(),
			OperationContext:     act.receipt.GetOperationContext(),
			OperationCallbackURI: req.GetOperationCallbackUri(),
		})
		if err != nil {
			return nil, fmt.Errorf("move participants: %w", err)
		}
		return &callgatev1.MoveParticipantsResponse{
			Participants:         participantsFromUpstream(moved.Participants),
			FromCallConnectionId: moved.FromCall,
			Receipt:              act.accepted(req.GetCallConnectionId()),
		}, nil
	})
}
