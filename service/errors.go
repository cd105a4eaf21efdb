package service

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"buf.build/go/protovalidate"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/callgate/callgate/access"
	"github.com/callgate/callgate/catalogue"
	"github.com/callgate/callgate/eventstream"
	"github.com/callgate/callgate/mask"
	"github.com/callgate/callgate/upstream"
)

const (
	// errorDomain is the domain of every ErrorInfo of ours.
	errorDomain = "callgate"
	// errorPage explains every reason.
	errorPage = "https://github.com/callgate/callgate/blob/main/docs/errors.md#"
	// reasonUnexplained is that of an answer which the catalogue does not know.
	reasonUnexplained = "UPSTREAM_REFUSED"
)

// fieldError is a request field that only the handler can judge.
type fieldError struct {
	field, description string
}

func (e *fieldError) Error() string { return e.field + ": " + e.description }

// Errors tells clients of failures, in the words of the catalogue.
type Errors struct {
	catalogue *catalogue.Catalogue
	// unexplained counts answers that the catalogue does not know.
	unexplained prometheus.Counter
	// refused counts what clients were refused for who they are, by reason.
	refused *prometheus.CounterVec
}

// NewErrors speaks by the catalogue. Its metric goes to reg, if that is not nil.
func NewErrors(c *catalogue.Catalogue, reg prometheus.Registerer) *Errors {
	metrics := promauto.With(reg)
	return &Errors{
		catalogue: c,
		unexplained: metrics.NewCounter(prometheus.CounterOpts{
			Name: "callgate_unexplained_answers_total",
			Help: "Refusals of the upstream that the error catalogue does not know.",
		}),
		refused: metrics.NewCounterVec(prometheus.CounterOpts{
			Name: "callgate_clients_refused_total",
			Help: "Requests that clients were refused for who they are and what the policy lets them do, by reason.",
		}, []string{"reason"}),
	}
}

// Status is what the client is told about err: one gRPC code, an ErrorInfo with
// a stable reason, and what the upstream said. It is the only place that chooses
// codes. The cause of INTERNAL is not told; it belongs in our log.
func (e *Errors) Status(err error) *status.Status {
	s := e.describe(err)
	if reasonOf(s) == reasonUnexplained {
		e.unexplained.Inc()
	}
	if refusalOf(err) != nil {
		e.refused.WithLabelValues(reasonOf(s)).Inc()
	}
	return s
}

// describe is Status, without counting.
func (e *Errors) describe(err error) *status.Status {
	var (
		upstreamErr *upstream.Error
		validation  *protovalidate.ValidationError
		field       *fieldError
		trimmed     *eventstream.CursorTrimmedError
		otherwise   *eventstream.GroupSettingsError
	)
	if refused := refusalOf(err); refused != nil {
		return e.refuse(refused)
	}
	switch {
	case errors.Is(err, upstream.ErrInvalidRequest):
		return e.status("INVALID_REQUEST", "an id or a page token is not one that the upstream gave out", nil)
	case errors.As(err, &upstreamErr):
		return e.upstreamStatus(upstreamErr)
	case errors.As(err, &validation):
		return e.invalid(violations(validation))
	case errors.As(err, &field):
		return e.invalid([]*errdetails.BadRequest_FieldViolation{{Field: field.field, Description: field.description}})
	case errors.As(err, &trimmed):
		return e.status("CURSOR_TRIMMED", "", map[string]string{"earliest_cursor": trimmed.Earliest})
	case errors.As(err, &otherwise):
		return e.status("GROUP_SETTINGS_DIFFER", otherwise.Error(), nil)
	}
	for reason, is := range gatewayErrors {
		if errors.Is(err, is) {
			return e.status(reason, "", nil)
		}
	}
	if s, ok := status.FromError(err); ok {
		return s
	}
	return e.status("INTERNAL", "internal error", nil)
}

