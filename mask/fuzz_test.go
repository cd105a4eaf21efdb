package mask

import (
	"regexp"
	"testing"
)

var number = regexp.MustCompile(`\+[1-9][0-9]{6}`)

// FuzzText: no number comes through, and what is masked stays as it is.
func FuzzText(f *testing.F) {
	for _, seed := range []string{
		"call to +14255550123 failed", `{"phoneNumber":"\u002B14255550123"}`, "4%3A%2B14255550123", "8:acs:res_alice", "28:orgid:x",
		"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln", "/callbacks/c2VjcmV0", "?key=c2VjcmV0", "Bearer x", "nats://a:b@c",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		masked := Text(s)
		if number.MatchString(masked) {
			t.Errorf("%q becomes %q", s, masked)
		}
		if again := Text(masked); again != masked {
			t.Errorf("%q becomes %q", masked, again)
		}
	})
}
