package service

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/callgate/callgate/eventstream"
	"github.com/callgate/callgate/upstream"
)

// errorDomain is the domain of every ErrorInfo of ours.
const errorDomain = "callgate"

// fieldError is a request field that only the handler can judge.
type fieldError struct {
	field, description string
}

func (e *fieldError) Error() string { return e.field + ": " + e.description }

// Status is what the client is told about err: one gRPC code, an ErrorInfo with
// a stable reason, and what the upstream said. It is the only place that chooses
// codes. The cause of INTERNAL is not told; it belongs in our log.
func Status(err error) *status.Status {
	var (
		upstreamErr *upstream.Error
		validation  *protovalidate.ValidationError
		field       *fieldError
		trimmed     *eventstream.CursorTrimmedError
	)
	switch {
	case errors.Is(err, upstream.ErrInvalidRequest):
		return newStatus(codes.InvalidArgument, "an id or a page token is not one that the upstream gave out", "INVALID_REQUEST", nil)
	case errors.As(err, &upstreamErr):
		return upstreamStatus(upstreamErr)
	case errors.As(err, &validation):
		return invalid(violations(validation))
	case errors.As(err, &field):
		return invalid([]*errdetails.BadRequest_FieldViolation{{Field: field.field, Description: field.description}})
	case errors.As(err, &trimmed):
		return newStatus(codes.OutOfRange, "the log no longer has what is behind this cursor",
			"CURSOR_TRIMMED", map[string]string{"earliest_cursor": trimmed.Earliest})
	case errors.Is(err, errRequestIDReused):
		return newStatus(codes.InvalidArgument, errRequestIDReused.Error(), "REQUEST_ID_REUSED", nil)
	case errors.Is(err, errRequestInProgress):
		return newStatus(codes.Aborted, errRequestInProgress.Error(), "REQUEST_IN_PROGRESS", nil)
	case errors.Is(err, errOutcomeUnknown):
		return newStatus(codes.Unknown, errOutcomeUnknown.Error()+": the action may or may not have happened", "UPSTREAM_OUTCOME_UNKNOWN", nil)
	case errors.Is(err, eventstream.ErrCursorInvalid):
		return newStatus(codes.InvalidArgument, "this is no cursor", "CURSOR_INVALID", nil)
	case errors.Is(err, eventstream.ErrCursorOtherLog):
		return newStatus(codes.FailedPrecondition, "this cursor is of another log", "CURSOR_OF_OTHER_LOG", nil)
	case errors.Is(err, eventstream.ErrCursorAhead):
		return newStatus(codes.FailedPrecondition, "this cursor is of a position that the log never had", "CURSOR_AHEAD_OF_LOG", nil)
	case errors.Is(err, eventstream.ErrLogUnavailable):
		return newStatus(codes.Unavailable, "the event log is unavailable", "LOG_UNAVAILABLE", nil)
	case errors.Is(err, eventstream.ErrDraining):
		return newStatus(codes.Unavailable, "the gateway is about to stop: ask again, elsewhere", "DRAINING", nil)
	case errors.Is(err, context.Canceled):
		return newStatus(codes.Canceled, "cancelled by the client", "CANCELLED", nil)
	case errors.Is(err, context.DeadlineExceeded):
		return newStatus(codes.DeadlineExceeded, "the client's deadline has passed", "DEADLINE_EXCEEDED", nil)
	}
	if s, ok := status.FromError(err); ok {
		return s
	}
	return newStatus(codes.Internal, "internal error", "INTERNAL", nil)
}

