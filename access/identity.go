// Package access knows who a client is and what it may do: a credential in, a
// principal out; a policy in, a principal's rights out. It knows no transport,
// and makes nobody keep to the rights.
package access

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// ErrUnauthenticated is returned for credentials that prove nothing. What it
// wraps is for our log: a client is not told.
var ErrUnauthenticated = errors.New("the client is not authenticated")

// Credentials are what a client shows.
type Credentials struct {
	// Token is a bearer token; empty for none.
	Token string
	// Certificate is one that TLS has verified; nil for none.
	Certificate *x509.Certificate
}

// Identity is a client whose credentials were found good.
type Identity struct {
	// Principal is its name, which begins with what proved it: "token:", "oidc:",
	// "spiffe://" or "dns:". So a name of one kind is never mistaken for another's.
	Principal string
	// Expires is when the credential ends; zero for one that does not.
	Expires time.Time
	// Credential tells one that can be withdrawn from all others; empty for one
	// that cannot.
	Credential string
}

// Authenticator tells who shows credentials.
type Authenticator struct {
	// Tokens are the static tokens; nil for none.
	Tokens *Tokens
	// OIDC checks signed tokens; nil: none are good.
	OIDC *OIDC
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Authenticate returns whose credentials they are. A token is what a client says
// on purpose, so it counts where there is a certificate too, and one that is not
// good is not made up for by the certificate.
//
// Errors: ErrUnauthenticated, and those of the OIDC verifier when the keys are
// unavailable.
func (a *Authenticator) Authenticate(ctx context.Context, c Credentials) (Identity, error) {
	id, err := a.identify(ctx, c)
	if err == nil && !id.Expires.IsZero() && !a.now().Before(id.Expires) {
		err = fmt.Errorf("%w: the credential has expired", ErrUnauthenticated)
	}
	if err != nil {
		return Identity{}, err
	}
	return id, nil
}

func (a *Authenticator) identify(ctx context.Context, c Credentials) (Identity, error) {
	switch {
	case c.Token != "":
		if a.Tokens != nil {
			if id, known := a.Tokens.identify(c.Token); known {
				return id, nil
			}
		}
		if a.OIDC != nil {
			return a.OIDC.identify(ctx, c.Token)
		}
		return Identity{}, fmt.Errorf("%w: unknown token", ErrUnauthenticated)
	case c.Certificate != nil:
		return certificateIdentity(c.Certificate)
	}
	return Identity{}, fmt.Errorf("%w: no credential", ErrUnauthenticated)
}

// Stands tells whether id, which was good once, has not been withdrawn. Its
// expiry is another matter.
func (a *Authenticator) Stands(id Identity) bool {
	return id.Credential == "" || a.Tokens != nil && a.Tokens.has(id.Credential)
}

func (a *Authenticator) now() time.Time {
	if a.Now == nil {
		return time.Now()
	}
	return a.Now()
}
