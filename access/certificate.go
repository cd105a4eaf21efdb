package access

import (
	"crypto/x509"
	"fmt"
)

// certificateIdentity is named by the certificate's SPIFFE id, where it has one,
// else by its first DNS name. A SPIFFE certificate has one id, by its standard: of
// two, neither counts.
func certificateIdentity(cert *x509.Certificate) (Identity, error) {
	id := Identity{Expires: cert.NotAfter}
	for _, uri := range cert.URIs {
		if uri.Scheme != "spiffe" {
			continue
		}
		if id.Principal != "" || uri.Host == "" {
			return Identity{}, fmt.Errorf("%w: a certificate without one SPIFFE id", ErrUnauthenticated)
		}
		id.Principal = uri.String()
	}
	if id.Principal == "" && len(cert.DNSNames) > 0 {
		id.Principal = "dns:" + cert.DNSNames[0]
	}
	if !validPrincipal(id.Principal) {
		return Identity{}, fmt.Errorf("%w: a certificate that names nobody", ErrUnauthenticated)
	}
	return id, nil
}
