package upstream

// CustomCallingContext is what travels with a call to whoever receives it.
type CustomCallingContext struct {
	VoipHeaders           map[string]string      `json:"voipHeaders,omitempty"`
	SipHeaders            map[string]string      `json:"sipHeaders,omitempty"`
	TeamsPhoneCallDetails *TeamsPhoneCallDetails `json:"teamsPhoneCallDetails,omitempty"`
}

// TeamsPhoneCallDetails is what a Teams Phone user sees about a call.
type TeamsPhoneCallDetails struct {
	TeamsPhoneCallerDetails *TeamsPhoneCallerDetails `json:"teamsPhoneCallerDetails,omitempty"`
	TeamsPhoneSourceDetails *TeamsPhoneSourceDetails `json:"teamsPhoneSourceDetails,omitempty"`
	SessionID               string                   `json:"sessionId,omitempty"`
	Intent                  string                   `json:"intent,omitempty"`
	CallTopic               string                   `json:"callTopic,omitempty"`
	CallContext             string                   `json:"callContext,omitempty"`
	TranscriptURL           string                   `json:"transcriptUrl,omitempty"`
	CallSentiment           string                   `json:"callSentiment,omitempty"`
	SuggestedActions        string                   `json:"suggestedActions,omitempty"`
}

// TeamsPhoneCallerDetails is what is known about the caller.
type TeamsPhoneCallerDetails struct {
	Caller                      *CommunicationIdentifierModel `json:"caller"`
	Name                        string                        `json:"name"`
	PhoneNumber                 string                        `json:"phoneNumber"`
	RecordID                    string                        `json:"recordId,omitempty"`
	ScreenPopURL                string                        `json:"screenPopUrl,omitempty"`
	IsAuthenticated             *bool                         `json:"isAuthenticated,omitempty"`
	AdditionalCallerInformation map[string]string             `json:"additionalCallerInformation,omitempty"`
}

// TeamsPhoneSourceDetails is what is known about where a call comes from.
type TeamsPhoneSourceDetails struct {
	Source          *CommunicationIdentifierModel           `json:"source"`
	Language        string                                  `json:"language"`
	Status          string                                  `json:"status"`
	IntendedTargets map[string]CommunicationIdentifierModel `json:"intendedTargets,omitempty"`
}
