package emulator

import (
	"strings"
	"time"

	"github.com/callgate/callgate/upstream"
)

const (
	usualInitialSilence = 5 * time.Second // the SDK's defaults, where a request has none
	usualInterTone      = 2 * time.Second
	usualEndSilence     = 2 * time.Second

	// maxTones and maxSpeech bound what one recognition collects.
	maxTones  = 1024
	maxSpeech = 64 << 10
)

// recognition is one recognize operation.
type recognition struct {
	connection *connection
	operation  operation
	target     *party
	listensFor upstream.RecognizeInputType
	prompts    []upstream.PlaySource
	interrupts bool // who presses or speaks need not hear the prompt to its end

	initialSilence, interTone, endSilence time.Duration
	maxTones                              int // 0: no maximum
	stopTones                             []upstream.Tone
	choices                               []upstream.Choice

	listening  bool
	tones      []upstream.Tone
	speech     []string
	confidence float64
	timer      *timer // what happens when nothing else does
	reaction   *timer // of a party that answers by itself
}

// begin plays the prompt, if there is one, and then listens.
func (r *recognition) begin() {
	w, s := r.connection.world, soundOf(r.prompts)
	switch {
	case s.fails != nil:
		r.timer = w.after(s.lasts+usualFailure, func() {
			r.finish("RecognizeFailed", eventData{FailedPlaySourceIndex: &s.index, ResultInformation: promptNotPlayed().information()})
		})
	case s.lasts == 0:
		r.listen()
	default:
		r.listening = r.interrupts
		r.timer = w.after(s.lasts, r.listen)
	}
}

// listen is the end of the prompt.
func (r *recognition) listen() {
	r.listening = true
	r.timer = r.connection.world.after(r.initialSilence, func() { r.fail(initialSilence()) })
	r.reaction = r.target.reacts(r.connection.conversation)
}

// press is one key, and tells whether it was listened for.
func (r *recognition) press(tone upstream.Tone) bool {
	if !r.listening || r.listensFor == upstream.RecognizeInputSpeech || len(r.speech) > 0 {
		return false
	}
	r.timer.stop()
	if r.listensFor == upstream.RecognizeInputChoices {
		r.chooseByTone(tone)
		return true
	}
	for _, stop := range r.stopTones {
		if tone == stop {
			r.completeTones(stopToneDetected())
			return true
		}
	}
	r.tones = append(r.tones, tone)
	if len(r.tones) == r.maxTones || len(r.tones) >= maxTones {
		r.completeTones(maxDigitsReceived())
		return true
	}
	r.timer = r.connection.world.after(r.interTone, func() { r.fail(interDigitSilence()) })
	return true
}

// speak is one utterance, and tells whether it was listened for. Several within
// the end silence are one.
func (r *recognition) speak(text string, confidence float64) bool {
	if !r.listening || r.listensFor == upstream.RecognizeInputDtmf || len(r.tones) > 0 {
		return false
	}
	r.timer.stop()
	if r.listensFor == upstream.RecognizeInputChoices {
		r.chooseBySpeech(text, confidence)
		return true
	}
	r.speech, r.confidence = append(r.speech, text), confidence
	if said := strings.Join(r.speech, " "); len(said) >= maxSpeech {
		r.completeSpeech()
		return true
	}
	r.timer = r.connection.world.after(r.endSilence, r.completeSpeech)
	return true
}

// chooseByTone: a tone is one choice's, or the recognition has failed.
func (r *recognition) chooseByTone(tone upstream.Tone) {
	for _, choice := range r.choices {
		if choice.Tone == tone {
			r.completeChoice(dtmfOptionMatched(), upstream.ChoiceResult{Label: choice.Label})
			return
		}
	}
	r.fail(incorrectTone())
}

// chooseBySpeech looks for a choice that has what was said among its phrases, or
// for its label.
func (r *recognition) chooseBySpeech(text string, confidence float64) {
	for _, choice := range r.choices {
		for _, phrase := range append([]string{choice.Label}, choice.Phrases...) {
			if sameWords(phrase, text) {
				r.completeChoice(speechOptionMatched(), upstream.ChoiceResult{
					Label: choice.Label, RecognizedPhrase: phrase, Confidence: &confidence,
				})
				return
			}
		}
	}
	r.fail(speechOptionNotMatched())
}

// sameWords compares what is heard: neither case nor punctuation.
func sameWords(a, b string) bool {
	words := func(s string) string {
		return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return strings.ContainsRune(" \t\n.,;:!?\"", r) }), " ")
	}
	return words(a) == words(b)
}

func (r *recognition) completeTones(result outcome) {
	r.finish("RecognizeCompleted", eventData{
		RecognitionType: upstream.RecognitionDtmf, DtmfResult: &upstream.DtmfResult{Tones: r.tones}, ResultInformation: result.information(),
	})
}

func (r *recognition) completeChoice(result outcome, choice upstream.ChoiceResult) {
	r.finish("RecognizeCompleted", eventData{
		RecognitionType: upstream.RecognitionChoices, ChoiceResult: &choice, ResultInformation: result.information(),
	})
}

func (r *recognition) completeSpeech() {
	r.finish("RecognizeCompleted", eventData{
		RecognitionType:   upstream.RecognitionSpeech,
		SpeechResult:      &upstream.SpeechResult{Speech: strings.Join(r.speech, " "), Confidence: &r.confidence},
		ResultInformation: mediaSucceeded().information(),
	})
}

func (r *recognition) fail(result outcome) {
	r.finish("RecognizeFailed", eventData{ResultInformation: result.information()})
}

// cancel implements task.
func (r *recognition) cancel() {
	r.finish("RecognizeCanceled", eventData{ResultInformation: mediaCanceled().information()})
}

// needs implements task.
func (r *recognition) needs(p *party) bool { return p == r.target }

func (r *recognition) finish(event string, data eventData) {
	r.listening = false
	r.timer.stop()
	r.reaction.stop()
	r.connection.emit(event, r.operation, data)
	r.connection.media.done(r)
}
