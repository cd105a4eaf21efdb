package server

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/callgate/callgate/access"
)

func TestIdentityIsCarriedAsItIs(t *testing.T) {
	for name, id := range map[string]access.Identity{
		"of a certificate":        {Principal: "spiffe://example/a"},
		"of a static token":       {Principal: "token:a", Credential: "c0ffee"},
		"of a token that expires": {Principal: "oidc:a,b=c", Expires: time.Date(2026, 11, 25, 9, 30, 0, 5, time.UTC)},
		"of both":                 {Principal: "token:a", Credential: "c0ffee", Expires: time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			front := context.WithValue(t.Context(), identityContextKey{}, id)
			got, err := carriedIdentity(metadata.NewIncomingContext(t.Context(), carryIdentity(front, nil)))
			if err != nil || got != id {
				t.Errorf("%+v became %+v, %v", id, got, err)
			}
		})
	}
}

func TestIdentityThatIsNotCarried(t *testing.T) {
	for name, carried := range map[string][]string{
		"none": nil, "two": {"token:a  ", "token:b  "}, "a name alone": {"token:a"}, "half of one": {"token:a "}, "with a time that is none": {"token:a  soon"},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := carriedIdentity(metadata.NewIncomingContext(t.Context(), metadata.MD{identityKey: carried}))
			if err == nil || id != (access.Identity{}) || name != "with a time that is none" && !errors.Is(err, access.ErrUnauthenticated) {
				t.Errorf("it is %+v, %v", id, err)
			}
		})
	}
}
