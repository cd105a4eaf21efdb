// Package mask keeps from what the process says what is nobody's business:
// secrets, and who talks to whom.
//
// Code that logs does not log such things. This is the last line of defence for
// what slips through, above all in the errors of others: every log line and the
// error that ends the process go through it.
package mask

import (
	"io"
	"regexp"
	"strings"
)

// rule hides one kind of text. A text that has none of hints is not searched:
// most have none.
type rule struct {
	hints   []string
	pattern *regexp.Regexp
	instead string
}

// In paths and queries a colon may be %3A, and a plus %2B; in JSON, \u002b.
var rules = []rule{
	{ // identifiers of users and applications: 8:acs:..., 28:orgid:...
		[]string{":acs", ":dod", ":gcch", ":spool", ":orgid", ":teamsvisitor", "%3A", "%3a"},
		regexp.MustCompile(`(?i)\b((?:8|28)(?::|%3A)(?:acs|dod-acs|gcch-acs|spool|orgid|dod|gcch|teamsvisitor)(?::|%3A))[^\s"'&<>,;/(){}\[\]\\]+`), "${1}" + hidden,
	},
	{ // identifiers of phones whose number has no plus
		[]string{"4:", "4%3"},
		regexp.MustCompile(`(?i)\b(4(?::|%3A))[0-9]{7,}\S*`), "${1}" + hidden,
	},
	{ // phone numbers
		[]string{"+", "%2B", "%2b", `\u002`},
		regexp.MustCompile(`(?i)(\+|%2B|\\u002B)[1-9][0-9]{6,}`), "${1}" + hidden,
	},
	{ // signed tokens, and contexts of incoming calls
		[]string{"eyJ"},
		regexp.MustCompile(`eyJ[\w-]{8,}(?:\.[\w-]*)*`), hidden,
	},
	{ // tokens in callback addresses
		[]string{"/callbacks/"},
		regexp.MustCompile(`(/callbacks/)[^\s"'/?#]+`), "${1}" + hidden,
	},
	{ // keys in Event Grid addresses and connection strings
		[]string{"key=", "Key=", "KEY="},
		regexp.MustCompile(`(?i)(key=)[^\s"'&;]+`), "${1}" + hidden,
	},
	{ // passwords in addresses
		[]string{"://"},
		regexp.MustCompile(`(://)[^\s/"'@]+@`), "${1}" + hidden + "@",
	},
	{ // credentials of clients
		[]string{"earer "},
		regexp.MustCompile(`(?i)(bearer\s+)[^\s"',;]+`), "${1}" + hidden,
	},
}

// marks are such that each hint has one of them.
const marks = `:%+\J/= `

// Text is s with "***" in place of phone numbers, identifiers of people, tokens
// and keys.
func Text(s string) string {
	if !strings.ContainsAny(s, marks) {
		return s
	}
	for _, r := range rules {
		for _, hint := range r.hints {
			if strings.Contains(s, hint) {
				s = r.pattern.ReplaceAllString(s, r.instead)
				break
			}
		}
	}
	return s
}

// Writer writes Text of what it is given, a line or more at a time, to w.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct {
	to io.Writer
}

// Write implements io.Writer.
func (w writer) Write(b []byte) (int, error) {
	if _, err := io.WriteString(w.to, Text(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}
