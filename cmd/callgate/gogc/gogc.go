// Package gogc has more garbage pile up than Go does by itself: a fifth to a quarter less
// processor time for some tens of megabytes. GOGC overrides it; GOMEMLIMIT bounds it.
//
// It does so when it is initialised. Packages are in the order of their paths, once those
// that they import are: this one comes before most libraries, whose tables would else
// have garbage collected before main begins.
package gogc

import (
	"os"
	"runtime/debug"
)

const percent = 400

func init() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
