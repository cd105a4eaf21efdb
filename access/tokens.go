package access

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// maxStaticTokens bounds a file of tokens: each token that is shown is
	// compared with all.
	maxStaticTokens = 1000
	// maxFile bounds the files that are read here, in bytes.
	maxFile = 1 << 20
)

// Tokens are static tokens, known by the hashes in a file: lines of
//
//	name:SHA-256 in hexadecimal
//	name:SHA-256 in hexadecimal:when it expires, in RFC 3339
//
// Several lines may have one name, so that a token can be rotated. A line that is
// empty or begins with # says nothing.
type Tokens struct {
	file    string
	content []byte
	entries atomic.Pointer[[]staticToken]
}

type staticToken struct {
	principal string
	hash      [sha256.Size]byte
	expires   time.Time // zero: never
}

// OpenTokens reads file.
func OpenTokens(file string) (*Tokens, error) {
	t := &Tokens{file: file}
	_, err := t.Reload()
	return t, err
}

// Reload reads the file again, and says whether it has changed. After an error,
// the tokens before stay good. It is for one goroutine at a time.
func (t *Tokens) Reload() (changed bool, err error) {
	content, err := readFile(t.file)
	if err != nil {
		return false, err
	}
	if t.entries.Load() != nil && bytes.Equal(content, t.content) {
		return false, nil
	}
	entries, err := parseTokens(content)
	if err != nil {
		return false, fmt.Errorf("%s: %w", t.file, err)
	}
	t.content = content
	t.entries.Store(&entries)
	return true, nil
}

// parseTokens reads a file of tokens. Its errors repeat no line: somebody may have
// written a token where the hash should be.
func parseTokens(content []byte) ([]staticToken, error) {
	var entries []staticToken
	lines := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		entry, err := parseToken(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if entries = append(entries, entry); len(entries) > maxStaticTokens {
			return nil, fmt.Errorf("more than %d tokens", maxStaticTokens)
		}
	}
	return entries, lines.Err()
}

func parseToken(line string) (staticToken, error) {
	name, rest, _ := strings.Cut(line, ":")
	hash, expires, temporary := strings.Cut(rest, ":")
	entry := staticToken{principal: "token:" + name}
	if name == "" || !validPrincipal(entry.principal) {
		return entry, errors.New("it does not begin with a name")
	}
	raw, err := hex.DecodeString(hash)
	if err != nil || len(raw) != sha256.Size {
		return entry, errors.New("behind the name there is no SHA-256 of 64 hexadecimal digits")
	}
	entry.hash = [sha256.Size]byte(raw)
	if temporary {
		if entry.expires, err = time.Parse(time.RFC3339, expires); err != nil {
			return entry, errors.New("its expiry is not in RFC 3339 form")
		}
	}
	return entry, nil
}

// identify compares token with every one there is, in a time that does not tell
// how alike they are.
func (t *Tokens) identify(token string) (id Identity, known bool) {
	hash := sha256.Sum256([]byte(token))
	found, at := 0, 0
	entries := *t.entries.Load()
	for i := range entries {
		same := subtle.ConstantTimeCompare(hash[:], entries[i].hash[:])
		at = subtle.ConstantTimeSelect(same, i, at)
		found |= same
	}
	if found == 0 || len(token) < MinStaticToken {
		return Identity{}, false
	}
	return Identity{
		Principal: entries[at].principal, Expires: entries[at].expires, Credential: hex.EncodeToString(hash[:]),
	}, true
}

// has tells whether the token whose hash is credential is among the tokens still.
func (t *Tokens) has(credential string) bool {
	for _, entry := range *t.entries.Load() {
		if hex.EncodeToString(entry.hash[:]) == credential {
			return true
		}
	}
	return false
}

// Principals are the names of all tokens.
func (t *Tokens) Principals() []string {
	var names []string
	for _, entry := range *t.entries.Load() {
		names = append(names, entry.principal)
	}
	return names
}

func readFile(name string) ([]byte, error) {
	content, err := os.ReadFile(name)
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	return content, err
}
