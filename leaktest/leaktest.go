// Package leaktest looks for goroutines that tests leave behind. It is for tests.
package leaktest

import (
	"fmt"
	"os"
	"time"

	"go.uber.org/goleak"
)

// patience bounds the wait for goroutines that are ending.
const patience = time.Minute

// Main runs the tests of a package, exits, and fails when goroutines are left that
// o does not except. It waits for those that are ending: goleak itself gives
// them half a second, which is little on a machine that is busy.
func Main(m goleak.TestingM, o ...goleak.Option) {
	code := m.Run()
	if code == 0 {
		if err := Find(o...); err != nil {
			_, _ = fmt.Fprintf(os.Stderr, "goroutines are left after all tests: %v\n", err)
			code = 1
		}
	}
	os.Exit(code)
}

// Find is an error that tells which goroutines are left; nil as soon as none is.
func Find(o ...goleak.Option) error {
	left := goleak.Find(o...)
	for deadline := time.Now().Add(patience); left != nil && time.Now().Before(deadline); {
		left = goleak.Find(o...) // which waits a little, by itself
	}
	return left
}
