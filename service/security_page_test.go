package service

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/callgate/callgate/access"
)

// TestSecurityPageIsTrue holds what docs/security.md says of roles, numbers and
// reasons to what there is.
func TestSecurityPageIsTrue(t *testing.T) {
	raw, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	rows := map[access.Role]string{}
	for _, role := range access.Roles() {
		rows[role] = regexp.MustCompile(fmt.Sprintf("(?m)^\\| `%s` \\|.*$", role)).FindString(page)
	}
	for name, m := range methods {
		if m.role == "" {
			continue
		}
		said := "`" + strings.TrimPrefix(strings.TrimPrefix(name, "/callgate.v1."), "/") + "`"
		if !strings.Contains(rows[m.role], said) {
			t.Errorf("the page does not say that a %s may call %s", m.role, said)
		}
	}
	_, dear, _ := strings.Cut(page, "<!-- dear -->")
	dear, _, _ = strings.Cut(dear, "<!-- /dear -->")
	var listed []string
	for _, m := range regexp.MustCompile("`([+0-9]+)`").FindAllStringSubmatch(dear, -1) {
		listed = append(listed, m[1])
	}
	if !slices.Equal(listed, access.Dear) {
		t.Errorf("the page denies %v, the code %v", listed, access.Dear)
	}
	if !strings.Contains(page, fmt.Sprintf("less than %d characters", access.MinStaticToken)) {
		t.Error("the page does not say how long a token must be")
	}
}
