package mask

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// hidden is what is shown instead of a secret.
const hidden = "***"

// Secret is text that cannot be printed: whatever formats, logs or encodes it
// shows "***", also from inside an unexported field, which fmt takes apart
// without asking: a function shows nothing but its address.
type Secret struct {
	reveal func() string // nil for none
}

// NewSecret hides text; empty text is no secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{func() string { return text }}
}

// Reveal is the text. What it is given to must not print it.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// Given tells whether there is one.
func (s Secret) Given() bool { return s.reveal != nil }

// Is tells whether the two are the same text, in constant time.
func (s Secret) Is(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// Format hides the secret from every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// String hides the secret.
func (Secret) String() string { return hidden }

// MarshalText hides the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }
