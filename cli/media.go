package cli

import (
	"context"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// playSources are what is to be heard.
type playSources struct {
	File  []string `sep:"none" placeholder:"URL" help:"File that is played."`
	Text  []string `sep:"none" placeholder:"TEXT" help:"Text that is said."`
	SSML  []string `name:"ssml" sep:"none" placeholder:"XML" help:"SSML that is said."`
	Voice string   `placeholder:"NAME" help:"Voice that says a text, such as en-US-NancyNeural."`
}

func (p *playSources) sources() []*callgatev1.PlaySource {
	var sources []*callgatev1.PlaySource
	for _, url := range p.File {
		sources = append(sources, &callgatev1.PlaySource{Source: &callgatev1.PlaySource_File{File: &callgatev1.FileSource{Uri: url}}})
	}
	for _, text := range p.Text {
		sources = append(sources, &callgatev1.PlaySource{Source: &callgatev1.PlaySource_Text{Text: &callgatev1.TextSource{Text: text, VoiceName: p.Voice}}})
	}
	for _, ssml := range p.SSML {
		sources = append(sources, &callgatev1.PlaySource{Source: &callgatev1.PlaySource_Ssml{Ssml: &callgatev1.SsmlSource{SsmlText: ssml}}})
	}
	return sources
}

type playMedia struct {
	Call string  `arg:"" help:"The call connection."`
	To   []party `help:"Who hears it; everybody when not given."`
	playSources
	Loop      bool `help:"Again and again, until it is cancelled."`
	Interrupt bool `help:"At once, instead of after what is played now."`
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
	if c.Interrupt {
		req.InterruptCallMediaOperation = &c.Interrupt
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.PlayMediaResponse, error) {
		return g.media.PlayMedia(ctx, req)
	}, nothing)
}

type holdParty struct {
	Call   string `arg:"" help:"The call connection."`
	Target party  `arg:"" help:"Who is put on hold."`
	playSources
	onCallFlags
}

// Run puts the party on hold, where it hears one thing.
func (c *holdParty) Run(ctx context.Context, p Process, conn *Connection) error {
	sources := c.sources()
	if len(sources) > 1 {
		return usage("one on hold hears one --file, --text or --ssml")
	}
	req := &callgatev1.HoldParticipantRequest{
		CallConnectionId: c.Call, TargetParticipant: c.Target.id,
		RequestId: c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	if len(sources) == 1 {
		req.PlaySource = sources[0]
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
