package eventstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	json "github.com/go-json-experiment/json/v1"
)

// What the real service's callbacks are checked against.
const (
	DefaultIssuer    = "https://acscallautomation.communication.azure.com"
	DefaultConfigURL = DefaultIssuer + "/calling/.well-known/acsopenidconfiguration"
)

var (
	// ErrKeysUnavailable is returned when the keys that sign tokens could not be
	// fetched: whether the token is good is not known, and may be asked again.
	ErrKeysUnavailable = errors.New("the keys of signed tokens are unavailable")
	// ErrTokenInvalid is returned for a token that must not be let in.
	ErrTokenInvalid = errors.New("the token is not valid")
)

// VerifierOptions are the settings of a Verifier. The zero value checks the real
// service's callbacks, but not whom they are meant for: give the Audiences.
type VerifierOptions struct {
	// ConfigURL is the OpenID configuration that names the keys; DefaultConfigURL
	// when empty.
	ConfigURL string
	// Issuer is who must have made the token; DefaultIssuer when empty.
	Issuer string
	// Algorithms are those that the provider may sign with; RS256 when nil.
	Algorithms []string
	// OtherIssuers may have made it too, with the same keys.
	OtherIssuers []string
	// Audiences are whom it may be meant for: for callbacks, the immutable resource
	// id of the ACS resource. None: not checked, which lets in the callbacks of
	// every other resource too.
	Audiences []string
	// Application is which one of Entra ID must have asked for it (the claim azp,
	// or appid); empty: any.
	Application string
	// Skew is by how much the sender's clock may differ; 1 minute when 0.
	Skew time.Duration
	// HTTPClient fetches the configuration and the keys; one with a timeout of 5
	// seconds when nil.
	HTTPClient *http.Client
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Verifier checks signed tokens, those that the upstream sends with its callbacks
// above all, by the keys that an OpenID configuration names and by no other
// algorithm than is allowed. They are fetched
// when they are needed first, and again when a token names a key that is not
// among them.
type Verifier struct {
	options VerifierOptions

	mu       sync.Mutex
	keys     *oidc.RemoteKeySet // nil until the configuration has been fetched
	tryAfter time.Time          // not before
	failure  error              // of the last attempt
}

const (
	fetchTimeout = 5 * time.Second
	// fetchPause is the least time between two attempts to fetch the configuration
	// or the keys, so that bad tokens cannot make us ask on and on.
	fetchPause = time.Second
)

// NewVerifier makes a Verifier. It fetches nothing yet.
func NewVerifier(o VerifierOptions) *Verifier {
	if o.ConfigURL == "" {
		o.ConfigURL = DefaultConfigURL
	}
	if o.Issuer == "" {
		o.Issuer = DefaultIssuer
	}
	if o.Algorithms == nil {
		o.Algorithms = []string{oidc.RS256}
	}
	if o.Skew == 0 {
		o.Skew = time.Minute
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{Timeout: fetchTimeout}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Verifier{options: o}
}

// Verify checks token, a JWT. It returns ErrTokenInvalid or ErrKeysUnavailable.
func (v *Verifier) Verify(ctx context.Context, token string) error {
	_, err := v.Parse(ctx, token)
	return err
}

// Parse checks token as Verify does, and reads it.
func (v *Verifier) Parse(ctx context.Context, token string) (*oidc.IDToken, error) {
	if !isCompact(token) {
		return nil, fmt.Errorf("%w: not in compact form", ErrTokenInvalid)
	}
	keys, err := v.keySet(ctx)
	if err != nil {
		return nil, err
	}
	// One verifier each, because it does not pass on why a signature was refused.
	signature := &signatureCheck{keys: keys}
	verifier := oidc.NewVerifier(v.options.Issuer, signature, &oidc.Config{
		SkipClientIDCheck:    true, // it knows one audience, and one issuer: see checkClaims
		SkipIssuerCheck:      true,
		SupportedSigningAlgs: v.options.Algorithms,
		SkipExpiryCheck:      true, // it knows no skew: see checkClaims
	})
	parsed, err := verifier.Verify(ctx, token)
	if signature.unavailable != nil {
		return nil, signature.unavailable
	}
	if err == nil {
		err = v.checkClaims(parsed)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTokenInvalid, err)
	}
	return parsed, nil
}

// isCompact tells whether a token is in the one form that is sent: three parts, in
// URL-safe base64. The library reads others too.
func isCompact(token string) bool {
	for i := range len(token) {
		if !compact[token[i]] {
			return false
		}
	}
	return strings.Count(token, ".") == 2
}

// compact are the characters of that form.
var compact = func() (is [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") {
		is[c] = true
	}
	return is
}()

// Fetch fetches the OpenID configuration, unless it was before: an error says why
// tokens could not be checked now.
func (v *Verifier) Fetch(ctx context.Context) error {
	_, err := v.keySet(ctx)
	return err
}

// checkClaims: who made the token, for whom and when. One without an end is none.
func (v *Verifier) checkClaims(token *oidc.IDToken) error {
	var claims struct {
		NotBefore float64 `json:"nbf"`
		Party     string  `json:"azp"`
		AppID     string  `json:"appid"`
	}
	if err := token.Claims(&claims); err != nil {
		return err
	}
	now, o := v.options.Now(), v.options
	switch {
	case token.Issuer != o.Issuer && !slices.Contains(o.OtherIssuers, token.Issuer):
		return errors.New("another issuer made it")
	case len(o.Audiences) > 0 && !slices.ContainsFunc(o.Audiences, func(a string) bool { return slices.Contains(token.Audience, a) }):
		return errors.New("it is for another audience")
	case o.Application != "" && cmp.Or(claims.Party, claims.AppID) != o.Application:
		return errors.New("another application asked for it")
	case token.Expiry.Unix() <= 0 || !now.Before(token.Expiry.Add(o.Skew)):
		return errors.New("it has expired")
	case claims.NotBefore > float64(now.Add(o.Skew).Unix()):
		return errors.New("it is not valid yet")
	}
	return nil
}

// signatureCheck is a key set that remembers whether it could be asked.
type signatureCheck struct {
	keys        *oidc.RemoteKeySet
	unavailable error
}

func (c *signatureCheck) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := c.keys.VerifySignature(ctx, token)
	if err != nil && (errors.Is(err, ErrKeysUnavailable) || ctx.Err() != nil) {
		c.unavailable = fmt.Errorf("%w: %w", ErrKeysUnavailable, err)
	}
	return payload, err
}

