package cli

import (
	"context"
	"strings"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

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

// reportTonesCommands are about the tones that a party presses, whatever else goes
// on.
type reportTonesCommands struct {
	Start startTones `cmd:"" help:"Have them told, as ContinuousDtmfRecognitionToneReceived."`
	Stop  stopTones  `cmd:"" help:"Have them told no longer."`
}

type startTones struct {
	Call        string `arg:"" help:"The call connection."`
	Target      party  `arg:"" help:"Whose tones."`
	CallbackURI string `name:"callback-uri" help:"Where the upstream is to post the tones, instead of where the call's events go."`
	actionFlags
	contextFlags
}

// Run starts the reporting.
func (c *startTones) Run(ctx context.Context, p Process, conn *Connection) error {
	return act(ctx, conn, p, 0, func(ctx context.Context, g *gateway) (*callgatev1.StartContinuousDtmfRecognitionResponse, error) {
		return g.media.StartContinuousDtmfRecognition(ctx, &callgatev1.StartContinuousDtmfRecognitionRequest{
			CallConnectionId: c.Call, TargetParticipant: c.Target.id,
			RequestId: c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, ValidateOnly: c.ValidateOnly,
		})
	}, nothing)
}

type stopTones struct {
	Call   string `arg:"" help:"The call connection."`
	Target party  `arg:"" help:"Whose tones."`
	onCallFlags
}

// Run stops the reporting.
func (c *stopTones) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.StopContinuousDtmfRecognitionRequest{
		CallConnectionId: c.Call, TargetParticipant: c.Target.id,
		RequestId: c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.StopContinuousDtmfRecognitionResponse, error) {
		return g.media.StopContinuousDtmfRecognition(ctx, req)
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
