package eventstream

import (
	"context"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// maxCauses bounds the requests that are remembered, the oldest being forgotten
// first.
const maxCauses = 32768

// causes are the traces of the requests that events come from: by the operation
// context that they share, and by the connection that a request made.
type causes struct {
	mu    sync.Mutex
	spans *simplelru.LRU[causeKey, trace.SpanContext]
}

// causeKey has one of its members.
type causeKey struct {
	operationContext, callConnectionID string
}

func newCauses() *causes {
	spans, _ := simplelru.NewLRU[causeKey, trace.SpanContext](maxCauses, nil) // fails for sizes below 1 only
	return &causes{spans: spans}
}

// began notes the request of ctx: its first events may be here before its answer.
func (c *causes) began(ctx context.Context, receipt *callgatev1.ActionReceipt) {
	c.remember(trace.SpanContextFromContext(ctx), causeKey{operationContext: receipt.GetOperationContext()})
}

// saw notes the request that a command on the log tells of, whichever replica it
// came to.
func (c *causes) saw(ev *callgatev1.CallEvent) {
	span := spanOf(ev.GetCommand().GetTraceParent())
	c.remember(span, causeKey{operationContext: ev.GetOperationContext()})
	if makesConnection[ev.GetCommand().GetAction()] {
		c.remember(span, causeKey{callConnectionID: ev.GetCallConnectionId()})
	}
}

// makesConnection are the actions that the events of a connection come from which
// have no context.
var makesConnection = map[string]bool{
	callgatev1.Action_ACTION_CREATE_CALL.String():  true,
	callgatev1.Action_ACTION_ANSWER_CALL.String():  true,
	callgatev1.Action_ACTION_CONNECT_CALL.String(): true,
}

func (c *causes) remember(span trace.SpanContext, key causeKey) {
	if !span.IsValid() || key == (causeKey{}) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spans.Add(key, span)
}

// of is the trace of the request that ev comes from: of the action with its
// operation context, else of the one that made its connection.
func (c *causes) of(ev *callgatev1.CallEvent) (trace.SpanContext, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ev.GetOperationContext() != "" {
		if span, known := c.spans.Get(causeKey{operationContext: ev.GetOperationContext()}); known {
			return span, true
		}
	}
	if ev.GetCallConnectionId() == "" {
		return trace.SpanContext{}, false
	}
	return c.spans.Get(causeKey{callConnectionID: ev.GetCallConnectionId()})
}

// TraceParent is the trace that ctx is part of, as a command has it; empty for none.
func TraceParent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

func spanOf(traceParent string) trace.SpanContext {
	if traceParent == "" {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": traceParent})
	return trace.SpanContextFromContext(ctx)
}

// Cause is the trace of the request that an event comes from, where this process
// knows it.
func (h *Hub) Cause(ev *callgatev1.CallEvent) (trace.SpanContext, bool) {
	return h.tracker.causes.of(ev)
}
