package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

type recognizeInput struct {
	Call   string `arg:"" help:"The call connection."`
	Target party  `arg:"" help:"Who is asked."`
	Kind   string `placeholder:"KIND" help:"What is listened for: dtmf, speech, speech-or-dtmf or choices; when not given, choices if there are some, and else dtmf."`
	playSources
	Choice          []choice       `sep:"none" placeholder:"LABEL[/KEY]=PHRASE|..." help:"One of the choices, such as 'sales/1=sales|buy something'."`
	MaxTones        *int32         `placeholder:"N" help:"How many tones are enough."`
	StopTones       []string       `placeholder:"TONE,..." help:"Tones that end it, such as #."`
	Language        string         `placeholder:"LANGUAGE" help:"Language that is spoken, such as en-US."`
	InterTone       *time.Duration `placeholder:"DURATION" help:"How long the next tone may take, whole seconds up to 1m."`
	InitialSilence  *time.Duration `placeholder:"DURATION" help:"How long nothing may come, whole seconds up to 5m."`
	EndSilence      *time.Duration `placeholder:"DURATION" help:"The silence that ends what is said."`
	InterruptPrompt *bool          `negatable:"" help:"Let input end the prompt, or not."`
	Interrupt       bool           `help:"At once, instead of after what is played now."`
	onCallFlags
}

// Run recognizes.
func (c *recognizeInput) Run(ctx context.Context, p Process, conn *Connection) error {
	kind, err := c.inputType()
	if err != nil {
		return err
	}
	silence, err := wholeSeconds("--initial-silence", c.InitialSilence)
	if err != nil {
		return err
	}
	dtmf, err := c.dtmf()
	if err != nil {
		return err
	}
	req := &callgatev1.RecognizeInputRequest{
		CallConnectionId: c.Call, TargetParticipant: c.Target.id, RecognizeInputType: kind, PlayPrompts: c.sources(),
		SpeechLanguage: c.Language, InitialSilenceTimeoutSeconds: silence, DtmfOptions: dtmf, InterruptPrompt: c.InterruptPrompt,
		RequestId: c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	for _, choice := range c.Choice {
		req.Choices = append(req.Choices, choice.choice)
	}
	if c.EndSilence != nil {
		milliseconds := int32(c.EndSilence.Milliseconds())
		req.SpeechOptions = &callgatev1.SpeechOptions{EndSilenceTimeoutMs: &milliseconds}
	}
	if c.Interrupt {
		req.InterruptCallMediaOperation = &c.Interrupt
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.RecognizeInputResponse, error) {
		return g.media.RecognizeInput(ctx, req)
	}, func(resp *callgatev1.RecognizeInputResponse) rows {
		return rows{{"heard", heard(resp.GetReceipt().GetOutcome().GetEvent().GetRecognizeCompleted())}}
	})
}

// inputType is what is listened for.
func (c *recognizeInput) inputType() (callgatev1.RecognizeInputType, error) {
	kind := callgatev1.RecognizeInputType_value["RECOGNIZE_INPUT_TYPE_"+strings.ToUpper(strings.ReplaceAll(c.Kind, "-", "_"))]
	switch {
	case kind != 0:
		return callgatev1.RecognizeInputType(kind), nil
	case c.Kind != "":
		return 0, usage("--kind must be dtmf, speech, speech-or-dtmf or choices")
	case len(c.Choice) > 0:
		return callgatev1.RecognizeInputType_RECOGNIZE_INPUT_TYPE_CHOICES, nil
	}
	return callgatev1.RecognizeInputType_RECOGNIZE_INPUT_TYPE_DTMF, nil
}

// dtmf is how tones are collected; nil when nothing is said about it.
func (c *recognizeInput) dtmf() (*callgatev1.DtmfOptions, error) {
	if c.MaxTones == nil && len(c.StopTones) == 0 && c.InterTone == nil {
		return nil, nil
	}
	stop, err := tones(c.StopTones)
	if err != nil {
		return nil, err
	}
	pause, err := wholeSeconds("--inter-tone", c.InterTone)
	if err != nil {
		return nil, err
	}
	return &callgatev1.DtmfOptions{MaxTonesToCollect: c.MaxTones, StopTones: stop, InterToneTimeoutSeconds: pause}, nil
}

// choice is one of several things that a party may say or press, as it is written
// on a command line: "LABEL=PHRASE|PHRASE", or with a key "LABEL/KEY=PHRASE".
type choice struct {
	choice *callgatev1.RecognitionChoice
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *choice) UnmarshalText(text []byte) error {
	label, phrases, is := strings.Cut(string(text), "=")
	if !is {
		return errors.New("must be LABEL=PHRASE, or LABEL/KEY=PHRASE|PHRASE")
	}
	label, key, hasKey := strings.Cut(label, "/")
	c.choice = &callgatev1.RecognitionChoice{Label: label, Phrases: strings.Split(phrases, "|")}
	if hasKey {
		tone, err := tones([]string{key})
		if err != nil {
			return err
		}
		c.choice.Tone = tone[0]
	}
	return nil
}

// heard is what a party said or pressed.
func heard(r *callgatev1.RecognizeCompleted) string {
	switch {
	case r.GetDtmfResult() != nil:
		return r.GetDtmfResult().GetDigits()
	case r.GetChoiceResult() != nil:
		return r.GetChoiceResult().GetLabel()
	}
	return r.GetSpeechResult().GetSpeech()
}
