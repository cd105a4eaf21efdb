package service_test

import (
	"net/http"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// TestGroupRequestsAreChecked: what breaks a rule of groups is refused with the
// field that breaks it.
func TestGroupRequestsAreChecked(t *testing.T) {
	g := newGateway(t, http.NotFoundHandler())
	stream := func(req *callgatev1.StreamEventsRequest) error {
		stream, err := g.StreamEvents(t.Context(), req)
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	}
	ofCall := &callgatev1.EventFilter{CallConnectionIds: []string{"c"}}
	for _, tc := range []struct {
		name  string
		call  func() error
		field string
	}{
		{"a group's name with a dot", func() error { return stream(&callgatev1.StreamEventsRequest{Group: "a.b"}) }, "group"},
		{"a group that ends", func() error {
			return stream(&callgatev1.StreamEventsRequest{Group: "g", Filter: ofCall, UntilCallEnds: true})
		}, ""},
		{"settings without a group", func() error { return stream(&callgatev1.StreamEventsRequest{MaxDeliveries: proto.Int32(1)}) }, ""},
		{"an endless wait", func() error {
			return stream(&callgatev1.StreamEventsRequest{Group: "g", AckWait: durationpb.New(2 * time.Hour)})
		}, "ack_wait"},
		{"no delivery at all", func() error {
			return stream(&callgatev1.StreamEventsRequest{Group: "g", MaxDeliveries: proto.Int32(0)})
		}, "max_deliveries"},
		{"a member without limit", func() error {
			return stream(&callgatev1.StreamEventsRequest{Group: "g", MaxUnacknowledged: proto.Int32(1001)})
		}, "max_unacknowledged"},
		{"nothing to acknowledge", func() error {
			_, err := g.AckEvents(t.Context(), &callgatev1.AckEventsRequest{Group: "g"})
			return err
		}, "cursors"},
		{"nobody's events", func() error {
			_, err := g.AckEvents(t.Context(), &callgatev1.AckEventsRequest{Cursors: []string{"x"}})
			return err
		}, "group"},
		{"a negative delay", func() error {
			_, err := g.NackEvents(t.Context(), &callgatev1.NackEventsRequest{Group: "g", Cursors: []string{"x"}, Delay: durationpb.New(-time.Second)})
			return err
		}, "delay"},
		{"all and some", func() error {
			_, err := g.ReplayDeadLetters(t.Context(), &callgatev1.ReplayDeadLettersRequest{Group: "g", Cursors: []string{"x"}, All: true})
			return err
		}, ""},
		{"neither all nor some", func() error {
			_, err := g.DeleteDeadLetters(t.Context(), &callgatev1.DeleteDeadLettersRequest{Group: "g"})
			return err
		}, ""},
		{"a page that there cannot be", func() error {
			_, err := g.ListDeadLetters(t.Context(), &callgatev1.ListDeadLettersRequest{Group: "g", PageToken: "next"})
			return err
		}, "page_token"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := status.Convert(tc.call())
			if s.Code() != codes.InvalidArgument || reason(s) != "INVALID_REQUEST" {
				t.Fatalf("error %v", s)
			}
			if fields := violated(s); len(fields) != 1 || fields[0] != tc.field {
				t.Errorf("the fields are %v, want %q", fields, tc.field)
			}
		})
	}
}

// TestGroupErrors: each has its code and its reason.
func TestGroupErrors(t *testing.T) {
	g := newGateway(t, http.NotFoundHandler())
	stream, err := g.StreamEvents(t.Context(), &callgatev1.StreamEventsRequest{Group: "g"})
	if err != nil {
		t.Fatal(err)
	}
	started, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		call   func() error
		code   codes.Code
		reason string
	}{
		{"acknowledging for nobody", func() error {
			_, err := g.AckEvents(t.Context(), &callgatev1.AckEventsRequest{Group: "h", Cursors: []string{started.GetStarted().GetCursor()}})
			return err
		}, codes.NotFound, "GROUP_NOT_FOUND"},
		{"acknowledging nonsense", func() error {
			_, err := g.AckEvents(t.Context(), &callgatev1.AckEventsRequest{Group: "g", Cursors: []string{"nonsense"}})
			return err
		}, codes.InvalidArgument, "CURSOR_INVALID"},
		{"a group that there is not", func() error {
			_, err := g.GetGroup(t.Context(), &callgatev1.GetGroupRequest{Group: "h"})
			return err
		}, codes.NotFound, "GROUP_NOT_FOUND"},
		{"joining otherwise", func() error {
			stream, err := g.StreamEvents(t.Context(), &callgatev1.StreamEventsRequest{Group: "g", MaxDeliveries: proto.Int32(1)})
			if err == nil {
				_, err = stream.Recv()
			}
			return err
		}, codes.FailedPrecondition, "GROUP_SETTINGS_DIFFER"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := status.Convert(tc.call())
			if s.Code() != tc.code || reason(s) != tc.reason {
				t.Errorf("error %v %s: %v", s.Code(), reason(s), s)
			}
		})
	}
}

// violated are the fields that a refusal names.
func violated(s *status.Status) (fields []string) {
	for _, detail := range s.Details() {
		if bad, is := detail.(*errdetails.BadRequest); is {
			for _, v := range bad.GetFieldViolations() {
				fields = append(fields, v.GetField())
			}
		}
	}
	return fields
}
