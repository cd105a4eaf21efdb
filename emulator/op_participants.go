package emulator

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/callgate/callgate/upstream"
)

// skipToken is the query parameter of nextLink.
const skipToken = "$skipToken"

// getParticipants is GET …/participants: 200. A page begins after the party that
// its token names by order of joining, so that leaving parties shift nothing.
func (x *exchange) getParticipants() (reply, error) {
	c, err := x.connection()
	if err != nil {
		return reply{}, err
	}
	after, err := parseSkipToken(x.request.URL.Query().Get(skipToken))
	if err != nil {
		return reply{}, err
	}
	page := upstream.GetParticipantsResponse{Value: []upstream.CallParticipant{}}
	var last uint64
	for _, p := range c.conversation.parties {
		if p.number <= after {
			continue
		}
		if len(page.Value) == x.world.emulator.options.ParticipantsPageSize {
			page.NextLink = x.base + callConnectionsPath + "/" + url.PathEscape(c.id) + "/participants?api-version=" +
				url.QueryEscape(x.version) + "&" + skipToken + "=" + newSkipToken(last)
			break
		}
		page.Value = append(page.Value, p.model())
		last = p.number
	}
	return reply{status: http.StatusOK, conversation: c.conversation, body: func() any { return page }}, nil
}

func newSkipToken(number uint64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatUint(number, 10)))
}

// parseSkipToken is the reverse; no token is the beginning.
func parseSkipToken(token string) (uint64, error) {
	if token == "" {
		return 0, nil
	}
	decoded, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, invalid("The continuation token is malformed.")
	}
	number, err := strconv.ParseUint(string(decoded), 10, 64)
	if err != nil {
		return 0, invalid("The continuation token is malformed.")
	}
	return number, nil
}

func (p *party) model() upstream.CallParticipant {
	id := p.id.model()
	muted, onHold := p.muted, p.isOnHold()
	return upstream.CallParticipant{Identifier: &id, IsMuted: &muted, IsOnHold: &onHold}
}

// getParticipant is GET …/participants/{rawId}: 200.
func (x *exchange) getParticipant() (reply, error) {
	c, err := x.connection()
	if err != nil {
		return reply{}, err
	}
	p := c.conversation.find(x.route.rawID)
	if p == nil {
		return reply{}, participantNotFound()
	}
	found := p.model()
	return reply{status: http.StatusOK, conversation: c.conversation, body: func() any { return found }}, nil
}

