package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callgate/callgate/access"
	"github.com/callgate/callgate/eventstream"
	"github.com/callgate/callgate/server"
	"github.com/callgate/callgate/service"
)

// AccessConfig is the settings of who may use the gateway.
type AccessConfig struct {
	PolicyFile string `type:"existingfile" help:"File of the policy, YAML or JSON: what each client may do (docs/security.md). Needed with any of the ways to authenticate clients. Read again when it changes."`
	TokenFile  string `type:"existingfile" help:"File of the clients' static tokens, by their hashes: lines of NAME:SHA-256 in hexadecimal. Read again when it changes."`

	OIDCIssuer         string        `name:"oidc-issuer" placeholder:"https://HOST/PATH" help:"OpenID provider whose tokens clients may show."`
	OIDCAudience       string        `name:"oidc-audience" help:"Whom those tokens must be meant for."`
	OIDCPrincipalClaim string        `name:"oidc-principal-claim" default:"sub" help:"Claim that names the client: one that the provider alone chooses."`
	OIDCAlgorithms     []string      `name:"oidc-algorithms" default:"RS256,ES256" help:"Algorithms that the provider may sign with; asymmetric ones only."`
	OIDCClockSkew      time.Duration `name:"oidc-clock-skew" default:"1m" help:"How far the provider's clock may be off when a token expires."`

	TLSCertFile         string `name:"tls-cert-file" type:"existingfile" help:"File of the certificate of the gRPC and HTTP listeners, PEM, with what leads to its authority. Files of TLS are read again when they change."`
	TLSKeyFile          string `name:"tls-key-file" type:"existingfile" help:"File of that certificate's key, PEM."`
	TLSClientCAFile     string `name:"tls-client-ca-file" type:"existingfile" help:"File of the authorities whose client certificates are good, PEM. A client is named by its certificate's SPIFFE id, else by its first DNS name."`
	TLSMinVersion       string `name:"tls-min-version" enum:"1.2,1.3" default:"1.3" help:"Oldest version of TLS that the gRPC and HTTP listeners speak: 1.2 or 1.3."`
	CallbackTLSCertFile string `name:"callback-tls-cert-file" type:"existingfile" help:"File of the callback listener's certificate, PEM, where nothing in front of it speaks TLS. It speaks 1.2 too."`
	CallbackTLSKeyFile  string `name:"callback-tls-key-file" type:"existingfile" help:"File of that certificate's key, PEM."`
}

// authenticates says whether there is a way for clients to prove who they are.
func (c *AccessConfig) authenticates() bool {
	return c.TokenFile != "" || c.OIDCIssuer != "" || c.TLSClientCAFile != ""
}

// guarded says whether strangers are kept out, and cannot listen.
func (c *AccessConfig) guarded() bool { return c.authenticates() && c.TLSCertFile != "" }

// asymmetric are the algorithms by which a token can be checked and not made.
var asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// validate finds everything that is wrong.
func (c *AccessConfig) validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.authenticates() && c.PolicyFile == "" {
		wrong("clients are authenticated, but no --policy-file says what they may do")
	}
	if c.PolicyFile != "" && !c.authenticates() {
		wrong("--policy-file needs a way to authenticate clients: --token-file, --oidc-issuer or --tls-client-ca-file")
	}
	if (c.OIDCIssuer == "") != (c.OIDCAudience == "") {
		wrong("--oidc-issuer and --oidc-audience need each other")
	}
	if c.OIDCIssuer != "" && !validIssuer(c.OIDCIssuer) {
		wrong("--oidc-issuer must be an https address")
	}
	for _, algorithm := range c.OIDCAlgorithms {
		if !slices.Contains(asymmetric, algorithm) {
			wrong("--oidc-algorithms: %q is none of %s", algorithm, strings.Join(asymmetric, ", "))
		}
	}
	if c.OIDCClockSkew <= 0 || c.OIDCClockSkew > 10*time.Minute {
		wrong("--oidc-clock-skew must be more than 0 and at most 10m")
	}
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		wrong("--tls-cert-file and --tls-key-file need each other")
	}
	if c.TLSClientCAFile != "" && c.TLSCertFile == "" {
		wrong("--tls-client-ca-file needs --tls-cert-file and --tls-key-file")
	}
	if (c.CallbackTLSCertFile == "") != (c.CallbackTLSKeyFile == "") {
		wrong("--callback-tls-cert-file and --callback-tls-key-file need each other")
	}
	return errors.Join(errs...)
}

