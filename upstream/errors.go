package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	json "github.com/go-json-experiment/json/v1"
)

// ErrInvalidRequest is wrapped by an Error that needed no upstream: an id that
// cannot stand in a path, or a nextLink that leads elsewhere.
var ErrInvalidRequest = errors.New("invalid request")

// ErrCallNotFound is what an Error is that says that the call never was, or is
// over.
var ErrCallNotFound = errors.New("call not found")

// ErrParticipantNotFound is what an Error is that says that nobody of that name is
// in the call, which goes on.
var ErrParticipantNotFound = errors.New("participant not found")

// ErrRecordingNotFound is what an Error is that says that the recording never was,
// or has ended.
var ErrRecordingNotFound = errors.New("recording not found")

// ErrFileNotFound is what an Error is that says that the file of a recording is not
// there, or not any more.
var ErrFileNotFound = errors.New("file not found")

// ErrFileRefused is what an Error is that says that the file is not given to this
// resource: which a location that is none is answered with, too.
var ErrFileRefused = errors.New("file refused")

// ErrBehindEnd is what an Error is that says that a file ends before the offset.
var ErrBehindEnd = errors.New("the file ends before that")

// codeNotFound is the upstream's code for a call, a participant or a recording.
const codeNotFound = "8522"

// Is makes an Error the one of those that it says.
func (e *Error) Is(target error) bool {
	gone := e.StatusCode == http.StatusNotFound
	switch target {
	case ErrCallNotFound:
		return e.about == aCall && gone && e.Code == codeNotFound && !e.namesParticipant()
	case ErrParticipantNotFound:
		return e.about == aCall && gone && e.Code == codeNotFound && e.namesParticipant()
	case ErrRecordingNotFound:
		return e.about == aRecording && gone && e.Code == codeNotFound
	case ErrFileNotFound:
		return e.about == aFile && gone
	case ErrFileRefused:
		return e.about == aFile && (e.StatusCode == http.StatusUnauthorized || e.StatusCode == http.StatusForbidden)
	case ErrBehindEnd:
		return e.about == aFile && e.StatusCode == http.StatusRequestedRangeNotSatisfiable
	}
	return false
}

// namesParticipant tells whether it is a participant that is not there. Only words
// tell that from a call, as they do for recordings in captured answers; with other
// words it is taken for the call.
func (e *Error) namesParticipant() bool {
	return strings.HasPrefix(strings.ToLower(e.Message), "participant")
}

// Error is every failure of an operation but the caller's own cancellation. When
// it wraps context.DeadlineExceeded it was the caller's deadline that passed,
// never a try's.
type Error struct {
	// Operation is the upstream's name of what was asked for.
	Operation string
	// StatusCode is the HTTP status; 0 when no answer came.
	StatusCode int
	// Code and Message are the upstream's own. Code is usually its sub-code, as
	// in "8522". Message may name people: it is for the client, not for a log.
	Code, Message string
	// Target is what the upstream says the error is about.
	Target string
	// RetryAfter is the pause that the upstream asks for; 0 when it asks none.
	RetryAfter time.Duration
	// Repeatable: sending the same request, with the same Repeat, again cannot
	// act twice.
	Repeatable bool
	// RequestID is the x-ms-client-request-id that was sent.
	RequestID string
	// ClockSkew is by how much the upstream's clock is ahead of ours, where an
	// answer refused our credential and told: a signature holds the time.
	ClockSkew time.Duration
	// ChainID and AzureRef name the request in the upstream's logs.
	ChainID, AzureRef string
	// Err is why there is no usable answer, if there is none.
	Err error

	about   thing
	notSent bool // no try reached a connection
	acted   bool // a try may have acted, if not the last one
}

// Error says what failed, without what the upstream wrote and without the
// request's path: they may name people.
func (e *Error) Error() string {
	switch {
	case e.notSent:
		return fmt.Sprintf("%s: not sent: %v", e.Operation, e.Err)
	case e.StatusCode == 0:
		return fmt.Sprintf("%s: no answer: %v", e.Operation, e.Err)
	case e.Err != nil:
		return fmt.Sprintf("%s: status %d: %v", e.Operation, e.StatusCode, e.Err)
	case e.Code != "":
		return fmt.Sprintf("%s: status %d, code %s", e.Operation, e.StatusCode, e.Code)
	}
	return fmt.Sprintf("%s: status %d", e.Operation, e.StatusCode)
}

// Unwrap is the cause of a missing answer.
func (e *Error) Unwrap() error { return e.Err }

// MayHaveActed says whether the upstream may have done what was asked for,
// although it did not say so: in any of the tries, not only the last.
func (e *Error) MayHaveActed() bool {
	return e.acted || !e.notSent && mayHaveActed(e.StatusCode)
}

// invalid is the failure of a request that is not sent.
func invalid(op, why string) *Error {
	return &Error{Operation: op, Repeatable: true, notSent: true, Err: fmt.Errorf("%w: %s", ErrInvalidRequest, why)}
}

// failed is the failure of a request that brought no whole answer.
func (op operation) failed(ctx context.Context, s *sending, err error) error {
	cause := callersEnd(ctx)
	if errors.Is(cause, context.Canceled) {
		return fmt.Errorf("%s: %w", op.name, cause)
	}
	if cause == nil {
		if broken, is := errors.AsType[*brokenAnswerError](err); is {
			return op.refused(s, broken.resp, nil, withoutURL(broken))
		}
		cause = withoutURL(err)
	}
	e := &Error{
		Operation: op.name, RequestID: op.requestID, Err: cause, about: op.about,
		Repeatable: op.repeatable() || !s.acted, notSent: !s.sent, acted: s.acted,
	}
	if held, is := errors.AsType[*heldBackError](err); is {
		e.RetryAfter = held.until
	}
	return e
}

// refused is the failure that an answer tells of; or is, where cause says why it
// is of no use.
func (op operation) refused(s *sending, resp *http.Response, body []byte, cause error) *Error {
	e := &Error{
		Operation:  op.name,
		StatusCode: resp.StatusCode,
		RetryAfter: retryAfter(resp),
		Repeatable: op.repeatable() || !s.acted,
		RequestID:  op.requestID,
		ChainID:    resp.Header.Get("X-Microsoft-Skype-Chain-ID"),
		AzureRef:   resp.Header.Get("X-Azure-Ref"),
		Err:        cause,
		about:      op.about,
		acted:      s.acted,
	}
	if resp.StatusCode == http.StatusUnauthorized {
		e.ClockSkew = skewOf(resp, time.Now())
	}
	var said CommunicationErrorResponse
	if json.Unmarshal(body, &said) == nil && said.Error != nil {
		e.Code, e.Message, e.Target = said.Error.Code, said.Error.Message, said.Error.Target
	}
	return e
}

// callersEnd is why the caller no longer waits, nil if it does. A dial gives up
// at the deadline's very moment, which the context's own timer may be late for.
func callersEnd(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, has := ctx.Deadline(); has && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// withoutURL is err without the address that net/http puts into it, whose path
// may hold a phone number; and without looking like the caller's deadline.
func withoutURL(err error) error {
	if err, is := errors.AsType[*url.Error](err); is {
		return withoutURL(err.Err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("it took longer than one try may")
	}
	return err
}
