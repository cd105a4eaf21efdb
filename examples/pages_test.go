// Package examples has the programs of the tutorials, and holds the pages to what
// they speak of.
package examples

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages are README.md and all of docs, by path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	load := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(text)
	}
	load("../README.md")
	load("README.md")
	err := filepath.WalkDir("../docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			load(path)
		}
		return err
	})
	if err != nil || len(texts) < 10 {
		t.Fatalf("%d pages, %v", len(texts), err)
	}
	return texts
}

var quote = regexp.MustCompile("(?m)^<!-- from: (.+) -->\n```[a-z]+\n((?s).*?)^```$")

// TestQuotes holds the code in the tutorials to the programs it is from.
func TestQuotes(t *testing.T) {
	found := 0
	for path, text := range pages(t) {
		for _, m := range quote.FindAllStringSubmatch(text, -1) {
			found++
			program, err := os.ReadFile(filepath.Join("..", m[1]))
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			if !strings.Contains(flush(string(program)), flush(m[2])) {
				t.Errorf("%s: this is not in %s:\n%s", path, m[1], m[2])
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d quotes found", found)
	}
}

// flush is code without its indentation, which a quote has less of.
func flush(code string) string {
	lines := strings.Split(code, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fence   = regexp.MustCompile("(?ms)^```.*?^```$")
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	marks   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestLinks looks whether what the pages lead to is there.
func TestLinks(t *testing.T) {
	texts := pages(t)
	for path, text := range texts {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s leads nowhere: %s", path, m[1])
			} else if anchor != "" && !anchors(texts[target])[anchor] {
				t.Errorf("%s: no such section: %s", path, m[1])
			}
		}
	}
}

// anchors are the names that a page's headings have.
func anchors(text string) map[string]bool {
	names := make(map[string]bool)
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		names[strings.ReplaceAll(marks.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return names
}
