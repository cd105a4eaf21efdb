package upstream

import (
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// keyRing is the resource's keys: the one that was accepted last, and another to
// try when it is not any more, because somebody rotates them.
type keyRing struct {
	logger *slog.Logger

	mu    sync.Mutex
	keys  []AccessKey // of one or two
	using int
	turn  int // counts changes, so that a late refusal undoes none
}

func newKeyRing(logger *slog.Logger, keys ...AccessKey) *keyRing {
	return &keyRing{logger: logger, keys: keys}
}

// current is the key to sign with.
func (r *keyRing) current() (key AccessKey, turn int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys[r.using], r.turn
}

// refused tells that the key of a turn was not accepted, and whether there is
// another to try: one that was put in meanwhile, or the second.
func (r *keyRing) refused(turn int) (another bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if turn != r.turn {
		return true
	}
	if len(r.keys) < 2 {
		return false
	}
	r.using = 1 - r.using
	r.turn++
	r.logger.Warn("the upstream refused the access key: trying the other one", "using", [...]string{"primary", "secondary"}[r.using])
	return true
}

func (r *keyRing) replace(keys []AccessKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys, r.using = keys, 0
	r.turn++
}

// SetAccessKeys replaces the keys of a client that was made with an AccessKey:
// requests from now on are signed with primary, and with secondary, if it is not
// the zero value, when the upstream refuses that.
func (c *Client) SetAccessKeys(primary, secondary AccessKey) error {
	if c.keys == nil {
		return errors.New("the client does not sign with access keys")
	}
	if primary.mac == nil {
		return errors.New("an access key is missing")
	}
	c.keys.replace(someKeys(primary, secondary))
	return nil
}

func someKeys(primary, secondary AccessKey) []AccessKey {
	if secondary.mac == nil {
		return []AccessKey{primary}
	}
	return []AccessKey{primary, secondary}
}

// Do implements policy.Policy: it signs a try, and once more with another key
// when the first is refused. A refused request has done nothing.
func (s *signer) Do(req *policy.Request) (*http.Response, error) {
	key, turn := s.keys.current()
	s.sign(req.Raw(), key)
	resp, err := req.Next()
	if err != nil || resp.StatusCode != http.StatusUnauthorized || req.Raw().Header.Get(hostHeader) != "" || !s.keys.refused(turn) {
		return resp, err // of a file, a refusal says nothing of the key: a wrong location gets it, too
	}
	runtime.Drain(resp)
	key, _ = s.keys.current()
	s.sign(req.Raw(), key)
	return req.Next()
}
