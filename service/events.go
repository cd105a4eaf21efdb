package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	defaultHeartbeat = 15 * time.Second
	defaultWait      = 30 * time.Second
	defaultPageSize  = 100
)

// Events implements callgate.v1.Events.
type Events struct {
	callgatev1.UnsafeEventsServer
	hub      *eventstream.Hub
	log      *eventstream.Log
	outcomes outcomes
	groups   *eventstream.Groups
}

// NewEvents gives out what is in log: hub follows its end, outcomes finds out how
// actions ended, and groups share what there is.
func NewEvents(log *eventstream.Log, hub *eventstream.Hub, outcomes outcomes, groups *eventstream.Groups) *Events {
	return &Events{log: log, hub: hub, outcomes: outcomes, groups: groups}
}

// source is what StreamEvents sends: a subscription, or a member of a group.
type source interface {
	Started() (cursor, earliest string)
	Retention() eventstream.Retention
	// Position is where to go on after for what Next has not given out.
	Position() string
	Next(context.Context) (eventstream.Item, error)
	Close()
}

// StreamEvents implements callgatev1.EventsServer.
func (s *Events) StreamEvents(req *callgatev1.StreamEventsRequest, out grpc.ServerStreamingServer[callgatev1.StreamEventsResponse]) error {
	ctx := out.Context()
	sub, err := s.open(ctx, req)
	if err != nil {
		return fmt.Errorf("stream events: %w", err)
	}
	defer sub.Close()
	includeData := req.GetIncludeData() // no more of the request is kept
	var resp any = started(sub)         // sent at once: whoever has it misses nothing after its cursor
	for {
		if err := out.SendMsg(resp); err != nil {
			return err
		}
		item, err := sub.Next(ctx) // an event, a gap, or a heartbeat when none came in time
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("stream events: %w", ended(ctx, err, sub.Position()))
		}
		resp = itemToSend(item, includeData)
	}
}

func (s *Events) open(ctx context.Context, req *callgatev1.StreamEventsRequest) (source, error) {
	if req.GetGroup() != "" {
		return s.groups.Join(ctx, joinOptions(ctx, req))
	}
	opts := subscribeOptions(req)
	opts.Visible = visibleTo(callerOf(ctx).grant)
	return s.hub.Subscribe(ctx, opts)
}

func subscribeOptions(req *callgatev1.StreamEventsRequest) eventstream.SubscribeOptions {
	opts := eventstream.SubscribeOptions{
		Filter:            req.GetFilter(),
		HeartbeatInterval: defaultHeartbeat,
		Commands:          req.GetIncludeCommands(),
		UntilCallEnds:     req.GetUntilCallEnds(),
	}
	if req.HeartbeatInterval != nil {
		opts.HeartbeatInterval = req.GetHeartbeatInterval().AsDuration()
	}
	switch start := req.GetStart().(type) {
	case *callgatev1.StreamEventsRequest_Earliest:
		opts.Start = eventstream.StartEarliest()
	case *callgatev1.StreamEventsRequest_AfterCursor:
		opts.Start = eventstream.StartAfter(start.AfterCursor)
	case *callgatev1.StreamEventsRequest_FromTime:
		opts.Start = eventstream.StartAt(start.FromTime.AsTime())
	default:
		opts.Start = eventstream.StartLatest()
	}
	return opts
}

func started(sub source) *callgatev1.StreamEventsResponse {
	cursor, earliest := sub.Started()
	kept := sub.Retention()
	start := &callgatev1.StreamStarted{
		Cursor: cursor, EarliestCursor: earliest, MaxAge: durationpb.New(kept.MaxAge), MaxBytes: kept.MaxBytes,
	}
	if !kept.Earliest.IsZero() {
		start.EarliestTime = timestamppb.New(kept.Earliest)
	}
	if member, is := sub.(*eventstream.GroupMember); is {
		start.Group = member.Membership()
	}
	return &callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Started{Started: start}}
}

// itemToSend is a StreamEventsResponse; of an event, the bytes that everybody is
// sent.
func itemToSend(item eventstream.Item, includeData bool) any {
	switch {
	case item.Event != nil:
		return item.Encoded(includeData)
	case item.Gap != nil:
		resp := &callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Gap{
			Gap: &callgatev1.StreamGap{FromCursor: item.Gap.From, ToCursor: item.Gap.To, Reason: item.Gap.Reason},
		}}
		if item.Attempt > 0 {
			resp.Delivery = &callgatev1.EventDelivery{Attempt: int32(item.Attempt)}
		}
		return resp
	case item.Draining != nil:
		return &callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Draining{
			Draining: &callgatev1.StreamDraining{Cursor: item.Draining.Cursor},
		}}
	default:
		return &callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Heartbeat{
			Heartbeat: &callgatev1.StreamHeartbeat{Cursor: item.Heartbeat.Cursor, ServerTime: timestamppb.New(item.Heartbeat.Time)},
		}}
	}
}

func eventToProto(e *eventstream.Event, includeData bool) *callgatev1.CallEvent {
	if includeData {
		return e.WithData()
	}
	return e.CallEvent
}

// pageSize is how many are meant by what a request says.
func pageSize(said int32) int {
	if said == 0 {
		return defaultPageSize
	}
	return int(said)
}

// ListEvents implements callgatev1.EventsServer.
func (s *Events) ListEvents(ctx context.Context, req *callgatev1.ListEventsRequest) (*callgatev1.ListEventsResponse, error) {
	events, next, err := s.log.ListEvents(ctx, req.GetCallConnectionId(), req.GetPageToken(), pageSize(req.GetPageSize()), req.GetIncludeCommands())
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	resp := &callgatev1.ListEventsResponse{NextPageToken: next}
	for _, e := range events {
		resp.Events = append(resp.Events, eventToProto(e, req.GetIncludeData()))
	}
	return resp, nil
}

// WaitForOutcome implements callgatev1.EventsServer.
func (s *Events) WaitForOutcome(ctx context.Context, req *callgatev1.WaitForOutcomeRequest) (*callgatev1.WaitForOutcomeResponse, error) {
	wait := defaultWait
	if req.Timeout != nil {
		wait = req.GetTimeout().AsDuration()
	}
	ctx, cancel := context.WithTimeout(ctx, waitFor(ctx, wait))
	defer cancel()
	outcome, err := s.outcomes.WaitForOutcome(ctx, req.GetReceipt())
	if err != nil {
		return nil, fmt.Errorf("wait for outcome: %w", err)
	}
	return &callgatev1.WaitForOutcomeResponse{Outcome: outcome}, nil
}