// upstreamStatus is what the client is told about the upstream's refusal, or
// its silence.
func upstreamStatus(e *upstream.Error) *status.Status {
	code, reason := upstreamCode(e)
	metadata := map[string]string{}
	if e.StatusCode != 0 {
		metadata["upstream_status"] = strconv.Itoa(e.StatusCode)
	}
	for key, value := range map[string]string{
		"upstream_code":              e.Code,
		"upstream_message":           e.Message,
		"upstream_target":            e.Target,
		"upstream_client_request_id": e.RequestID,
		"upstream_chain_id":          e.ChainID,
		"upstream_azure_ref":         e.AzureRef,
	} {
		if value != "" {
			metadata[key] = value
		}
	}
	message := "the upstream did not answer"
	if e.StatusCode != 0 {
		message = "the upstream answered " + strconv.Itoa(e.StatusCode)
	}
	if e.Message != "" {
		message += ": " + e.Message
	}
	if reason == "UPSTREAM_OUTCOME_UNKNOWN" {
		message += "; the action may or may not have happened: do not repeat it blindly"
	}
	var more []protoadapt.MessageV1
	if e.RetryAfter > 0 {
		more = append(more, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	}
	return newStatus(code, message, reason, metadata, more...)
}

func upstreamCode(e *upstream.Error) (codes.Code, string) {
	switch s := e.StatusCode; {
	case s == 401:
		return codes.Internal, "UPSTREAM_CREDENTIAL_REFUSED" // our credential: the client's is fine
	case s == 403:
		return codes.PermissionDenied, "UPSTREAM_FORBIDDEN"
	case errors.Is(e, upstream.ErrCallNotFound):
		return codes.NotFound, "CALL_NOT_FOUND"
	case s == 404:
		return codes.NotFound, "UPSTREAM_NOT_FOUND"
	case s == 405, s == 409, s == 412:
		return codes.FailedPrecondition, "UPSTREAM_PRECONDITION_FAILED"
	case s == 429:
		return codes.ResourceExhausted, "UPSTREAM_THROTTLED"
	case s >= 400 && s < 500 && s != 408:
		return codes.InvalidArgument, "UPSTREAM_INVALID_REQUEST"
	case !e.Repeatable:
		return codes.Unknown, "UPSTREAM_OUTCOME_UNKNOWN" // UNAVAILABLE says "send it again"; this could dial twice
	case s >= 200 && s < 300:
		return codes.Internal, "UPSTREAM_RESPONSE_INVALID"
	case errors.Is(e, context.DeadlineExceeded):
		return codes.DeadlineExceeded, "DEADLINE_EXCEEDED"
	default:
		return codes.Unavailable, "UPSTREAM_UNAVAILABLE"
	}
}

func invalid(fields []*errdetails.BadRequest_FieldViolation) *status.Status {
	said := make([]string, 0, len(fields))
	for _, f := range fields {
		if f.GetField() == "" {
			said = append(said, f.GetDescription())
			continue
		}
		said = append(said, f.GetField()+": "+f.GetDescription())
	}
	return newStatus(codes.InvalidArgument, strings.Join(said, "; "), "INVALID_REQUEST", nil,
		&errdetails.BadRequest{FieldViolations: fields})
}

// violations are the broken rules of the contract, by their place in the
// request.
func violations(e *protovalidate.ValidationError) []*errdetails.BadRequest_FieldViolation {
	fields := make([]*errdetails.BadRequest_FieldViolation, 0, len(e.Violations))
	for _, v := range e.Violations {
		fields = append(fields, &errdetails.BadRequest_FieldViolation{
			Field:       protovalidate.FieldPathString(v.Proto.GetField()),
			Description: v.Proto.GetMessage(),
			Reason:      v.Proto.GetRuleId(),
		})
	}
	return fields
}

func newStatus(code codes.Code, message, reason string, metadata map[string]string, more ...protoadapt.MessageV1) *status.Status {
	info := &errdetails.ErrorInfo{Reason: reason, Domain: errorDomain, Metadata: maps.Clone(metadata)}
	s := status.New(code, message)
	detailed, err := s.WithDetails(append([]protoadapt.MessageV1{info}, more...)...)
	if err != nil {
		return s // cannot be: every detail is a message and code is not OK
	}
	return detailed
}
