package service

import (
	"context"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/callgate/callgate/access"
	"github.com/callgate/callgate/eventstream"
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

// visibleTo is which events a client sees; nil for all. An incoming call has no
// owner yet: the grant says whose the client sees.
func visibleTo(grant *access.Grant) *eventstream.Visibility {
	if grant == nil || grant.AllCalls {
		return nil
	}
	return &eventstream.Visibility{Service: grant.Service, Incoming: grant.Incoming}
}