// identifyAll completes every identifier of a list.
func identifyAll(field string, models []upstream.CommunicationIdentifierModel) ([]identifier, error) {
	ids := make([]identifier, 0, len(models))
	for i := range models {
		id, err := identify(field, &models[i])
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(ids, func(other identifier) bool { return other.RawID == id.RawID }) {
			return nil, invalid("The " + field + " field names a participant twice.")
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// parseRemoveParticipant reads POST …/participants:remove.
func parseRemoveParticipant(body []byte) (action, error) {
	req, err := decode[upstream.RemoveParticipantRequest](body)
	if err != nil {
		return nil, err
	}
	target, err := identify("participantToRemove", req.ParticipantToRemove)
	if err != nil {
		return nil, err
	}
	if err := checkOperationCallbackURI(req.OperationCallbackURI); err != nil {
		return nil, err
	}
	return func(x *exchange) (reply, error) { return x.removeParticipant(req, target) }, nil
}

// removeParticipant takes a party out of the call: 202, then
// RemoveParticipantSucceeded, or RemoveParticipantFailed for one who is not in it.
func (x *exchange) removeParticipant(req *upstream.RemoveParticipantRequest, target identifier) (reply, error) {
	c, err := x.establishedConnection()
	if err != nil {
		return reply{}, err
	}
	v := c.conversation
	op := operation{context: req.OperationContext, callbackURI: req.OperationCallbackURI}
	switch p := v.find(target.RawID); p {
	case c.self:
		return reply{}, invalid("The participantToRemove field is the application itself.")
	case nil:
		c.emit("RemoveParticipantFailed", op, eventData{Participant: &target, ResultInformation: participantGone().information()})
	default:
		c.emit("RemoveParticipantSucceeded", op, eventData{Participant: &p.id, ResultInformation: succeeded().information()})
		v.leaves(p, removedFromCall())
	}
	return reply{status: http.StatusAccepted, conversation: v, body: func() any {
		return upstream.RemoveParticipantResponse{OperationContext: req.OperationContext}
	}}, nil
}

// parseMute reads POST …/participants:mute.
func parseMute(body []byte) (action, error) {
	req, err := decode[upstream.MuteParticipantsRequest](body)
	if err != nil {
		return nil, err
	}
	if len(req.TargetParticipants) != 1 {
		return nil, invalid("The targetParticipants field must name exactly one participant.")
	}
	target, err := identify("targetParticipants", &req.TargetParticipants[0])
	if err != nil {
		return nil, err
	}
	if !target.isUser() {
		return nil, invalid("Only a communication user can be muted.")
	}
	return func(x *exchange) (reply, error) { return x.mute(req, target) }, nil
}

// mute mutes a party: 200. There is no event of its own, and no way back:
// ParticipantsUpdated shows it.
func (x *exchange) mute(req *upstream.MuteParticipantsRequest, target identifier) (reply, error) {
	c, err := x.establishedConnection()
	if err != nil {
		return reply{}, err
	}
	p := c.conversation.find(target.RawID)
	switch {
	case p == nil:
		return reply{}, participantNotFound()
	case p.behaviour.refusesMute && p.application == nil:
		return reply{}, invalid("The participant cannot be muted.")
	case !p.muted:
		p.muted = true
		c.conversation.participantsChanged()
	}
	return reply{status: http.StatusOK, conversation: c.conversation, body: func() any {
		return upstream.MuteParticipantsResult{OperationContext: req.OperationContext}
	}}, nil
}

// parseMoveParticipants reads POST …/participants:moveHere.
func parseMoveParticipants(body []byte) (action, error) {
	req, err := decode[upstream.MoveParticipantsRequest](body)
	if err != nil {
		return nil, err
	}
	if len(req.TargetParticipants) == 0 {
		return nil, invalid("The targetParticipants field is required.")
	}
	targets, err := identifyAll("targetParticipants", req.TargetParticipants)
	if err != nil {
		return nil, err
	}
	if req.FromCall == "" {
		return nil, invalid("The fromCall field is required.")
	}
	if err := checkOperationCallbackURI(req.OperationCallbackURI); err != nil {
		return nil, err
	}
	return func(x *exchange) (reply, error) { return x.moveParticipants(req, targets) }, nil
}

// moveParticipants takes parties from another call of the same application into
// this one: 202, then MoveParticipantSucceeded or MoveParticipantFailed for each.
func (x *exchange) moveParticipants(req *upstream.MoveParticipantsRequest, targets []identifier) (reply, error) {
	c, err := x.establishedConnection()
	if err != nil {
		return reply{}, err
	}
	from := x.world.connections[req.FromCall]
	if from != nil && from.conversation == c.conversation {
		return reply{}, invalid("The fromCall field is the same call.")
	}
	op := operation{context: req.OperationContext, callbackURI: req.OperationCallbackURI}
	response := upstream.MoveParticipantsResponse{OperationContext: req.OperationContext, FromCall: req.FromCall}
	moved := false
	for _, target := range targets {
		response.Participants = append(response.Participants, invited(target))
		data := eventData{Participant: &target, FromCall: req.FromCall, ResultInformation: succeeded().information()}
		if failure := c.move(from, target); failure != nil {
			data.ResultInformation = failure.information()
			c.emit("MoveParticipantFailed", op, data)
			continue
		}
		moved = true
		c.emit("MoveParticipantSucceeded", op, data)
	}
	if moved {
		c.conversation.participantsChanged()
		x.holdAll(from.conversation)
		from.conversation.settle(hungUp(targets[0].RawID))
	}
	return reply{status: http.StatusAccepted, conversation: c.conversation, body: func() any { return response }}, nil
}

// move takes one party from another call. Applications stay where they are.
func (c *connection) move(from *connection, target identifier) *outcome {
	failure := callGone()
	if from == nil || !from.established() {
		return &failure
	}
	failure = participantGone()
	p := from.conversation.find(target.RawID)
	if p == nil || p.application != nil {
		return &failure
	}
	from.conversation.drop(p, removedFromCall())
	c.conversation.group = true
	c.conversation.join(p)
	return nil
}

// invited is a participant in a response, before it is in the call.
func invited(id identifier) upstream.CallParticipant {
	model, muted := id.model(), false
	return upstream.CallParticipant{Identifier: &model, IsMuted: &muted}
}
