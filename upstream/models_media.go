package upstream

// ContinuousDtmfRecognitionRequest is the body of startContinuousDtmfRecognition
// and stopContinuousDtmfRecognition.
type ContinuousDtmfRecognitionRequest struct {
	TargetParticipant    *CommunicationIdentifierModel `json:"targetParticipant"`
	OperationContext     string                        `json:"operationContext,omitempty"`
	OperationCallbackURI string                        `json:"operationCallbackUri,omitempty"`
}

// SendDtmfTonesRequest is the body of sendDtmfTones. The service takes at most 18
// tones.
type SendDtmfTonesRequest struct {
	Tones                []Tone                        `json:"tones"`
	TargetParticipant    *CommunicationIdentifierModel `json:"targetParticipant"`
	OperationContext     string                        `json:"operationContext,omitempty"`
	OperationCallbackURI string                        `json:"operationCallbackUri,omitempty"`
}

// SendDtmfTonesResult is the answer of sendDtmfTones.
type SendDtmfTonesResult struct {
	OperationContext string `json:"operationContext,omitempty"`
}

// StartTranscriptionRequest is the body of startTranscription.
type StartTranscriptionRequest struct {
	Locale                string `json:"locale,omitempty"`
	SpeechModelEndpointID string `json:"speechModelEndpointId,omitempty"`
	OperationContext      string `json:"operationContext,omitempty"`
	OperationCallbackURI  string `json:"operationCallbackUri,omitempty"`
}

// StopTranscriptionRequest is the body of stopTranscription.
type StopTranscriptionRequest struct {
	OperationContext     string `json:"operationContext,omitempty"`
	OperationCallbackURI string `json:"operationCallbackUri,omitempty"`
}

// UpdateTranscriptionRequest is the body of updateTranscription.
type UpdateTranscriptionRequest struct {
	Locale                string `json:"locale,omitempty"`
	SpeechModelEndpointID string `json:"speechModelEndpointId,omitempty"`
	OperationContext      string `json:"operationContext,omitempty"`
	OperationCallbackURI  string `json:"operationCallbackUri,omitempty"`
}

// StartMediaStreamingRequest is the body of startMediaStreaming.
type StartMediaStreamingRequest struct {
	OperationCallbackURI string `json:"operationCallbackUri,omitempty"`
	OperationContext     string `json:"operationContext,omitempty"`
}

// StopMediaStreamingRequest is the body of stopMediaStreaming.
type StopMediaStreamingRequest struct {
	OperationCallbackURI string `json:"operationCallbackUri,omitempty"`
	OperationContext     string `json:"operationContext,omitempty"`
}

// TranscriptionUpdate is what became of a transcription, in its events.
type TranscriptionUpdate struct {
	TranscriptionStatus        TranscriptionStatus        `json:"transcriptionStatus,omitempty"`
	TranscriptionStatusDetails TranscriptionStatusDetails `json:"transcriptionStatusDetails,omitempty"`
}

// TranscriptionStatus is what happened to a transcription.
type TranscriptionStatus string

// What may happen to a transcription.
const (
	TranscriptionStatusStarted     TranscriptionStatus = "transcriptionStarted"
	TranscriptionStatusFailed      TranscriptionStatus = "transcriptionFailed"
	TranscriptionStatusResumed     TranscriptionStatus = "transcriptionResumed"
	TranscriptionStatusUpdated     TranscriptionStatus = "transcriptionUpdated"
	TranscriptionStatusStopped     TranscriptionStatus = "transcriptionStopped"
	TranscriptionStatusUnspecified TranscriptionStatus = "unspecifiedError"
)

// TranscriptionStatusDetails is why it happened.
type TranscriptionStatusDetails string

