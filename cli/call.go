package cli

import (
	"context"
	"io"
	"strings"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

type createCall struct {
	Targets     []party `arg:"" help:"Who is called: phone numbers (+14255550123) or raw ids (8:acs:...). More than one makes a group call."`
	CallerID    string  `name:"caller-id" placeholder:"+NUMBER" help:"Number of yours that phones are shown."`
	DisplayName string  `help:"Name that users are shown."`
	Source      *party  `help:"ACS user in whose name the call is placed."`
	newCallFlags
}

// Run places the call.
func (c *createCall) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.CreateCallRequest{
		Targets: identifiers(c.Targets), SourceCallerIdNumber: c.CallerID, SourceDisplayName: c.DisplayName, Source: optional(c.Source),
		MediaStreamingOptions: c.mediaStreaming(), TranscriptionOptions: c.transcription(), CallIntelligenceOptions: c.intelligence(),
		RequestId: c.requestID(), OperationContext: c.Context, CallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.CreateCallResponse, error) {
		return g.calls.CreateCall(ctx, req)
	}, connection)
}

type answerCall struct {
	IncomingCallContext string `arg:"" help:"The incomingCallContext of the IncomingCall event; - reads it from standard input."`
	AnsweredBy          *party `help:"ACS user in whose name it is answered."`
	newCallFlags
}

// Run answers the call.
func (c *answerCall) Run(ctx context.Context, p Process, conn *Connection) error {
	incoming, err := incomingContext(p, c.IncomingCallContext)
	if err != nil {
		return err
	}
	req := &callgatev1.AnswerCallRequest{
		IncomingCallContext: incoming, AnsweredBy: optional(c.AnsweredBy),
		MediaStreamingOptions: c.mediaStreaming(), TranscriptionOptions: c.transcription(), CallIntelligenceOptions: c.intelligence(),
		RequestId: c.requestID(), OperationContext: c.Context, CallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.AnswerCallResponse, error) {
		return g.calls.AnswerCall(ctx, req)
	}, connection)
}

type rejectCall struct {
	IncomingCallContext string `arg:"" help:"The incomingCallContext of the IncomingCall event; - reads it from standard input."`
	Reason              string `enum:"none,busy,forbidden" default:"none" help:"What the caller is told: none, busy or forbidden."`
	actionFlags
}

// Run rejects the call.
func (c *rejectCall) Run(ctx context.Context, p Process, conn *Connection) error {
	incoming, err := incomingContext(p, c.IncomingCallContext)
	if err != nil {
		return err
	}
	reason := callgatev1.CallRejectReason_value["CALL_REJECT_REASON_"+strings.ToUpper(c.Reason)]
	return act(ctx, conn, p, 0, func(ctx context.Context, g *gateway) (*callgatev1.RejectCallResponse, error) {
		return g.calls.RejectCall(ctx, &callgatev1.RejectCallRequest{
			IncomingCallContext: incoming, CallRejectReason: callgatev1.CallRejectReason(reason),
			RequestId: c.requestID(), ValidateOnly: c.ValidateOnly,
		})
	}, nothing)
}

type redirectCall struct {
	IncomingCallContext string `arg:"" help:"The incomingCallContext of the IncomingCall event; - reads it from standard input."`
	Target              party  `arg:"" help:"Who is to have the call."`
	actionFlags
}

// Run redirects the call.
func (c *redirectCall) Run(ctx context.Context, p Process, conn *Connection) error {
	incoming, err := incomingContext(p, c.IncomingCallContext)
	if err != nil {
		return err
	}
	return act(ctx, conn, p, 0, func(ctx context.Context, g *gateway) (*callgatev1.RedirectCallResponse, error) {
		return g.calls.RedirectCall(ctx, &callgatev1.RedirectCallRequest{
			IncomingCallContext: incoming, Target: c.Target.id, RequestId: c.requestID(), ValidateOnly: c.ValidateOnly,
		})
	}, nothing)
}

