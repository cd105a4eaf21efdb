// Command callgate is the gateway between gRPC or REST clients and Azure
// Communication Services Call Automation.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// gcPercent lets more garbage pile up than Go does by itself: a fifth to a quarter
// less processor time for some tens of megabytes. GOGC overrides it; GOMEMLIMIT
// bounds it.
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if err := run(context.Background(), os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "callgate:", err)
		os.Exit(1)
	}
}

// run does what args ask for, until it is done or the process is told to stop.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()

	var (
		cmd    commands
		exited exitCode = -1
	)
	parser, err := kong.New(&cmd,
		kong.Name("callgate"),
		kong.Description(description),
		kong.Resolvers(environment(getenv)),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exitCode(code)) }),
		kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(process{getenv: getenv, stdout: stdout, stderr: stderr}),
	)
	if err != nil {
		return err
	}
	chosen, err := parse(parser, args, &exited)
	if err != nil || exited >= 0 {
		return err
	}
	return chosen.Run()
}

// exitCode is how --help ends parsing.
type exitCode int

func parse(parser *kong.Kong, args []string, exited *exitCode) (chosen *kong.Context, err error) {
	defer func() {
		if code, is := recover().(exitCode); is {
			*exited = code
		}
	}()
	return parser.Parse(args)
}

// process is what a command has of the process it runs in.
type process struct {
	getenv         func(string) string
	stdout, stderr io.Writer
}
