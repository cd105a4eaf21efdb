package emulator

import (
	"cmp"
	"time"

	"github.com/google/uuid"

	"github.com/callgate/callgate/upstream"
)

const (
	eventPrefix = "Microsoft.Communication."
	// eventTime has up to seven digits of a second, trailing zeros dropped.
	eventTime     = "2006-01-02T15:04:05.9999999-07:00"
	gridEventTime = "2006-01-02T15:04:05.9999999Z"
)

// cloudEvent is the envelope of a callback, in the member order of the captures.
type cloudEvent struct {
	ID              string `json:"id"`
	Source          string `json:"source"`
	Type            string `json:"type"`
	Data            any    `json:"data"`
	Time            string `json:"time"`
	SpecVersion     string `json:"specversion"`
	DataContentType string `json:"datacontenttype"`
	Subject         string `json:"subject"`
	Extension       string `json:"emulatorextension,omitempty"` // of a fault
}

// callReference ends the data of every event.
type callReference struct {
	CallConnectionID string `json:"callConnectionId"`
	ServerCallID     string `json:"serverCallId"`
	CorrelationID    string `json:"correlationId"`
	PublicEventType  string `json:"publicEventType"`
}

// eventData is the data of every event but ParticipantsUpdated: first what the
// type has of its own, then what all have.
type eventData struct {
	Participant    *identifier `json:"participant,omitempty"`
	FromCall       string      `json:"fromCall,omitempty"`
	InvitationID   string      `json:"invitationId,omitempty"`
	TransferTarget *identifier `json:"transferTarget,omitempty"`
	Transferee     *identifier `json:"transferee,omitempty"`

	FailedPlaySourceIndex *int                           `json:"failedPlaySourceIndex,omitempty"`
	RecognitionType       upstream.RecognitionType       `json:"recognitionType,omitempty"`
	DtmfResult            *upstream.DtmfResult           `json:"dtmfResult,omitempty"`
	ChoiceResult          *upstream.ChoiceResult         `json:"choiceResult,omitempty"`
	SpeechResult          *upstream.SpeechResult         `json:"speechResult,omitempty"`
	SequenceID            int                            `json:"sequenceId,omitempty"`
	Tone                  upstream.Tone                  `json:"tone,omitempty"`
	TranscriptionUpdate   *upstream.TranscriptionUpdate  `json:"transcriptionUpdate,omitempty"`
	MediaStreamingUpdate  *upstream.MediaStreamingUpdate `json:"mediaStreamingUpdate,omitempty"`
	RecordingID           string                         `json:"recordingId,omitempty"`

	Version           string             `json:"version"`
	OperationContext  string             `json:"operationContext,omitempty"`
	ResultInformation *resultInformation `json:"resultInformation"`
	callReference
}

// participantsUpdatedData never has an operation context, and its result comes
// before the version.
type participantsUpdatedData struct {
	Participants      []participant      `json:"participants"`
	SequenceNumber    int                `json:"sequenceNumber"`
	ResultInformation *resultInformation `json:"resultInformation"`
	Version           string             `json:"version"`
	callReference
}

type participant struct {
	Identifier identifier `json:"identifier"`
	IsMuted    bool       `json:"isMuted"`
	IsOnHold   bool       `json:"isOnHold"`
}

// operation is what an operation's events carry back.
type operation struct {
	context     string
	callbackURI string // empty: the connection's own
}

// emit queues the event name with what data has of its own.
func (c *connection) emit(name string, op operation, data eventData) {
	data.Version = c.version
	data.OperationContext = op.context
	data.callReference = c.reference(name)
	c.post(name, op.callbackURI, data)
}

func (c *connection) emitParticipantsUpdated() {
	c.sequence++
	data := participantsUpdatedData{
		SequenceNumber:    c.sequence,
		ResultInformation: succeeded().information(),
		Version:           c.version,
		callReference:     c.reference("ParticipantsUpdated"),
		Participants:      make([]participant, 0, len(c.conversation.parties)),
	}
	for _, p := range c.conversation.parties {
		data.Participants = append(data.Participants, participant{Identifier: p.id, IsMuted: p.muted, IsOnHold: p.isOnHold()})
	}
	c.post("ParticipantsUpdated", "", data)
}

func (c *connection) reference(name string) callReference {
	return c.conversation.reference(c.id, name)
}

// reference is that of an event about the connection with that id to v.
func (v *conversation) reference(connectionID, name string) callReference {
	return callReference{
		CallConnectionID: connectionID,
		ServerCallID:     v.serverCallID,
		CorrelationID:    v.correlationID,
		PublicEventType:  eventPrefix + name,
	}
}

// post sends an event of c, to the callback URI of the connection where the
// operation had none.
func (c *connection) post(name, callbackURI string, data any) {
	c.postFrom("calling/callConnections/"+c.id, name, cmp.Or(callbackURI, c.callbackURI), data)
}

// postFrom puts an event into the delivery queue. Each has an id and time of its
// own.
func (o *outbox) postFrom(source, name, callbackURI string, data any) {
	o.deliver(callback{name: name, uri: callbackURI, events: []cloudEvent{{
		ID:              uuid.NewString(),
		Source:          source,
		Type:            eventPrefix + name,
		Data:            data,
		Time:            formatTime(o.world.emulator.options.Now(), eventTime),
		SpecVersion:     "1.0",
		DataContentType: "application/json",
		Subject:         source,
	}}})
}

func formatTime(t time.Time, layout string) string { return t.UTC().Format(layout) }
