package emulator

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/callgate/callgate/upstream"
)

// parseAddParticipant reads POST …/participants:add.
func parseAddParticipant(body []byte) (action, error) {
	req, err := decode[upstream.AddParticipantRequest](body)
	if err != nil {
		return nil, err
	}
	target, err := identify("participantToAdd", req.ParticipantToAdd)
	if err != nil {
		return nil, err
	}
	if err := checkCallerID(target, req.SourceCallerIDNumber); err != nil {
		return nil, err
	}
	if err := checkInvitationTimeout(req.InvitationTimeoutInSeconds); err != nil {
		return nil, err
	}
	if err := checkOperationCallbackURI(req.OperationCallbackURI); err != nil {
		return nil, err
	}
	return func(x *exchange) (reply, error) { return x.addParticipant(req, target) }, nil
}

// addParticipant invites a party: 202 with an invitation id, then
// AddParticipantSucceeded or AddParticipantFailed. Nothing answers within 0
// seconds, so 0, like none, is the default time-out.
func (x *exchange) addParticipant(req *upstream.AddParticipantRequest, target identifier) (reply, error) {
	c, err := x.establishedConnection()
	if err != nil {
		return reply{}, err
	}
	v := c.conversation
	switch {
	case v.find(target.RawID) != nil:
		return reply{}, invalid("The participantToAdd field is already in the call.")
	case len(v.parties)+len(v.legs) >= maxParticipants:
		return reply{}, invalid("The call is full.")
	}
	ringFor := ringTimeout
	if seconds := req.InvitationTimeoutInSeconds; seconds != nil && *seconds > 0 {
		ringFor = time.Duration(*seconds) * time.Second
	}
	custom := req.CustomCallingContext
	if custom == nil {
		custom = &upstream.CustomCallingContext{} // an invited application always gets one
	}
	op := operation{context: req.OperationContext, callbackURI: req.OperationCallbackURI}
	p, invitationID := x.world.newParty(target), uuid.NewString()
	v.dial(call{
		party: p, from: callerOf(c.self.id, target, req.SourceCallerIDNumber), displayName: req.SourceDisplayName, custom: custom,
		ringFor: ringFor, timedOut: requestTimeout(), invitationID: invitationID,
		answered: func() {
			v.group = true
			v.join(p)
			c.emit("AddParticipantSucceeded", op, eventData{Participant: &p.id, ResultInformation: succeeded().information()})
			v.participantsChanged()
		},
		failed: func(result outcome) {
			c.emit("AddParticipantFailed", op, eventData{Participant: &p.id, ResultInformation: result.addFailed()})
		},
	})
	participant := invited(target)
	return reply{status: http.StatusAccepted, conversation: v, body: func() any {
		return upstream.AddParticipantResponse{
			Participant: &participant, OperationContext: req.OperationContext, InvitationID: invitationID,
		}
	}}, nil
}

// parseCancelAddParticipant reads POST …/participants:cancelAddParticipant.
func parseCancelAddParticipant(body []byte) (action, error) {
	req, err := decode[upstream.CancelAddParticipantRequest](body)
	if err != nil {
		return nil, err
	}
	if req.InvitationID == "" {
		return nil, invalid("The invitationId field is required.")
	}
	if err := checkOperationCallbackURI(req.OperationCallbackURI); err != nil {
		return nil, err
	}
	return func(x *exchange) (reply, error) { return x.cancelAddParticipant(req) }, nil
}

// cancelAddParticipant withdraws an invitation: 202, then
// CancelAddParticipantSucceeded, whose text says that the add failed, or
// CancelAddParticipantFailed once it is answered. The add itself gets no event.
func (x *exchange) cancelAddParticipant(req *upstream.CancelAddParticipantRequest) (reply, error) {
	c, err := x.establishedConnection()
	if err != nil {
		return reply{}, err
	}
	op := operation{context: req.OperationContext, callbackURI: req.OperationCallbackURI}
	data := eventData{InvitationID: req.InvitationID}
	if l := c.conversation.invitation(req.InvitationID); l != nil {
		l.withdraw()
		data.ResultInformation = invitationCancelled().of(l.party.id.RawID).addFailed()
		c.emit("CancelAddParticipantSucceeded", op, data)
	} else {
		data.ResultInformation = tooLateToCancel().information()
		c.emit("CancelAddParticipantFailed", op, data)
	}
	return reply{status: http.StatusAccepted, conversation: c.conversation, body: func() any {
		return upstream.CancelAddParticipantResponse{InvitationID: req.InvitationID, OperationContext: req.OperationContext}
	}}, nil
}
