package service

import (
	"context"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/callgate/callgate/access"
	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/identifier"
)

// ownerLog knows who owns a call: by its first record, on any replica.
type ownerLog interface {
	Owner(ctx context.Context, callConnectionID string) (string, error)
}

// maxOwners bounds what is kept in memory of the log's answers.
const maxOwners = 1 << 16

// owners are the owners of calls. A call never changes its owner.
type owners struct {
	log   ownerLog
	known *lru.Cache[string, string]
}

func newOwners(log ownerLog) *owners {
	known, _ := lru.New[string, string](maxOwners) // fails for no size only
	return &owners{log: log, known: known}
}

// of is who owns a call; empty for nobody, as far as is known.
func (o *owners) of(ctx context.Context, callConnectionID string) (string, error) {
	if owner, known := o.known.Get(callConnectionID); known {
		return owner, nil
	}
	owner, err := o.log.Owner(ctx, callConnectionID)
	if owner != "" {
		o.note(callConnectionID, owner)
	}
	return owner, err
}

// note keeps what is known already.
func (o *owners) note(callConnectionID, owner string) { o.known.Add(callConnectionID, owner) }

// visibleTo tells which events a client sees; nil for all. An incoming call has no
// owner yet: the grant says whose the client sees.
func visibleTo(grant *access.Grant) func(*eventstream.Event) bool {
	if grant == nil || grant.AllCalls {
		return nil
	}
	return func(e *eventstream.Event) bool {
		return e.Owner == grant.Service ||
			e.CallEvent.GetType() == callgatev1.CallEventType_CALL_EVENT_TYPE_INCOMING_CALL &&
				grant.SeesIncoming(identifier.RawID(e.CallEvent.GetIncomingCall().GetTo()))
	}
}
