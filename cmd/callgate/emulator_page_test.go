package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/callgate/callgate/emulator"
)

// TestEmulatorPageListsBehaviours holds the page's table to the emulator.
func TestEmulatorPageListsBehaviours(t *testing.T) {
	raw, err := os.ReadFile("../../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(raw), "<!-- behaviours -->\n")
	if !found {
		t.Fatal("the page has no table of behaviours")
	}
	for _, b := range emulator.Behaviours() {
		suffix := "`" + b.Suffix + "`"
		if b.Suffix == "" {
			suffix = "any other"
		}
		if row := fmt.Sprintf("| %s | %s | %s |\n", suffix, b.Name, b.Meaning); !strings.Contains(table, row) {
			t.Errorf("the page lacks the row\n%s", row)
		}
	}
}
