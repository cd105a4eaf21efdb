package eventstream

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// Tokens makes and checks the tokens that let the upstream in: one in the path of
// the callback address, one in the query of the Event Grid address. Every token
// that was ever made under a key is good for as long as the key is used, in every
// process that has it.
type Tokens struct {
	key []byte
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

// NewTokens uses key, of at least 16 bytes, which must stay secret. It is copied.
func NewTokens(key []byte) (*Tokens, error) {
	if len(key) < minTokenKey {
		return nil, fmt.Errorf("the key of callback tokens has %d bytes: it needs %d", len(key), minTokenKey)
	}
	return &Tokens{key: append([]byte(nil), key...)}, nil
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
	return base64.RawURLEncoding.EncodeToString(t.sign(random, purpose, random))
}

func (t *Tokens) verify(purpose, token string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != tokenRandom+tokenSignature {
		return false
	}
	return hmac.Equal(raw[tokenRandom:], t.sign(nil, purpose, raw[:tokenRandom]))
}

// sign appends the signature of random, for purpose, to b.
func (t *Tokens) sign(b []byte, purpose string, random []byte) []byte {
	mac := hmac.New(sha256.New, t.key)
	_, _ = mac.Write([]byte(purpose)) // no purpose begins with another
	_, _ = mac.Write(random)
	return mac.Sum(b)
}
