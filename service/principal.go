package service

import (
	"context"

	"github.com/callgate/callgate/access"
)

// client is who makes a request, and what it may do.
type client struct {
	identity access.Identity
	// grant is what the Gate found that it may do; nil where there is no Gate:
	// everything.
	grant  *access.Grant
	method method
}

type clientKey struct{}

// WithIdentity is the context of a request that an authenticated client makes.
func WithIdentity(ctx context.Context, id access.Identity) context.Context {
	return context.WithValue(ctx, clientKey{}, client{identity: id})
}

// WithPrincipal is WithIdentity for a client of which no more than its name counts.
func WithPrincipal(ctx context.Context, name string) context.Context {
	return WithIdentity(ctx, access.Identity{Principal: name})
}

func clientOf(ctx context.Context) client {
	c, _ := ctx.Value(clientKey{}).(client)
	return c
}

// principalOf is the name of the client that makes a request; empty where clients
// are not authenticated.
func principalOf(ctx context.Context) string { return clientOf(ctx).identity.Principal }

// ownerOf is who owns the calls that a request makes; empty where clients are not
// authenticated.
func ownerOf(ctx context.Context) string {
	if grant := clientOf(ctx).grant; grant != nil {
		return grant.Service
	}
	return ""
}
