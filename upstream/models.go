package upstream

// The wire models of the Call Automation REST API (api-version 2026-03-12), under
// the contract's own member names. A member that the contract does not require is
// left out when unset; where zero is a value of its own, it is a pointer. A test
// holds all of them to the contract.

// CreateCallRequest is the body of createCall.
type CreateCallRequest struct {
	Targets                 []CommunicationIdentifierModel    `json:"targets"`
	SourceCallerIDNumber    *PhoneNumberIdentifierModel       `json:"sourceCallerIdNumber,omitempty"`
	SourceDisplayName       string                            `json:"sourceDisplayName,omitempty"`
	Source                  *CommunicationUserIdentifierModel `json:"source,omitempty"`
	OperationContext        string                            `json:"operationContext,omitempty"`
	CallbackURI             string                            `json:"callbackUri"`
	CallIntelligenceOptions *CallIntelligenceOptions          `json:"callIntelligenceOptions,omitempty"`
	MediaStreamingOptions   *WebSocketMediaStreamingOptions   `json:"mediaStreamingOptions,omitempty"`
	TranscriptionOptions    *WebSocketTranscriptionOptions    `json:"transcriptionOptions,omitempty"`
	TeamsAppSource          *MicrosoftTeamsAppIdentifierModel `json:"teamsAppSource,omitempty"`
}

// AnswerCallRequest is the body of answerCall.
type AnswerCallRequest struct {
	IncomingCallContext     string                            `json:"incomingCallContext"`
	CallbackURI             string                            `json:"callbackUri"`
	OperationContext        string                            `json:"operationContext,omitempty"`
	CallIntelligenceOptions *CallIntelligenceOptions          `json:"callIntelligenceOptions,omitempty"`
	AnsweredBy              *CommunicationUserIdentifierModel `json:"answeredBy,omitempty"`
	MediaStreamingOptions   *WebSocketMediaStreamingOptions   `json:"mediaStreamingOptions,omitempty"`
	TranscriptionOptions    *WebSocketTranscriptionOptions    `json:"transcriptionOptions,omitempty"`
}

// RedirectCallRequest is the body of redirectCall.
type RedirectCallRequest struct {
	IncomingCallContext string                        `json:"incomingCallContext"`
	Target              *CommunicationIdentifierModel `json:"target"`
}

// RejectCallRequest is the body of rejectCall.
type RejectCallRequest struct {
	IncomingCallContext string           `json:"incomingCallContext"`
	CallRejectReason    CallRejectReason `json:"callRejectReason,omitempty"`
}

// ConnectRequest is the body of connect.
type ConnectRequest struct {
	CallLocator             *CallLocator                    `json:"callLocator"`
	CallbackURI             string                          `json:"callbackUri"`
	OperationContext        string                          `json:"operationContext,omitempty"`
	CallIntelligenceOptions *CallIntelligenceOptions        `json:"callIntelligenceOptions,omitempty"`
	MediaStreamingOptions   *WebSocketMediaStreamingOptions `json:"mediaStreamingOptions,omitempty"`
	TranscriptionOptions    *WebSocketTranscriptionOptions  `json:"transcriptionOptions,omitempty"`
}

// CallLocator names the call that connect joins: the one id that its kind says.
type CallLocator struct {
	GroupCallID  string          `json:"groupCallId,omitempty"`
	ServerCallID string          `json:"serverCallId,omitempty"`
	RoomID       string          `json:"roomId,omitempty"`
	Kind         CallLocatorKind `json:"kind,omitempty"`
}

// CallLocatorKind says which id a CallLocator has.
type CallLocatorKind string

// The kinds of CallLocator.
const (
	LocatorGroupCall  CallLocatorKind = "groupCallLocator"
	LocatorServerCall CallLocatorKind = "serverCallLocator"
	LocatorRoomCall   CallLocatorKind = "roomCallLocator"
)

// CallRejectReason is what the caller of a rejected call is told.
type CallRejectReason string

// The reasons to reject a call.
const (
	RejectNone      CallRejectReason = "none"
	RejectBusy      CallRejectReason = "busy"
	RejectForbidden CallRejectReason = "forbidden"
)

// TransferToParticipantRequest is the body of transferToParticipant.
type TransferToParticipantRequest struct {
	TargetParticipant    *CommunicationIdentifierModel `json:"targetParticipant"`
	OperationContext     string                        `json:"operationContext,omitempty"`
	Transferee           *CommunicationIdentifierModel `json:"transferee,omitempty"`
	OperationCallbackURI string                        `json:"operationCallbackUri,omitempty"`
	CustomCallingContext *CustomCallingContext         `json:"customCallingContext,omitempty"`
	SourceCallerIDNumber *PhoneNumberIdentifierModel   `json:"sourceCallerIdNumber,omitempty"`
}

// TransferCallResponse is the answer of transferToParticipant.
type TransferCallResponse struct {
	OperationContext string `json:"operationContext,omitempty"`
}

// CallConnectionProperties is the state of a call connection.
type CallConnectionProperties struct {
	CallConnectionID           string                            `json:"callConnectionId,omitempty"`
	ServerCallID               string                            `json:"serverCallId,omitempty"`
	Targets                    []CommunicationIdentifierModel    `json:"targets,omitempty"`
	CallConnectionState        CallConnectionState               `json:"callConnectionState,omitempty"`
	CallbackURI                string                            `json:"callbackUri,omitempty"`
	SourceCallerIDNumber       *PhoneNumberIdentifierModel       `json:"sourceCallerIdNumber,omitempty"`
	SourceDisplayName          string                            `json:"sourceDisplayName,omitempty"`
	Source                     *CommunicationIdentifierModel     `json:"source,omitempty"`
	CorrelationID              string                            `json:"correlationId,omitempty"`
	AnsweredBy                 *CommunicationUserIdentifierModel `json:"answeredBy,omitempty"`
	MediaStreamingSubscription *MediaStreamingSubscription       `json:"mediaStreamingSubscription,omitempty"`
	TranscriptionSubscription  *TranscriptionSubscription        `json:"transcriptionSubscription,omitempty"`
	AnsweredFor                *PhoneNumberIdentifierModel       `json:"answeredFor,omitempty"`
}

// CallConnectionState is how far a call connection is.
type CallConnectionState string

// The states of a call connection.
const (
	CallStateUnknown          CallConnectionState = "unknown"
	CallStateConnecting       CallConnectionState = "connecting"
	CallStateConnected        CallConnectionState = "connected"
	CallStateTransferring     CallConnectionState = "transferring"
	CallStateTransferAccepted CallConnectionState = "transferAccepted"
	CallStateDisconnecting    CallConnectionState = "disconnecting"
	CallStateDisconnected     CallConnectionState = "disconnected"
)

// CommunicationErrorResponse is the body of every failure.
type CommunicationErrorResponse struct {
	Error *CommunicationError `json:"error"`
}

// CommunicationError is one error. Its code is usually the sub-code, not the
// HTTP status.
type CommunicationError struct {
	Code       string               `json:"code"`
	Message    string               `json:"message"`
	Target     string               `json:"target,omitempty"`
	Details    []CommunicationError `json:"details,omitempty"`
	InnerError *CommunicationError  `json:"innererror,omitempty"`
}
