package emulator

import (
	"errors"
	"net/http"

	"github.com/callgate/callgate/upstream"
)

// Codes of error bodies: strings that hold the service's sub-code, not the HTTP
// status. The texts beside them are the emulator's own, except "Call not found."
// and "Recording not found.", which are captured: no recording shows a 400, 401 or 403 body.
const (
	codeNotEstablished   = "8501"
	codeMethodNotAllowed = "8520"
	codeNotFound         = "8522"
	codeInvalidArgument  = "8523"
	codeUnsigned         = "7509"
	codeNoSuchResource   = "NotFound"
	codeUnavailable      = "ServiceUnavailable"
	codeThrottled        = "TooManyRequests"
	codeInternal         = "InternalServerError"
	codeTooLarge         = "RequestEntityTooLarge"
)

// apiError is a refusal with its HTTP status and error body.
type apiError struct {
	status        int
	code, message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

// body is the CommunicationErrorResponse of e.
func (e *apiError) body() upstream.CommunicationErrorResponse {
	return upstream.CommunicationErrorResponse{Error: &upstream.CommunicationError{Code: e.code, Message: e.message}}
}

// asAPIError is how err is told: what is not an apiError is a fault of ours.
func asAPIError(err error) *apiError {
	var refused *apiError
	if errors.As(err, &refused) {
		return refused
	}
	return &apiError{http.StatusInternalServerError, codeInternal, "The emulator failed."}
}

func invalid(message string) error {
	return &apiError{http.StatusBadRequest, codeInvalidArgument, message}
}

func notEstablished() error {
	return &apiError{http.StatusBadRequest, codeNotEstablished, "Call is not in Established state."}
}

func callNotFound() error {
	return &apiError{http.StatusNotFound, codeNotFound, "Call not found."}
}

func participantNotFound() error {
	return &apiError{http.StatusNotFound, codeNotFound, "Participant not found."}
}

func recordingNotFound() error {
	return &apiError{http.StatusNotFound, codeNotFound, "Recording not found."}
}

func unauthorized(message string) error {
	return &apiError{http.StatusUnauthorized, codeUnsigned, message}
}

// noSuchResource has the text that users report for unknown api-versions. Status
// and shape of the body are inferred.
func noSuchResource(uri string) error {
	return &apiError{http.StatusNotFound, codeNoSuchResource, "No HTTP resource was found that matches the request URI '" + uri + "'."}
}
