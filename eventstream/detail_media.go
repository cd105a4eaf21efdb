package eventstream

import (
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

var (
	tones                  = wordsOf[callgatev1.Tone]()
	recognitionTypes       = wordsOf[callgatev1.RecognitionType]()
	transcriptionStatuses  = wordsOf[callgatev1.TranscriptionStatus]()
	transcriptionDetails   = wordsOf[callgatev1.TranscriptionStatusDetails]()
	mediaStreamingContents = wordsOf[callgatev1.MediaStreamingContentType]()
	mediaStreamingStatuses = wordsOf[callgatev1.MediaStreamingStatus]()
	mediaStreamingDetails  = wordsOf[callgatev1.MediaStreamingStatusDetails]()
)

type dtmfData struct {
	Tones []string `json:"tones"`
}

type choiceData struct {
	Label            string            `json:"label"`
	RecognizedPhrase string            `json:"recognizedPhrase"`
	Confidence       optional[float64] `json:"confidence"`
}

type speechData struct {
	Speech     string            `json:"speech"`
	Confidence optional[float64] `json:"confidence"`
}

type transcriptionData struct {
	Status        string `json:"transcriptionStatus"`
	StatusDetails string `json:"transcriptionStatusDetails"`
}

type mediaStreamingData struct {
	ContentType   string `json:"contentType"`
	Status        string `json:"mediaStreamingStatus"`
	StatusDetails string `json:"mediaStreamingStatusDetails"`
}

func (d *eventData) playSourceFailure() *callgatev1.PlaySourceFailure {
	return &callgatev1.PlaySourceFailure{FailedPlaySourceIndex: d.FailedPlaySourceIndex.value}
}

func (d *eventData) recognized() *callgatev1.RecognizeCompleted {
	return &callgatev1.RecognizeCompleted{
		RecognitionType:     recognitionTypes.of(d.RecognitionType),
		RecognitionTypeName: d.RecognitionType,
		DtmfResult:          d.DtmfResult.toProto(),
		ChoiceResult:        d.ChoiceResult.toProto(),
		SpeechResult:        d.SpeechResult.toProto(),
	}
}

func (d *dtmfData) toProto() *callgatev1.DtmfResult {
	if d == nil {
		return nil
	}
	result := &callgatev1.DtmfResult{Tones: make([]callgatev1.Tone, len(d.Tones))}
	digits := make([]byte, len(d.Tones))
	for i, tone := range d.Tones {
		result.Tones[i] = tones.of(tone)
		digits[i] = keys[result.Tones[i]]
	}
	result.Digits = string(digits)
	return result
}

// keys are what is printed on the keys of a telephone, by their tones.
const keys = "?0123456789ABCD#*"

func (d *choiceData) toProto() *callgatev1.ChoiceResult {
	if d == nil {
		return nil
	}
	return &callgatev1.ChoiceResult{Label: d.Label, RecognizedPhrase: d.RecognizedPhrase, Confidence: d.Confidence.value}
}

func (d *speechData) toProto() *callgatev1.SpeechResult {
	if d == nil {
		return nil
	}
	return &callgatev1.SpeechResult{Speech: d.Speech, Confidence: d.Confidence.value}
}

func (d *eventData) dtmfTone() *callgatev1.DtmfTone {
	return &callgatev1.DtmfTone{SequenceId: d.SequenceID.value, Tone: tones.of(d.Tone)}
}

func (d *eventData) transcription() *callgatev1.TranscriptionUpdate {
	update := d.TranscriptionUpdate
	return &callgatev1.TranscriptionUpdate{
		Status:            transcriptionStatuses.of(update.Status),
		StatusName:        update.Status,
		StatusDetails:     transcriptionDetails.of(update.StatusDetails),
		StatusDetailsName: update.StatusDetails,
	}
}

func (d *eventData) mediaStreaming() *callgatev1.MediaStreamingUpdate {
	update := d.MediaStreamingUpdate
	return &callgatev1.MediaStreamingUpdate{
		ContentType:       mediaStreamingContents.of(update.ContentType),
		ContentTypeName:   update.ContentType,
		Status:            mediaStreamingStatuses.of(update.Status),
		StatusName:        update.Status,
		StatusDetails:     mediaStreamingDetails.of(update.StatusDetails),
		StatusDetailsName: update.StatusDetails,
	}
}
