package cli

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/durationpb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// actionFlags are those of every action.
type actionFlags struct {
	RequestID    string `name:"request-id" placeholder:"UUID" help:"Name of the action: whoever sends it again with the same name has it done once. Made up when not given."`
	ValidateOnly bool   `help:"Only check the request."`
}

// requestID names the action, so that it can be sent again when its answer is
// lost.
func (f *actionFlags) requestID() string {
	if f.RequestID == "" {
		return uuid.NewString()
	}
	return f.RequestID
}

// waitFlags are those of actions that have an outcome.
type waitFlags struct {
	Wait time.Duration `placeholder:"DURATION" help:"Wait so long for the outcome."`
}

func (f *waitFlags) timeout() *durationpb.Duration {
	if f.Wait == 0 {
		return nil
	}
	return durationpb.New(f.Wait)
}

// contextFlags are those of actions that the upstream knows a context for.
type contextFlags struct {
	Context string `name:"context" help:"Operation context: the events that the action brings about carry it."`
}

// newCallFlags are those of actions that make a connection.
type newCallFlags struct {
	actionFlags
	waitFlags
	contextFlags
	streamFlags
	CognitiveServices string `name:"cognitive-services" placeholder:"URL" help:"Azure AI services that say texts and understand speech."`
	CallbackURI       string `name:"callback-uri" help:"Where the upstream is to post the call's events, instead of the gateway."`
}

func (f *newCallFlags) intelligence() *callgatev1.CallIntelligenceOptions {
	if f.CognitiveServices == "" {
		return nil
	}
	return &callgatev1.CallIntelligenceOptions{CognitiveServicesEndpoint: f.CognitiveServices}
}

// onCallFlags are those of actions on a connection.
type onCallFlags struct {
	actionFlags
	waitFlags
	contextFlags
	CallbackURI string `name:"callback-uri" help:"Where the upstream is to post the action's events, instead of where the call's go."`
}

// accepted is the response of an action.
type accepted interface {
	response
	GetReceipt() *callgatev1.ActionReceipt
}

// act performs an action, and shows its receipt below what words tells of the
// response. An outcome that was waited for decides the exit code.
func act[R accepted](ctx context.Context, c *Connection, p Process, wait time.Duration, call rpc[R], words func(R) rows) error {
	return c.use(p, func(g *gateway) error {
		ctx, cancel := context.WithTimeout(ctx, c.Timeout+wait)
		defer cancel()
		resp, err := call(ctx, g)
		if err != nil {
			return err
		}
		receipt := resp.GetReceipt()
		if err := g.print.show(resp, func() rows { return append(words(resp), receiptRows(receipt)...) }); err != nil {
			return err
		}
		if wait == 0 || receipt == nil {
			return nil
		}
		if done, is := any(resp).(interface{ GetAlreadyEnded() bool }); is && done.GetAlreadyEnded() {
			return nil
		}
		return ended(receipt.GetOutcome())
	})
}

// ended is the error of an outcome that is not a success.
func ended(outcome *callgatev1.ActionOutcome) error {
	if outcome.GetStatus() == callgatev1.ActionOutcome_STATUS_SUCCEEDED {
		return nil
	}
	return &outcomeError{outcome: outcome}
}

// ask makes an RPC that is no action on a call, and shows what it answers.
func ask[R response](ctx context.Context, c *Connection, p Process, call rpc[R], words func(R) rows) error {
	return c.use(p, func(g *gateway) error {
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		resp, err := call(ctx, g)
		if err != nil {
			return err
		}
		return g.print.show(resp, func() rows { return words(resp) })
	})
}

// nothing is for responses that only have a receipt.
func nothing[R response](R) rows { return nil }
