package emulator

import (
	"net/http"
	"strings"

	"github.com/callgate/callgate/upstream"
)

// parseStreaming reads POST /callConnections/{id}:startMediaStreaming, or with act
// its reverse, whose bodies have the same members.
func parseStreaming(body []byte, act func(*exchange, operation) (reply, error)) (action, error) {
	req, err := decode[upstream.StartMediaStreamingRequest](body)
	if err != nil {
		return nil, err
	}
	if err := checkOperationCallbackURI(req.OperationCallbackURI); err != nil {
		return nil, err
	}
	op := operation{context: req.OperationContext, callbackURI: req.OperationCallbackURI}
	return func(x *exchange) (reply, error) { return act(x, op) }, nil
}

// startStreaming streams the call's audio: 202, then MediaStreamingStarted or
// MediaStreamingFailed.
func (x *exchange) startStreaming(op operation) (reply, error) {
	return x.onStream("MediaStreaming", false, streamingOf, func(m *media) { m.startStreaming(op) })
}

// stopStreaming ends it: 202, then MediaStreamingStopped.
func (x *exchange) stopStreaming(op operation) (reply, error) {
	return x.onStream("MediaStreaming", true, streamingOf, func(m *media) { m.stopStreaming(op) })
}

// parseTranscription reads POST /callConnections/{id}:startTranscription, or
// with act one of its siblings. All members of their bodies are in this one.
func parseTranscription(body []byte, act func(*exchange, *upstream.StartTranscriptionRequest, operation) (reply, error)) (action, error) {
	req, err := decode[upstream.StartTranscriptionRequest](body)
	if err != nil {
		return nil, err
	}
	if req.Locale != "" && !strings.Contains(req.Locale, "-") {
		return nil, invalid("Invalid Request, only locales that contain region information are supported.")
	}
	if err := checkOperationCallbackURI(req.OperationCallbackURI); err != nil {
		return nil, err
	}
	op := operation{context: req.OperationContext, callbackURI: req.OperationCallbackURI}
	return func(x *exchange) (reply, error) { return act(x, req, op) }, nil
}

// startTranscription transcribes the call, in the locale of its set-up unless
// another is given: 202, then TranscriptionStarted or TranscriptionFailed.
func (x *exchange) startTranscription(req *upstream.StartTranscriptionRequest, op operation) (reply, error) {
	return x.onStream("Transcription", false, transcriptionOf, func(m *media) {
		if req.Locale != "" {
			m.connection.properties.TranscriptionSubscription.Locale = req.Locale
		}
		m.startTranscription(op)
	})
}

// stopTranscription ends it: 202, then TranscriptionStopped.
func (x *exchange) stopTranscription(_ *upstream.StartTranscriptionRequest, op operation) (reply, error) {
	return x.onStream("Transcription", true, transcriptionOf, func(m *media) { m.stopTranscription(op) })
}

// updateTranscription changes the locale: 202, then TranscriptionUpdated. The
// service does not do that on connections made by connect.
func (x *exchange) updateTranscription(req *upstream.StartTranscriptionRequest, op operation) (reply, error) {
	if req.Locale == "" {
		return reply{}, invalid("Invalid Request, locale is missing.")
	}
	if c := x.world.connections[x.route.callConnectionID]; c != nil && c.origin == joined {
		return reply{}, &apiError{
			http.StatusMethodNotAllowed, codeMethodNotAllowed, "UpdateTranscription is not supported for connection created with Connect interface.",
		}
	}
	return x.onStream("Transcription", true, transcriptionOf, func(m *media) { m.updateTranscription(op, req.Locale) })
}

func streamingOf(m *media) *stream { return &m.streaming }

func transcriptionOf(m *media) *stream { return &m.transcription }

// onStream acts on a stream of an established call that has to be running, or
// not running. Without the options at the call's set-up there is none.
func (x *exchange) onStream(what string, running bool, of func(*media) *stream, act func(*media)) (reply, error) {
	c, err := x.establishedConnection()
	if err != nil {
		return reply{}, err
	}
	switch s := of(&c.media); {
	case !s.offered:
		return reply{}, &apiError{
			http.StatusMethodNotAllowed, codeNotFound, "Request not allowed when " + what + " url not set during call setup.",
		}
	case running && !s.running:
		return reply{}, invalid(what + " is not active.")
	case !running && s.running:
		return reply{}, invalid(what + " is active already.")
	}
	act(&c.media)
	return reply{status: http.StatusAccepted, conversation: c.conversation}, nil
}
