package cli

import (
	"context"
	"strings"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// MediaCommands are what is said and heard in a call.
type MediaCommands struct {
	Connection `embed:""`
	Play       playMedia      `cmd:"" help:"Play files, or say texts."`
	Recognize  recognizeInput `cmd:"" help:"Ask a party for tones or speech."`
	SendTones  sendTones      `cmd:"" name:"send-tones" help:"Press keys for a phone."`
	Hold       holdParty      `cmd:"" help:"Put a party on hold."`
	Unhold     unholdParty    `cmd:"" help:"Take a party off hold."`
	Cancel     cancelMedia    `cmd:"" help:"Stop all that is played and recognized."`
}

// playSources are what is to be heard.
type playSources struct {
	File  []string `placeholder:"URL" help:"File that is played."`
	Text  []string `placeholder:"TEXT" help:"Text that is said."`
	Voice string   `placeholder:"NAME" help:"Voice that says it, such as en-US-NancyNeural."`
}

func (p *playSources) sources() []*callgatev1.PlaySource {
	var sources []*callgatev1.PlaySource
	for _, url := range p.File {
		sources = append(sources, &callgatev1.PlaySource{Source: &callgatev1.PlaySource_File{File: &callgatev1.FileSource{Uri: url}}})
	}
	for _, text := range p.Text {
		sources = append(sources, &callgatev1.PlaySource{Source: &callgatev1.PlaySource_Text{Text: &callgatev1.TextSource{Text: text, VoiceName: p.Voice}}})
	}
	return sources
}

type playMedia struct {
	Call string  `arg:"" help:"The call connection."`
	To   []party `help:"Who hears it; everybody when not given."`
	playSources
	Loop bool `help:"Again and again, until it is cancelled."`
	onCallFlags
}

// Run plays.
func (c *playMedia) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.PlayMediaRequest{
		CallConnectionId: c.Call, PlayTo: identifiers(c.To), PlaySources: c.sources(),
		RequestId: c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	if c.Loop {
		req.Loop = &c.Loop
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.PlayMediaResponse, error) {
		return g.media.PlayMedia(ctx, req)
	}, nothing)
}

type recognizeInput struct {
	Call   string `arg:"" help:"The call connection."`
	Target party  `arg:"" help:"Who is asked."`
	Kind   string `enum:"dtmf,speech,speech-or-dtmf" default:"dtmf" help:"What is listened for: dtmf, speech or speech-or-dtmf."`
	playSources
	MaxTones       *int32         `placeholder:"N" help:"How many tones are enough."`
	StopTones      []string       `placeholder:"TONE,..." help:"Tones that end it, such as #."`
	InitialSilence *time.Duration `placeholder:"DURATION" help:"How long nothing may come, whole seconds up to 5m."`
	onCallFlags
}

// Run recognizes.
func (c *recognizeInput) Run(ctx context.Context, p Process, conn *Connection) error {
	kind := callgatev1.RecognizeInputType_value["RECOGNIZE_INPUT_TYPE_"+strings.ToUpper(strings.ReplaceAll(c.Kind, "-", "_"))]
	req := &callgatev1.RecognizeInputRequest{
		CallConnectionId: c.Call, TargetParticipant: c.Target.id, RecognizeInputType: callgatev1.RecognizeInputType(kind), PlayPrompts: c.sources(),
		RequestId: c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
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

type sendTones struct {
	Call   string `arg:"" help:"The call connection."`
	Target party  `arg:"" help:"The phone that hears them."`
	Tones  string `arg:"" help:"The keys, such as 12#."`
	onCallFlags
}

// Run sends the tones.
func (c *sendTones) Run(ctx context.Context, p Process, conn *Connection) error {
	pressed, err := tones(strings.Split(c.Tones, ""))
	if err != nil {
		return err
	}
	req := &callgatev1.SendDtmfTonesRequest{
		CallConnectionId: c.Call, TargetParticipant: c.Target.id, Tones: pressed,
		RequestId: c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.SendDtmfTonesResponse, error) {
		return g.media.SendDtmfTones(ctx, req)
	}, nothing)
}

type holdParty struct {
	Call   string `arg:"" help:"The call connection."`
	Target party  `arg:"" help:"Who is put on hold."`
	onCallFlags
}

// Run puts the party on hold.
func (c *holdParty) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.HoldParticipantRequest{
		CallConnectionId: c.Call, TargetParticipant: c.Target.id,
		RequestId: c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.HoldParticipantResponse, error) {
		return g.media.HoldParticipant(ctx, req)
	}, nothing)
}

type unholdParty struct {
	Call   string `arg:"" help:"The call connection."`
	Target party  `arg:"" help:"Who is taken off hold."`
	onCallFlags
}

// Run takes the party off hold.
func (c *unholdParty) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.UnholdParticipantRequest{
		CallConnectionId: c.Call, TargetParticipant: c.Target.id,
		RequestId: c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.UnholdParticipantResponse, error) {
		return g.media.UnholdParticipant(ctx, req)
	}, nothing)
}

type cancelMedia struct {
	Call string `arg:"" help:"The call connection."`
	actionFlags
}

// Run cancels.
func (c *cancelMedia) Run(ctx context.Context, p Process, conn *Connection) error {
	return act(ctx, conn, p, 0, func(ctx context.Context, g *gateway) (*callgatev1.CancelAllMediaOperationsResponse, error) {
		return g.media.CancelAllMediaOperations(ctx, &callgatev1.CancelAllMediaOperationsRequest{
			CallConnectionId: c.Call, RequestId: c.requestID(), ValidateOnly: c.ValidateOnly,
		})
	}, nothing)
}

// keys are the tones as they are written on a phone.
var keys = map[string]callgatev1.Tone{
	"0": callgatev1.Tone_TONE_ZERO, "1": callgatev1.Tone_TONE_ONE, "2": callgatev1.Tone_TONE_TWO, "3": callgatev1.Tone_TONE_THREE,
	"4": callgatev1.Tone_TONE_FOUR, "5": callgatev1.Tone_TONE_FIVE, "6": callgatev1.Tone_TONE_SIX, "7": callgatev1.Tone_TONE_SEVEN,
	"8": callgatev1.Tone_TONE_EIGHT, "9": callgatev1.Tone_TONE_NINE, "*": callgatev1.Tone_TONE_ASTERISK, "#": callgatev1.Tone_TONE_POUND,
	"A": callgatev1.Tone_TONE_A, "B": callgatev1.Tone_TONE_B, "C": callgatev1.Tone_TONE_C, "D": callgatev1.Tone_TONE_D,
}

func tones(pressed []string) ([]callgatev1.Tone, error) {
	var all []callgatev1.Tone
	for _, key := range pressed {
		tone, known := keys[strings.ToUpper(key)]
		if !known {
			return nil, usage("%q is no key: 0 to 9, *, # and A to D are", key)
		}
		all = append(all, tone)
	}
	return all, nil
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

// wholeSeconds is a duration as the upstream wants it.
func wholeSeconds(flag string, d *time.Duration) (*int32, error) {
	if d == nil {
		return nil, nil
	}
	if *d%time.Second != 0 {
		return nil, usage("%s must be whole seconds", flag)
	}
	seconds := int32(*d / time.Second)
	return &seconds, nil
}
