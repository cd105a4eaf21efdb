package upstream

// CallIntelligenceOptions names the AI resource that speech features use.
type CallIntelligenceOptions struct {
	CognitiveServicesEndpoint string `json:"cognitiveServicesEndpoint,omitempty"`
}

// StreamingTransportType is what media and transcription are streamed over.
type StreamingTransportType string

// TransportWebsocket is the only transport there is.
const TransportWebsocket StreamingTransportType = "websocket"

// WebSocketMediaStreamingOptions streams a call's audio.
type WebSocketMediaStreamingOptions struct {
	TransportType       StreamingTransportType         `json:"transportType"`
	AudioChannelType    MediaStreamingAudioChannelType `json:"audioChannelType"`
	TransportURL        string                         `json:"transportUrl,omitempty"`
	ContentType         MediaStreamingContentType      `json:"contentType,omitempty"`
	StartMediaStreaming *bool                          `json:"startMediaStreaming,omitempty"`
	EnableBidirectional *bool                          `json:"enableBidirectional,omitempty"`
	AudioFormat         AudioFormat                    `json:"audioFormat,omitempty"`
	EnableDtmfTones     *bool                          `json:"enableDtmfTones,omitempty"`
}

// MediaStreamingAudioChannelType is how streamed audio is laid out.
type MediaStreamingAudioChannelType string

// The layouts of streamed audio.
const (
	AudioChannelMixed   MediaStreamingAudioChannelType = "mixed"
	AudioChannelUnmixed MediaStreamingAudioChannelType = "unmixed"
)

// MediaStreamingContentType is what media streaming carries.
type MediaStreamingContentType string

// ContentTypeAudio is the only content there is.
const ContentTypeAudio MediaStreamingContentType = "audio"

// AudioFormat is the encoding of streamed audio.
type AudioFormat string

// The encodings of streamed audio.
const (
	AudioFormatPCM16KMono AudioFormat = "pcm16KMono"
	AudioFormatPCM24KMono AudioFormat = "pcm24KMono"
)

// WebSocketTranscriptionOptions transcribes a call.
type WebSocketTranscriptionOptions struct {
	TransportType             StreamingTransportType `json:"transportType"`
	Locale                    string                 `json:"locale"`
	TransportURL              string                 `json:"transportUrl,omitempty"`
	SpeechModelEndpointID     string                 `json:"speechModelEndpointId,omitempty"`
	StartTranscription        *bool                  `json:"startTranscription,omitempty"`
	EnableIntermediateResults *bool                  `json:"enableIntermediateResults,omitempty"`
}

// MediaStreamingSubscription is the state of a call's media streaming.
type MediaStreamingSubscription struct {
	ID                     string                          `json:"id,omitempty"`
	State                  MediaStreamingSubscriptionState `json:"state,omitempty"`
	SubscribedContentTypes []MediaStreamingContentType     `json:"subscribedContentTypes,omitempty"`
}

// MediaStreamingSubscriptionState is whether media is streamed.
type MediaStreamingSubscriptionState string

// The states of media streaming.
const (
	MediaStreamingDisabled MediaStreamingSubscriptionState = "disabled"
	MediaStreamingInactive MediaStreamingSubscriptionState = "inactive"
	MediaStreamingActive   MediaStreamingSubscriptionState = "active"
)

// TranscriptionSubscription is the state of a call's transcription.
type TranscriptionSubscription struct {
	ID                    string                         `json:"id,omitempty"`
	State                 TranscriptionSubscriptionState `json:"state,omitempty"`
	SubscribedResultTypes []TranscriptionResultState     `json:"subscribedResultTypes,omitempty"`
	Locale                string                         `json:"locale,omitempty"`
}

// TranscriptionSubscriptionState is whether a call is transcribed.
type TranscriptionSubscriptionState string

// The states of transcription.
const (
	TranscriptionDisabled TranscriptionSubscriptionState = "disabled"
	TranscriptionInactive TranscriptionSubscriptionState = "inactive"
	TranscriptionActive   TranscriptionSubscriptionState = "active"
)

// TranscriptionResultState is which results a transcription delivers.
type TranscriptionResultState string

// The results of transcription.
const (
	TranscriptionFinal        TranscriptionResultState = "final"
	TranscriptionIntermediate TranscriptionResultState = "intermediate"
)
