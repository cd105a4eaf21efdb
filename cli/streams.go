package cli

import (
	"context"
	"strings"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// streamFlags are where a call's audio and text are to be sent, which is said when
// its connection is made.
type streamFlags struct {
	StreamTo       string `name:"stream-to" placeholder:"WSS-URL" help:"WebSocket that the call's audio is sent to, from media streaming start on."`
	StreamChannels string `name:"stream-channels" enum:"mixed,unmixed" default:"mixed" help:"All in one channel (mixed), or each party in its own."`
	TranscribeTo   string `name:"transcribe-to" placeholder:"WSS-URL" help:"WebSocket that what is said is sent to, from media transcription start on."`
	Locale         string `default:"en-US" help:"Language that is transcribed."`
}

func (f *streamFlags) mediaStreaming() *callgatev1.MediaStreamingOptions {
	if f.StreamTo == "" {
		return nil
	}
	channels := callgatev1.MediaStreamingAudioChannelType_value["MEDIA_STREAMING_AUDIO_CHANNEL_TYPE_"+strings.ToUpper(f.StreamChannels)]
	return &callgatev1.MediaStreamingOptions{TransportUrl: f.StreamTo, AudioChannelType: callgatev1.MediaStreamingAudioChannelType(channels)}
}

func (f *streamFlags) transcription() *callgatev1.TranscriptionOptions {
	if f.TranscribeTo == "" {
		return nil
	}
	return &callgatev1.TranscriptionOptions{TransportUrl: f.TranscribeTo, Locale: f.Locale}
}

// streamingCommands are about a call's audio.
type streamingCommands struct {
	Start startStreaming `cmd:"" help:"Begin to send the audio to where --stream-to said."`
	Stop  stopStreaming  `cmd:"" help:"End it."`
}

type startStreaming struct {
	Call string `arg:"" help:"The call connection."`
	onCallFlags
}

// Run starts the streaming.
func (c *startStreaming) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.StartMediaStreamingRequest{
		CallConnectionId: c.Call,
		RequestId:        c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.StartMediaStreamingResponse, error) {
		return g.media.StartMediaStreaming(ctx, req)
	}, nothing)
}

type stopStreaming struct {
	Call string `arg:"" help:"The call connection."`
	onCallFlags
}

// Run stops the streaming.
func (c *stopStreaming) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.StopMediaStreamingRequest{
		CallConnectionId: c.Call,
		RequestId:        c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.StopMediaStreamingResponse, error) {
		return g.media.StopMediaStreaming(ctx, req)
	}, nothing)
}

// transcriptionCommands are about what is said, as text.
type transcriptionCommands struct {
	Start  startTranscription  `cmd:"" help:"Begin to send it to where --transcribe-to said."`
	Update updateTranscription `cmd:"" help:"Change its language or speech model."`
	Stop   stopTranscription   `cmd:"" help:"End it."`
}

// speechFlags are how speech is understood.
type speechFlags struct {
	Locale      string `placeholder:"LANGUAGE" help:"Language that is spoken, such as en-US."`
	SpeechModel string `name:"speech-model" placeholder:"ID" help:"Endpoint of a speech model of your own."`
}

type startTranscription struct {
	Call string `arg:"" help:"The call connection."`
	speechFlags
	onCallFlags
}

// Run starts the transcription.
func (c *startTranscription) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.StartTranscriptionRequest{
		CallConnectionId: c.Call, Locale: c.Locale, SpeechModelEndpointId: c.SpeechModel,
		RequestId: c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.StartTranscriptionResponse, error) {
		return g.media.StartTranscription(ctx, req)
	}, nothing)
}

type updateTranscription struct {
	Call string `arg:"" help:"The call connection."`
	speechFlags
	onCallFlags
}

// Run updates the transcription.
func (c *updateTranscription) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.UpdateTranscriptionRequest{
		CallConnectionId: c.Call, Locale: c.Locale, SpeechModelEndpointId: c.SpeechModel,
		RequestId: c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.UpdateTranscriptionResponse, error) {
		return g.media.UpdateTranscription(ctx, req)
	}, nothing)
}

type stopTranscription struct {
	Call string `arg:"" help:"The call connection."`
	onCallFlags
}

// Run stops the transcription.
func (c *stopTranscription) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.StopTranscriptionRequest{
		CallConnectionId: c.Call,
		RequestId:        c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.StopTranscriptionResponse, error) {
		return g.media.StopTranscription(ctx, req)
	}, nothing)
}
