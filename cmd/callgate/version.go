package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

// versionCmd prints the version.
type versionCmd struct{}

// Run prints it.
func (versionCmd) Run(p process) error {
	_, err := fmt.Fprintln(p.stdout, "callgate", version())
	return err
}

// buildInfo tells the version to whoever scrapes.
func buildInfo() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "callgate_build_info", Help: "1, of the version and the Go version that it was built with.",
		ConstLabels: prometheus.Labels{"version": version(), "go_version": runtime.Version()},
	}, func() float64 { return 1 })
}

// stamped is the version that a release build says (-ldflags "-X main.stamped=...").
var stamped string

// version is what was stamped into the binary: by the build, or by Go, which knows
// the module's version or the commit that it was built from.
func version() string {
	if stamped != "" {
		return stamped
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return "(devel)"
}
