package emulator

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/callgate/callgate/upstream"
)

const maxInvitationTimeout = 180 // seconds, the contract's bound

// decode reads a request body into T. Unknown members are ignored, as extensible
// contracts need; anything after the object is not.
func decode[T any](body []byte) (*T, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	var req *T
	if err := decoder.Decode(&req); err != nil {
		return nil, invalid("The request body is not valid JSON for this operation.")
	}
	if req == nil {
		return nil, invalid("The request body is required.")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, invalid("The request body holds more than one JSON value.")
	}
	return req, nil
}

// checkCallbackURI asks for an absolute https URL; http is allowed where no
// network is crossed.
func checkCallbackURI(field, uri string) error {
	u, err := url.Parse(uri)
	if err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())) {
		return nil
	}
	return invalid("The " + field + " field is invalid: it must be an absolute HTTPS URL.")
}

// checkOperationCallbackURI is checkCallbackURI for a member that may be left out.
func checkOperationCallbackURI(uri string) error {
	if uri == "" {
		return nil
	}
	return checkCallbackURI("OperationCallbackUri", uri)
}

func isLoopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}

// checkCallerID: calling a phone needs a number to call from.
func checkCallerID(target identifier, callerID *upstream.PhoneNumberIdentifierModel) error {
	if callerID != nil && !isE164(callerID.Value) {
		return invalid("The sourceCallerIdNumber field is not an E.164 phone number.")
	}
	if callerID == nil && target.PhoneNumber != nil {
		return invalid("The sourceCallerIdNumber field is required to call a phone number.")
	}
	return nil
}

func checkInvitationTimeout(seconds *int32) error {
	if seconds != nil && (*seconds < 0 || *seconds > maxInvitationTimeout) {
		return invalid("The invitationTimeoutInSeconds field must be between 0 and 180.")
	}
	return nil
}

// checkLocator wants exactly the one id that the locator's kind names.
func checkLocator(l *upstream.CallLocator) error {
	if l == nil {
		return invalid("The callLocator field is required.")
	}
	given := 0
	for _, id := range []string{l.ServerCallID, l.GroupCallID, l.RoomID} {
		if id != "" {
			given++
		}
	}
	if given != 1 {
		return invalid("The callLocator field must hold exactly one id.")
	}
	switch l.Kind {
	case upstream.LocatorServerCall:
		if isServerCallID(l.ServerCallID) {
			return nil
		}
	case upstream.LocatorGroupCall:
		if _, err := uuid.Parse(l.GroupCallID); err == nil {
			return nil
		}
	case upstream.LocatorRoomCall:
		if l.RoomID != "" {
			return nil
		}
	}
	return invalid("The callLocator field does not hold the id of its kind.")
}

// isServerCallID tells base64 of a URL, with or without padding.
func isServerCallID(id string) bool {
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(id, "="))
	return err == nil && strings.HasPrefix(string(decoded), "https://")
}

// isIncomingCallContext tells texts that have the form of one: a JWT whose
// algorithm is none.
func isIncomingCallContext(text string) bool {
	return strings.HasPrefix(text, incomingContextHeader+".")
}

func checkMediaOptions(media *upstream.WebSocketMediaStreamingOptions, transcription *upstream.WebSocketTranscriptionOptions) error {
	if media != nil && (media.TransportType == "" || media.AudioChannelType == "") {
		return invalid("The mediaStreamingOptions field needs transportType and audioChannelType.")
	}
	if transcription != nil && (transcription.TransportType == "" || transcription.Locale == "") {
		return invalid("The transcriptionOptions field needs transportType and locale.")
	}
	return nil
}
