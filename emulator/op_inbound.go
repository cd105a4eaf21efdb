package emulator

import (
	"net/http"

	"github.com/callgate/callgate/upstream"
)

// parseAnswerCall reads POST /callConnections:answer.
func parseAnswerCall(body []byte) (action, error) {
	req, err := decode[upstream.AnswerCallRequest](body)
	if err != nil {
		return nil, err
	}
	if err := checkIncomingCallContext(req.IncomingCallContext); err != nil {
		return nil, err
	}
	if err := checkCallbackURI("CallbackUri", req.CallbackURI); err != nil {
		return nil, err
	}
	if req.AnsweredBy != nil && req.AnsweredBy.ID == "" {
		return nil, invalid("The answeredBy field is not a communication user.")
	}
	if err := checkMediaOptions(req.MediaStreamingOptions, req.TranscriptionOptions); err != nil {
		return nil, err
	}
	return func(x *exchange) (reply, error) { return x.answerCall(req) }, nil
}

// answerCall takes an incoming call: 200 with a server call id at once and the
// state "unknown", as captured. CallConnected follows, or AnswerFailed when the
// caller was quicker.
func (x *exchange) answerCall(req *upstream.AnswerCallRequest) (reply, error) {
	in, err := x.world.takeIncoming(req.IncomingCallContext)
	if err != nil {
		return reply{}, err
	}
	c := in.conversation.newConnection(x, accepted, req.CallbackURI, req.OperationContext, x.world.answerer(in, req.AnsweredBy))
	c.state = upstream.CallStateUnknown
	source := in.from.model()
	c.properties.Source = &source
	if in.displayName != "" {
		c.properties.SourceDisplayName = &in.displayName
	}
	c.properties.Targets = identifiers([]identifier{in.to})
	c.properties.AnsweredBy = req.AnsweredBy
	c.subscribe(req.MediaStreamingOptions, req.TranscriptionOptions)
	in.answerBy(c)
	return c.reply(http.StatusOK), nil
}

// answerer is who the application is in the call: the identity it names, or the
// user that was called. Behind a phone number the service makes one up.
func (w *world) answerer(in *incomingCall, answeredBy *upstream.CommunicationUserIdentifierModel) identifier {
	switch {
	case answeredBy != nil:
		return userIdentifier(answeredBy.ID)
	case in.to.isUser():
		return in.to
	}
	return w.newUser()
}

// parseRejectCall reads POST /callConnections:reject.
func parseRejectCall(body []byte) (action, error) {
	req, err := decode[upstream.RejectCallRequest](body)
	if err != nil {
		return nil, err
	}
	if err := checkIncomingCallContext(req.IncomingCallContext); err != nil {
		return nil, err
	}
	result := declined()
	switch req.CallRejectReason {
	case "", upstream.RejectNone:
	case upstream.RejectBusy:
		result = busy()
	case upstream.RejectForbidden:
		result = forbidden()
	default:
		return nil, invalid("The callRejectReason field is not a known reason.")
	}
	return func(x *exchange) (reply, error) {
		in, err := x.world.takeIncoming(req.IncomingCallContext)
		if err != nil {
			return reply{}, err
		}
		x.holdAll(in.conversation)
		// The caller learns of it a moment later: its getCall right after still says connecting.
		x.world.after(usualFailure, func() { in.rejectWith(result) })
		return reply{status: http.StatusNoContent, conversation: in.conversation}, nil
	}, nil
}

// parseRedirectCall reads POST /callConnections:redirect.
func parseRedirectCall(body []byte) (action, error) {
	req, err := decode[upstream.RedirectCallRequest](body)
	if err != nil {
		return nil, err
	}
	if err := checkIncomingCallContext(req.IncomingCallContext); err != nil {
		return nil, err
	}
	target, err := identify("target", req.Target)
	if err != nil {
		return nil, err
	}
	return func(x *exchange) (reply, error) {
		in, err := x.world.takeIncoming(req.IncomingCallContext)
		if err != nil {
			return reply{}, err
		}
		in.redirectTo(target)
		return reply{status: http.StatusNoContent, conversation: in.conversation}, nil
	}, nil
}

func checkIncomingCallContext(context string) error {
	if context == "" {
		return invalid("The incomingCallContext field is required.")
	}
	return nil
}
