package emulator

import (
	"net/http"

	"github.com/callgate/callgate/upstream"
)

// parsePlay reads POST /callConnections/{id}:play.
func parsePlay(body []byte) (action, error) {
	req, err := decode[upstream.PlayRequest](body)
	if err != nil {
		return nil, err
	}
	if len(req.PlaySources) == 0 {
		return nil, invalid("The playSources field is required.")
	}
	if err := checkPlaySources("playSources", req.PlaySources); err != nil {
		return nil, err
	}
	targets, err := identifyAll("playTo", req.PlayTo)
	if err != nil {
		return nil, err
	}
	if err := checkOperationCallbackURI(req.OperationCallbackURI); err != nil {
		return nil, err
	}
	return func(x *exchange) (reply, error) { return x.play(req, targets) }, nil
}

// play queues something to be heard: 202, then PlayStarted and PlayCompleted, or
// PlayFailed, or PlayCanceled.
func (x *exchange) play(req *upstream.PlayRequest, targets []identifier) (reply, error) {
	c, err := x.establishedConnection()
	if err != nil {
		return reply{}, err
	}
	p := &play{
		connection: c, operation: operation{context: req.OperationContext, callbackURI: req.OperationCallbackURI},
		sources: req.PlaySources, loop: req.PlayOptions != nil && req.PlayOptions.Loop,
	}
	for _, target := range targets {
		party := c.conversation.find(target.RawID)
		if party == nil {
			return reply{}, participantNotFound()
		}
		p.targets = append(p.targets, party)
	}
	if err := c.media.queue(p, isTrue(req.InterruptCallMediaOperation)); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusAccepted, conversation: c.conversation}, nil
}

// cancelAllMediaOperations is POST /callConnections/{id}:cancelAllMediaOperations:
// 202. Every play and recognition ends with PlayCanceled or RecognizeCanceled.
func (x *exchange) cancelAllMediaOperations() (reply, error) {
	c, err := x.establishedConnection()
	if err != nil {
		return reply{}, err
	}
	c.media.cancelTasks()
	return reply{status: http.StatusAccepted, conversation: c.conversation}, nil
}

// parseHold reads POST /callConnections/{id}:hold.
func parseHold(body []byte) (action, error) {
	req, err := decode[upstream.HoldRequest](body)
	if err != nil {
		return nil, err
	}
	if req.PlaySourceInfo != nil {
		if err := checkPlaySource("playSourceInfo", *req.PlaySourceInfo); err != nil {
			return nil, err
		}
	}
	return parseHolding(req.TargetParticipant, req.OperationContext, req.OperationCallbackURI, true)
}

// parseUnhold reads POST /callConnections/{id}:unhold.
func parseUnhold(body []byte) (action, error) {
	req, err := decode[upstream.UnholdRequest](body)
	if err != nil {
		return nil, err
	}
	return parseHolding(req.TargetParticipant, req.OperationContext, req.OperationCallbackURI, false)
}

func parseHolding(target *upstream.CommunicationIdentifierModel, operationContext, callbackURI string, hold bool) (action, error) {
	id, err := identify("targetParticipant", target)
	if err != nil {
		return nil, err
	}
	if err := checkOperationCallbackURI(callbackURI); err != nil {
		return nil, err
	}
	op := operation{context: operationContext, callbackURI: callbackURI}
	return func(x *exchange) (reply, error) { return x.holdParty(id, op, hold) }, nil
}

// holdParty holds a party, or lets it go: 200. ParticipantsUpdated shows it; only
// the failure of a hold has an event of its own. Music has none.
func (x *exchange) holdParty(target identifier, op operation, hold bool) (reply, error) {
	c, p, err := x.otherParty(target)
	if err != nil {
		return reply{}, err
	}
	switch {
	case hold && p.behaviour.refusesMedia && p.application == nil:
		c.emit("HoldFailed", op, eventData{ResultInformation: mediaRefused().information()})
	case p.held != hold:
		p.held = hold
		c.conversation.participantsChanged()
	}
	return reply{status: http.StatusOK, conversation: c.conversation}, nil
}

// otherParty is a party of an established call that is not the application's own.
func (x *exchange) otherParty(target identifier) (*connection, *party, error) {
	c, err := x.establishedConnection()
	if err != nil {
		return nil, nil, err
	}
	switch p := c.conversation.find(target.RawID); p {
	case nil:
		return nil, nil, participantNotFound()
	case c.self:
		return nil, nil, invalid("The targetParticipant field is the application itself.")
	default:
		return c, p, nil
	}
}
