package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// maxClockSkew of x-ms-date. The service's own is not documented.
	maxClockSkew = 5 * time.Minute

	hmacPrefix = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
)

// verifier checks that requests are signed with the resource's access key.
type verifier struct {
	key         []byte
	allowBearer bool
	now         func() time.Time
}

// verify reports why r, whose body is given, is not to be trusted, or nil. The
// signature covers "VERB\npath-and-query\ndate;host;content hash" with the
// request target exactly as it was sent.
func (v verifier) verify(r *http.Request, body []byte) error {
	return v.verifyFor(r, body, r.Host, signedTargets(r))
}

// verifyContent is verify for the files of recordings: their requests go to
// another host, but are signed for the resource's, which they name, and without
// the query.
func (v verifier) verifyContent(r *http.Request) error {
	targets := signedTargets(r)
	path, _, _ := strings.Cut(targets[0], "?")
	return v.verifyFor(r, nil, r.Header.Get("x-ms-host"), append(targets, path))
}

func (v verifier) verifyFor(r *http.Request, body []byte, host string, targets []string) error {
	authorization := r.Header.Get("Authorization")
	if v.allowBearer && strings.HasPrefix(authorization, "Bearer ") {
		return nil
	}
	signature, ok := strings.CutPrefix(authorization, hmacPrefix)
	if !ok {
		return unauthorized("The request is not signed.")
	}
	date := r.Header.Get("x-ms-date")
	sent, err := http.ParseTime(date)
	if err != nil {
		return unauthorized("The x-ms-date header is missing or malformed.")
	}
	if skew := v.now().Sub(sent).Abs(); skew > maxClockSkew {
		return unauthorized("The x-ms-date header is too far from the service's clock.")
	}
	hash := r.Header.Get("x-ms-content-sha256")
	if sum := sha256.Sum256(body); base64.StdEncoding.EncodeToString(sum[:]) != hash {
		return unauthorized("The x-ms-content-sha256 header does not match the body.")
	}
	given, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return unauthorized("The signature is not base64.")
	}
	for _, target := range targets {
		mac := hmac.New(sha256.New, v.key)
		mac.Write([]byte(r.Method + "\n" + target + "\n" + date + ";" + host + ";" + hash))
		if hmac.Equal(mac.Sum(nil), given) {
			return nil
		}
	}
	return unauthorized("The signature does not match the request.")
}

// signedTargets are the spellings of path-and-query that a client may have
// signed: the one on the wire, and the JavaScript SDK's, which signs the query as
// a form would encode it ("%20" becomes "+") but sends the original.
func signedTargets(r *http.Request) []string {
	target := r.RequestURI
	if !strings.HasPrefix(target, "/") { // absolute form, or a request that no server parsed
		target = r.URL.RequestURI()
	}
	path, query, found := strings.Cut(target, "?")
	if !found {
		return []string{target}
	}
	return []string{target, path + "?" + formEncoded(query)}
}

// formEncoded re-encodes query as URLSearchParams does, in its own order.
func formEncoded(query string) string {
	var b strings.Builder
	for i, pair := range strings.Split(query, "&") {
		if i > 0 {
			b.WriteByte('&')
		}
		name, value, _ := strings.Cut(pair, "=")
		b.WriteString(formEscape(name))
		b.WriteByte('=')
		b.WriteString(formEscape(value))
	}
	return b.String()
}

// formEscape differs from url.QueryEscape in two characters of the
// application/x-www-form-urlencoded set: "*" stays and "~" does not.
func formEscape(s string) string {
	decoded, err := url.QueryUnescape(s)
	if err != nil {
		decoded = s
	}
	return strings.NewReplacer("%2A", "*", "~", "%7E").Replace(url.QueryEscape(decoded))
}
