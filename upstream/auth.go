package upstream

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"log/slog"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// tokenScope is what Entra tokens are for; the double slash is the service's own.
const tokenScope = "https://communication.azure.com//.default" //nolint:gosec // a scope is no secret

// Names of headers are as http.Header keeps them, or it would rewrite them each time.
const (
	contentHashHeader = "X-Ms-Content-Sha256"
	dateHeader        = "X-Ms-Date"
)

// AccessKey is a resource's key. It does not print, not even inside something
// that fmt takes apart itself: a function shows nothing but its address.
type AccessKey struct {
	mac func(message []byte) [sha256.Size]byte // HMAC-SHA256; nil for no key
}

// ParseAccessKey reads a key as the portal shows it, in base64.
func ParseAccessKey(encoded string) (AccessKey, error) {
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) == 0 {
		return AccessKey{}, errors.New("the access key is not base64")
	}
	macs := sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}
	return AccessKey{func(message []byte) (sum [sha256.Size]byte) {
		mac := macs.Get().(hash.Hash)
		defer macs.Put(mac)
		mac.Reset()
		_, _ = mac.Write(message) // never fails
		mac.Sum(sum[:0])
		return sum
	}}, nil
}

// String hides the key.
func (AccessKey) String() string { return "***" }

// GoString hides the key.
func (AccessKey) GoString() string { return "***" }

// MarshalText hides the key.
func (AccessKey) MarshalText() ([]byte, error) { return []byte("***"), nil }

// LogValue hides the key.
func (AccessKey) LogValue() slog.Value { return slog.StringValue("***") }

// connectionString is the form that the official SDKs read: these two parts, in
// this order, whatever their case.
var connectionString = regexp.MustCompile(`(?is)^\s*endpoint=(.+);accesskey=(.+?);?\s*$`)

// ParseConnectionString takes "endpoint=https://...;accesskey=..." apart. Its
// error does not repeat the string.
func ParseConnectionString(s string) (endpoint string, key AccessKey, err error) {
	parts := connectionString.FindStringSubmatch(s)
	if parts == nil {
		return "", AccessKey{}, errors.New(`the connection string must be "endpoint=https://...;accesskey=..."`)
	}
	if key, err = ParseAccessKey(parts[2]); err != nil {
		return "", AccessKey{}, errors.New("the connection string's access key is not base64")
	}
	if _, err := parseEndpoint(parts[1]); err != nil {
		return "", AccessKey{}, err
	}
	return parts[1], key, nil
}

// authentication is the policy that proves who sends a request; keys is nil
// where it is not by access keys.
func authentication(opts Options) (auth policy.Policy, keys *keyRing, err error) {
	hasKey := opts.AccessKey.mac != nil
	switch {
	case hasKey && opts.TokenCredential != nil:
		return nil, nil, errors.New("both an access key and an Entra credential are given")
	case hasKey:
		keys = newKeyRing(opts.Logger, someKeys(opts.AccessKey, opts.SecondaryAccessKey)...)
		return &signer{keys: keys, now: time.Now}, keys, nil
	case opts.TokenCredential != nil:
		return runtime.NewBearerTokenPolicy(opts.TokenCredential, []string{cmp.Or(opts.TokenScope, tokenScope)}, nil), nil, nil
	}
	return nil, nil, errors.New("neither an access key nor an Entra credential is given")
}

// signer signs each try of a request with the resource's key: HMAC-SHA256 over
// method, request target, date, host and the body's hash.
type signer struct {
	keys *keyRing
	now  func() time.Time
}

func (s *signer) sign(raw *http.Request, key AccessKey) {
	date := s.now().UTC().Format(http.TimeFormat)
	target, host := raw.URL.RequestURI(), raw.URL.Host
	if resource := raw.Header.Get(hostHeader); resource != "" {
		target, host = raw.URL.EscapedPath(), resource // of a file, on another host than the resource's
	}
	raw.Header.Set(dateHeader, date)
	raw.Header.Set("Authorization", authorization(key, raw.Method, target, date, host, raw.Header.Get(contentHashHeader)))
}

func authorization(key AccessKey, method, target, date, host, contentHash string) string {
	buf := make([]byte, 0, 256) // most requests fit
	for _, part := range [...]string{method, "\n", target, "\n", date, ";", host, ";", contentHash} {
		buf = append(buf, part...)
	}
	sum := key.mac(buf)
	buf = append(buf[:0], "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="...)
	return string(base64.StdEncoding.AppendEncode(buf, sum[:]))
}
