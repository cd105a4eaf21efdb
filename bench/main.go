// Command bench measures callgate against references that do the same with less:
// a bare gRPC server, NATS alone, net/http alone, the official SDK. Every figure
// is a ratio of two measurements that were made in turn, in pairs, so that it
// holds on a machine whose speed drifts. README.md says what is measured and how
// to read it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

type commands struct {
	Run    runCmd    `cmd:"" default:"withargs" help:"Measure everything against its reference, and write the results."`
	Growth growthCmd `cmd:"" help:"Measure how costs grow, and draw it."`
	Role   roleCmd   `cmd:"" hidden:"" help:"Be one of the processes that are measured."`
}

type runCmd struct {
	Only   string        `default:"." help:"Measure the scenarios whose names match this regular expression."`
	Pairs  int           `default:"5" help:"How often everything is measured."`
	Scale  float64       `default:"1" help:"How much work a measurement is, as a factor: less is quicker and noisier."`
	Out    string        `default:"RESULTS" help:"Where the results are written: this name with .md and .json. Empty: nowhere."`
	Source string        `default:".." help:"Folder of callgate's source."`
	Limit  time.Duration `default:"30m" help:"When to give up."`
}

// Run implements the command.
func (c *runCmd) Run(ctx context.Context) (err error) {
	only, err := regexp.Compile(c.Only)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	b, err := newBench(ctx, c.Source, c.Scale)
	if err != nil {
		return err
	}
	defer b.close()
	var results []result
	for _, s := range scenarios() {
		if !only.MatchString(s.name) {
			continue
		}
		r, err := s.measure(ctx, b, c.Pairs)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		results = append(results, r)
		fmt.Print(r.text())
	}
	if c.Out == "" {
		return nil
	}
	return write(c.Out, results)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parser := kong.Parse(&commands{}, kong.Name("bench"), kong.BindTo(ctx, (*context.Context)(nil)))
	parser.FatalIfErrorf(parser.Run())
}
