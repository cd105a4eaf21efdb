//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
			addresses := startGateway(t, dir, "--emulator-time-scale=10")
			replacer := strings.NewReplacer("127.0.0.1:8080", addresses["REST"], "127.0.0.1:8082", addresses["emulator"],
				"/tmp/callgate-billing", filepath.Join(dir, "billing"))
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
