package eventstream

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
)

// Tokens makes and checks the tokens that let the upstream in: one in the path of
// the callback address, one in the query of the Event Grid address. A token is
// good for as long as the key that it was made under is among the keys, in every
// process that has it.
type Tokens struct {
	mu   sync.RWMutex
	keys func() [][]byte // never empty; a function, so that fmt cannot print them
}

// What a token is for: one is no good for the other.
const (
	purposeCallback  = "callback"
	purposeEventGrid = "eventgrid"
)

const (
	minTokenKey    = 16
	tokenRandom    = 16
	tokenSignature = sha256.Size
)

// NewTokens uses keys, of at least 16 bytes each, which must stay secret. New
// tokens are made under the first; those of all are good, so that keys can be
// rotated with an overlap. They are copied.
func NewTokens(keys ...[]byte) (*Tokens, error) {
	t := &Tokens{}
	return t, t.SetKeys(keys...)
}

// SetKeys replaces the keys. If one of them is no key, those before stay.
func (t *Tokens) SetKeys(keys ...[]byte) error {
	if len(keys) == 0 {
		return errors.New("callback tokens need a key")
	}
	copies := make([][]byte, len(keys))
	for i, key := range keys {
		if len(key) < minTokenKey {
			return fmt.Errorf("key %d of the callback tokens has %d bytes: it needs %d", i+1, len(key), minTokenKey)
		}
		copies[i] = append([]byte(nil), key...)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys = func() [][]byte { return copies }
	return nil
}

func (t *Tokens) current() [][]byte {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.keys()
}

// Callback makes a token for the path of a callback address.
func (t *Tokens) Callback() string { return t.mint(purposeCallback) }

// VerifyCallback tells whether token was made by Callback.
func (t *Tokens) VerifyCallback(token string) bool { return t.verify(purposeCallback, token) }

// EventGrid makes a token for the query of an Event Grid address.
func (t *Tokens) EventGrid() string { return t.mint(purposeEventGrid) }

// VerifyEventGrid tells whether token was made by EventGrid.
func (t *Tokens) VerifyEventGrid(token string) bool { return t.verify(purposeEventGrid, token) }

// mint makes a token: random bytes and their signature, in URL-safe base64.
func (t *Tokens) mint(purpose string) string {
	random := make([]byte, tokenRandom)
	_, _ = rand.Read(random) // never fails
	return base64.RawURLEncoding.EncodeToString(tokenSign(random, t.current()[0], purpose, random))
}

// verify takes as long for a token of the first key as for one of none.
func (t *Tokens) verify(purpose, token string) bool {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenRandom+tokenSignature) {
		return false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != tokenRandom+tokenSignature { // line breaks are skipped in base64
		return false
	}
	good := false
	for _, key := range t.current() {
		good = hmac.Equal(raw[tokenRandom:], tokenSign(nil, key, purpose, raw[:tokenRandom])) || good
	}
	return good
}

// tokenSign appends the signature of random under key, for purpose, to b.
func tokenSign(b, key []byte, purpose string, random []byte) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(purpose)) // no purpose begins with another
	_, _ = mac.Write(random)
	return mac.Sum(b)
}