type connectCall struct {
	ServerCallID string `name:"server-call-id" xor:"locator" required:"" help:"The serverCallId of the call's events."`
	GroupCallID  string `name:"group-call-id" xor:"locator" required:"" help:"A group call's id."`
	RoomID       string `name:"room-id" xor:"locator" required:"" help:"A room's id."`
	newCallFlags
}

// Run connects to the call.
func (c *connectCall) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.ConnectCallRequest{
		MediaStreamingOptions: c.mediaStreaming(), TranscriptionOptions: c.transcription(), CallIntelligenceOptions: c.intelligence(),
		RequestId: c.requestID(), OperationContext: c.Context, CallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	switch {
	case c.ServerCallID != "":
		req.Locator = &callgatev1.ConnectCallRequest_ServerCallId{ServerCallId: c.ServerCallID}
	case c.GroupCallID != "":
		req.Locator = &callgatev1.ConnectCallRequest_GroupCallId{GroupCallId: c.GroupCallID}
	case c.RoomID != "":
		req.Locator = &callgatev1.ConnectCallRequest_RoomId{RoomId: c.RoomID}
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.ConnectCallResponse, error) {
		return g.calls.ConnectCall(ctx, req)
	}, connection)
}

type transferCall struct {
	Call       string `arg:"" help:"The call connection."`
	Target     party  `arg:"" help:"Who is to have the call."`
	Transferee *party `help:"Who is handed over, in a call of more than two."`
	CallerID   string `name:"caller-id" placeholder:"+NUMBER" help:"Number of yours that phones are shown."`
	headerFlags
	onCallFlags
}

// Run transfers the call.
func (c *transferCall) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.TransferCallRequest{
		CallConnectionId: c.Call, Target: c.Target.id, Transferee: optional(c.Transferee), SourceCallerIdNumber: c.CallerID,
		CustomCallingContext: c.callingContext(),
		RequestId:            c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.TransferCallResponse, error) {
		return g.calls.TransferCall(ctx, req)
	}, nothing)
}

type hangUpCall struct {
	Call        string `arg:"" help:"The call connection."`
	ForEveryone bool   `help:"End the call for everyone, not only for your service."`
	actionFlags
	waitFlags
}

// Run hangs up.
func (c *hangUpCall) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.HangUpCallRequest{
		CallConnectionId: c.Call, ForEveryone: c.ForEveryone,
		RequestId: c.requestID(), WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.HangUpCallResponse, error) {
		return g.calls.HangUpCall(ctx, req)
	}, func(resp *callgatev1.HangUpCallResponse) rows {
		if resp.GetAlreadyEnded() {
			return rows{{"call", "had ended already"}}
		}
		return nil
	})
}

type getCall struct {
	Call string `arg:"" help:"The call connection."`
}

// Run shows the call.
func (c *getCall) Run(ctx context.Context, p Process, conn *Connection) error {
	return ask(ctx, conn, p, func(ctx context.Context, g *gateway) (*callgatev1.GetCallResponse, error) {
		return g.calls.GetCall(ctx, &callgatev1.GetCallRequest{CallConnectionId: c.Call})
	}, connection)
}

// connection tells of the connection in a response.
func connection[R interface {
	response
	GetCallConnection() *callgatev1.CallConnection
}](resp R) rows {
	return callRows(resp.GetCallConnection())
}

func optional(p *party) *callgatev1.CommunicationIdentifier {
	if p == nil {
		return nil
	}
	return p.id
}

// maxContext bounds what is read of an incoming call's context: the API takes less.
const maxContext = 64 << 10

// incomingContext is the argument, or what it says to read.
func incomingContext(p Process, argument string) (string, error) {
	if argument != "-" {
		return argument, nil
	}
	raw, err := io.ReadAll(io.LimitReader(p.In, maxContext))
	return strings.TrimSpace(string(raw)), err
}
