package check

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

func parse(t *testing.T, place, query string) {
	t.Helper()
	query = strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*", "$job", ".*").Replace(query)
	if _, err := parser.NewParser(parser.Options{}).ParseExpr(query); err != nil {
		t.Errorf("%s: %v: %s", place, err, query)
	}
}

// TestAlertsAreWhole: each has a query that parses, and what an operator needs.
func TestAlertsAreWhole(t *testing.T) {
	raw, err := os.ReadFile("../helm/callgate/files/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	operations, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.UnmarshalStrict(raw, &file); err != nil {
		t.Fatal(err)
	}
	for _, rule := range file.Groups[0].Rules {
		parse(t, rule.Alert, rule.Expr)
		if _, err := time.ParseDuration(rule.For); rule.For != "" && err != nil {
			t.Errorf("%s: for %s", rule.Alert, rule.For)
		}
		if rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" {
			t.Errorf("%s lacks a severity or a summary", rule.Alert)
		}
		if !strings.Contains(string(operations), "`"+rule.Alert+"`") {
			t.Errorf("docs/operations.md does not say what to do about %s", rule.Alert)
		}
	}
}

func TestDashboardParses(t *testing.T) {
	raw, err := os.ReadFile("../helm/callgate/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(raw, &dashboard); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	for _, panel := range dashboard.Panels {
		if ids[panel.ID] {
			t.Errorf("two panels have the id %d", panel.ID)
		}
		ids[panel.ID] = true
		for _, target := range panel.Targets {
			parse(t, panel.Title, target.Expr)
		}
	}
}
