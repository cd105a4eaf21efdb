package upstream

// CallParticipant is one party of a call.
type CallParticipant struct {
	Identifier *CommunicationIdentifierModel `json:"identifier,omitempty"`
	IsMuted    *bool                         `json:"isMuted,omitempty"`
	IsOnHold   *bool                         `json:"isOnHold,omitempty"`
}

// GetParticipantsResponse is one page of a call's parties.
type GetParticipantsResponse struct {
	Value    []CallParticipant `json:"value"`
	NextLink string            `json:"nextLink,omitempty"`
}

// AddParticipantRequest is the body of addParticipant.
type AddParticipantRequest struct {
	SourceCallerIDNumber       *PhoneNumberIdentifierModel   `json:"sourceCallerIdNumber,omitempty"`
	SourceDisplayName          string                        `json:"sourceDisplayName,omitempty"`
	ParticipantToAdd           *CommunicationIdentifierModel `json:"participantToAdd"`
	InvitationTimeoutInSeconds *int32                        `json:"invitationTimeoutInSeconds,omitempty"`
	OperationContext           string                        `json:"operationContext,omitempty"`
	OperationCallbackURI       string                        `json:"operationCallbackUri,omitempty"`
	CustomCallingContext       *CustomCallingContext         `json:"customCallingContext,omitempty"`
}

// AddParticipantResponse is the answer of addParticipant.
type AddParticipantResponse struct {
	Participant      *CallParticipant `json:"participant,omitempty"`
	OperationContext string           `json:"operationContext,omitempty"`
	InvitationID     string           `json:"invitationId,omitempty"`
}

// CancelAddParticipantRequest is the body of cancelAddParticipant.
type CancelAddParticipantRequest struct {
	InvitationID         string `json:"invitationId"`
	OperationContext     string `json:"operationContext,omitempty"`
	OperationCallbackURI string `json:"operationCallbackUri,omitempty"`
}

// CancelAddParticipantResponse is the answer of cancelAddParticipant.
type CancelAddParticipantResponse struct {
	InvitationID     string `json:"invitationId,omitempty"`
	OperationContext string `json:"operationContext,omitempty"`
}

// RemoveParticipantRequest is the body of removeParticipant.
type RemoveParticipantRequest struct {
	ParticipantToRemove  *CommunicationIdentifierModel `json:"participantToRemove"`
	OperationContext     string                        `json:"operationContext,omitempty"`
	OperationCallbackURI string                        `json:"operationCallbackUri,omitempty"`
}

// RemoveParticipantResponse is the answer of removeParticipant.
type RemoveParticipantResponse struct {
	OperationContext string `json:"operationContext,omitempty"`
}

// MuteParticipantsRequest is the body of mute. The service takes exactly one
// target.
type MuteParticipantsRequest struct {
	TargetParticipants []CommunicationIdentifierModel `json:"targetParticipants"`
	OperationContext   string                         `json:"operationContext,omitempty"`
}

// MuteParticipantsResult is the answer of mute.
type MuteParticipantsResult struct {
	OperationContext string `json:"operationContext,omitempty"`
}

// MoveParticipantsRequest is the body of moveHere.
type MoveParticipantsRequest struct {
	TargetParticipants   []CommunicationIdentifierModel `json:"targetParticipants"`
	OperationContext     string                         `json:"operationContext,omitempty"`
	OperationCallbackURI string                         `json:"operationCallbackUri,omitempty"`
	FromCall             string                         `json:"fromCall"`
}

// MoveParticipantsResponse is the answer of moveHere.
type MoveParticipantsResponse struct {
	Participants     []CallParticipant `json:"participants,omitempty"`
	OperationContext string            `json:"operationContext,omitempty"`
	FromCall         string            `json:"fromCall,omitempty"`
}
