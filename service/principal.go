package service

import (
	"context"

	"github.com/callgate/callgate/access"
)

// caller is who makes a request, and what it may do.
type caller struct {
	identity access.Identity
	// grant is what the Gate found that it may do; nil where there is no Gate:
	// everything.
	grant  *access.Grant
	method method
}

type callerKey struct{}

// WithPrincipal is the context of a request that a client of a name makes, of which
// no more is known.
func WithPrincipal(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, callerKey{}, caller{identity: access.Identity{Principal: name}})
}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// principalOf is the name of the client that makes a request; empty where clients
// are not authenticated.
func principalOf(ctx context.Context) string { return callerOf(ctx).identity.Principal }

// ownerOf is who owns the calls that a request makes; empty where clients are not
// authenticated.
func ownerOf(ctx context.Context) string {
	if grant := callerOf(ctx).grant; grant != nil {
		return grant.Service
	}
	return ""
}
