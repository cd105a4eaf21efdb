package service

import (
	"errors"
	"testing"
)

// plainSeal seals nothing, so that what is inside is fuzzed.
type plainSeal struct{}

func (plainSeal) Seal(_, text string) string           { return text }
func (plainSeal) Unseal(_, text string) (string, bool) { return text, true }

// FuzzParsePageToken: a token is refused, or is one that leads to the same place
// when it is made again.
func FuzzParsePageToken(f *testing.F) {
	for _, token := range []*pageToken{nil, {}, {Skip: 3}, {Link: "/calling/callConnections/c/participants?page=2"}, {Link: "https://evil.example", Skip: -1}} {
		f.Add(token.sealed(plainSeal{}, "c"))
	}
	f.Add("null")
	f.Fuzz(func(t *testing.T, s string) {
		token, err := parsePageToken(plainSeal{}, "c", s)
		var refused *fieldError
		if err != nil {
			if !errors.As(err, &refused) {
				t.Errorf("error %v", err)
			}
			return
		}
		if token.Skip < 0 {
			t.Errorf("skips %d", token.Skip)
		}
		if again, err := parsePageToken(plainSeal{}, "c", token.sealed(plainSeal{}, "c")); err != nil || again != token {
			t.Errorf("%+v becomes %+v, %v", token, again, err)
		}
	})
}
