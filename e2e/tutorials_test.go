//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestTutorials goes through the tutorials in each language, as somebody who reads
// them, against a gateway of its own.
func TestTutorials(t *testing.T) {
	pages := []string{"docs/tutorials/README.md", "docs/tutorials/ivr.md", "docs/tutorials/campaign.md", "docs/tutorials/consumer.md"}
	for language, needs := range map[string]string{"go": "go", "python": "python3", "typescript": "npm", "curl": "setsid"} {
		t.Run(language, func(t *testing.T) {
			if _, err := exec.LookPath(needs); err != nil {
				t.Fatal(err)
			}
			t.Parallel()
			dir := t.TempDir()
			addresses := startGateway(t, dir)
			replacer := strings.NewReplacer("127.0.0.1:8080", addresses["REST"], "127.0.0.1:8082", addresses["emulator"],
				"$PWD/billing", filepath.Join(dir, "billing"))
			var blocks []*block
			for _, page := range pages {
				text, err := os.ReadFile(filepath.Join("..", page))
				if err != nil {
					t.Fatal(err)
				}
				for _, b := range parse(page, replacer.Replace(string(text)), dir) {
					if b.program == "" || b.program == language {
						blocks = append(blocks, b)
					}
				}
			}
			if len(blocks) < 12 {
				t.Fatalf("only %d examples found", len(blocks))
			}
			walk(t, "..", blocks, "CALLGATE_ADDR="+addresses["gRPC"], "CALLGATE_URL=http://"+addresses["REST"])
		})
	}
}

// TestIVRIsKilled kills the IVR while a caller hears its menu: another goes on with
// the same caller, and does nothing again that was done.
func TestIVRIsKilled(t *testing.T) {
	for language, command := range map[string]string{
		"go": "go run ./examples/go/ivr", "python": "python3 examples/python/ivr.py",
		"typescript": "npm run ivr --prefix examples/typescript", "curl": "examples/curl/ivr.sh",
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			addresses := startGateway(t, dir)
			rest, control := "http://"+addresses["REST"]+"/v1/", "http://"+addresses["emulator"]+"/control/v1/"
			env := []string{"CALLGATE_ADDR=" + addresses["gRPC"], "CALLGATE_URL=http://" + addresses["REST"]}

			kill, _ := start(t, command, filepath.Join(dir, "first"), env)
			await(t, rest+"groups/ivr", "memberId")
			resp, err := http.Post(control+"incomingCalls", "application/json", strings.NewReader(`{"from":"+14255550123","to":"+18005550100"}`))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			await(t, control+"requests?operation=recognize", "EFFECT_PERFORMED")
			kill()

			_, output := start(t, command, filepath.Join(dir, "second"), env)
			if !eventually(func() bool { return strings.Contains(output(), "said goodbye") }) {
				t.Fatalf("nobody went on: %s", output())
			}
			for _, operation := range []string{"answerCall", "recognize", "play", "terminateCall"} {
				if n := strings.Count(get(t, control+"requests?operation="+operation), "EFFECT_PERFORMED"); n != 1 {
					t.Errorf("%s was done %d times", operation, n)
				}
			}
		})
	}
}

// start runs a command as somebody at the root of the repository would, until it is
// killed, as by kill -9.
func start(t *testing.T, command, output string, env []string) (kill func(), said func() string) {
	t.Helper()
	file, err := os.Create(output)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command("bash", "-c", command)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "..", file, file
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	t.Cleanup(kill)
	return kill, func() string { return string(read(output)) }
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func await(t *testing.T, url, want string) {
	t.Helper()
	if !eventually(func() bool { return strings.Contains(get(t, url), want) }) {
		t.Fatalf("%s: no %s in %s", url, want, get(t, url))
	}
}
