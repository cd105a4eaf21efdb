// Command callgate is the gateway between gRPC or REST clients and Azure
// Communication Services Call Automation.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
	"golang.org/x/term"
	"google.golang.org/grpc/grpclog"

	"github.com/callgate/callgate/cli"
	_ "github.com/callgate/callgate/cmd/callgate/gogc" // early, as it says
	"github.com/callgate/callgate/mask"
)

func main() {
	log.SetOutput(mask.Writer(os.Stderr))
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, grpcErrors{}))
	adoptLibraries = slog.SetDefault

	if err := run(context.Background(), os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "callgate:", mask.Text(cli.Tell(err)))
		os.Exit(cli.ExitCode(err))
	}
}

// adoptLibraries has what libraries say by themselves go to a logger. Tests, which
// run several gateways in one process, leave it.
var adoptLibraries = func(*slog.Logger) {}

// grpcErrors are what grpc-go complains of when it has no RPC to tell.
type grpcErrors struct{}

// Write implements io.Writer: lines begin with their time and "ERROR: ".
func (grpcErrors) Write(line []byte) (int, error) {
	_, said, _ := strings.Cut(string(line), "ERROR: ")
	slog.Warn(strings.TrimSpace(said), "component", "grpc")
	return len(line), nil
}

// run does what args ask for, until it is done or the process is told to stop.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) (err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()

	// --help, and shells that complete, end it early.
	defer func() {
		if _, is := recover().(exit); is {
			err = nil
		}
	}()
	var grammar any = &commands{}
	completing := os.Getenv("COMP_LINE") != "" // where the shell asks kongcompletion
	if !completing && (len(args) == 0 || args[0] == "serve") {
		grammar = &serveCommand{}
	}
	parser, err := kong.New(grammar,
		kong.Name("callgate"),
		kong.Description(description),
		kong.Resolvers(environment(getenv)),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { panic(exit{}) }),
		kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(process{getenv: getenv, stdout: stdout, stderr: stderr}),
		kong.Bind(cli.Process{Getenv: getenv, In: os.Stdin, Out: stdout, Terminal: isTerminal(stdout)}),
	)
	if err != nil {
		return err
	}
	kongcompletion.Register(parser)
	chosen, err := parser.Parse(args)
	if err != nil {
		return err
	}
	return chosen.Run()
}

// exit is how kong ends early.
type exit struct{}

func isTerminal(w io.Writer) bool {
	file, is := w.(*os.File)
	return is && term.IsTerminal(int(file.Fd()))
}

// process is what a command has of the process it runs in.
type process struct {
	getenv         func(string) string
	stdout, stderr io.Writer
}
