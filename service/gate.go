package service

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/callgate/callgate/access"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// Gate holds clients to the policy: which methods they may call, which calls they
// see, and whom they may dial. Who they are has been found out before. Without a
// Gate, everybody may do everything.
type Gate struct {
	owners *owners
	quotas *quotas
	stands func(access.Identity) bool
	rules  atomic.Pointer[rules]

	mu      sync.Mutex
	streams map[*openStream]struct{}
}

// openStream is a stream of a client, which ends when the client may no longer
// have it.
type openStream struct {
	caller caller
	end    context.CancelCauseFunc
}

// NewGate makes a gate that is closed to everybody until it has a policy. log
// knows who owns the calls; stands tells whether an identity has not been
// withdrawn.
func NewGate(log ownerLog, stands func(access.Identity) bool) *Gate {
	return &Gate{owners: newOwners(log), quotas: newQuotas(), stands: stands, streams: map[*openStream]struct{}{}}
}

// SetPolicy has the gate go by policy from here on. Streams of clients to which it
// gives something else than the one before end.
func (g *Gate) SetPolicy(policy *access.Policy) error {
	rules, err := newRules(policy)
	if err != nil {
		return err
	}
	g.rules.Store(rules)
	g.Recheck()
	return nil
}

// Recheck ends the streams of clients whose credentials have been withdrawn, or
// whose rights have changed. They may ask again, and get what they now may.
func (g *Gate) Recheck() {
	policy := g.rules.Load().policy
	g.mu.Lock()
	defer g.mu.Unlock()
	for stream := range g.streams {
		c := stream.caller
		if !g.stands(c.identity) || !reflect.DeepEqual(policy.Grant(c.identity.Principal), c.grant) {
			stream.end(errAccessChanged)
		}
	}
}

// Knows tells whether the policy speaks of a client, which is all that it takes to
// see the gateway's own pages.
func (g *Gate) Knows(id access.Identity) error {
	if r := g.rules.Load(); r == nil || r.policy.Grant(id.Principal) == nil {
		return &refusal{reason: "ACCESS_DENIED"}
	}
	return nil
}

// Plays tells whether a client may act for the people of the emulator: whoever may
// place calls may.
func (g *Gate) Plays(id access.Identity) error {
	r := g.rules.Load()
	if r == nil {
		return &refusal{reason: "ACCESS_DENIED"}
	}
	if grant := r.policy.Grant(id.Principal); grant == nil || !r.places[grant.Name] {
		return &refusal{reason: "ACCESS_DENIED"}
	}
	return nil
}

// admit tells whether a client may call a method, and notes in the context who it is
// and what it may do there.
func (g *Gate) admit(ctx context.Context, id access.Identity, name string) (context.Context, error) {
	method, known := methods[name]
	if id.Principal == "" {
		return nil, fmt.Errorf("%w: %s came without an identity", access.ErrUnauthenticated, name)
	}
	rules := g.rules.Load()
	if rules == nil || !known {
		return nil, &refusal{reason: "ACCESS_DENIED"}
	}
	grant := rules.policy.Grant(id.Principal)
	if grant == nil {
		return nil, &refusal{reason: "ACCESS_DENIED"}
	}
	if err := rules.allow(ctx, grant, name); err != nil {
		return nil, err
	}
	return context.WithValue(ctx, callerKey{}, caller{id, grant, method}), nil
}

// check tells whether the client may send a request: it must see the calls that
// it names, and be allowed to dial whom it dials.
func (g *Gate) check(ctx context.Context, req any) error {
	c := callerOf(ctx)
	if c.grant == nil {
		return nil
	}
	if c.method.scope == namedCall && !c.grant.AllCalls {
		if err := g.checkCalls(ctx, c.grant, req); err != nil {
			return err
		}
	}
	return checkDialing(&c.grant.Dialing, req)
}

// checkCalls: a call of somebody else is to the client as one that there is not.
func (g *Gate) checkCalls(ctx context.Context, grant *access.Grant, req any) error {
	if knowsRecording(req) {
		return nil
	}
	ids := namedCalls(req)
	for _, id := range ids {
		owner, err := g.owners.of(ctx, id)
		if err != nil {
			return fmt.Errorf("find the call's owner: %w", err)
		}
		if owner != grant.Service {
			return &refusal{reason: "CALL_NOT_FOUND"}
		}
	}
	if len(ids) == 0 {
		return &refusal{reason: "ACCESS_DENIED"} // it names a call by something else, whose owner is not known
	}
	return nil
}

// namedCalls are the call connections that a request names.
func namedCalls(req any) []string {
	var ids []string
	add := func(id string) {
		if id != "" {
			ids = append(ids, id)
		}
	}
	if r, is := req.(interface{ GetCallConnectionId() string }); is {
		add(r.GetCallConnectionId())
	}
	if r, is := req.(interface{ GetFromCallConnectionId() string }); is {
		add(r.GetFromCallConnectionId())
	}
	if r, is := req.(interface {
		GetReceipt() *callgatev1.ActionReceipt
	}); is {
		add(r.GetReceipt().GetCallConnectionId())
	}
	return ids
}

// knowsRecording tells whether a request asks for the outcome of an action on a
// recording, whose receipt names no call: to know the recording is enough, as it is
// for the action.
func knowsRecording(req any) bool {
	r, is := req.(*callgatev1.WaitForOutcomeRequest)
	return is && r.GetReceipt().GetCallConnectionId() == "" && r.GetReceipt().GetRecordingId() != ""
}

// follow has the stream of a client end when its credential does, or when Recheck
// finds it changed. forget must be called at its end.
func (g *Gate) follow(ctx context.Context) (_ context.Context, forget func()) {
	c := callerOf(ctx)
	if c.grant == nil {
		return ctx, func() {}
	}
	ctx, end := context.WithCancelCause(ctx)
	stopClock := func() {}
	if !c.identity.Expires.IsZero() {
		ctx, stopClock = context.WithDeadlineCause(ctx, c.identity.Expires, errCredentialExpired)
	}
	stream := &openStream{c, end}
	g.mu.Lock()
	g.streams[stream] = struct{}{}
	g.mu.Unlock()
	// What changed between the admission and here is seen now.
	if rules := g.rules.Load(); !g.stands(c.identity) || !reflect.DeepEqual(rules.policy.Grant(c.identity.Principal), c.grant) {
		end(errAccessChanged)
	}
	return ctx, func() {
		stopClock()
		end(nil)
		g.mu.Lock()
		delete(g.streams, stream)
		g.mu.Unlock()
	}
}
