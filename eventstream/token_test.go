package eventstream

import (
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
	good := tokens.Callback()
	if good == tokens.Callback() {
		t.Error("two tokens are the same")
	}
	for name, test := range map[string]struct {
		token string
		want  bool
	}{
		"a good one":                 {good, true},
		"of another process":         {same.Callback(), true},
		"of another key":             {foreign.Callback(), false},
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
			if got := tokens.VerifyCallback(test.token); got != test.want {
				t.Errorf("verified: %v", got)
			}
		})
	}
	if !tokens.VerifyEventGrid(same.EventGrid()) || tokens.VerifyEventGrid(good) {
		t.Error("Event Grid tokens")
	}
}

func TestTokensNeedAKey(t *testing.T) {
	if _, err := NewTokens([]byte("short")); err == nil || strings.Contains(err.Error(), "short") {
		t.Errorf("error %v", err)
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
