package access

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// OIDC takes the tokens of an OpenID provider.
type OIDC struct {
	// Verifier checks a token's signature, issuer, audience and times. Errors are
	// such that are for the client: it is not good, or that cannot be told now.
	Verifier interface {
		Parse(ctx context.Context, token string) (*oidc.IDToken, error)
	}
	// Claim is the claim that names the principal: one that nobody but the provider
	// chooses, and that it gives to nobody else.
	Claim string
	// Skew is how long a token is good beyond its end, as for the Verifier.
	Skew time.Duration
}

func (o *OIDC) identify(ctx context.Context, token string) (Identity, error) {
	parsed, err := o.Verifier.Parse(ctx, token)
	if err != nil {
		return Identity{}, err
	}
	claims := map[string]any{}
	if err := parsed.Claims(&claims); err != nil {
		return Identity{}, fmt.Errorf("%w: unreadable claims", ErrUnauthenticated)
	}
	name, _ := claims[o.Claim].(string)
	id := Identity{Principal: "oidc:" + name, Expires: parsed.Expiry.Add(o.Skew)}
	if name == "" || !validPrincipal(id.Principal) {
		return Identity{}, fmt.Errorf("%w: the token's claim %s names nobody", ErrUnauthenticated, o.Claim)
	}
	return id, nil
}
