package emulator

import (
	"fmt"
	"strings"
	"testing"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
)

// The page for people who use the emulator on its own must not fall behind.
func TestDocumentationHasEveryRow(t *testing.T) {
	page := string(readFile(t, "../docs/emulator.md"))
	for _, b := range Behaviours() {
		suffix := "`" + b.Suffix + "`"
		if b.Suffix == "" {
			suffix = "any other"
		}
		if row := fmt.Sprintf("| %s | %s | %s |\n", suffix, b.Name, b.Meaning); !strings.Contains(page, row) {
			t.Errorf("no row %s", row)
		}
	}
	for n, name := range emulatorv1.FaultKind_name {
		if n != 0 && !strings.Contains(page, "| `"+name+"` |") {
			t.Errorf("no row for %s", name)
		}
	}
	for _, method := range emulatorv1.Emulator_ServiceDesc.Methods {
		if !strings.Contains(page, "| "+method.MethodName+" |") {
			t.Errorf("no row for %s", method.MethodName)
		}
	}
}
