package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/procfs"
)

// text is the result as a table in Markdown.
func (r result) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n\n| target | asked | median | of the pairs | met |\n|---|---|---|---|---|\n", r.Name, r.About)
	for _, v := range r.Checks {
		asked, met := fmt.Sprintf("≥ %.2f", v.Least), "yes"
		if v.Least == 0 {
			asked = fmt.Sprintf("≤ %.2f", v.AtMost)
		}
		if !v.Met {
			met = "**no**"
		}
		fmt.Fprintf(&b, "| %s | %s | %.2f | %.2f to %.2f | %s |\n", v.What, asked, v.Ratio, v.Low, v.High, met)
	}
	b.WriteString("\n| measured, medians |")
	names := slices.Sorted(maps.Keys(r.Measured))
	metricsOf := make(map[string]bool)
	for _, name := range names {
		for metric := range r.Measured[name] {
			metricsOf[metric] = true
		}
	}
	columns := slices.Sorted(maps.Keys(metricsOf))
	for _, metric := range columns {
		fmt.Fprintf(&b, " %s |", metric)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, name := range names {
		fmt.Fprintf(&b, "| %s |", name)
		for _, metric := range columns {
			if values := r.Measured[name][metric]; len(values) > 0 {
				fmt.Fprintf(&b, " %s |", figure(median(values)))
			} else {
				b.WriteString(" |")
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	return b.String()
}

// figure is a number as people read it.
func figure(v float64) string {
	switch {
	case v >= 1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.3g", v)
	}
}

// write writes name.md and name.json.
func write(name string, results []result) error {
	raw, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(name+".json", append(raw, '\n'), 0o644); err != nil { //nolint:gosec // for everybody to read
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Results\n\nMeasured on %s, on %s. `make bench` measures it again; README.md says how to read it.\n\n", time.Now().Format(time.DateOnly), machine())
	for _, r := range results {
		b.WriteString(r.text())
	}
	return os.WriteFile(name+".md", []byte(b.String()), 0o644) //nolint:gosec // the same
}

// machine is what this was measured on.
func machine() string {
	text := fmt.Sprintf("%d processors (%s), %s", runtime.NumCPU(), runtime.GOARCH, runtime.Version())
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return text
	}
	if cpus, err := fs.CPUInfo(); err == nil && len(cpus) > 0 {
		text = fmt.Sprintf("%s, %s", cpus[0].ModelName, text)
	}
	if memory, err := fs.Meminfo(); err == nil && memory.MemTotal != nil {
		text += fmt.Sprintf(", %d GiB of memory", *memory.MemTotal>>20)
	}
	return text
}
