package emulator

import (
	"github.com/callgate/callgate/upstream"
)

// incomingCall is a call that rings at the Event Grid endpoints, until an
// application answers, rejects or redirects it, or the caller gives up.
type incomingCall struct {
	ringing
	context string // what an application refers to it by; once
	timeout *timer // of calls that a simulated party places
}

// ringing is what an incoming call is made of.
type ringing struct {
	conversation *conversation
	leg          *leg   // of the application that calls; nil: a simulated party calls
	caller       *party // the simulated party; else nil
	from, to     identifier
	displayName  string
	headers      *customHeaders
}

// customHeaders are the custom context in an IncomingCall event.
type customHeaders struct {
	SipHeaders  map[string]string `json:"sipHeaders"`
	VoipHeaders map[string]string `json:"voipHeaders"`
}

func headersOf(custom *upstream.CustomCallingContext) *customHeaders {
	if custom == nil {
		return nil
	}
	return newCustomHeaders(custom.SipHeaders, custom.VoipHeaders)
}

// newCustomHeaders always has both maps, empty if need be.
func newCustomHeaders(sip, voip map[string]string) *customHeaders {
	h := &customHeaders{SipHeaders: sip, VoipHeaders: voip}
	if sip == nil {
		h.SipHeaders = map[string]string{}
	}
	if voip == nil {
		h.VoipHeaders = map[string]string{}
	}
	return h
}

// ring raises IncomingCall with a new context.
func (w *world) ring(r ringing) *incomingCall {
	in := &incomingCall{ringing: r, context: newIncomingCallContext()}
	w.incoming[in.context] = in
	if in.leg != nil {
		in.leg.incoming = in // the leg's own time-out ends the ringing
	} else {
		r.conversation.ringing = in
		in.timeout = w.after(ringTimeout, func() {
			in.withdraw()
			in.conversation.end(cancelledByCaller())
		})
	}
	w.raiseIncomingCall(in)
	return in
}

// withdraw ends the ringing without telling anyone.
func (in *incomingCall) withdraw() {
	in.timeout.stop()
	delete(in.conversation.world.incoming, in.context)
	in.conversation.ringing = nil
	if in.leg != nil {
		in.leg.incoming = nil
	}
}

// takeIncoming uses up the incoming call that context names: it can be answered,
// rejected or redirected once.
func (w *world) takeIncoming(context string) (*incomingCall, error) {
	in, ok := w.incoming[context]
	switch {
	case ok:
		in.withdraw()
		return in, nil
	case isIncomingCallContext(context):
		return nil, callNotFound()
	}
	return nil, invalid("The incomingCallContext field is invalid.")
}

// answerBy connects c to the call it answered a moment later, if the caller is
// still there then.
func (in *incomingCall) answerBy(c *connection) {
	v, l := in.conversation, in.leg
	if l != nil {
		c.self, c.answering = l.party, l
		l.party.application, l.answeredBy = c, c
	}
	c.world.after(usualAnswer, func() {
		switch {
		case c.ended(): // the caller hung up first, or the application did
		case l != nil:
			c.answering = nil
			c.connect()
			l.answer()
		default:
			v.join(c.self)
			c.connect()
			v.talks(in.caller)
			v.participantsChanged()
		}
	})
}

// rejectWith tells the caller.
func (in *incomingCall) rejectWith(result outcome) {
	if in.leg != nil {
		in.leg.fail(result)
		return
	}
	in.conversation.end(result)
}

// redirectTo rings someone else instead. The leg keeps its time-out.
func (in *incomingCall) redirectTo(target identifier) {
	next := in.ringing
	next.to = target
	if next.leg != nil {
		next.leg.party.id = target
	}
	in.conversation.world.ring(next)
}

// placeIncomingCall makes a simulated party call someone.
func (w *world) placeIncomingCall(from, to identifier, displayName string, headers *customHeaders) *incomingCall {
	v := w.newConversation()
	caller := w.newParty(from)
	caller.displayName = displayName
	v.parties = append(v.parties, caller)
	return w.ring(ringing{
		conversation: v, caller: caller, from: from, to: to, displayName: displayName, headers: headers,
	})
}
