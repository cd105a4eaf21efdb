package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/test/bufconn"

	"github.com/callgate/callgate/access"
	"github.com/callgate/callgate/console"
)

// identityKey carries, from the REST front to the services, who the front has
// found a client to be. It counts for the server within the process alone: to the
// one of the network it is one more thing that a client says.
const identityKey = "callgate-identity-bin"

// errManyCredentials: of two, the one that was checked might not be the one that
// somebody relies on.
var errManyCredentials = fmt.Errorf("%w: more than one authorization", access.ErrUnauthenticated)

// guardedBy is o for a server whose clients identify finds out; their log lines then
// say who they are.
func (o Options) guardedBy(identify func(context.Context) (access.Identity, error)) Options {
	if o.Gate != nil {
		o.Interceptors = o.Interceptors.GuardedBy(o.Gate, func(ctx context.Context) (access.Identity, error) {
			id, err := identify(ctx)
			if rpc := rpcOf(ctx); err == nil && rpc != nil {
				rpc.principal = id.Principal
			}
			return id, err
		})
	}
	return o
}

// identity finds out who calls over the network.
func (s *Server) identity(ctx context.Context) (access.Identity, error) {
	var state *tls.ConnectionState
	if p, known := peer.FromContext(ctx); known {
		if info, is := p.AuthInfo.(credentials.TLSInfo); is {
			state = &info.State
		}
	}
	return s.authenticate(ctx, metadata.ValueFromIncomingContext(ctx, "authorization"), state)
}

// authenticate finds out whose credentials these are.
func (s *Server) authenticate(ctx context.Context, authorizations []string, state *tls.ConnectionState) (access.Identity, error) {
	token, err := soleToken(authorizations)
	if err != nil {
		return access.Identity{}, err
	}
	return s.opts.Authenticator.Authenticate(ctx, access.Credentials{Token: token, Certificate: clientCertificate(state)})
}

func soleToken(authorizations []string) (string, error) {
	switch len(authorizations) {
	case 0:
		return "", nil
	case 1:
		return access.ParseAuthorization(authorizations[0])
	}
	return "", errManyCredentials
}

// clientCertificate is the one that TLS has verified, nil if there is none.
func clientCertificate(state *tls.ConnectionState) *x509.Certificate {
	if state == nil || len(state.VerifiedChains) == 0 {
		return nil
	}
	return state.VerifiedChains[0][0]
}

type identityContextKey struct{}

// authenticated lets in who may: to the REST front whoever has an identity, which
// it carries on; to the emulator whoever may place calls; to the gateway's own pages
// whomever the policy knows. Whether the gateway is well is for everybody.
func (s *Server) authenticated(next http.Handler) http.Handler {
	if s.opts.Authenticator == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			next.ServeHTTP(w, r)
			return
		}
		id, err := s.authenticate(r.Context(), r.Header.Values("Authorization"), r.TLS)
		switch {
		case err != nil || strings.HasPrefix(r.URL.Path, "/v1/"):
		case strings.HasPrefix(r.URL.Path, console.EmulatorPath):
			err = s.opts.Gate.Plays(id)
		default:
			err = s.opts.Gate.Knows(id)
		}
		if err != nil {
			s.rest.fail(r.Context(), nil, restJSON, w, r, s.opts.Interceptors.Refuse(r.Context(), "HTTP", err))
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), identityContextKey{}, id))
		r.Header.Del("Authorization") // it has served its purpose
		next.ServeHTTP(w, r)
	})
}

// carryIdentity hands on to the services who the REST front has found a client to
// be: its principal, its credential, and when that expires, with spaces between them,
// which none of them has. What it gives replaces what a client's headers might have
// put there.
func carryIdentity(ctx context.Context, _ *http.Request) metadata.MD {
	id, known := ctx.Value(identityContextKey{}).(access.Identity)
	if !known {
		return metadata.MD{identityKey: nil}
	}
	expires := ""
	if !id.Expires.IsZero() {
		expires = id.Expires.Format(time.RFC3339Nano)
	}
	return metadata.MD{identityKey: {id.Principal + " " + id.Credential + " " + expires}}
}

// carriedIdentity is who the REST front has found a client to be.
func carriedIdentity(ctx context.Context) (id access.Identity, err error) {
	carried := metadata.ValueFromIncomingContext(ctx, identityKey)
	if len(carried) != 1 {
		return id, fmt.Errorf("%w: the REST front carried no identity", access.ErrUnauthenticated)
	}
	principal, rest, _ := strings.Cut(carried[0], " ")
	credential, expires, whole := strings.Cut(rest, " ")
	if !whole {
		return id, fmt.Errorf("%w: the REST front carried half an identity", access.ErrUnauthenticated)
	}
	id = access.Identity{Principal: principal, Credential: credential}
	if expires != "" {
		if id.Expires, err = time.Parse(time.RFC3339Nano, expires); err != nil {
			return access.Identity{}, fmt.Errorf("carried identity: %w", err)
		}
	}
	return id, nil
}

// pipe is the connection within the process.
type pipe struct{ *bufconn.Listener }

// Accept implements net.Listener.
func (p pipe) Accept() (net.Conn, error) {
	conn, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return pipeConn{conn}, nil
}

// pipeConn is its far end. It has an address of the form that others have: the
// engine of the policy reads it.
type pipeConn struct{ net.Conn }

// LocalAddr implements net.Conn.
func (pipeConn) LocalAddr() net.Addr { return &net.TCPAddr{} }
