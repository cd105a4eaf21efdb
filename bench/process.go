package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/procfs"
)

// bench is what all measurements share.
type bench struct {
	self     string // this program
	source   string // of callgate
	callgate string // the gateway, built anew
	dir      string // removed at the end
	scale    float64
	folders  int
	logs     map[int]string // folders with logs of so many events
}

func newBench(ctx context.Context, source string, scale float64) (*bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "callgate-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{self: self, source: source, callgate: filepath.Join(dir, "callgate"), dir: dir, scale: scale, logs: make(map[int]string)}
	if err := b.build(ctx); err != nil {
		b.close()
		return nil, fmt.Errorf("build callgate: %w", err)
	}
	return b, nil
}

// build makes the gateway as releases are made, and installs it by writing it anew: of a
// file that the linker wrote, the system has small pages in memory, and starting it takes
// longer.
func (b *bench) build(ctx context.Context) error {
	built := filepath.Join(b.dir, "built")
	build := exec.CommandContext(ctx, "go", "build", "-C", b.source, "-trimpath", "-ldflags=-s -w", "-o", built, "./cmd/callgate") //nolint:gosec // whoever runs this names the folder
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	program, err := os.ReadFile(built)
	if err != nil {
		return err
	}
	return os.WriteFile(b.callgate, program, 0o700) //nolint:gosec // it is to be executed
}

func (b *bench) close() { _ = os.RemoveAll(b.dir) }

// folder is a new one.
func (b *bench) folder() string {
	b.folders++
	return filepath.Join(b.dir, fmt.Sprint("folder-", b.folders))
}

// scaled is n, times the scale, and not nothing.
func (b *bench) scaled(n int) int { return max(1, int(float64(n)*b.scale)) }

// child is a process that is measured, or that measures. It is told what to do by
// lines, and answers by lines of JSON.
type child struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	log  *tail
}

func (b *bench) start(ctx context.Context, name, program string, env []string, args ...string) (*child, error) {
	c := &child{name: name, cmd: exec.CommandContext(ctx, program, args...), log: &tail{}} //nolint:gosec // callgate or ourselves
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Stderr = c.log
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	return c, c.cmd.Start()
}

// role starts this program as one of its roles, and waits until it is ready.
func (b *bench) role(ctx context.Context, name string, settings any) (*child, error) {
	raw, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	c, err := b.start(ctx, name, b.self, nil, "role", name, string(raw))
	if err != nil {
		return nil, err
	}
	return c, nil
}

// tell sends a line.
func (c *child) tell(line string) error {
	_, err := io.WriteString(c.in, line+"\n")
	return err
}

// hear decodes the next line.
func (c *child) hear(into any) error {
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s ended: %w\n%s", c.name, err, c.log)
	}
	if err := json.Unmarshal(line, into); err != nil {
		return fmt.Errorf("%s said %q: %w", c.name, line, err)
	}
	return nil
}

// cpu is how much processor time the process has used.
func (c *child) cpu() (time.Duration, error) {
	return cpuOf(c.cmd.Process.Pid)
}

func cpuOf(process int) (time.Duration, error) {
	stat, err := statOf(process)
	return time.Duration(stat.CPUTime() * float64(time.Second)), err
}

// memory is how much of it is resident, in bytes.
func (c *child) memory() (int, error) {
	stat, err := statOf(c.cmd.Process.Pid)
	return stat.ResidentMemory(), err
}

func statOf(process int) (procfs.ProcStat, error) {
	proc, err := procfs.NewProc(process)
	if err != nil {
		return procfs.ProcStat{}, err
	}
	return proc.Stat()
}

// stop ends the process, and waits for it.
func (c *child) stop() {
	_ = c.in.Close() // ends a role
	_ = c.cmd.Process.Signal(os.Interrupt)
	kill := time.AfterFunc(15*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	_, _ = io.Copy(io.Discard, c.out)
	_ = c.cmd.Wait() // how it ends is of no interest: what it said was read before
}

// tail keeps the end of what a process complains of.
type tail struct{ text []byte }

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - 8<<10; over > 0 {
		t.text = t.text[over:]
	}
	return len(p), nil
}

// String is what was kept.
func (t *tail) String() string { return string(t.text) }

// gateway is a callgate that runs.
type gateway struct {
	*child
	grpc, http string // addresses
}

var listening = regexp.MustCompile(`^  (gRPC|REST)\s+(?:http://)?([0-9.:]+)`)

// gateway starts callgate on free ports and waits until it says that it is ready.
func (b *bench) gateway(ctx context.Context, env []string, args ...string) (*gateway, error) {
	callbacks, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	args = append([]string{"serve", "--grpc-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0", "--callback-addr=" + callbacks, "--log-level=warn",
		"--max-streams-per-client=20000", "--max-streams=20000"}, args...)
	c, err := b.start(ctx, "callgate", b.callgate, env, args...)
	if err != nil {
		return nil, err
	}
	g := &gateway{child: c}
	for ready := false; !ready; {
		line, err := c.out.ReadString('\n')
		if err != nil {
			c.stop()
			return nil, fmt.Errorf("callgate did not start: %w\n%s", err, c.log)
		}
		ready = strings.Contains(line, "CallControl/CreateCall") // the last line of its welcome
		if found := listening.FindStringSubmatch(line); found != nil {
			switch found[1] {
			case "gRPC":
				g.grpc = found[2]
			case "REST":
				g.http = found[2]
			}
		}
	}
	return g, nil
}
