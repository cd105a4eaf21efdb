package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/callgate/callgate/emulator"
)

// TestREADMEListsBehaviours holds the README's table to the emulator.
func TestREADMEListsBehaviours(t *testing.T) {
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(raw), "<!-- behaviours -->\n")
	if !found {
		t.Fatal("the README has no table of behaviours")
	}
	for _, b := range emulator.Behaviours() {
		suffix := b.Suffix
		if suffix == "" {
			suffix = "anything else"
		}
		if row := fmt.Sprintf("| %s | %s | %s |\n", suffix, b.Name, b.Meaning); !strings.Contains(table, row) {
			t.Errorf("the README lacks the row\n%s", row)
		}
	}
}
