package upstream

// RecognizeRequest is the body of recognize. PlayPrompt is the older way of
// giving one prompt; the service takes either.
type RecognizeRequest struct {
	RecognizeInputType          RecognizeInputType `json:"recognizeInputType"`
	PlayPrompt                  *PlaySource        `json:"playPrompt,omitempty"`
	PlayPrompts                 []PlaySource       `json:"playPrompts,omitempty"`
	InterruptCallMediaOperation *bool              `json:"interruptCallMediaOperation,omitempty"`
	RecognizeOptions            *RecognizeOptions  `json:"recognizeOptions"`
	OperationContext            string             `json:"operationContext,omitempty"`
	OperationCallbackURI        string             `json:"operationCallbackUri,omitempty"`
}

// RecognizeInputType is what recognize listens for.
type RecognizeInputType string

// What recognize may listen for.
const (
	RecognizeInputDtmf         RecognizeInputType = "dtmf"
	RecognizeInputSpeech       RecognizeInputType = "speech"
	RecognizeInputSpeechOrDtmf RecognizeInputType = "speechOrDtmf"
	RecognizeInputChoices      RecognizeInputType = "choices"
)

// RecognizeOptions is how recognize listens, and to whom.
type RecognizeOptions struct {
	InterruptPrompt                  *bool                         `json:"interruptPrompt,omitempty"`
	InitialSilenceTimeoutInSeconds   *int32                        `json:"initialSilenceTimeoutInSeconds,omitempty"`
	TargetParticipant                *CommunicationIdentifierModel `json:"targetParticipant"`
	SpeechLanguage                   string                        `json:"speechLanguage,omitempty"`
	SpeechRecognitionModelEndpointID string                        `json:"speechRecognitionModelEndpointId,omitempty"`
	DtmfOptions                      *DtmfOptions                  `json:"dtmfOptions,omitempty"`
	Choices                          []Choice                      `json:"choices,omitempty"`
	SpeechOptions                    *SpeechOptions                `json:"speechOptions,omitempty"`
}

// DtmfOptions is how tones are collected.
type DtmfOptions struct {
	InterToneTimeoutInSeconds *int32 `json:"interToneTimeoutInSeconds,omitempty"`
	MaxTonesToCollect         *int32 `json:"maxTonesToCollect,omitempty"`
	StopTones                 []Tone `json:"stopTones,omitempty"`
}

// Tone is one key of a telephone.
type Tone string

// The tones.
const (
	ToneZero     Tone = "zero"
	ToneOne      Tone = "one"
	ToneTwo      Tone = "two"
	ToneThree    Tone = "three"
	ToneFour     Tone = "four"
	ToneFive     Tone = "five"
	ToneSix      Tone = "six"
	ToneSeven    Tone = "seven"
	ToneEight    Tone = "eight"
	ToneNine     Tone = "nine"
	ToneA        Tone = "a"
	ToneB        Tone = "b"
	ToneC        Tone = "c"
	ToneD        Tone = "d"
	TonePound    Tone = "pound"
	ToneAsterisk Tone = "asterisk"
)

// Choice is one answer that recognize may be given.
type Choice struct {
	Label   string   `json:"label"`
	Phrases []string `json:"phrases"`
	Tone    Tone     `json:"tone,omitempty"`
}

// SpeechOptions is how speech is recognized.
type SpeechOptions struct {
	EndSilenceTimeoutInMs *int32 `json:"endSilenceTimeoutInMs,omitempty"`
}

// RecognitionType is what was recognized, in RecognizeCompleted.
type RecognitionType string

// What may have been recognized.
const (
	RecognitionDtmf    RecognitionType = "dtmf"
	RecognitionSpeech  RecognitionType = "speech"
	RecognitionChoices RecognitionType = "choices"
)

// DtmfResult is the tones that were recognized.
type DtmfResult struct {
	Tones []Tone `json:"tones,omitempty"`
}

// ChoiceResult is the choice that was recognized. RecognizedPhrase and Confidence
// are absent where it was made by a tone.
type ChoiceResult struct {
	Label            string   `json:"label,omitempty"`
	RecognizedPhrase string   `json:"recognizedPhrase,omitempty"`
	Confidence       *float64 `json:"confidence,omitempty"`
}

// SpeechResult is the speech that was recognized.
type SpeechResult struct {
	Speech     string   `json:"speech,omitempty"`
	Confidence *float64 `json:"confidence,omitempty"`
}
