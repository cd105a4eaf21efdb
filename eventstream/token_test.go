package eventstream

import (
	"fmt"
	"strings"
	"testing"
)

func TestTokens(t *testing.T) {
	tokens, err := NewTokens([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	same, err := NewTokens([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := NewTokens([]byte("0123456789abcdeF"))
	if err != nil {
		t.Fatal(err)
	}
	good := tokens.Callback("")
	if good == tokens.Callback("") {
		t.Error("two tokens are the same")
	}
	for name, test := range map[string]struct {
		token string
		want  bool
	}{
		"a good one":                 {good, true},
		"of another process":         {same.Callback(""), true},
		"of another key":             {foreign.Callback(""), false},
		"of another purpose":         {tokens.EventGrid(), false},
		"empty":                      {"", false},
		"cut off":                    {good[:len(good)-1], false},
		"with more":                  {good + "A", false},
		"changed in its random part": {swapFirst(good), false},
		"changed at its end":         {good[:len(good)-2] + strings.Map(other, good[len(good)-2:]), false},
		"zeros":                      {strings.Repeat("A", len(good)), false},
		"not base64":                 {strings.Repeat("/", len(good)), false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, got := tokens.VerifyCallback(test.token); got != test.want {
				t.Errorf("verified: %v", got)
			}
		})
	}
	if !tokens.VerifyEventGrid(same.EventGrid()) || tokens.VerifyEventGrid(good) {
		t.Error("Event Grid tokens")
	}
}

func TestTokensNeedAKey(t *testing.T) {
	for name, keys := range map[string][][]byte{
		"none":                 nil,
		"one that is short":    {[]byte("short")},
		"the second one short": {[]byte("0123456789abcdef"), []byte("short")},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewTokens(keys...); err == nil || strings.Contains(err.Error(), "short") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestTokenKeysRotate: at each step of a rotation the tokens that are out there
// are good, until their key is taken away.
func TestTokenKeysRotate(t *testing.T) {
	older, newer := []byte("the older key of two"), []byte("the newer key of two")
	tokens, err := NewTokens(older)
	if err != nil {
		t.Fatal(err)
	}
	before := tokens.Callback("")
	set := func(keys ...[]byte) {
		t.Helper()
		if err := tokens.SetKeys(keys...); err != nil {
			t.Fatal(err)
		}
	}
	set(newer, older)
	after := tokens.Callback("")
	good := func(token string) bool {
		_, good := tokens.VerifyCallback(token)
		return good
	}
	if !good(before) || !good(after) {
		t.Error("with both keys, not both tokens are good")
	}
	set(newer)
	if good(before) || !good(after) {
		t.Error("without the older key, its token is good, or that of the newer is not")
	}
	if err := tokens.SetKeys([]byte("short")); err == nil || !good(after) {
		t.Errorf("a key that is none: %v, and what was good before is not", err)
	}
}

func TestTokensDoNotPrintTheirKeys(t *testing.T) {
	tokens, err := NewTokens([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if printed := fmt.Sprintf(format, tokens); strings.Contains(printed, "0123456789abcdef") || strings.Contains(printed, "30313233") || strings.Contains(printed, "48 49 50") {
			t.Errorf("%s prints %s", format, printed)
		}
	}
}

func swapFirst(s string) string { return strings.Map(other, s[:1]) + s[1:] }

// other is a character of the alphabet that is not c.
func other(c rune) rune {
	if c == 'A' {
		return 'B'
	}
	return 'A'
}
