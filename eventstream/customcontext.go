package eventstream

import callgatev1 "github.com/callgate/callgate/gen/callgate/v1"

// customContextData is what a caller sent along with a call.
type customContextData struct {
	VoIPHeaders map[string]string `json:"voipHeaders"`
	SIPHeaders  map[string]string `json:"sipHeaders"`
	TeamsPhone  *teamsPhoneData   `json:"teamsPhoneCallDetails"`
}

type teamsPhoneData struct {
	Caller           *teamsPhoneCallerData `json:"teamsPhoneCallerDetails"`
	Source           *teamsPhoneSourceData `json:"teamsPhoneSourceDetails"`
	SessionID        string                `json:"sessionId"`
	Intent           string                `json:"intent"`
	CallTopic        string                `json:"callTopic"`
	CallContext      string                `json:"callContext"`
	TranscriptURL    string                `json:"transcriptUrl"`
	CallSentiment    string                `json:"callSentiment"`
	SuggestedActions string                `json:"suggestedActions"`
}

type teamsPhoneCallerData struct {
	Caller          *identifierData   `json:"caller"`
	Name            string            `json:"name"`
	PhoneNumber     string            `json:"phoneNumber"`
	RecordID        string            `json:"recordId"`
	ScreenPopURL    string            `json:"screenPopUrl"`
	IsAuthenticated optional[bool]    `json:"isAuthenticated"`
	Additional      map[string]string `json:"additionalCallerInformation"`
}

type teamsPhoneSourceData struct {
	Source          *identifierData            `json:"source"`
	Language        string                     `json:"language"`
	Status          string                     `json:"status"`
	IntendedTargets map[string]*identifierData `json:"intendedTargets"`
}

func (d *customContextData) toProto() *callgatev1.CustomCallingContext {
	if d == nil {
		return nil
	}
	return &callgatev1.CustomCallingContext{
		VoipHeaders: d.VoIPHeaders, SipHeaders: d.SIPHeaders, TeamsPhoneCallDetails: d.TeamsPhone.toProto(),
	}
}

func (d *teamsPhoneData) toProto() *callgatev1.TeamsPhoneCallDetails {
	if d == nil {
		return nil
	}
	return &callgatev1.TeamsPhoneCallDetails{
		TeamsPhoneCallerDetails: d.Caller.toProto(),
		TeamsPhoneSourceDetails: d.Source.toProto(),
		SessionId:               d.SessionID,
		Intent:                  d.Intent,
		CallTopic:               d.CallTopic,
		CallContext:             d.CallContext,
		TranscriptUrl:           d.TranscriptURL,
		CallSentiment:           d.CallSentiment,
		SuggestedActions:        d.SuggestedActions,
	}
}

func (d *teamsPhoneCallerData) toProto() *callgatev1.TeamsPhoneCallerDetails {
	if d == nil {
		return nil
	}
	return &callgatev1.TeamsPhoneCallerDetails{
		Caller:                      d.Caller.toProto(),
		Name:                        d.Name,
		PhoneNumber:                 d.PhoneNumber,
		RecordId:                    d.RecordID,
		ScreenPopUrl:                d.ScreenPopURL,
		IsAuthenticated:             d.IsAuthenticated.value,
		AdditionalCallerInformation: d.Additional,
	}
}

func (d *teamsPhoneSourceData) toProto() *callgatev1.TeamsPhoneSourceDetails {
	if d == nil {
		return nil
	}
	source := &callgatev1.TeamsPhoneSourceDetails{
		Source: d.Source.toProto(), Language: d.Language, Status: d.Status,
	}
	for role, target := range d.IntendedTargets {
		if id := target.toProto(); id != nil {
			if source.IntendedTargets == nil {
				source.IntendedTargets = make(map[string]*callgatev1.CommunicationIdentifier)
			}
			source.IntendedTargets[role] = id
		}
	}
	return source
}
