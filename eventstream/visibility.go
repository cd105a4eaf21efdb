package eventstream

import (
	"github.com/callgate/callgate/access"
	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/identifier"
)

// Visibility is which events a client may know of that may not know of all. To it
// there are no others: it is not told where they were, and their ends end nothing.
type Visibility struct {
	// Service owns the calls whose events it may know of.
	Service string
	// Incoming are the parties whose incoming calls it may know of, too: those have
	// no owner yet.
	Incoming access.Parties
}

// shows tells whether ev is visible; to nil, everything is.
func (v *Visibility) shows(ev *Event) bool {
	return v == nil || ev.Owner == v.Service ||
		ev.CallEvent.GetType() == callgatev1.CallEventType_CALL_EVENT_TYPE_INCOMING_CALL &&
			v.Incoming.Include(identifier.RawID(ev.CallEvent.GetIncomingCall().GetTo()))
}

// stored is it as it is kept with a group.
func (v *Visibility) stored() *logv1.GroupVisibility {
	if v == nil {
		return nil
	}
	return &logv1.GroupVisibility{Service: v.Service, Incoming: sortedSet([]string(v.Incoming))}
}

func storedVisibility(v *logv1.GroupVisibility) *Visibility {
	if v == nil {
		return nil
	}
	return &Visibility{Service: v.GetService(), Incoming: v.GetIncoming()}
}
