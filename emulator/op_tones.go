package emulator

import (
	"net/http"

	"github.com/callgate/callgate/upstream"
)

// maxSentTones of one request, the service's limit.
const maxSentTones = 18

// parseContinuousTones reads POST
// /callConnections/{id}:startContinuousDtmfRecognition, and its reverse.
func parseContinuousTones(body []byte, act func(*exchange, identifier, operation) (reply, error)) (action, error) {
	req, err := decode[upstream.ContinuousDtmfRecognitionRequest](body)
	if err != nil {
		return nil, err
	}
	target, err := identify("targetParticipant", req.TargetParticipant)
	if err != nil {
		return nil, err
	}
	if err := checkOperationCallbackURI(req.OperationCallbackURI); err != nil {
		return nil, err
	}
	op := operation{context: req.OperationContext, callbackURI: req.OperationCallbackURI}
	return func(x *exchange) (reply, error) { return act(x, target, op) }, nil
}

// startTones begins to tell every key that a party presses: 200, then
// ContinuousDtmfRecognitionToneReceived for each.
func (x *exchange) startTones(target identifier, op operation) (reply, error) {
	c, p, err := x.otherParty(target)
	if err != nil {
		return reply{}, err
	}
	c.media.startTones(p, op)
	return reply{status: http.StatusOK, conversation: c.conversation}, nil
}

// stopTones ends it: 200, then ContinuousDtmfRecognitionStopped with the operation
// context of this request, as captured. Without a recognition there is nothing to
// stop, and no event.
func (x *exchange) stopTones(target identifier, op operation) (reply, error) {
	c, p, err := x.otherParty(target)
	if err != nil {
		return reply{}, err
	}
	if r := c.media.tonesOf(p); r != nil {
		r.stop(op)
	}
	return reply{status: http.StatusOK, conversation: c.conversation}, nil
}

// parseSendTones reads POST /callConnections/{id}:sendDtmfTones.
func parseSendTones(body []byte) (action, error) {
	req, err := decode[upstream.SendDtmfTonesRequest](body)
	if err != nil {
		return nil, err
	}
	if len(req.Tones) == 0 || len(req.Tones) > maxSentTones {
		return nil, invalid("The tones field must hold between 1 and 18 tones.")
	}
	if err := checkTones("tones", req.Tones); err != nil {
		return nil, err
	}
	target, err := identify("targetParticipant", req.TargetParticipant)
	if err != nil {
		return nil, err
	}
	if target.PhoneNumber == nil {
		return nil, invalid("The targetParticipant field is not a phone number.")
	}
	if err := checkOperationCallbackURI(req.OperationCallbackURI); err != nil {
		return nil, err
	}
	return func(x *exchange) (reply, error) { return x.sendTones(req, target) }, nil
}

// sendTones presses keys for a phone to hear: 202, then SendDtmfTonesCompleted or
// SendDtmfTonesFailed.
func (x *exchange) sendTones(req *upstream.SendDtmfTonesRequest, target identifier) (reply, error) {
	c, p, err := x.otherParty(target)
	if err != nil {
		return reply{}, err
	}
	c.sendTones(p, req.Tones, operation{context: req.OperationContext, callbackURI: req.OperationCallbackURI})
	return reply{status: http.StatusAccepted, conversation: c.conversation, body: func() any {
		return upstream.SendDtmfTonesResult{OperationContext: req.OperationContext}
	}}, nil
}
