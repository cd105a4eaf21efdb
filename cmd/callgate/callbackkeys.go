package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/callgate/callgate/eventstream"
	"github.com/callgate/callgate/mask"
)

// minCallbackKey is how long a key of callback tokens is at least, in bytes.
const minCallbackKey = 32

// tokens makes and checks the tokens that let the upstream in.
func (c *Config) tokens() (*eventstream.Tokens, error) {
	if !c.callbackKey.Given() {
		kept, err := c.keptCallbackKeys()
		if err != nil {
			return nil, err
		}
		c.callbackKey = kept
	}
	keys, err := parseCallbackKeys(c.callbackKey)
	if err != nil {
		return nil, err
	}
	return eventstream.NewTokens(keys...)
}

// parseCallbackKeys reads one or several keys, in base64, the newest first: with
// spaces, line ends or commas between them. Its error repeats none.
func parseCallbackKeys(s mask.Secret) ([][]byte, error) {
	words := strings.FieldsFunc(s.Reveal(), func(r rune) bool { return strings.ContainsRune(" \t\r\n,", r) })
	if len(words) == 0 {
		return nil, errors.New("there is no callback key")
	}
	keys := make([][]byte, len(words))
	for i, word := range words {
		key, err := base64.StdEncoding.DecodeString(word)
		if err != nil || len(key) < minCallbackKey {
			return nil, fmt.Errorf("callback key %d must be base64 of at least %d bytes", i+1, minCallbackKey)
		}
		keys[i] = key
	}
	return keys, nil
}

// callbackKeyFile is where the keys are read again from; empty where they come
// from a variable or last as long as the process.
func (c *Config) callbackKeyFile() string {
	switch {
	case c.CallbackKeyFile != "":
		return c.CallbackKeyFile
	case c.keepsCallbackKey:
		return filepath.Join(c.DataDir, "callback.key")
	}
	return ""
}

// keptCallbackKeys are those of the data folder. Where there are none, one is
// made and kept with the log, so that callbacks of calls that outlive a restart
// are still let in.
func (c *Config) keptCallbackKeys() (mask.Secret, error) {
	key := make([]byte, minCallbackKey)
	_, _ = rand.Read(key) // never fails
	made := base64.StdEncoding.EncodeToString(key)
	if c.DataDir == memory {
		return mask.NewSecret(made), nil
	}
	c.keepsCallbackKey = true
	name := c.callbackKeyFile()
	kept, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
			return mask.Secret{}, err
		}
		return mask.NewSecret(made), os.WriteFile(name, []byte(made+"\n"), 0o600)
	case err != nil:
		return mask.Secret{}, err
	}
	keys := mask.NewSecret(strings.TrimSpace(string(kept)))
	if _, err := parseCallbackKeys(keys); err != nil {
		return mask.Secret{}, fmt.Errorf("%s: %w: remove it to have a new one made", name, err)
	}
	return keys, nil
}

// reloadCallbackKeys takes over what has changed. c keeps what is in use.
func (c *Config) reloadCallbackKeys(tokens *eventstream.Tokens) (changed bool, err error) {
	raw, err := os.ReadFile(c.callbackKeyFile())
	if err != nil {
		return false, err
	}
	next := mask.NewSecret(strings.TrimSpace(string(raw)))
	if next.Is(c.callbackKey) {
		return false, nil
	}
	keys, err := parseCallbackKeys(next)
	if err != nil {
		return false, err
	}
	if err := tokens.SetKeys(keys...); err != nil {
		return false, err
	}
	c.callbackKey = next
	return true, nil
}
