package main

import (
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestEventsPageHasEverySettingOfTheLog holds docs/events.md to the flags.
func TestEventsPageHasEverySettingOfTheLog(t *testing.T) {
	page, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	parser, err := kong.New(&Config{}, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range parser.Model.Flags {
		variable := "CALLGATE_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		switch {
		case strings.HasPrefix(flag.Name, "nats-"):
			if !strings.Contains(string(page), "`--"+flag.Name+"`") || !strings.Contains(string(page), "`"+variable+"`") {
				t.Errorf("the page lacks --%s or %s", flag.Name, variable)
			}
		case strings.HasPrefix(flag.Name, "log-max-"):
			if said := "`--" + flag.Name + "` (" + flag.Default; !strings.Contains(strings.ReplaceAll(string(page), "\n", " "), said) {
				t.Errorf("the page does not say that --%s is %s", flag.Name, flag.Default)
			}
		}
	}
}
