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
	Kind   string `enum:"dtmf,speech,speech-or-dtmf,choices" default:"dtmf" help:"What is listened for: dtmf, speech, speech-or-dtmf or choices."`
	playSources
	Choice         []choice       `sep:"none" placeholder:"LABEL[/KEY]=PHRASE|..." help:"One of the choices, such as 'sales/1=sales|buy something'."`
	MaxTones       *int32         `placeholder:"N" help:"How many tones are enough."`
	StopTones      []string       `placeholder:"TONE,..." help:"Tones that end it, such as #."`
	Language       string         `placeholder:"LANGUAGE" help:"Language that is spoken, such as en-US."`
	InitialSilence *time.Duration `placeholder:"DURATION" help:"How long nothing may come, whole seconds up to 5m."`
	onCallFlags
}

// Run recognizes.
func (c *recognizeInput) Run(ctx context.Context, p Process, conn *Connection) error {
	kind := callgatev1.RecognizeInputType_value["RECOGNIZE_INPUT_TYPE_"+strings.ToUpper(strings.ReplaceAll(c.Kind, "-", "_"))]
	req := &callgatev1.RecognizeInputRequest{
		CallConnectionId: c.Call, TargetParticipant: c.Target.id, RecognizeInputType: callgatev1.RecognizeInputType(kind), PlayPrompts: c.sources(),
		SpeechLanguage: c.Language,
		RequestId:      c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	for _, choice := range c.Choice {
		req.Choices = append(req.Choices, choice.choice)
	}
	if c.MaxTones != nil || len(c.StopTones) > 0 {
		stop, err := tones(c.StopTones)
		if err != nil {
			return err
		}
		req.DtmfOptions = &callgatev1.DtmfOptions{MaxTonesToCollect: c.MaxTones, StopTones: stop}
	}
	seconds, err := wholeSeconds("--initial-silence", c.InitialSilence)
	if err != nil {
		return err
	}
	req.InitialSilenceTimeoutSeconds = seconds
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.RecognizeInputResponse, error) {
		return g.media.RecognizeInput(ctx, req)
	}, func(resp *callgatev1.RecognizeInputResponse) rows {
		return rows{{"heard", heard(resp.GetReceipt().GetOutcome().GetEvent().GetRecognizeCompleted())}}
	})
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
