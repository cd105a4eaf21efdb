package emulator

import (
	"cmp"
	"net/http"
	"time"

	"github.com/callgate/callgate/upstream"
)

// parseRecognize reads POST /callConnections/{id}:recognize.
func parseRecognize(body []byte) (action, error) {
	req, err := decode[upstream.RecognizeRequest](body)
	if err != nil {
		return nil, err
	}
	if req.RecognizeOptions == nil {
		return nil, invalid("The recognizeOptions field is required.")
	}
	target, err := identify("targetParticipant", req.RecognizeOptions.TargetParticipant)
	if err != nil {
		return nil, err
	}
	if err := checkRecognizeOptions(req.RecognizeInputType, req.RecognizeOptions); err != nil {
		return nil, err
	}
	prompts := req.PlayPrompts
	if len(prompts) == 0 && req.PlayPrompt != nil {
		prompts = []upstream.PlaySource{*req.PlayPrompt}
	}
	if err := checkPlaySources("playPrompts", prompts); err != nil {
		return nil, err
	}
	if err := checkOperationCallbackURI(req.OperationCallbackURI); err != nil {
		return nil, err
	}
	return func(x *exchange) (reply, error) { return x.recognize(req, prompts, target) }, nil
}

// recognize queues listening to a party, after a prompt: 202, then
// RecognizeCompleted, RecognizeFailed or RecognizeCanceled.
func (x *exchange) recognize(req *upstream.RecognizeRequest, prompts []upstream.PlaySource, target identifier) (reply, error) {
	c, p, err := x.otherParty(target)
	if err != nil {
		return reply{}, err
	}
	r := newRecognition(req.RecognizeInputType, req.RecognizeOptions)
	r.connection, r.target, r.prompts = c, p, prompts
	r.operation = operation{context: req.OperationContext, callbackURI: req.OperationCallbackURI}
	if err := c.media.queue(r, isTrue(req.InterruptCallMediaOperation)); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusAccepted, conversation: c.conversation}, nil
}

// newRecognition listens as the options say, which were found valid.
func newRecognition(listensFor upstream.RecognizeInputType, options *upstream.RecognizeOptions) *recognition {
	dtmf := cmp.Or(options.DtmfOptions, &upstream.DtmfOptions{})
	speech := cmp.Or(options.SpeechOptions, &upstream.SpeechOptions{})
	r := &recognition{
		listensFor: listensFor, interrupts: isTrue(options.InterruptPrompt),
		initialSilence: orUsual(options.InitialSilenceTimeoutInSeconds, time.Second, usualInitialSilence),
		interTone:      orUsual(dtmf.InterToneTimeoutInSeconds, time.Second, usualInterTone),
		endSilence:     orUsual(speech.EndSilenceTimeoutInMs, time.Millisecond, usualEndSilence),
		stopTones:      dtmf.StopTones, choices: options.Choices,
	}
	if dtmf.MaxTonesToCollect != nil {
		r.maxTones = int(*dtmf.MaxTonesToCollect)
	}
	return r
}

func orUsual(count *int32, unit, usual time.Duration) time.Duration {
	if count == nil {
		return usual
	}
	return time.Duration(*count) * unit
}

// checkRecognizeOptions holds the options to the contract's bounds, and to what
// the kind of input needs.
func checkRecognizeOptions(listensFor upstream.RecognizeInputType, o *upstream.RecognizeOptions) error {
	switch listensFor {
	case upstream.RecognizeInputDtmf, upstream.RecognizeInputSpeech, upstream.RecognizeInputSpeechOrDtmf:
	case upstream.RecognizeInputChoices:
		if len(o.Choices) == 0 {
			return invalid("The choices field is required to recognize choices.")
		}
	default:
		return invalid("The recognizeInputType field is missing or unknown.")
	}
	if outside(o.InitialSilenceTimeoutInSeconds, 0, 300) {
		return invalid("The initialSilenceTimeoutInSeconds field must be between 0 and 300.")
	}
	if o.SpeechOptions != nil && outside(o.SpeechOptions.EndSilenceTimeoutInMs, 0, 1<<30) {
		return invalid("The endSilenceTimeoutInMs field must not be negative.")
	}
	if err := checkDtmfOptions(o.DtmfOptions); err != nil {
		return err
	}
	return checkChoices(o.Choices)
}

func checkDtmfOptions(o *upstream.DtmfOptions) error {
	switch {
	case o == nil:
		return nil
	case outside(o.InterToneTimeoutInSeconds, 1, 60):
		return invalid("The interToneTimeoutInSeconds field must be between 1 and 60.")
	case outside(o.MaxTonesToCollect, 1, maxTones):
		return invalid("The maxTonesToCollect field must be at least 1.")
	}
	return checkTones("stopTones", o.StopTones)
}

func checkChoices(choices []upstream.Choice) error {
	labels := make(map[string]bool, len(choices))
	for _, choice := range choices {
		if choice.Label == "" || len(choice.Phrases) == 0 || labels[choice.Label] {
			return invalid("Every entry of the choices field needs a label of its own and phrases.")
		}
		labels[choice.Label] = true
		if choice.Tone == "" {
			continue
		}
		if err := checkTones("choices", []upstream.Tone{choice.Tone}); err != nil {
			return err
		}
	}
	return nil
}

// outside tells whether a number is given and not between the bounds.
func outside(n *int32, least, most int32) bool { return n != nil && (*n < least || *n > most) }
