package emulator

import (
	"strings"

	"github.com/google/uuid"

	"github.com/callgate/callgate/upstream"
)

// stream is what a call's audio, or its transcript, is streamed to. No media
// flows, and nothing is connected to; the address decides what would have come of
// it.
type stream struct {
	offered        bool // when the call was set up
	url            string
	startsWithCall bool
	running        bool
}

// unreachable tells the addresses that act out a server that is not there.
func unreachable(url string) bool { return strings.HasSuffix(url, "/unreachable") }

// subscribe notes what the options of a call ask for.
func (c *connection) subscribe(media *upstream.WebSocketMediaStreamingOptions, transcription *upstream.WebSocketTranscriptionOptions) {
	if media != nil {
		c.media.streaming = stream{offered: true, url: media.TransportURL, startsWithCall: isTrue(media.StartMediaStreaming)}
		c.properties.MediaStreamingSubscription = &upstream.MediaStreamingSubscription{
			ID: uuid.NewString(), State: upstream.MediaStreamingInactive,
			SubscribedContentTypes: []upstream.MediaStreamingContentType{upstream.ContentTypeAudio},
		}
		if c.media.streaming.startsWithCall {
			c.properties.MediaStreamingSubscription.State = upstream.MediaStreamingActive
		}
	}
	if transcription == nil {
		return
	}
	c.media.transcription = stream{offered: true, url: transcription.TransportURL, startsWithCall: isTrue(transcription.StartTranscription)}
	subscription := &upstream.TranscriptionSubscription{
		ID: uuid.NewString(), State: upstream.TranscriptionInactive, Locale: transcription.Locale,
		SubscribedResultTypes: []upstream.TranscriptionResultState{upstream.TranscriptionFinal},
	}
	if c.media.transcription.startsWithCall {
		subscription.State = upstream.TranscriptionActive
	}
	if isTrue(transcription.EnableIntermediateResults) {
		subscription.SubscribedResultTypes = append(subscription.SubscribedResultTypes, upstream.TranscriptionIntermediate)
	}
	c.properties.TranscriptionSubscription = subscription
}

func isTrue(b *bool) bool { return b != nil && *b }

// startStreaming ends with MediaStreamingStarted or MediaStreamingFailed.
func (m *media) startStreaming(op operation) {
	switch s := &m.streaming; {
	case s.url == "":
		m.streamingFailed(op, upstream.MediaStreamingStreamURLMissing, streamURLMissing())
	case unreachable(s.url):
		m.streamingFailed(op, upstream.MediaStreamingInitialWebSocketConnectionFailed, streamUnreachable())
	default:
		s.running = true
		m.streamingIs(upstream.MediaStreamingActive)
		m.emitStreaming(op, "MediaStreamingStarted", upstream.MediaStreamingStatusStarted, upstream.MediaStreamingSubscriptionStarted, mediaSucceeded())
	}
}

func (m *media) streamingFailed(op operation, why upstream.MediaStreamingStatusDetails, result outcome) {
	m.streamingIs(upstream.MediaStreamingInactive)
	m.emitStreaming(op, "MediaStreamingFailed", upstream.MediaStreamingStatusFailed, why, result)
}

func (m *media) stopStreaming(op operation) {
	m.streaming.running = false
	m.streamingIs(upstream.MediaStreamingInactive)
	m.emitStreaming(op, "MediaStreamingStopped", upstream.MediaStreamingStatusStopped, upstream.MediaStreamingSubscriptionStopped, mediaSucceeded())
}

func (m *media) streamingIs(state upstream.MediaStreamingSubscriptionState) {
	m.connection.properties.MediaStreamingSubscription.State = state
}

// emitStreaming writes the content type as the service does, unlike its contract.
func (m *media) emitStreaming(op operation, event string, status upstream.MediaStreamingStatus, why upstream.MediaStreamingStatusDetails, result outcome) {
	m.connection.emit(event, op, eventData{
		MediaStreamingUpdate: &upstream.MediaStreamingUpdate{
			ContentType: "Audio", MediaStreamingStatus: status, MediaStreamingStatusDetails: why,
		},
		ResultInformation: result.information(),
	})
}

// startTranscription ends with TranscriptionStarted or TranscriptionFailed.
func (m *media) startTranscription(op operation) {
	switch s := &m.transcription; {
	case s.url == "":
		m.transcriptionFailed(op, upstream.TranscriptionStreamURLMissing, streamURLMissing())
	case unreachable(s.url):
		m.transcriptionFailed(op, upstream.TranscriptionStreamConnectionUnsuccessful, streamUnreachable())
	default:
		s.running = true
		m.transcriptionIs(upstream.TranscriptionActive)
		m.emitTranscription(op, "TranscriptionStarted", upstream.TranscriptionStatusStarted, upstream.TranscriptionSubscriptionStarted, mediaSucceeded())
	}
}

func (m *media) transcriptionFailed(op operation, why upstream.TranscriptionStatusDetails, result outcome) {
	m.transcriptionIs(upstream.TranscriptionInactive)
	m.emitTranscription(op, "TranscriptionFailed", upstream.TranscriptionStatusFailed, why, result)
}

func (m *media) stopTranscription(op operation) {
	m.transcription.running = false
	m.transcriptionIs(upstream.TranscriptionInactive)
	m.emitTranscription(op, "TranscriptionStopped", upstream.TranscriptionStatusStopped, upstream.TranscriptionSubscriptionStopped, mediaSucceeded())
}

// updateTranscription goes on in another language.
func (m *media) updateTranscription(op operation, locale string) {
	m.connection.properties.TranscriptionSubscription.Locale = locale
	m.emitTranscription(op, "TranscriptionUpdated", upstream.TranscriptionStatusUpdated, upstream.TranscriptionLocaleUpdated, mediaSucceeded())
}

func (m *media) transcriptionIs(state upstream.TranscriptionSubscriptionState) {
	m.connection.properties.TranscriptionSubscription.State = state
}

func (m *media) emitTranscription(op operation, event string, status upstream.TranscriptionStatus, why upstream.TranscriptionStatusDetails, result outcome) {
	m.connection.emit(event, op, eventData{
		TranscriptionUpdate: &upstream.TranscriptionUpdate{TranscriptionStatus: status, TranscriptionStatusDetails: why},
		ResultInformation:   result.information(),
	})
}
