package emulator

import (
	"slices"

	"github.com/google/uuid"

	"github.com/callgate/callgate/upstream"
)

// origin is how an application got its connection; it decides how failure is told.
type origin int

const (
	created origin = iota
	accepted
	joined
)

// connection is one application's hold on a call.
type connection struct {
	outbox
	conversation *conversation
	origin       origin
	version      string // the api-version it was made with; events carry it
	callbackURI  string
	operation    operation // of the request that made it
	state        upstream.CallConnectionState
	self         *party // the application's own party
	answering    *leg   // that it answered, until it is connected
	properties   properties
	sequence     int // of the last ParticipantsUpdated
	media        media
}

// properties are a connection in a response. Unlike optional members of the
// model, targets are shown when there are none, and the display name of an
// outbound call when it is empty.
type properties struct {
	upstream.CallConnectionProperties
	Targets           []upstream.CommunicationIdentifierModel `json:"targets"`
	SourceDisplayName *string                                 `json:"sourceDisplayName,omitempty"`
}

func (v *conversation) newConnection(x *exchange, how origin, callbackURI, operationContext string, self identifier) *connection {
	c := &connection{
		outbox:       outbox{world: v.world, id: uuid.NewString()},
		conversation: v, origin: how, version: x.version,
		callbackURI: callbackURI, operation: operation{context: operationContext},
		state: upstream.CallStateConnecting,
	}
	c.media.connection = c
	c.self = v.world.newParty(self)
	c.self.application = c
	c.properties.CallConnectionID = c.id
	c.properties.CallbackURI = callbackURI
	c.properties.CorrelationID = v.correlationID
	v.connections = append(v.connections, c)
	v.abandoned.stop()
	v.world.connections[c.id] = c
	x.hold(&c.outbox)
	return c
}

// current is c as responses show it now, and only now. The targets stay those of
// the beginning, as the service's do.
func (c *connection) current() properties {
	p := c.properties
	p.MediaStreamingSubscription = copied(p.MediaStreamingSubscription)
	p.TranscriptionSubscription = copied(p.TranscriptionSubscription)
	p.CallConnectionState = c.state
	if c.origin != created || c.state != upstream.CallStateConnecting {
		p.ServerCallID = c.conversation.serverCallID
	}
	return p
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

func (c *connection) established() bool {
	switch c.state {
	case upstream.CallStateConnected, upstream.CallStateTransferring, upstream.CallStateTransferAccepted:
		return true
	}
	return false
}

func (c *connection) ended() bool { return c.state == upstream.CallStateDisconnected }

// connect makes c part of the call, with its own party in it.
func (c *connection) connect() {
	c.state = upstream.CallStateConnected
	c.conversation.begin()
	c.emit("CallConnected", c.operation, eventData{ResultInformation: succeeded().information()})
	c.media.connected()
}

// end takes c away from its application.
func (c *connection) end(result outcome) {
	if c.ended() {
		return
	}
	c.media.end()
	c.emit("CallDisconnected", c.operation, eventData{ResultInformation: result.information()})
	c.gone()
}

// fail is end for a connection that was never established. CreateCallFailed has
// no operation context.
func (c *connection) fail(result outcome) {
	if c.ended() {
		return
	}
	data := eventData{ResultInformation: result.information()}
	switch c.origin {
	case created:
		c.emit("CreateCallFailed", operation{}, data)
		c.emit("CallDisconnected", c.operation, data)
	case accepted: // nothing but the caller's hanging up gets here
		c.emit("AnswerFailed", c.operation, eventData{ResultInformation: cancelledByCaller().information()})
	case joined:
		c.emit("ConnectFailed", c.operation, data)
	}
	c.gone()
}

func (c *connection) gone() {
	c.state = upstream.CallStateDisconnected
	c.closed = true
	delete(c.world.connections, c.id)
	c.conversation.connections = slices.DeleteFunc(c.conversation.connections, func(other *connection) bool { return other == c })
}
