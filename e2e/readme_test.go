//go:build e2e

// Package e2e does what the README says, to the letter, with a real binary,
// grpcurl and curl. Comments in the README say what must come back:
//
//	<!-- expect: REGEXP -->      the block's output has a match
//	<!-- background: REGEXP -->  the block runs until the end; what follows waits for a match
package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// block is one fenced example with what is expected of it.
type block struct {
	line       int
	code       string
	background *regexp.Regexp
	expect     []*regexp.Regexp
	output     string // file
}

var (
	comment = regexp.MustCompile(`^<!-- (expect|background): (.*) -->$`)
	address = regexp.MustCompile(`(?m)^  (gRPC|REST|callbacks|emulator)\s+(?:http://)?([0-9.:]+)`)
)

func TestREADME(t *testing.T) {
	dir := t.TempDir()
	addresses := startGateway(t, dir)
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	replacer := strings.NewReplacer(
		"127.0.0.1:9090", addresses["gRPC"], "127.0.0.1:8080", addresses["REST"], "127.0.0.1:8082", addresses["emulator"])
	blocks := parse(t, replacer.Replace(string(readme)), dir)

	script := exec.Command("bash", "-c", scriptOf(blocks))
	script.Dir = dir
	script.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var trouble bytes.Buffer
	script.Stderr = &trouble
	if err := script.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(-script.Process.Pid, syscall.SIGKILL) }() // the streams
	if err := script.Wait(); err != nil {
		t.Fatalf("the walk-through stopped: %v\n%s", err, trouble.String())
	}
	for _, b := range blocks {
		for _, want := range b.expect {
			// Only the streams may still have something to bring.
			if !want.Match(read(b.output)) && (b.background == nil || !eventually(func() bool { return want.Match(read(b.output)) })) {
				t.Errorf("README line %d: no match of %q in\n%s", b.line, want, read(b.output))
			}
		}
	}
}

// startGateway builds the binary, runs it on free ports and says where it is.
func startGateway(t *testing.T, dir string) map[string]string {
	t.Helper()
	binary := filepath.Join(dir, "callgate")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/callgate").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	log, err := os.Create(filepath.Join(dir, "gateway.log"))
	if err != nil {
		t.Fatal(err)
	}
	gateway := exec.Command(binary, "--grpc-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0", "--callback-addr=127.0.0.1:0",
		"--emulator-addr=127.0.0.1:0", "--data-dir="+filepath.Join(dir, "data"))
	gateway.Stdout, gateway.Stderr = log, log
	begun := time.Now()
	if err := gateway.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = gateway.Process.Signal(syscall.SIGTERM)
		if err := gateway.Wait(); err != nil {
			t.Errorf("the gateway did not stop cleanly: %v\n%s", err, read(log.Name()))
		}
	})
	addresses := map[string]string{}
	if !eventually(func() bool {
		for _, m := range address.FindAllSubmatch(read(log.Name()), -1) {
			addresses[string(m[1])] = string(m[2])
		}
		return bytes.Contains(read(log.Name()), []byte("CallControl/CreateCall"))
	}) {
		t.Fatalf("the gateway did not start:\n%s", read(log.Name()))
	}
	t.Logf("ready after %v", time.Since(begun).Round(time.Millisecond))
	return addresses
}

// parse finds the README's examples, but for the two set-up commands.
func parse(t *testing.T, readme, dir string) []*block {
	t.Helper()
	var (
		blocks []*block
		next   = &block{}
		inside bool
	)
	for i, line := range strings.Split(readme, "\n") {
		switch m := comment.FindStringSubmatch(line); {
		case m != nil && m[1] == "background":
			next.background = regexp.MustCompile(m[2])
		case m != nil:
			next.expect = append(next.expect, regexp.MustCompile(m[2]))
		case line == "```sh":
			inside, next.line = true, i+2
		case line == "```" && inside:
			inside = false
			if !strings.HasPrefix(next.code, "go ") {
				next.output = filepath.Join(dir, fmt.Sprintf("block-%d.out", len(blocks)))
				blocks = append(blocks, next)
			}
			next = &block{}
		case inside:
			next.code += line + "\n"
		}
	}
	if len(blocks) < 10 {
		t.Fatalf("only %d examples found", len(blocks))
	}
	return blocks
}

// scriptOf runs the examples one after the other in one shell.
func scriptOf(blocks []*block) string {
	var script strings.Builder
	script.WriteString("set -euo pipefail\ntrap '[[ $? = 0 ]] || { echo README line $LINE:; cat $OUTPUT; } >&2' EXIT\n")
	for _, b := range blocks {
		if b.background == nil {
			fmt.Fprintf(&script, "LINE=%d OUTPUT=%s\n{ %s} >$OUTPUT 2>&1\n", b.line, b.output, b.code)
			continue
		}
		fmt.Fprintf(&script, "{ %s} >%s 2>/dev/null </dev/null &\n", b.code, b.output)
		fmt.Fprintf(&script, "for i in $(seq 100); do grep -qE '%s' %s 2>/dev/null && break; sleep 0.1; done\n", b.background, b.output)
	}
	return script.String()
}

func read(name string) []byte {
	raw, _ := os.ReadFile(name) // not there yet is empty
	return raw
}

func eventually(is func() bool) bool {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if is() {
			return true
		}
	}
	return is()
}
