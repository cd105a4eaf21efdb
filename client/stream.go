package client

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// Handler deals with one response. Once it returns nil the response is taken to be
// dealt with, and the stream goes on behind it; its error ends Stream.
//
// It gets everything: started on every connection, events, heartbeats (whose
// cursor is the one to keep when nothing happens), gaps, and draining.
type Handler func(*callgatev1.StreamEventsResponse) error

const (
	// defaultHeartbeat is the gateway's, where the request gives none.
	defaultHeartbeat = 15 * time.Second
	// missedHeartbeats is after how many, and a while for the way, a stream that says
	// nothing is given up.
	missedHeartbeats = 2
	onTheWay         = 10 * time.Second
)

// Stream streams events to handle, for as long as ctx lasts, over any number of
// connections and gateways: when one is lost, stops, or says nothing any more, it
// goes on behind the last response that was dealt with, so that no event is missed
// and none comes twice. Between attempts it pauses, up to 5 s.
//
// A stream that ends because its credential has expired is opened again, with what
// conn's credentials (grpc.WithPerRPCCredentials) then give.
//
// To go on in another process, keep the cursor of the last response, and begin the
// next time with it as after_cursor. When the log no longer has what follows a
// cursor, handle is told of it by a gap, and the stream goes on with what there is.
//
// It returns nil when a stream with until_call_ends has ended; ctx's error; handle's
// error, as it is; or that of a stream that no repetition mends: a request that is
// not valid or not allowed, or a cursor that belongs to another log.
func Stream(ctx context.Context, conn grpc.ClientConnInterface, req *callgatev1.StreamEventsRequest, handle Handler) error {
	s := &stream{
		events: callgatev1.NewEventsClient(conn),
		req:    proto.CloneOf(req),
		handle: handle,
		quiet:  missedHeartbeats*heartbeatInterval(req) + onTheWay,
	}
	pause := pauses()
	for {
		s.progress = false
		done, err := s.connection(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case done:
			return err
		case s.progress:
			s.failures = 0
		}
		s.failures++
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause(ctx, s.failures)):
		}
	}
}

func heartbeatInterval(req *callgatev1.StreamEventsRequest) time.Duration {
	if req.GetHeartbeatInterval() == nil {
		return defaultHeartbeat
	}
	return req.GetHeartbeatInterval().AsDuration()
}

// stream is what is kept from one connection to the next.
type stream struct {
	events   callgatev1.EventsClient
	req      *callgatev1.StreamEventsRequest // with the position to go on from
	handle   Handler
	quiet    time.Duration // how long a stream may say nothing
	progress bool          // more came than started
	failures uint          // in a row
}

// connection streams until something ends it; done tells that nothing is to follow.
func (s *stream) connection(ctx context.Context) (done bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(s.quiet, cancel)
	defer watchdog.Stop()
	responses, err := s.events.StreamEvents(ctx, s.req)
	if err != nil {
		return s.failed(err)
	}
	draining := false
	for {
		watchdog.Reset(s.quiet)
		resp, err := responses.Recv()
		watchdog.Stop() // a handler may take its time
		if errors.Is(err, io.EOF) {
			return s.req.GetUntilCallEnds() && !draining, nil
		}
		if err != nil {
			return s.failed(err)
		}
		if err := s.deal(resp); err != nil {
			return true, err
		}
		draining = draining || resp.GetDraining() != nil
	}
}

// deal hands resp on and moves the position.
func (s *stream) deal(resp *callgatev1.StreamEventsResponse) error {
	if err := s.handle(resp); err != nil {
		return err
	}
	_, fromTime := s.req.GetStart().(*callgatev1.StreamEventsRequest_FromTime)
	switch r := resp.GetResponse().(type) {
	case *callgatev1.StreamEventsResponse_Started:
		if !fromTime { // else its cursor may lie a little before the time
			s.goOnAfter(r.Started.GetCursor())
		}
		return nil
	case *callgatev1.StreamEventsResponse_Event:
		s.goOnAfter(r.Event.GetCursor())
	case *callgatev1.StreamEventsResponse_Heartbeat:
		s.goOnAfter(r.Heartbeat.GetCursor())
	case *callgatev1.StreamEventsResponse_Gap:
		s.goOnAfter(r.Gap.GetToCursor())
	case *callgatev1.StreamEventsResponse_Draining:
		if !fromTime {
			s.goOnAfter(r.Draining.GetCursor())
		}
		return nil
	}
	s.progress = true
	return nil
}

func (s *stream) goOnAfter(cursor string) {
	if cursor != "" && s.req.GetGroup() == "" { // a group knows its position
		s.req.Start = &callgatev1.StreamEventsRequest_AfterCursor{AfterCursor: cursor}
	}
}

// failed tells whether err is for the caller.
func (s *stream) failed(err error) (done bool, _ error) {
	info := errorInfo(err)
	switch {
	case status.Code(err) == codes.OutOfRange:
		earliest := info.GetMetadata()["earliest_cursor"]
		if s.req.GetAfterCursor() == "" || earliest == "" || s.req.GetGroup() != "" {
			return true, err
		}
		s.progress = true
		if err := s.deal(&callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Gap{Gap: &callgatev1.StreamGap{
			FromCursor: s.req.GetAfterCursor(), ToCursor: earliest, Reason: callgatev1.StreamGap_REASON_RETENTION,
		}}}); err != nil {
			return true, err
		}
		return false, nil
	case final(err):
		return true, err
	}
	return false, nil
}

// final tells whether no repetition mends err. A credential that has expired is asked
// for anew.
func final(err error) bool {
	switch status.Code(err) {
	case codes.Unauthenticated:
		return errorInfo(err).GetReason() != reasonExpired
	case codes.InvalidArgument, codes.NotFound, codes.PermissionDenied, codes.FailedPrecondition, codes.Unimplemented:
		return true
	}
	return false
}

// reasonExpired is the reason of a stream's end that a new credential mends.
const reasonExpired = "CREDENTIAL_EXPIRED"

// errorInfo is what err says to programs; nil if nothing.
func errorInfo(err error) *errdetails.ErrorInfo {
	for _, detail := range status.Convert(err).Details() {
		if info, is := detail.(*errdetails.ErrorInfo); is {
			return info
		}
	}
	return nil
}
