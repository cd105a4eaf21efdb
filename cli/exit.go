package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// Exit codes. docs/cli.md has them for people.
const (
	// ExitDone: it is done.
	ExitDone = 0
	// ExitFailed: something else went wrong.
	ExitFailed = 1
	// ExitUsage: the command or the request is not a valid one. Nothing was done.
	ExitUsage = 2
	// ExitOutcome: the action was accepted, and then failed, was withdrawn, or the
	// call ended first.
	ExitOutcome = 3
	// ExitNoOutcome: the action was accepted, and nothing tells yet how it ended.
	ExitNoOutcome = 4
	// ExitNotFound: there is no such call or participant.
	ExitNotFound = 5
	// ExitRefused: it cannot be done as things are.
	ExitRefused = 6
	// ExitNotAllowed: the client is not known, or may not do that.
	ExitNotAllowed = 7
	// ExitUnavailable: the gateway or the upstream cannot be reached, or is too busy:
	// try again.
	ExitUnavailable = 8
	// ExitUnknown: it may or may not have happened.
	ExitUnknown = 9
)

var exitCodes = map[codes.Code]int{
	codes.InvalidArgument:    ExitUsage,
	codes.Unimplemented:      ExitUsage,
	codes.NotFound:           ExitNotFound,
	codes.FailedPrecondition: ExitRefused,
	codes.OutOfRange:         ExitRefused,
	codes.AlreadyExists:      ExitRefused,
	codes.Aborted:            ExitRefused,
	codes.Unauthenticated:    ExitNotAllowed,
	codes.PermissionDenied:   ExitNotAllowed,
	codes.Unavailable:        ExitUnavailable,
	codes.ResourceExhausted:  ExitUnavailable,
	codes.DeadlineExceeded:   ExitUnavailable,
	codes.Unknown:            ExitUnknown,
}

// ExitCode is what the process ends with after err.
func ExitCode(err error) int {
	var (
		ended *outcomeError
		parse *kong.ParseError
		wrong *usageError
	)
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &parse), errors.As(err, &wrong):
		return ExitUsage
	case errors.As(err, &ended):
		return ended.exitCode()
	case errors.Is(err, errNoEvents):
		return ExitNotFound
	}
	if s, is := rpcStatus(err); is {
		if code, known := exitCodes[s.Code()]; known {
			return code
		}
	}
	return ExitFailed
}

// rpcStatus is the status of a failed RPC.
func rpcStatus(err error) (*status.Status, bool) {
	var failed interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &failed) {
		return nil, false
	}
	return failed.GRPCStatus(), true
}

// Tell is err for a person: of a failed RPC the reason, what to do about it, and
// where there is more.
func Tell(err error) string {
	s, is := rpcStatus(err)
	if !is {
		return err.Error()
	}
	var b strings.Builder
	b.WriteString(s.Message())
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			fmt.Fprintf(&b, "\n  reason  %s (%s)", d.GetReason(), s.Code())
			if id := d.GetMetadata()["upstream_client_request_id"]; id != "" {
				fmt.Fprintf(&b, "\n  id      %s, for Azure's support", id)
			}
		case *errdetails.RetryInfo:
			fmt.Fprintf(&b, "\n  wait    %s", d.GetRetryDelay().AsDuration())
		case *errdetails.Help:
			for _, link := range d.GetLinks() {
				fmt.Fprintf(&b, "\n  do      %s\n  more    %s", link.GetDescription(), link.GetUrl())
			}
		}
	}
	return b.String()
}

// usageError is a command that cannot be meant so.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }

func (e *usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// outcomeError is an action that was accepted and did not succeed. Its receipt has
// been printed.
type outcomeError struct {
	outcome *callgatev1.ActionOutcome // nil: none in time
}

func (e *outcomeError) Error() string {
	if e.outcome == nil {
		return "accepted, but nothing tells yet how it ended: wait for it with callgate events wait"
	}
	return "accepted, and then " + outcomeWords[e.outcome.GetStatus()]
}

func (e *outcomeError) exitCode() int {
	if e.outcome == nil {
		return ExitNoOutcome
	}
	return ExitOutcome
}

var outcomeWords = map[callgatev1.ActionOutcome_Status]string{
	callgatev1.ActionOutcome_STATUS_SUCCEEDED:  "it succeeded",
	callgatev1.ActionOutcome_STATUS_FAILED:     "it failed",
	callgatev1.ActionOutcome_STATUS_CANCELED:   "it was withdrawn",
	callgatev1.ActionOutcome_STATUS_CALL_ENDED: "the call ended first",
}