// validIssuer: what comes from the issuer decides who is let in, so nobody must be
// able to answer in its place.
func validIssuer(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && ip != nil && ip.IsLoopback()
}

// clients is how clients are dealt with.
type clients struct {
	authenticator    *access.Authenticator // nil, as gate: they are not authenticated
	gate             *service.Gate
	tls, callbackTLS *server.TLS // nil: none
	followed         []followed
}

// clients opens all files.
func (c *AccessConfig) clients(log *eventstream.Log) (*clients, error) {
	all := &clients{}
	for _, listener := range []struct {
		into  **server.TLS
		what  string
		files server.TLSFiles
	}{
		{&all.tls, "the TLS files", c.tlsFiles()},
		{&all.callbackTLS, "the callback listener's TLS files", server.TLSFiles{
			Cert: c.CallbackTLSCertFile, Key: c.CallbackTLSKeyFile, MinVersion: tls.VersionTLS12,
		}},
	} {
		if listener.files.Cert == "" {
			continue
		}
		opened, err := server.OpenTLS(listener.files)
		if err != nil {
			return nil, err
		}
		*listener.into = opened
		all.followed = append(all.followed, followed{listener.what, opened.Reload})
	}
	if !c.authenticates() {
		return all, nil
	}
	all.authenticator = &access.Authenticator{OIDC: c.oidc()}
	all.gate = service.NewGate(log, all.authenticator.Stands)
	if c.TokenFile != "" {
		tokens, err := access.OpenTokens(c.TokenFile)
		if err != nil {
			return nil, err
		}
		all.authenticator.Tokens = tokens
		all.followed = append(all.followed, followed{"the clients' tokens", func() (bool, error) {
			changed, err := tokens.Reload()
			if changed {
				all.gate.Recheck()
			}
			return changed, err
		}})
	}
	policy, err := access.OpenPolicy(c.PolicyFile, all.gate.SetPolicy)
	if err != nil {
		return nil, err
	}
	all.followed = append(all.followed, followed{"the policy", policy.Reload})
	return all, nil
}

func (c *AccessConfig) tlsFiles() server.TLSFiles {
	files := server.TLSFiles{Cert: c.TLSCertFile, Key: c.TLSKeyFile, ClientCA: c.TLSClientCAFile, MinVersion: tls.VersionTLS13}
	if c.TLSMinVersion == "1.2" {
		files.MinVersion = tls.VersionTLS12
	}
	return files
}

// oidc is nil without an issuer.
func (c *AccessConfig) oidc() *access.OIDC {
	if c.OIDCIssuer == "" {
		return nil
	}
	return &access.OIDC{Verifier: c.oidcVerifier(), Claim: c.OIDCPrincipalClaim, Skew: c.OIDCClockSkew}
}

func (c *AccessConfig) oidcVerifier() *eventstream.Verifier {
	return eventstream.NewVerifier(eventstream.VerifierOptions{
		ConfigURL:  strings.TrimSuffix(c.OIDCIssuer, "/") + "/.well-known/openid-configuration",
		Issuer:     c.OIDCIssuer,
		Audiences:  []string{c.OIDCAudience},
		Algorithms: c.OIDCAlgorithms,
		Skew:       c.OIDCClockSkew,
	})
}

// count keeps count of the calls, until the function that it returns is called.
func (c *clients) count(ctx context.Context, hub *eventstream.Hub, logger *slog.Logger) (stop func()) {
	if c.gate == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var counting sync.WaitGroup
	counting.Go(func() {
		if err := c.gate.Follow(ctx, hub); err != nil {
			logger.Error("the calls of clients are not counted", "error", err)
		}
	})
	return func() { cancel(); counting.Wait() }
}
