package emulator

import (
	"net/http"
	"slices"

	"github.com/callgate/callgate/upstream"
)

// connection is the one that the path names, while it is alive.
func (x *exchange) connection() (*connection, error) {
	c, ok := x.world.connections[x.route.callConnectionID]
	if !ok {
		return nil, callNotFound()
	}
	return c, nil
}

// establishedConnection is connection for operations that need the call to be
// answered.
func (x *exchange) establishedConnection() (*connection, error) {
	c, err := x.connection()
	if err != nil {
		return nil, err
	}
	if !c.established() {
		return nil, notEstablished()
	}
	x.holdAll(c.conversation)
	return c, nil
}

// holdAll holds back the events of everyone in a call.
func (x *exchange) holdAll(v *conversation) {
	for _, c := range v.connections {
		x.hold(&c.outbox)
	}
}

// getCall is GET /callConnections/{id}: 200.
func (x *exchange) getCall() (reply, error) {
	c, err := x.connection()
	if err != nil {
		return reply{}, err
	}
	return c.reply(http.StatusOK), nil
}

// hangUpCall is DELETE /callConnections/{id}: 204. The application leaves; a call
// of two ends with it, a group goes on.
func (x *exchange) hangUpCall() (reply, error) {
	c, err := x.connection()
	if err != nil {
		return reply{}, err
	}
	v := c.conversation
	x.holdAll(v)
	rawID := c.self.id.RawID
	c.end(endedByAPI())
	switch {
	case slices.Contains(v.parties, c.self):
		v.leaves(c.self, hungUp(rawID))
	case c.answering != nil:
		c.answering.fail(hungUp(rawID))
	case c.origin == created, len(v.connections) == 0 && !v.answered:
		v.end(cancelledByCaller())
	}
	return reply{status: http.StatusNoContent, conversation: v}, nil
}

// terminateCall is POST /callConnections/{id}:terminate: 204. The call ends for
// everyone, on every connection.
func (x *exchange) terminateCall() (reply, error) {
	c, err := x.connection()
	if err != nil {
		return reply{}, err
	}
	v := c.conversation
	x.holdAll(v)
	for _, other := range slices.Clone(v.connections) {
		other.end(endedByAPI())
	}
	v.end(endedByAPI())
	return reply{status: http.StatusNoContent, conversation: v}, nil
}

// parseTransfer reads POST /callConnections/{id}:transferToParticipant.
func parseTransfer(body []byte) (action, error) {
	req, err := decode[upstream.TransferToParticipantRequest](body)
	if err != nil {
		return nil, err
	}
	target, err := identify("targetParticipant", req.TargetParticipant)
	if err != nil {
		return nil, err
	}
	transferee := identifier{}
	if req.Transferee != nil {
		if transferee, err = identify("transferee", req.Transferee); err != nil {
			return nil, err
		}
	}
	if err := checkOperationCallbackURI(req.OperationCallbackURI); err != nil {
		return nil, err
	}
	return func(x *exchange) (reply, error) { return x.transfer(req, target, transferee.RawID) }, nil
}

// transfer connects another party of the call to the target: 202, then
// CallTransferAccepted or CallTransferFailed. In a call of two the application is
// dropped after it; in a group only the transferee leaves.
func (x *exchange) transfer(req *upstream.TransferToParticipantRequest, target identifier, transfereeID string) (reply, error) {
	c, err := x.establishedConnection()
	if err != nil {
		return reply{}, err
	}
	v := c.conversation
	others := v.others(c)
	if transfereeID == "" && len(others) != 1 {
		return reply{}, invalid("The transferee field is required in a group call.")
	}
	moved := v.find(transfereeID)
	if transfereeID == "" {
		moved = others[0]
	}
	switch {
	case moved == nil:
		return reply{}, participantNotFound()
	case moved == c.self:
		return reply{}, invalid("The transferee field is the application itself.")
	case v.find(target.RawID) != nil:
		return reply{}, invalid("The targetParticipant field is already in the call.")
	case c.state != upstream.CallStateConnected:
		return reply{}, notEstablished()
	}
	t := &transfer{
		connection: c, moved: moved, target: x.world.newParty(target),
		operation: operation{context: req.OperationContext, callbackURI: req.OperationCallbackURI},
	}
	t.start(callerOf(moved.id, target, req.SourceCallerIDNumber), req.CustomCallingContext)
	return reply{
		status: http.StatusAccepted, conversation: v,
		body: func() any { return upstream.TransferCallResponse{OperationContext: req.OperationContext} },
	}, nil
}