// Why something may happen to a transcription.
const (
	TranscriptionSubscriptionStarted           TranscriptionStatusDetails = "subscriptionStarted"
	TranscriptionStreamConnectionReestablished TranscriptionStatusDetails = "streamConnectionReestablished"
	TranscriptionStreamConnectionUnsuccessful  TranscriptionStatusDetails = "streamConnectionUnsuccessful"
	TranscriptionStreamURLMissing              TranscriptionStatusDetails = "streamUrlMissing"
	TranscriptionServiceShutdown               TranscriptionStatusDetails = "serviceShutdown"
	TranscriptionStreamConnectionInterrupted   TranscriptionStatusDetails = "streamConnectionInterrupted"
	TranscriptionSpeechServicesConnectionError TranscriptionStatusDetails = "speechServicesConnectionError"
	TranscriptionSubscriptionStopped           TranscriptionStatusDetails = "subscriptionStopped"
	TranscriptionUnspecifiedError              TranscriptionStatusDetails = "unspecifiedError"
	TranscriptionAuthenticationFailure         TranscriptionStatusDetails = "authenticationFailure"
	TranscriptionBadRequest                    TranscriptionStatusDetails = "badRequest"
	TranscriptionTooManyRequests               TranscriptionStatusDetails = "tooManyRequests"
	TranscriptionForbidden                     TranscriptionStatusDetails = "forbidden"
	TranscriptionServiceTimeout                TranscriptionStatusDetails = "serviceTimeout"
	TranscriptionLocaleUpdated                 TranscriptionStatusDetails = "transcriptionLocaleUpdated"
)

// MediaStreamingUpdate is what became of media streaming, in its events. The
// service has been seen to write its content type "Audio".
type MediaStreamingUpdate struct {
	ContentType                 string                      `json:"contentType,omitempty"`
	MediaStreamingStatus        MediaStreamingStatus        `json:"mediaStreamingStatus,omitempty"`
	MediaStreamingStatusDetails MediaStreamingStatusDetails `json:"mediaStreamingStatusDetails,omitempty"`
}

// MediaStreamingStatus is what happened to media streaming.
type MediaStreamingStatus string

// What may happen to media streaming.
const (
	MediaStreamingStatusStarted     MediaStreamingStatus = "mediaStreamingStarted"
	MediaStreamingStatusFailed      MediaStreamingStatus = "mediaStreamingFailed"
	MediaStreamingStatusStopped     MediaStreamingStatus = "mediaStreamingStopped"
	MediaStreamingStatusUnspecified MediaStreamingStatus = "unspecifiedError"
)

// MediaStreamingStatusDetails is why it happened.
type MediaStreamingStatusDetails string

// Why something may happen to media streaming.
const (
	MediaStreamingSubscriptionStarted              MediaStreamingStatusDetails = "subscriptionStarted"
	MediaStreamingStreamConnectionReestablished    MediaStreamingStatusDetails = "streamConnectionReestablished"
	MediaStreamingStreamConnectionUnsuccessful     MediaStreamingStatusDetails = "streamConnectionUnsuccessful"
	MediaStreamingStreamURLMissing                 MediaStreamingStatusDetails = "streamUrlMissing"
	MediaStreamingServiceShutdown                  MediaStreamingStatusDetails = "serviceShutdown"
	MediaStreamingStreamConnectionInterrupted      MediaStreamingStatusDetails = "streamConnectionInterrupted"
	MediaStreamingSpeechServicesConnectionError    MediaStreamingStatusDetails = "speechServicesConnectionError"
	MediaStreamingSubscriptionStopped              MediaStreamingStatusDetails = "subscriptionStopped"
	MediaStreamingUnspecifiedError                 MediaStreamingStatusDetails = "unspecifiedError"
	MediaStreamingAuthenticationFailure            MediaStreamingStatusDetails = "authenticationFailure"
	MediaStreamingBadRequest                       MediaStreamingStatusDetails = "badRequest"
	MediaStreamingTooManyRequests                  MediaStreamingStatusDetails = "tooManyRequests"
	MediaStreamingForbidden                        MediaStreamingStatusDetails = "forbidden"
	MediaStreamingServiceTimeout                   MediaStreamingStatusDetails = "serviceTimeout"
	MediaStreamingInitialWebSocketConnectionFailed MediaStreamingStatusDetails = "initialWebSocketConnectionFailed"
)