// refusalOf is the refusal that err is; nil for none. A bad credential is one, and
// not for why it is bad, which is the attacker's question.
func refusalOf(err error) *refusal {
	var refused *refusal
	switch {
	case errors.Is(err, access.ErrUnauthenticated), errors.Is(err, eventstream.ErrTokenInvalid):
		return &refusal{reason: "UNAUTHENTICATED"}
	case errors.As(err, &refused):
		return refused
	}
	return nil
}

func (e *Errors) refuse(r *refusal) *status.Status {
	if r.retryAfter > 0 {
		return e.status(r.reason, "", r.metadata, &errdetails.RetryInfo{RetryDelay: durationpb.New(r.retryAfter)})
	}
	return e.status(r.reason, "", r.metadata)
}

// foreign are the reasons of errors that came about before a service had its say.
var foreign = map[codes.Code]string{
	codes.InvalidArgument:   "INVALID_REQUEST",
	codes.NotFound:          "PATH_UNKNOWN",
	codes.Unimplemented:     "METHOD_UNKNOWN",
	codes.ResourceExhausted: "REQUEST_TOO_LARGE",
	codes.Canceled:          "REQUEST_INCOMPLETE",
	codes.Internal:          "INTERNAL",
}

// explain gives a status a reason, if it has none: one that libraries made of a
// request that they could not read or had no place for.
func (e *Errors) explain(s *status.Status) *status.Status {
	reason, known := foreign[s.Code()]
	if !known || reasonOf(s) != "" {
		return s
	}
	if s.Code() == codes.InvalidArgument {
		return e.invalid([]*errdetails.BadRequest_FieldViolation{unread(s.Message())})
	}
	return e.status(reason, s.Message(), nil)
}

// gatewayErrors are the errors that a reason of the catalogue says all about.
var gatewayErrors = map[string]error{
	"REQUEST_ID_REUSED":        errRequestIDReused,
	"REQUEST_IN_PROGRESS":      errRequestInProgress,
	"UPSTREAM_OUTCOME_UNKNOWN": errOutcomeUnknown,
	"RECORDING_FILE_UNKNOWN":   eventstream.ErrNoRecordingFiles,
	"RECORDING_FILE_ELSEWHERE": errFileElsewhere,
	"CURSOR_INVALID":           eventstream.ErrCursorInvalid,
	"CURSOR_OF_OTHER_LOG":      eventstream.ErrCursorOtherLog,
	"CURSOR_AHEAD_OF_LOG":      eventstream.ErrCursorAhead,
	"KEYS_UNAVAILABLE":         eventstream.ErrKeysUnavailable,
	"GROUP_NOT_FOUND":          eventstream.ErrGroupNotFound,
	"LOG_UNAVAILABLE":          eventstream.ErrLogUnavailable,
	"DRAINING":                 eventstream.ErrDraining,
	"TOO_MANY_STREAMS":         errTooManyStreams,
	"CANCELLED":                context.Canceled,
	"DEADLINE_EXCEEDED":        context.DeadlineExceeded,
}

// upstreamStatus is what the client is told about the upstream's refusal, or
// its silence.
func (e *Errors) upstreamStatus(err *upstream.Error) *status.Status {
	metadata := map[string]string{}
	if err.StatusCode != 0 {
		metadata["upstream_status"] = strconv.Itoa(err.StatusCode)
	}
	for key, value := range map[string]string{
		"upstream_code":              err.Code,
		"upstream_message":           err.Message,
		"upstream_target":            err.Target,
		"upstream_client_request_id": err.RequestID,
		"upstream_chain_id":          err.ChainID,
		"upstream_azure_ref":         err.AzureRef,
	} {
		if value != "" {
			metadata[key] = mask.Text(value) // it may name people, and clients log their errors
		}
	}
	if err.ClockSkew != 0 {
		metadata["upstream_clock_ahead_by"] = err.ClockSkew.String()
	}
	message := "the upstream did not answer"
	if err.StatusCode != 0 {
		message = "the upstream answered " + strconv.Itoa(err.StatusCode)
	}
	if err.Message != "" {
		message += ": " + mask.Text(err.Message)
	}
	var more []protoadapt.MessageV1
	if err.RetryAfter > 0 {
		more = append(more, &errdetails.RetryInfo{RetryDelay: durationpb.New(err.RetryAfter)})
	}
	return e.told(e.upstreamEntry(err), message, metadata, more...)
}

