package upstream

// PlayRequest is the body of play. PlayTo that is empty but not nil is sent as
// such: like an absent one it means everyone in the call.
type PlayRequest struct {
	PlaySources                 []PlaySource                   `json:"playSources"`
	PlayTo                      []CommunicationIdentifierModel `json:"playTo,omitzero"`
	InterruptCallMediaOperation *bool                          `json:"interruptCallMediaOperation,omitempty"`
	PlayOptions                 *PlayOptions                   `json:"playOptions,omitempty"`
	OperationContext            string                         `json:"operationContext,omitempty"`
	OperationCallbackURI        string                         `json:"operationCallbackUri,omitempty"`
}

// PlayOptions is how something is played.
type PlayOptions struct {
	Loop bool `json:"loop"`
}

// PlaySource is what is played: the one model that its kind says.
type PlaySource struct {
	Kind              PlaySourceType `json:"kind"`
	PlaySourceCacheID string         `json:"playSourceCacheId,omitempty"`
	File              *FileSource    `json:"file,omitempty"`
	Text              *TextSource    `json:"text,omitempty"`
	Ssml              *SsmlSource    `json:"ssml,omitempty"`
}

// PlaySourceType says which model a PlaySource has.
type PlaySourceType string

// The kinds of PlaySource.
const (
	PlaySourceFile PlaySourceType = "file"
	PlaySourceText PlaySourceType = "text"
	PlaySourceSsml PlaySourceType = "ssml"
)

// FileSource is an audio file that the service fetches.
type FileSource struct {
	URI string `json:"uri"`
}

// TextSource is a text that is spoken.
type TextSource struct {
	Text                  string    `json:"text"`
	SourceLocale          string    `json:"sourceLocale,omitempty"`
	VoiceKind             VoiceKind `json:"voiceKind,omitempty"`
	VoiceName             string    `json:"voiceName,omitempty"`
	CustomVoiceEndpointID string    `json:"customVoiceEndpointId,omitempty"`
}

// VoiceKind is the kind of voice that speaks where none is named.
type VoiceKind string

// The kinds of voice.
const (
	VoiceMale   VoiceKind = "male"
	VoiceFemale VoiceKind = "female"
)

// SsmlSource is a text in the Speech Synthesis Markup Language.
type SsmlSource struct {
	SsmlText              string `json:"ssmlText"`
	CustomVoiceEndpointID string `json:"customVoiceEndpointId,omitempty"`
}

// HoldRequest is the body of hold.
type HoldRequest struct {
	TargetParticipant    *CommunicationIdentifierModel `json:"targetParticipant"`
	PlaySourceInfo       *PlaySource                   `json:"playSourceInfo,omitempty"`
	OperationContext     string                        `json:"operationContext,omitempty"`
	OperationCallbackURI string                        `json:"operationCallbackUri,omitempty"`
}

// UnholdRequest is the body of unhold.
type UnholdRequest struct {
	TargetParticipant    *CommunicationIdentifierModel `json:"targetParticipant"`
	OperationContext     string                        `json:"operationContext,omitempty"`
	OperationCallbackURI string                        `json:"operationCallbackUri,omitempty"`
}
