package eventstream

import (
	"testing"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

func TestFilterMatches(t *testing.T) {
	ev := &callgatev1.CallEvent{
		CallConnectionId: "call", ServerCallId: "server", CorrelationId: "corr", OperationContext: "ctx",
		Type: typeCallConnected, TypeName: "Microsoft.Communication.CallConnected",
	}
	types := []callgatev1.CallEventType{typeCallConnected}
	others := []callgatev1.CallEventType{typeCallDisconnected}
	for name, test := range map[string]struct {
		filter *callgatev1.EventFilter
		want   bool
	}{
		"none":                   {nil, true},
		"empty":                  {&callgatev1.EventFilter{}, true},
		"its call":               {&callgatev1.EventFilter{CallConnectionIds: []string{"x", "call"}}, true},
		"another call":           {&callgatev1.EventFilter{CallConnectionIds: []string{"x"}}, false},
		"its server call":        {&callgatev1.EventFilter{ServerCallIds: []string{"server"}}, true},
		"another server call":    {&callgatev1.EventFilter{ServerCallIds: []string{"x"}}, false},
		"its correlation":        {&callgatev1.EventFilter{CorrelationIds: []string{"corr"}}, true},
		"another correlation":    {&callgatev1.EventFilter{CorrelationIds: []string{"x"}}, false},
		"its context":            {&callgatev1.EventFilter{OperationContexts: []string{"ctx"}}, true},
		"another context":        {&callgatev1.EventFilter{OperationContexts: []string{"x"}}, false},
		"its type":               {&callgatev1.EventFilter{Types: types}, true},
		"another type":           {&callgatev1.EventFilter{Types: others}, false},
		"its type name":          {&callgatev1.EventFilter{TypeNames: []string{"microsoft.communication.callconnected"}}, true},
		"another type name":      {&callgatev1.EventFilter{TypeNames: []string{"x"}}, false},
		"one of type and name":   {&callgatev1.EventFilter{Types: types, TypeNames: []string{"x"}}, true},
		"neither type nor name":  {&callgatev1.EventFilter{Types: others, TypeNames: []string{"x"}}, false},
		"one field of two only":  {&callgatev1.EventFilter{CallConnectionIds: []string{"call"}, Types: others}, false},
		"all fields at the same": {&callgatev1.EventFilter{CallConnectionIds: []string{"call"}, Types: types, CorrelationIds: []string{"corr"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFilter(test.filter)
			if got := f.matches(ev); got != test.want {
				t.Errorf("matches: %v", got)
			}
			if n := testing.AllocsPerRun(20, func() { f.matches(ev) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
