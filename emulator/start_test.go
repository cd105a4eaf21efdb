package emulator

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

// fakeTest is a test that ends when we say so.
type fakeTest struct {
	testing.TB
	cleanups []func()
	fatal    []any
}

func (f *fakeTest) Helper()           {}
func (f *fakeTest) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }
func (f *fakeTest) Fatal(args ...any) { f.fatal = args; panic(f) }

func (f *fakeTest) end() {
	for _, cleanup := range f.cleanups {
		cleanup()
	}
}

func TestStartedEmulatorServesUntilItsTestEnds(t *testing.T) {
	outer := &fakeTest{TB: t}
	em := Start(outer, Options{TimeScale: 100})
	if em.ConnectionString != "endpoint="+em.URL+"/;accesskey="+DefaultAccessKey {
		t.Errorf("connection string %q", em.ConnectionString)
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	resp, err := client.Get(em.URL + OpenIDConfigurationPath)
	if err != nil {
		t.Fatal(err)
	}
	if _ = resp.Body.Close(); resp.StatusCode != http.StatusOK {
		t.Errorf("status %d", resp.StatusCode)
	}
	outer.end() // goleak tells what is left
	if resp, err := client.Get(em.URL); err == nil {
		_ = resp.Body.Close()
		t.Error("it serves still")
	}
}

func TestStartWithWrongOptionsFailsTheTest(t *testing.T) {
	inner := &fakeTest{TB: t}
	defer func() {
		if recover() != inner || len(inner.fatal) != 1 {
			t.Fatalf("the test did not fail: %v", inner.fatal)
		}
		if err, ok := inner.fatal[0].(error); !ok || errors.Unwrap(err) == nil || !strings.Contains(err.Error(), "ResourceID") {
			t.Errorf("it failed with %v", inner.fatal)
		}
	}()
	Start(inner, Options{ResourceID: "x"})
}
