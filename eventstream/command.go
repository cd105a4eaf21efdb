package eventstream

import (
	"context"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// commandSource is the CloudEvents source of commands.
const commandSource = "callgate/commands"

// commandNames are the types of commands by their short names: the last part of
// their subject, and of their type name.
var commandNames = map[callgatev1.CallEventType]string{
	callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_ACCEPTED: "accepted",
	callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_REJECTED: "rejected",
	callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_FAILED:   "failed",
}

// isCommand tells whether events of type t are commands, which only those get who
// ask for them.
func isCommand(t callgatev1.CallEventType) bool {
	switch t {
	case callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_ACCEPTED,
		callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_REJECTED,
		callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_FAILED:
		return true
	}
	return false
}

func commandTypeName(t callgatev1.CallEventType) string {
	return "callgate.command." + commandNames[t] + ".v1"
}

// newUnconfirmed counts what AppendCommand returned an error for.
func newUnconfirmed(reg prometheus.Registerer) prometheus.Counter {
	return promauto.With(reg).NewCounter(prometheus.CounterOpts{
		Name: "callgate_commands_unconfirmed_total",
		Help: "Actions whose client was answered before the event log had confirmed their event, which it may not have.",
	})
}

// AppendCommand stores what became of an action, as about a call of owner: ev has a type COMMAND_*, its
// times, the call and the detail, and is given its id and what else it is known
// by. It returns once ev is durable, as Append does; an ev that is not waited for
// until then may still be stored.
func (l *Log) AppendCommand(ctx context.Context, owner string, ev *callgatev1.CallEvent) error {
	ev.Id = uuid.NewString()
	ev.TypeName = commandTypeName(ev.GetType())
	ev.Source = callgatev1.CallEventSource_CALL_EVENT_SOURCE_GATEWAY
	ev.EventSource = commandSource
	err := l.Append(ctx, &logv1.Record{Event: ev, Owner: owner})
	if err != nil {
		l.unconfirmed.Inc()
	}
	return err
}
