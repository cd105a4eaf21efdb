package eventstream

import (
	"context"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
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

func (c *causes) began(ctx context.Context, receipt *callgatev1.ActionReceipt) {
	c.remember(ctx, causeKey{operationContext: receipt.GetOperationContext()})
}

func (c *causes) accepted(ctx context.Context, receipt *callgatev1.ActionReceipt) {
	switch receipt.GetAction() {
	case callgatev1.Action_ACTION_CREATE_CALL, callgatev1.Action_ACTION_ANSWER_CALL, callgatev1.Action_ACTION_CONNECT_CALL:
		c.remember(ctx, causeKey{callConnectionID: receipt.GetCallConnectionId()})
	}
}

func (c *causes) remember(ctx context.Context, key causeKey) {
	span := trace.SpanContextFromContext(ctx)
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

// Cause is the trace of the request that an event comes from, where this process
// knows it.
func (h *Hub) Cause(ev *callgatev1.CallEvent) (trace.SpanContext, bool) {
	return h.tracker.causes.of(ev)
}
