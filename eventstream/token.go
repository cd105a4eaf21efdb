package eventstream

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
)

// Tokens makes and checks the tokens that let the upstream in: one in the path of
// the callback address, one in the query of the Event Grid address. A token is
// good for as long as the key that it was made under is among the keys, in every
// process that has it.
type Tokens struct {
	mu   sync.RWMutex
	keys []tokenKey // never empty
}

// tokenKey is the HMAC-SHA256 of a message under a key: a function, so that fmt
// cannot print the key.
type tokenKey func(message []byte) [sha256.Size]byte

func newTokenKey(key []byte) tokenKey {
	key = bytes.Clone(key)
	macs := sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}
	return func(message []byte) (sum [sha256.Size]byte) {
		mac := macs.Get().(hash.Hash)
		defer macs.Put(mac)
		mac.Reset()
		_, _ = mac.Write(message) // never fails
		mac.Sum(sum[:0])
		return sum
	}
}

// What a token is for: one is no good for the other.
const (
	purposeCallback  = "callback"
	purposeEventGrid = "eventgrid"
	purposeSeal      = "seal"
)

const (
	minTokenKey    = 16
	tokenRandom    = 16
	tokenSignature = sha256.Size
	// maxOwner bounds the owner in a token, in bytes.
	maxOwner = 256
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
	made := make([]tokenKey, len(keys))
	for i, key := range keys {
		if len(key) < minTokenKey {
			return fmt.Errorf("key %d of the callback tokens has %d bytes: it needs %d", i+1, len(key), minTokenKey)
		}
		made[i] = newTokenKey(key)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys = made
	return nil
}

func (t *Tokens) current() []tokenKey {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.keys
}

// Callback makes a token for the path of a callback address. It says whose calls
// are reported there, so that whoever takes a callback knows; empty: nobody's.
func (t *Tokens) Callback(owner string) string { return t.mint(purposeCallback, owner) }

// VerifyCallback tells whether token was made by Callback, and for whom.
func (t *Tokens) VerifyCallback(token string) (owner string, good bool) {
	return t.verify(purposeCallback, token)
}

// EventGrid makes a token for the query of an Event Grid address.
func (t *Tokens) EventGrid() string { return t.mint(purposeEventGrid, "") }

// VerifyEventGrid tells whether token was made by EventGrid.
func (t *Tokens) VerifyEventGrid(token string) bool {
	owner, good := t.verify(purposeEventGrid, token)
	return good && owner == ""
}

// Seal makes a text that a client is to bring back as it is, and with what it is
// about, such as the place to go on in a list.
func (t *Tokens) Seal(about, text string) string {
	sum := sha256.Sum256([]byte(about))
	return base64.RawURLEncoding.EncodeToString(append(tokenSign(nil, t.current()[0], purposeSeal, sum[:], text), text...))
}

// Unseal is the text that Seal was given with about, if it was.
func (t *Tokens) Unseal(about, sealed string) (text string, good bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) < tokenSignature {
		return "", false
	}
	sum := sha256.Sum256([]byte(about))
	text = string(raw[tokenSignature:])
	for _, key := range t.current() {
		good = hmac.Equal(raw[:tokenSignature], tokenSign(nil, key, purposeSeal, sum[:], text)) || good
	}
	if !good {
		return "", false
	}
	return text, true
}

// mint makes a token: random bytes, their and the owner's signature, and the
// owner, in URL-safe base64.
func (t *Tokens) mint(purpose, owner string) string {
	raw := make([]byte, tokenRandom, tokenRandom+tokenSignature+len(owner))
	_, _ = rand.Read(raw) // never fails
	raw = tokenSign(raw, t.current()[0], purpose, raw, owner)
	return base64.RawURLEncoding.EncodeToString(append(raw, owner...))
}

// verify takes as long for a token of the first key as for one of none.
func (t *Tokens) verify(purpose, token string) (owner string, good bool) {
	if len(token) > base64.RawURLEncoding.EncodedLen(tokenRandom+tokenSignature+maxOwner) {
		return "", false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < tokenRandom+tokenSignature || strings.ContainsAny(token, "\r\n") { // which base64 skips
		return "", false
	}
	random, signature := raw[:tokenRandom], raw[tokenRandom:tokenRandom+tokenSignature]
	owner = string(raw[tokenRandom+tokenSignature:])
	for _, key := range t.current() {
		good = hmac.Equal(signature, tokenSign(nil, key, purpose, random, owner)) || good
	}
	if !good {
		return "", false
	}
	return owner, true
}

// tokenSign appends the signature of random and owner under key, for purpose, to
// b. Random has the same length for all of a purpose.
func tokenSign(b []byte, key tokenKey, purpose string, random []byte, owner string) []byte {
	message := make([]byte, 0, 128)       // most fit
	message = append(message, purpose...) // no purpose begins with another
	message = append(append(message, random...), owner...)
	sum := key(message)
	return append(b, sum[:]...)
}