// upstreamErrors are the upstream's refusals that are about more than a status.
var upstreamErrors = map[string]error{
	"PARTICIPANT_NOT_FOUND":    upstream.ErrParticipantNotFound,
	"RECORDING_NOT_FOUND":      upstream.ErrRecordingNotFound,
	"RECORDING_FILE_NOT_FOUND": upstream.ErrFileNotFound,
	"RECORDING_FILE_REFUSED":   upstream.ErrFileRefused,
	"OFFSET_BEHIND_END":        upstream.ErrBehindEnd,
}

func (e *Errors) upstreamEntry(err *upstream.Error) *catalogue.Error {
	for reason, is := range upstreamErrors {
		if errors.Is(err, is) {
			return e.catalogue.ByReason(reason)
		}
	}
	switch s := err.StatusCode; {
	case s >= 300 && s < 500 && s != http.StatusRequestTimeout:
		if known := e.catalogue.Answer(s, err.Code); known != nil {
			return known
		}
		return e.catalogue.ByReason(reasonUnexplained)
	case !err.Repeatable:
		return e.catalogue.ByReason("UPSTREAM_OUTCOME_UNKNOWN") // UNAVAILABLE says "send it again"; this could dial twice
	case errors.Is(err, upstream.ErrCircuitOpen):
		return e.catalogue.ByReason("UPSTREAM_CIRCUIT_OPEN")
	case errors.Is(err, upstream.ErrOverloaded):
		return e.catalogue.ByReason("GATEWAY_OVERLOADED")
	case s >= 200 && s < 300:
		return e.catalogue.ByReason("UPSTREAM_RESPONSE_INVALID")
	case errors.Is(err, context.DeadlineExceeded):
		return e.catalogue.ByReason("DEADLINE_EXCEEDED")
	default:
		return e.catalogue.ByReason("UPSTREAM_UNAVAILABLE")
	}
}

func (e *Errors) invalid(fields []*errdetails.BadRequest_FieldViolation) *status.Status {
	said := make([]string, 0, len(fields))
	for _, f := range fields {
		if f.GetField() == "" {
			said = append(said, f.GetDescription())
			continue
		}
		said = append(said, f.GetField()+": "+f.GetDescription())
	}
	return e.status("INVALID_REQUEST", strings.Join(said, "; "), nil, &errdetails.BadRequest{FieldViolations: fields})
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

// status is what the catalogue says of a reason; its meaning is the message where
// there is no closer one.
func (e *Errors) status(reason, message string, metadata map[string]string, more ...protoadapt.MessageV1) *status.Status {
	return e.told(e.catalogue.ByReason(reason), message, metadata, more...)
}

func (e *Errors) told(entry *catalogue.Error, message string, metadata map[string]string, more ...protoadapt.MessageV1) *status.Status {
	if message == "" {
		message = entry.Meaning
	}
	s := status.New(entry.GRPC, message)
	detailed, err := s.WithDetails(append([]protoadapt.MessageV1{
		&errdetails.ErrorInfo{Reason: entry.Reason, Domain: errorDomain, Metadata: metadata},
		&errdetails.Help{Links: []*errdetails.Help_Link{{Description: entry.Do, Url: errorPage + strings.ToLower(entry.Reason)}}},
	}, more...)...)
	if err != nil {
		return s // cannot be: every detail is a message and the code is not OK
	}
	return detailed
}

// reasonOf is the stable reason that a status of ours carries; empty for another.
func reasonOf(s *status.Status) string {
	for _, detail := range s.Details() {
		if info, is := detail.(*errdetails.ErrorInfo); is {
			return info.GetReason()
		}
	}
	return ""
}
