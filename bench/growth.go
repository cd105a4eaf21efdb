package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

type growthCmd struct {
	Only   string        `default:"." help:"Measure the curves whose names match this regular expression."`
	Up     float64       `default:"10000000" help:"Leave out what is larger than this."`
	Out    string        `default:"GROWTH" help:"Where the results are written: this name with .md and .json, and the plots into the folder plots beside them. Empty: nowhere."`
	Source string        `default:".." help:"Folder of callgate's source."`
	Limit  time.Duration `default:"1h" help:"When to give up."`
}

// curve is how some costs grow with one thing.
type curve struct {
	name   string
	about  string
	x      string // what grows
	points []float64
	plots  []plotted
	// measure says what there is of it at one point. Points come in their order.
	measure func(ctx context.Context, b *bench, x float64) (metrics, error)
}

// plotted is one figure: metrics of one unit.
type plotted struct {
	file  string
	title string
	y     string
	lines []line
}

// line is a metric, and how steep it may be: the exponent of its growth over the
// last three points. 0 is flat, 1 in proportion.
type line struct {
	metric  string
	atMost  float64
	promise string
}

// grown is what a curve came to.
type grown struct {
	Name   string      `json:"name"`
	About  string      `json:"about"`
	X      string      `json:"x"`
	Points []float64   `json:"points"`
	Values []metrics   `json:"values"` // one a point
	Slopes []steepness `json:"slopes"`
	plots  []plotted
}

// steepness is the verdict on a line.
type steepness struct {
	Metric  string  `json:"metric"`
	Promise string  `json:"promise"`
	AtMost  float64 `json:"at_most"`
	Slope   float64 `json:"slope"`
	Met     bool    `json:"met"`
}

// Run implements the command.
func (c *growthCmd) Run(ctx context.Context) (err error) {
	only, err := regexp.Compile(c.Only)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	b, err := newBench(ctx, c.Source, 1)
	if err != nil {
		return err
	}
	defer b.close()
	var all []grown
	for _, curve := range curves() {
		if !only.MatchString(curve.name) {
			continue
		}
		g, err := curve.grow(ctx, b, c.Up)
		if err != nil {
			return fmt.Errorf("%s: %w", curve.name, err)
		}
		all = append(all, g)
		fmt.Print(g.text())
	}
	if c.Out == "" {
		return nil
	}
	return writeGrowth(c.Out, all)
}

func (c curve) grow(ctx context.Context, b *bench, up float64) (grown, error) {
	g := grown{Name: c.name, About: c.about, X: c.x, plots: c.plots}
	for _, x := range c.points {
		if x > up {
			break
		}
		found, err := c.measure(ctx, b, x)
		if err != nil {
			return grown{}, fmt.Errorf("%s %s: %w", figure(x), c.x, err)
		}
		fmt.Fprintf(os.Stderr, "%s %s %s %v\n", c.name, figure(x), c.x, found)
		g.Points, g.Values = append(g.Points, x), append(g.Values, found)
	}
	for _, p := range c.plots {
		for _, l := range p.lines {
			slope := g.slope(l.metric)
			g.Slopes = append(g.Slopes, steepness{Metric: l.metric, Promise: l.promise, AtMost: l.atMost, Slope: slope, Met: slope <= l.atMost})
		}
	}
	return g, nil
}

// slope is the exponent with which a metric grows over the last three points: that
// of the least squares through their logarithms.
func (g grown) slope(metric string) float64 {
	var n, sx, sy, sxx, sxy float64
	for i := max(0, len(g.Points)-3); i < len(g.Points); i++ {
		x, y := math.Log(g.Points[i]), math.Log(g.Values[i][metric])
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

// text is the curve in Markdown.
func (g grown) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n\n| %s |", g.Name, g.About, g.X)
	for _, s := range g.Slopes {
		fmt.Fprintf(&b, " %s |", s.Metric)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(g.Slopes)) + "\n")
	for i, x := range g.Points {
		fmt.Fprintf(&b, "| %s |", figure(x))
		for _, s := range g.Slopes {
			fmt.Fprintf(&b, " %s |", figure(g.Values[i][s.Metric]))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n| grows | promised | exponent | at most | met |\n|---|---|---|---|---|\n")
	for _, s := range g.Slopes {
		met := "yes"
		if !s.Met {
			met = "**no**"
		}
		fmt.Fprintf(&b, "| %s | %s | %.2f | %.2f | %s |\n", s.Metric, s.Promise, s.Slope, s.AtMost, met)
	}
	b.WriteString("\n")
	for _, p := range g.plots {
		fmt.Fprintf(&b, "![%s](plots/%s.svg)\n\n", p.title, p.file)
	}
	return b.String()
}

// writeGrowth writes name.md, name.json and the plots.
func writeGrowth(name string, all []grown) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Growth\n\nHow costs grow. Measured on %s, on %s. `make growth` measures it again. The exponent is that over "+
		"the last three points: 0 is flat, 1 in proportion.\n\n", time.Now().Format(time.DateOnly), machine())
	folder := filepath.Join(filepath.Dir(name), "plots")
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // for everybody to read
		return err
	}
	for _, g := range all {
		b.WriteString(g.text())
		for _, p := range g.plots {
			if err := g.draw(p, filepath.Join(folder, p.file+".svg")); err != nil {
				return err
			}
		}
	}
	raw, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(name+".json", append(raw, '\n'), 0o644); err != nil { //nolint:gosec // the same
		return err
	}
	return os.WriteFile(name+".md", []byte(b.String()), 0o644) //nolint:gosec // the same
}
