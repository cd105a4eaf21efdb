package service

import (
	"strings"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/upstream"
)

// callConnectionFromUpstream leaves the secret out of the gateway's own callback
// address: whoever reads a call need not be able to speak for the upstream.
func (a *Actions) callConnectionFromUpstream(p *upstream.CallConnectionProperties) *callgatev1.CallConnection {
	return &callgatev1.CallConnection{
		CallConnectionId:           p.CallConnectionID,
		ServerCallId:               p.ServerCallID,
		CorrelationId:              p.CorrelationID,
		State:                      callStates[p.CallConnectionState],
		StateName:                  string(p.CallConnectionState),
		Targets:                    identifiersFromUpstream(p.Targets),
		Source:                     identifierFromUpstream(p.Source),
		SourceCallerIdNumber:       phoneFromUpstream(p.SourceCallerIDNumber),
		SourceDisplayName:          p.SourceDisplayName,
		AnsweredBy:                 userFromUpstream(p.AnsweredBy),
		AnsweredFor:                phoneFromUpstream(p.AnsweredFor),
		CallbackUri:                a.withoutToken(p.CallbackURI),
		MediaStreamingSubscription: mediaStreamingSubscriptionFromUpstream(p.MediaStreamingSubscription),
		TranscriptionSubscription:  transcriptionSubscriptionFromUpstream(p.TranscriptionSubscription),
	}
}

func (a *Actions) withoutToken(callbackURI string) string {
	if strings.HasPrefix(callbackURI, a.callbacks.Prefix) {
		return a.callbacks.Prefix + "***"
	}
	return callbackURI
}

var callStates = map[upstream.CallConnectionState]callgatev1.CallConnectionState{
	upstream.CallStateUnknown:          callgatev1.CallConnectionState_CALL_CONNECTION_STATE_UNKNOWN,
	upstream.CallStateConnecting:       callgatev1.CallConnectionState_CALL_CONNECTION_STATE_CONNECTING,
	upstream.CallStateConnected:        callgatev1.CallConnectionState_CALL_CONNECTION_STATE_CONNECTED,
	upstream.CallStateTransferring:     callgatev1.CallConnectionState_CALL_CONNECTION_STATE_TRANSFERRING,
	upstream.CallStateTransferAccepted: callgatev1.CallConnectionState_CALL_CONNECTION_STATE_TRANSFER_ACCEPTED,
	upstream.CallStateDisconnecting:    callgatev1.CallConnectionState_CALL_CONNECTION_STATE_DISCONNECTING,
	upstream.CallStateDisconnected:     callgatev1.CallConnectionState_CALL_CONNECTION_STATE_DISCONNECTED,
}

func phoneFromUpstream(p *upstream.PhoneNumberIdentifierModel) string {
	if p == nil {
		return ""
	}
	return p.Value
}

func mediaStreamingSubscriptionFromUpstream(s *upstream.MediaStreamingSubscription) *callgatev1.MediaStreamingSubscription {
	if s == nil {
		return nil
	}
	types := make([]string, 0, len(s.SubscribedContentTypes))
	for _, t := range s.SubscribedContentTypes {
		types = append(types, string(t))
	}
	return &callgatev1.MediaStreamingSubscription{Id: s.ID, State: string(s.State), SubscribedContentTypes: types}
}

func transcriptionSubscriptionFromUpstream(s *upstream.TranscriptionSubscription) *callgatev1.TranscriptionSubscription {
	if s == nil {
		return nil
	}
	types := make([]string, 0, len(s.SubscribedResultTypes))
	for _, t := range s.SubscribedResultTypes {
		types = append(types, string(t))
	}
	return &callgatev1.TranscriptionSubscription{Id: s.ID, State: string(s.State), SubscribedResultTypes: types, Locale: s.Locale}
}

func participantFromUpstream(p *upstream.CallParticipant) *callgatev1.CallParticipant {
	if p == nil {
		return nil
	}
	return &callgatev1.CallParticipant{
		Identifier: identifierFromUpstream(p.Identifier),
		IsMuted:    p.IsMuted,
		IsOnHold:   p.IsOnHold,
	}
}

func participantsFromUpstream(ps []upstream.CallParticipant) []*callgatev1.CallParticipant {
	out := make([]*callgatev1.CallParticipant, 0, len(ps))
	for i := range ps {
		out = append(out, participantFromUpstream(&ps[i]))
	}
	return out
}
