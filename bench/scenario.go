package main

import (
	"context"
	"fmt"
	"os"
	"slices"
)

// scenario is one thing that is done by several subjects in turn.
type scenario struct {
	name     string
	about    string
	subjects []subject
	checks   []check
}

// subject does the scenario's work once and says what it cost.
type subject struct {
	name string
	run  func(context.Context, *bench) (metrics, error)
}

// metrics are what a measurement found, by names such as "rate".
type metrics map[string]float64

// check is a target: a ratio of one metric of two subjects.
type check struct {
	what          string
	metric        string
	of, against   string
	least, atMost float64 // one of them; 0: not asked for
}

// result is what a scenario came to.
type result struct {
	Name     string                          `json:"name"`
	About    string                          `json:"about"`
	Measured map[string]map[string][]float64 `json:"measured"` // by subject and metric, one a pair
	Checks   []verdict                       `json:"checks"`
}

// verdict is what a check came to.
type verdict struct {
	What   string  `json:"what"`
	Least  float64 `json:"at_least,omitempty"`
	AtMost float64 `json:"at_most,omitempty"`
	Ratio  float64 `json:"ratio"` // the median of the pairs'
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Met    bool    `json:"met"`
}

// measure runs all subjects in turn, pairs times, beginning with another one each
// time. What comes before the first pair warms up and is not counted.
func (s scenario) measure(ctx context.Context, b *bench, pairs int) (result, error) {
	r := result{Name: s.name, About: s.about, Measured: make(map[string]map[string][]float64)}
	for pair := range pairs {
		for i := range s.subjects {
			subject := s.subjects[(i+pair)%len(s.subjects)]
			found, err := subject.run(ctx, b)
			if err != nil {
				return result{}, fmt.Errorf("%s: %w", subject.name, err)
			}
			fmt.Fprintf(os.Stderr, "%s %d/%d %s %v\n", s.name, pair+1, pairs, subject.name, found)
			if r.Measured[subject.name] == nil {
				r.Measured[subject.name] = make(map[string][]float64)
			}
			for metric, value := range found {
				r.Measured[subject.name][metric] = append(r.Measured[subject.name][metric], value)
			}
		}
	}
	for _, c := range s.checks {
		r.Checks = append(r.Checks, c.judge(r.Measured))
	}
	return r, nil
}

func (c check) judge(measured map[string]map[string][]float64) verdict {
	of, against := measured[c.of][c.metric], measured[c.against][c.metric]
	ratios := make([]float64, min(len(of), len(against)))
	for i := range ratios {
		ratios[i] = of[i] / against[i]
	}
	v := verdict{What: c.what, Least: c.least, AtMost: c.atMost, Ratio: median(ratios), Low: slices.Min(ratios), High: slices.Max(ratios)}
	v.Met = (c.least == 0 || v.Ratio >= c.least) && (c.atMost == 0 || v.Ratio <= c.atMost)
	return v
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
