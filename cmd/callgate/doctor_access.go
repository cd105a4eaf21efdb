package main

import (
	"context"
	"fmt"
	"time"

	"github.com/callgate/callgate/server"
)

// expiresSoon is how long before its end a certificate is a finding: whatever
// renews certificates should have done so by then.
const expiresSoon = 7 * 24 * time.Hour

// checkClients finds out whether clients could be let in.
func (c *doctorCmd) checkClients(ctx context.Context) []finding {
	opened, err := c.clients(nil)
	if err != nil {
		return []finding{{"clients", "", err}}
	}
	var findings []finding
	for _, listener := range []struct {
		what string
		tls  *server.TLS
	}{{"TLS for clients", opened.tls}, {"TLS for callbacks", opened.callbackTLS}} {
		if listener.tls != nil {
			findings = append(findings, certificateFinding(listener.what, listener.tls.Expires()))
		}
	}
	if opened.gate == nil {
		return append(findings, finding{"clients", "are not authenticated: whoever reaches the gRPC and HTTP listeners may do everything", nil})
	}
	findings = append(findings, finding{"clients", "are authenticated, and held to " + c.PolicyFile, nil})
	if c.OIDCIssuer != "" {
		f := finding{what: "clients' tokens", good: "can be checked: the OpenID configuration was fetched"}
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		if err := c.oidcVerifier().Fetch(ctx); err != nil {
			f.err = fmt.Errorf("%w: clients would be answered with UNAVAILABLE", err)
		}
		findings = append(findings, f)
	}
	return findings
}

func certificateFinding(what string, expires time.Time) finding {
	f := finding{what: what, good: "has a certificate until " + expires.UTC().Format(time.DateOnly)}
	if left := time.Until(expires); left < expiresSoon {
		f.err = fmt.Errorf("the certificate expires at %s", expires.UTC().Format(time.RFC3339))
	}
	return f
}
