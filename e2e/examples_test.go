//go:build e2e

// Package e2e does what the README and the pages of docs say, to the letter, with
// a real binary, grpcurl and curl. Comments in them say what must come back:
//
//	<!-- expect: REGEXP -->      the block's output has a match
//	<!-- background: REGEXP -->  the block runs until the end; what follows waits for a match
//	<!-- program: LANGUAGE -->   the block is for readers of that language
package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// block is one fenced example with what is expected of it.
type block struct {
	place      string
	code       string
	program    string
	background *regexp.Regexp
	expect     []*regexp.Regexp
	output     string // file
}

var (
	comment = regexp.MustCompile(`^<!-- (expect|background|program): (.*) -->$`)
	// people are those of the examples, and what speaks for them.
	people = regexp.MustCompile(`425555|800555|res_[a-z]|/callbacks/[^*]|key=[^*]|\beyJ[A-Za-z0-9_-]{4}|Bearer [^*]`)
	// ids are made at random, and have any digits.
	ids     = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	address = regexp.MustCompile(`(?m)^  (gRPC|REST|callbacks|emulator)\s+(?:http://)?([0-9.:]+)`)
)

func TestExamples(t *testing.T) {
	dir := t.TempDir()
	addresses := startGateway(t, dir)
	replacer := strings.NewReplacer(
		"127.0.0.1:9090", addresses["gRPC"], "127.0.0.1:8080", addresses["REST"], "127.0.0.1:8082", addresses["emulator"])
	var blocks []*block
	for _, page := range []string{"README.md", "docs/getting-started.md", "docs/media.md", "docs/reliability.md", "docs/emulator.md", "docs/cli.md", "docs/events.md", "docs/security.md"} {
		text, err := os.ReadFile(filepath.Join("..", page))
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, parse(page, replacer.Replace(string(text)), dir)...)
	}
	if len(blocks) < 15 {
		t.Fatalf("only %d examples found", len(blocks))
	}

	bin, err := filepath.Abs("../.bin")
	if err != nil {
		t.Fatal(err)
	}
	walk(t, dir, blocks, "CALLGATE_ADDR="+addresses["gRPC"], "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH")) // callgate itself
}

// walk runs the examples one after the other in a folder, and looks at what comes.
func walk(t *testing.T, dir string, blocks []*block, env ...string) {
	t.Helper()
	script := exec.Command("bash", "-c", scriptOf(blocks))
	script.Dir = dir
	script.Env = append(os.Environ(), env...)
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
				t.Errorf("%s: no match of %q in\n%s", b.place, want, read(b.output))
			}
		}
	}
}

// build builds the binary, once, where `make build` does.
var build = sync.OnceValues(func() (string, error) {
	binary, err := filepath.Abs("../.bin/callgate")
	if err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/callgate").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return binary, nil
})

// startGateway runs the binary on free ports and says where it is.
func startGateway(t *testing.T, dir string) map[string]string {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	log, err := os.Create(filepath.Join(dir, "gateway.log"))
	if err != nil {
		t.Fatal(err)
	}
	gateway := exec.Command(binary, "--grpc-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0", "--callback-addr=127.0.0.1:0",
		"--emulator-addr=127.0.0.1:0", "--data-dir="+filepath.Join(dir, "data"), "--log-level=debug")
	said, err := os.Create(filepath.Join(dir, "gateway.err"))
	if err != nil {
		t.Fatal(err)
	}
	gateway.Stdout, gateway.Stderr = log, said
	begun := time.Now()
	if err := gateway.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = gateway.Process.Signal(syscall.SIGTERM)
		if err := gateway.Wait(); err != nil {
			t.Errorf("the gateway did not stop cleanly: %v\n%s", err, read(said.Name()))
		}
		for _, line := range bytes.Split(read(said.Name()), []byte("\n")) {
			if people.Match(ids.ReplaceAll(line, []byte("an id"))) {
				t.Errorf("the log tells of people: %s", line)
			}
		}
	})
	addresses := map[string]string{}
	if !eventually(func() bool {
		for _, m := range address.FindAllSubmatch(read(log.Name()), -1) {
			addresses[string(m[1])] = string(m[2])
		}
		return bytes.Contains(read(log.Name()), []byte("CallControl/CreateCall"))
	}) {
		t.Fatalf("the gateway did not start:\n%s%s", read(log.Name()), read(said.Name()))
	}
	t.Logf("ready after %v", time.Since(begun).Round(time.Millisecond))
	return addresses
}

// parse finds a page's examples, but for those that start and test the gateway.
func parse(page, text, dir string) []*block {
	var (
		blocks []*block
		next   = &block{}
		inside bool
	)
	for i, line := range strings.Split(text, "\n") {
		switch m := comment.FindStringSubmatch(line); {
		case m != nil && m[1] == "background":
			next.background = regexp.MustCompile(m[2])
		case m != nil && m[1] == "program":
			next.program = m[2]
		case m != nil:
			next.expect = append(next.expect, regexp.MustCompile(m[2]))
		case line == "```sh":
			inside, next.place = true, fmt.Sprintf("%s:%d", page, i+2)
		case line == "```" && inside:
			inside = false
			if !strings.HasPrefix(next.code, "go run ./cmd/") && !strings.HasPrefix(next.code, "go test ") {
				next.output = filepath.Join(dir, strings.NewReplacer("/", "-", ":", "-").Replace(next.place)+".out")
				blocks = append(blocks, next)
			}
			next = &block{}
		case inside:
			next.code += line + "\n"
		}
	}
	return blocks
}

// scriptOf runs the examples one after the other in one shell.
func scriptOf(blocks []*block) string {
	var script strings.Builder
	script.WriteString("set -euo pipefail\ntrap '[[ $? = 0 ]] || { echo $PLACE:; cat $OUTPUT; } >&2' EXIT\n")
	for _, b := range blocks {
		if b.background == nil {
			fmt.Fprintf(&script, "PLACE=%s OUTPUT=%s\n{ %s} >$OUTPUT 2>&1\n", b.place, b.output, b.code)
			continue
		}
		fmt.Fprintf(&script, "{ %s} >%s 2>/dev/null </dev/null &\n", b.code, b.output)
		fmt.Fprintf(&script, "for i in $(seq 1200); do grep -qE '%s' %s 2>/dev/null && break; sleep 0.1; done\n", b.background, b.output)
	}
	return script.String()
}

func read(name string) []byte {
	raw, _ := os.ReadFile(name) // not there yet is empty
	return raw
}

// eventually waits for what other processes do: only asking tells that it is so.
func eventually(is func() bool) bool {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if is() {
			return true
		}
	}
	return is()
}
