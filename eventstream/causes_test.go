package eventstream

import (
	"testing"

	"go.opentelemetry.io/otel/trace"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// TestCauseIsKnownToEveryReplica: by the command on the log, where the request came
// to another one.
func TestCauseIsKnownToEveryReplica(t *testing.T) {
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: [16]byte{1}, SpanID: [8]byte{2}, TraceFlags: trace.FlagsSampled})
	traceParent := TraceParent(trace.ContextWithSpanContext(t.Context(), span))
	command := func(action callgatev1.Action, call, operationContext, traceParent string) *callgatev1.CallEvent {
		return &callgatev1.CallEvent{CallConnectionId: call, OperationContext: operationContext, Detail: &callgatev1.CallEvent_Command{
			Command: &callgatev1.CommandEvent{Action: action.String(), TraceParent: traceParent},
		}}
	}
	for _, tc := range []struct {
		name    string
		command *callgatev1.CallEvent
		event   *callgatev1.CallEvent
		known   bool
	}{
		{"by its context", command(callgatev1.Action_ACTION_ADD_PARTICIPANT, "c", "x", traceParent), &callgatev1.CallEvent{CallConnectionId: "c", OperationContext: "x"}, true},
		{"by the connection that it made", command(callgatev1.Action_ACTION_CREATE_CALL, "c", "x", traceParent), &callgatev1.CallEvent{CallConnectionId: "c"}, true},
		{"an action within the call did not cause all that happens in it", command(callgatev1.Action_ACTION_ADD_PARTICIPANT, "c", "x", traceParent), &callgatev1.CallEvent{CallConnectionId: "c"}, false},
		{"another context, of the same connection", command(callgatev1.Action_ACTION_CREATE_CALL, "c", "x", traceParent), &callgatev1.CallEvent{CallConnectionId: "c", OperationContext: "y"}, true},
		{"another call", command(callgatev1.Action_ACTION_CREATE_CALL, "c", "x", traceParent), &callgatev1.CallEvent{CallConnectionId: "d"}, false},
		{"no trace", command(callgatev1.Action_ACTION_CREATE_CALL, "c", "x", ""), &callgatev1.CallEvent{CallConnectionId: "c", OperationContext: "x"}, false},
		{"nonsense", command(callgatev1.Action_ACTION_CREATE_CALL, "c", "x", "00-nonsense"), &callgatev1.CallEvent{CallConnectionId: "c", OperationContext: "x"}, false},
		{"an event of nothing", command(callgatev1.Action_ACTION_CREATE_CALL, "", "", traceParent), &callgatev1.CallEvent{}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCauses()
			c.saw(tc.command)
			got, known := c.of(tc.event)
			if known != tc.known || known && (got.TraceID() != span.TraceID() || got.SpanID() != span.SpanID()) {
				t.Errorf("%v, %v", got, known)
			}
		})
	}
}
