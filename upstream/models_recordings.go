package upstream

// StartCallRecordingRequest is the body of startRecording. Exactly one of
// CallLocator and CallConnectionID names the call.
type StartCallRecordingRequest struct {
	CallLocator                     *CallLocator                   `json:"callLocator,omitempty"`
	CallConnectionID                string                         `json:"callConnectionId,omitempty"`
	RecordingStateCallbackURI       string                         `json:"recordingStateCallbackUri,omitempty"`
	RecordingContentType            RecordingContentType           `json:"recordingContentType,omitempty"`
	RecordingChannelType            RecordingChannelType           `json:"recordingChannelType,omitempty"`
	RecordingFormatType             RecordingFormatType            `json:"recordingFormatType,omitempty"`
	AudioChannelParticipantOrdering []CommunicationIdentifierModel `json:"audioChannelParticipantOrdering,omitempty"`
	ChannelAffinity                 []ChannelAffinity              `json:"channelAffinity,omitempty"`
	PauseOnStart                    *bool                          `json:"pauseOnStart,omitempty"`
	ExternalStorage                 *RecordingStorage              `json:"externalStorage,omitempty"`
}

// ChannelAffinity gives a participant a channel of an unmixed recording.
type ChannelAffinity struct {
	Channel     *int32                        `json:"channel,omitempty"`
	Participant *CommunicationIdentifierModel `json:"participant"`
}

// RecordingStorage is where a recording is put. The container is that of the kind
// azureBlobStorage.
type RecordingStorage struct {
	RecordingStorageKind             RecordingStorageKind `json:"recordingStorageKind"`
	RecordingDestinationContainerURL string               `json:"recordingDestinationContainerUrl,omitempty"`
}

// RecordingStorageKind says whose storage it is.
type RecordingStorageKind string

// The kinds of RecordingStorage.
const (
	StorageAzureCommunicationServices RecordingStorageKind = "azureCommunicationServices"
	StorageAzureBlob                  RecordingStorageKind = "azureBlobStorage"
)

// RecordingContentType is what is recorded.
type RecordingContentType string

// What may be recorded.
const (
	RecordingAudio      RecordingContentType = "audio"
	RecordingAudioVideo RecordingContentType = "audioVideo"
)

// RecordingChannelType is how the voices of a recording are laid out.
type RecordingChannelType string

// The layouts of a recording.
const (
	RecordingMixed   RecordingChannelType = "mixed"
	RecordingUnmixed RecordingChannelType = "unmixed"
)

// RecordingFormatType is the file format of a recording.
type RecordingFormatType string

// The file formats of a recording.
const (
	RecordingWav RecordingFormatType = "wav"
	RecordingMp3 RecordingFormatType = "mp3"
	RecordingMp4 RecordingFormatType = "mp4"
)

// RecordingStateResponse is the state of a recording.
type RecordingStateResponse struct {
	RecordingID    string         `json:"recordingId,omitempty"`
	RecordingState RecordingState `json:"recordingState,omitempty"`
	RecordingKind  RecordingKind  `json:"recordingKind,omitempty"`
}

// RecordingState is whether a recording records.
type RecordingState string

// The states of a recording.
const (
	RecordingActive   RecordingState = "active"
	RecordingInactive RecordingState = "inactive"
)

// RecordingKind is who records.
type RecordingKind string

// Who may record.
const (
	RecordingKindACS             RecordingKind = "azureCommunicationServices"
	RecordingKindTeams           RecordingKind = "teams"
	RecordingKindTeamsCompliance RecordingKind = "teamsCompliance"
)
