package emulator

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/callgate/callgate/upstream"
)

// maxParticipants of a call, the service's limit.
const maxParticipants = 350

// parseCreateCall reads POST /callConnections.
func parseCreateCall(body []byte) (action, error) {
	req, err := decode[upstream.CreateCallRequest](body)
	if err != nil {
		return nil, err
	}
	if len(req.Targets) == 0 {
		return nil, invalid("The targets field is required.")
	}
	if len(req.Targets) >= maxParticipants {
		return nil, invalid("The targets field names too many participants.")
	}
	targets, err := identifyAll("targets", req.Targets)
	if err != nil {
		return nil, err
	}
	for _, target := range targets {
		if err := checkCallerID(target, req.SourceCallerIDNumber); err != nil {
			return nil, err
		}
	}
	if req.Source != nil && req.Source.ID == "" {
		return nil, invalid("The source field is not a communication user.")
	}
	if req.TeamsAppSource != nil && req.TeamsAppSource.AppID == "" {
		return nil, invalid("The teamsAppSource field is not a Teams app.")
	}
	if err := checkCallbackURI("CallbackUri", req.CallbackURI); err != nil {
		return nil, err
	}
	if err := checkMediaOptions(req.MediaStreamingOptions, req.TranscriptionOptions); err != nil {
		return nil, err
	}
	return func(x *exchange) (reply, error) { return x.createCall(req, targets), nil }, nil
}

// createCall dials every target: 201 with the state "connecting" and no server
// call id yet. One target makes a 1:1 call, several a group call.
func (x *exchange) createCall(req *upstream.CreateCallRequest, targets []identifier) reply {
	w := x.world
	self := w.newUser()
	switch {
	case req.TeamsAppSource != nil:
		self = identifierOf(teamsAppRawID(req.TeamsAppSource))
	case req.Source != nil:
		self = userIdentifier(req.Source.ID)
	}
	v := w.newConversation()
	v.group = len(targets) > 1
	c := v.newConnection(x, created, req.CallbackURI, req.OperationContext, self)
	source := self.model()
	c.properties.Source = &source
	c.properties.Targets = identifiers(targets)
	c.properties.SourceCallerIDNumber = req.SourceCallerIDNumber
	c.properties.SourceDisplayName = &req.SourceDisplayName
	c.subscribe(req.MediaStreamingOptions, req.TranscriptionOptions)

	for _, target := range targets {
		p := w.newParty(target)
		v.dial(call{
			party: p, from: callerOf(self, target, req.SourceCallerIDNumber), displayName: req.SourceDisplayName,
			ringFor: ringTimeout, timedOut: notAnswered(target.RawID),
			answered: func() { c.targetAnswered(p) },
			failed:   func(result outcome) { c.targetFailed(result) },
		})
	}
	return c.reply(http.StatusCreated)
}

// targetAnswered: the first answer connects the call; the others join it.
func (c *connection) targetAnswered(p *party) {
	v := c.conversation
	if !c.established() {
		v.join(c.self)
		c.connect()
	}
	v.join(p)
	v.participantsChanged()
}

// targetFailed: the call fails when the last of its targets has, unless another
// answered.
func (c *connection) targetFailed(result outcome) {
	if !c.established() && len(c.conversation.legs) == 0 {
		c.conversation.end(result)
	}
}

// parseConnect reads POST /callConnections:connect.
func parseConnect(body []byte) (action, error) {
	req, err := decode[upstream.ConnectRequest](body)
	if err != nil {
		return nil, err
	}
	if err := checkLocator(req.CallLocator); err != nil {
		return nil, err
	}
	if err := checkCallbackURI("CallbackUri", req.CallbackURI); err != nil {
		return nil, err
	}
	if err := checkMediaOptions(req.MediaStreamingOptions, req.TranscriptionOptions); err != nil {
		return nil, err
	}
	return func(x *exchange) (reply, error) { return x.connect(req), nil }, nil
}

// connect gives the application a connection of its own to a call: 200, then
// CallConnected, or ConnectFailed where there is no such call. Group calls and
// rooms begin with the first connection.
func (x *exchange) connect(req *upstream.ConnectRequest) reply {
	w := x.world
	v, found := w.locate(req.CallLocator)
	c := v.newConnection(x, joined, req.CallbackURI, req.OperationContext, w.newUser())
	c.properties.Targets = identifiers(nil)
	c.subscribe(req.MediaStreamingOptions, req.TranscriptionOptions)
	w.after(usualAnswer, func() {
		switch {
		case c.ended():
		case !found || v.over:
			c.fail(callGone())
		default:
			v.group = true
			v.join(c.self)
			c.connect()
			v.participantsChanged()
		}
	})
	return c.reply(http.StatusOK)
}

// locate finds the call of a locator that was found valid. Not found is a call
// that nobody is in, for ConnectFailed to speak of.
func (w *world) locate(l *upstream.CallLocator) (v *conversation, found bool) {
	if l.ServerCallID != "" {
		if v, found = w.conversations[l.ServerCallID]; found {
			return v, true
		}
		return &conversation{world: w, serverCallID: l.ServerCallID, correlationID: uuid.NewString()}, false
	}
	key := meeting{groupCallID: l.GroupCallID, roomID: l.RoomID}
	if v, found = w.meetings[key]; found {
		return v, true
	}
	v = w.newConversation()
	v.group, v.groupCallID, v.roomID = true, l.GroupCallID, l.RoomID
	w.meetings[key] = v
	return v, true
}

// callerOf is whom a called party sees: phones see the caller id.
func callerOf(self, target identifier, callerID *upstream.PhoneNumberIdentifierModel) identifier {
	if target.PhoneNumber != nil && callerID != nil {
		return identifierOf("4:" + callerID.Value)
	}
	return self
}

// reply answers with the connection as it then is.
func (c *connection) reply(status int) reply {
	return reply{status: status, body: func() any { return c.current() }, conversation: c.conversation}
}