// keySet is the keys, once the configuration says where they are.
func (v *Verifier) keySet(ctx context.Context) (*oidc.RemoteKeySet, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.keys != nil {
		return v.keys, nil
	}
	now := v.options.Now()
	if now.Before(v.tryAfter) {
		return nil, v.failure
	}
	keysURL, err := v.fetchConfig(ctx)
	if err != nil {
		v.tryAfter = now.Add(fetchPause)
		v.failure = fmt.Errorf("%w: %w", ErrKeysUnavailable, err)
		return nil, v.failure
	}
	fetching := &keyFetcher{client: v.options.HTTPClient, now: v.options.Now}
	v.keys = oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), &http.Client{Transport: fetching}), keysURL)
	return v.keys, nil
}

// fetchConfig asks where the keys are.
func (v *Verifier) fetchConfig(ctx context.Context) (keysURL string, err error) {
	// Whoever asked may go away: others wait for the same answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	body, err := fetch(ctx, v.options.HTTPClient, v.options.ConfigURL)
	if err != nil {
		return "", err
	}
	var config struct {
		Issuer  string `json:"issuer"`
		KeysURL string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(body, &config); err != nil {
		return "", fmt.Errorf("OpenID configuration: %w", jsonError(err))
	}
	if config.Issuer != v.options.Issuer {
		return "", fmt.Errorf("OpenID configuration: issuer %q instead of %q", config.Issuer, v.options.Issuer)
	}
	if u, err := url.Parse(config.KeysURL); err != nil || u.Host == "" {
		return "", errors.New("OpenID configuration: its jwks_uri is no URL")
	}
	return config.KeysURL, nil
}
