package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// series of a query: a name that looks like one of a metric, and its matchers.
var queried = regexp.MustCompile(`\b((?:callgate|grpc_server|process)_[a-z_]+)\b(?:\{([^}]*)\})?`)

// TestDashboardAndAlertsAskForWhatThereIs holds deploy/ to a running gateway.
func TestDashboardAndAlertsAskForWhatThereIs(t *testing.T) {
	g := start(t)
	g.stream(t, &callgatev1.StreamEventsRequest{Group: "watched"})
	g.traffic(t, "", g.stream(t, &callgatev1.StreamEventsRequest{}), 1)
	waitUntil(t, "the group is measured", func() bool { return g.metrics(t)["callgate_group_pending_events"] != nil })
	families := g.metrics(t)
	for _, file := range []string{"../../deploy/helm/callgate/files/dashboard.json", "../../deploy/helm/callgate/files/alerts.yaml"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		queries := 0
		for _, query := range queriesOf(t, file, raw) {
			for _, m := range queried.FindAllStringSubmatch(query, -1) {
				queries++
				family := familyOf(families, m[1])
				if family == nil {
					t.Errorf("%s asks for %s, which there is not: %s", file, m[1], query)
					continue
				}
				for _, matcher := range strings.Split(m[2], ",") {
					label, _, _ := strings.Cut(strings.TrimSpace(matcher), "=")
					label = strings.TrimRight(label, "!")
					if label != "" && label != "instance" && label != "job" && !hasLabel(family, label) {
						t.Errorf("%s asks for the label %s of %s, which there is not", file, label, m[1])
					}
				}
			}
		}
		if queries < 10 {
			t.Errorf("%s: only %d queries found", file, queries)
		}
	}
}

// queriesOf are the lines that have queries, unescaped.
func queriesOf(t *testing.T, file string, raw []byte) []string {
	t.Helper()
	if strings.HasSuffix(file, ".yaml") {
		return strings.Split(string(raw), "\n")
	}
	var dashboard struct {
		Panels     []struct{ Targets []struct{ Expr string } }
		Templating struct{ List []struct{ Query string } }
	}
	if err := json.Unmarshal(raw, &dashboard); err != nil {
		t.Fatal(err)
	}
	var queries []string
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			queries = append(queries, target.Expr)
		}
	}
	for _, variable := range dashboard.Templating.List {
		queries = append(queries, variable.Query)
	}
	return queries
}

// familyOf finds a metric by the name of one of its series.
func familyOf(families map[string]*dto.MetricFamily, name string) *dto.MetricFamily {
	if family := families[name]; family != nil && family.GetType() != dto.MetricType_HISTOGRAM {
		return family
	}
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		if family := families[strings.TrimSuffix(name, suffix)]; strings.HasSuffix(name, suffix) && family.GetType() == dto.MetricType_HISTOGRAM {
			return family
		}
	}
	return nil
}

func hasLabel(family *dto.MetricFamily, label string) bool {
	for _, m := range family.GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetName() == label {
				return true
			}
		}
	}
	return false
}
