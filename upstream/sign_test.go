package upstream

import "testing"

const (
	testTarget = "/calling/callConnections/401f3500-af14-4fd7-ae55-37e7590932b1/participants/4%3A%2B14255550123?api-version=2026-03-12"
	emptyHash  = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
)

func testKey(tb testing.TB) AccessKey {
	tb.Helper()
	key, err := ParseAccessKey("c2VjcmV0a2V5")
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// Signing is on the way of every request: the ceiling is what it costs today.
func TestSigningAllocates(t *testing.T) {
	key := testKey(t)
	allocs := testing.AllocsPerRun(1000, func() {
		authorization(key, "GET", testTarget, "Mon, 23 Nov 2026 15:40:57 GMT", "127.0.0.1:45569", emptyHash)
	})
	if allocs > 6 { // 3 but for the race detector, under which pools forget
		t.Errorf("a signature allocates %v times", allocs)
	}
}

func BenchmarkSign(b *testing.B) {
	key := testKey(b)
	b.ReportAllocs()
	for b.Loop() {
		authorization(key, "GET", testTarget, "Mon, 23 Nov 2026 15:40:57 GMT", "127.0.0.1:45569", emptyHash)
	}
}
