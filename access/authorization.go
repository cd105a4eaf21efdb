package access

import (
	"encoding/base64"
	"fmt"
	"strings"
)

const (
	// maxToken bounds a token, in bytes.
	maxToken = 16 << 10
	// MinStaticToken is how long a static token is at least: a shorter one can be
	// guessed, and its hash turned back.
	MinStaticToken = 20
)

// ParseAuthorization takes the token out of an Authorization header: of the
// scheme Bearer, or the password of the scheme Basic, which is the one that
// browsers know; the user name is of no consequence. An empty header has no
// token. Errors are ErrUnauthenticated.
func ParseAuthorization(header string) (token string, err error) {
	if header == "" {
		return "", nil
	}
	scheme, value, _ := strings.Cut(header, " ")
	value = strings.Trim(value, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		token = value
	case strings.EqualFold(scheme, "Basic"):
		raw, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return "", fmt.Errorf("%w: malformed Basic credentials", ErrUnauthenticated)
		}
		_, token, _ = strings.Cut(string(raw), ":")
	default:
		return "", fmt.Errorf("%w: unknown authorization scheme", ErrUnauthenticated)
	}
	if token == "" || len(token) > maxToken || strings.ContainsFunc(token, notInToken) {
		return "", fmt.Errorf("%w: malformed token", ErrUnauthenticated)
	}
	return token, nil
}

// notInToken: RFC 6750 has visible ASCII characters only.
func notInToken(r rune) bool { return r <= ' ' || r > '~' }
