package upstream

import (
	"testing"
	"time"
)

const (
	testTarget = "/calling/callConnections/401f3500-af14-4fd7-ae55-37e7590932b1/participants/4%3A%2B14255550123?api-version=2026-03-12"
	emptyHash  = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
)

func testSigner(tb testing.TB) *signer {
	tb.Helper()
	key, err := ParseAccessKey("c2VjcmV0a2V5")
	if err != nil {
		tb.Fatal(err)
	}
	return &signer{key: key, now: time.Now}
}

// Signing is on the way of every request: the ceiling is what it costs today.
func TestSigningAllocates(t *testing.T) {
	s := testSigner(t)
	allocs := testing.AllocsPerRun(1000, func() {
		s.authorization("GET", testTarget, "Mon, 23 Nov 2026 15:40:57 GMT", "127.0.0.1:45569", emptyHash)
	})
	if allocs > 8 {
		t.Errorf("a signature allocates %v times", allocs)
	}
}

func BenchmarkSign(b *testing.B) {
	s := testSigner(b)
	b.ReportAllocs()
	for b.Loop() {
		s.authorization("GET", testTarget, "Mon, 23 Nov 2026 15:40:57 GMT", "127.0.0.1:45569", emptyHash)
	}
}
