package service

import "context"

type principalKey struct{}

// WithPrincipal is the context of a request that an authenticated client makes,
// by the name that its credential proved.
func WithPrincipal(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, principalKey{}, name)
}

// principalOf is the name of the client that makes a request; empty where clients
// are not authenticated.
func principalOf(ctx context.Context) string {
	name, _ := ctx.Value(principalKey{}).(string)
	return name
}
