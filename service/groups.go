package service

import (
	"context"
	"fmt"

	"github.com/callgate/callgate/access"
	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// Groups implements callgate.v1.Groups.
type Groups struct {
	callgatev1.UnsafeGroupsServer
	groups *eventstream.Groups
}

// NewGroups shows and changes groups.
func NewGroups(groups *eventstream.Groups) *Groups { return &Groups{groups: groups} }

// groupName is a group of the service that asks.
func groupName(ctx context.Context, name string) eventstream.GroupName {
	return eventstream.GroupName{Service: ownerOf(ctx), Name: name}
}

// visibilityOf is what the client that asks may know of.
func visibilityOf(ctx context.Context) eventstream.Visibility {
	grant := callerOf(ctx).grant
	if grant == nil || grant.AllCalls {
		return eventstream.Visibility{AllCalls: true}
	}
	return eventstream.Visibility{Incoming: grant.Incoming}
}

// GroupVisible tells which events a service's group has: those that the client saw
// which made it.
func GroupVisible(service string, sees eventstream.Visibility) func(*eventstream.Event) bool {
	return visibleTo(&access.Grant{Service: service, AllCalls: sees.AllCalls, Incoming: sees.Incoming})
}

func joinOptions(ctx context.Context, req *callgatev1.StreamEventsRequest) eventstream.JoinOptions {
	opts := subscribeOptions(req)
	return eventstream.JoinOptions{
		Group:             groupName(ctx, req.GetGroup()),
		Sees:              visibilityOf(ctx),
		Filter:            opts.Filter,
		Commands:          opts.Commands,
		Start:             opts.Start,
		AckWait:           req.GetAckWait().AsDuration(),
		MaxDeliveries:     int(req.GetMaxDeliveries()),
		MaxUnacknowledged: int(req.GetMaxUnacknowledged()),
		HeartbeatInterval: opts.HeartbeatInterval,
	}
}

// AckEvents implements callgatev1.EventsServer.
func (s *Events) AckEvents(ctx context.Context, req *callgatev1.AckEventsRequest) (*callgatev1.AckEventsResponse, error) {
	n, err := s.groups.Ack(ctx, groupName(ctx, req.GetGroup()), req.GetCursors())
	if err != nil {
		return nil, fmt.Errorf("ack events: %w", err)
	}
	return &callgatev1.AckEventsResponse{Acknowledged: int32(n)}, nil
}

// NackEvents implements callgatev1.EventsServer.
func (s *Events) NackEvents(ctx context.Context, req *callgatev1.NackEventsRequest) (*callgatev1.NackEventsResponse, error) {
	n, err := s.groups.Nack(ctx, groupName(ctx, req.GetGroup()), req.GetCursors(), req.GetDelay().AsDuration(), req.GetNote())
	if err != nil {
		return nil, fmt.Errorf("nack events: %w", err)
	}
	return &callgatev1.NackEventsResponse{Rejected: int32(n)}, nil
}

// ListGroups implements callgatev1.GroupsServer.
func (s *Groups) ListGroups(ctx context.Context, req *callgatev1.ListGroupsRequest) (*callgatev1.ListGroupsResponse, error) {
	groups, next, err := s.groups.List(ctx, ownerOf(ctx), req.GetPageToken(), pageSize(req.GetPageSize()))
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}
	return &callgatev1.ListGroupsResponse{Groups: groups, NextPageToken: next}, nil
}

// GetGroup implements callgatev1.GroupsServer.
func (s *Groups) GetGroup(ctx context.Context, req *callgatev1.GetGroupRequest) (*callgatev1.GetGroupResponse, error) {
	group, err := s.groups.Get(ctx, groupName(ctx, req.GetGroup()))
	if err != nil {
		return nil, fmt.Errorf("get group: %w", err)
	}
	return &callgatev1.GetGroupResponse{Group: group}, nil
}

// DeleteGroup implements callgatev1.GroupsServer.
func (s *Groups) DeleteGroup(ctx context.Context, req *callgatev1.DeleteGroupRequest) (*callgatev1.DeleteGroupResponse, error) {
	if err := s.groups.Delete(ctx, groupName(ctx, req.GetGroup())); err != nil {
		return nil, fmt.Errorf("delete group: %w", err)
	}
	return &callgatev1.DeleteGroupResponse{}, nil
}

// ListDeadLetters implements callgatev1.GroupsServer.
func (s *Groups) ListDeadLetters(ctx context.Context, req *callgatev1.ListDeadLettersRequest) (*callgatev1.ListDeadLettersResponse, error) {
	letters, next, err := s.groups.ListDeadLetters(ctx, groupName(ctx, req.GetGroup()), visibilityOf(ctx), req.GetPageToken(), pageSize(req.GetPageSize()), req.GetIncludeData())
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	return &callgatev1.ListDeadLettersResponse{DeadLetters: letters, NextPageToken: next}, nil
}

// ReplayDeadLetters implements callgatev1.GroupsServer.
func (s *Groups) ReplayDeadLetters(ctx context.Context, req *callgatev1.ReplayDeadLettersRequest) (*callgatev1.ReplayDeadLettersResponse, error) {
	n, err := s.groups.ReplayDeadLetters(ctx, groupName(ctx, req.GetGroup()), req.GetCursors(), req.GetAll())
	if err != nil {
		return nil, fmt.Errorf("replay dead letters: %w", err)
	}
	return &callgatev1.ReplayDeadLettersResponse{Replayed: int32(n)}, nil
}

// DeleteDeadLetters implements callgatev1.GroupsServer.
func (s *Groups) DeleteDeadLetters(ctx context.Context, req *callgatev1.DeleteDeadLettersRequest) (*callgatev1.DeleteDeadLettersResponse, error) {
	n, err := s.groups.DeleteDeadLetters(ctx, groupName(ctx, req.GetGroup()), req.GetCursors(), req.GetAll())
	if err != nil {
		return nil, fmt.Errorf("delete dead letters: %w", err)
	}
	return &callgatev1.DeleteDeadLettersResponse{Deleted: int32(n)}, nil
}
