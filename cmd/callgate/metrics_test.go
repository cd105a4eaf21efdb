package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/grpc/codes"

	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// metrics are what the gateway tells a scrape.
func (g *gateway) metrics(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	resp, err := g.http.Get(g.httpURL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// series are all time series, but for those of the Go runtime, by name and labels.
func series(families map[string]*dto.MetricFamily) []string {
	var all []string
	for name, family := range families {
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := []string{}
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			all = append(all, name+"{"+strings.Join(labels, ",")+"}")
		}
	}
	slices.Sort(all)
	return all
}

// labelValues are the words that a label may have: what is sent or received is not
// among them.
var labelValues = map[string]func(string) bool{
	"grpc_service": func(v string) bool {
		return strings.HasPrefix(v, "callgate.v1.") || strings.HasPrefix(v, "grpc.health.") || strings.HasPrefix(v, "grpc.reflection.")
	},
	"grpc_method": regexp.MustCompile(`^[A-Z][A-Za-z]+$`).MatchString,
	"grpc_type":   oneOf("unary", "server_stream", "bidi_stream"),
	"grpc_code": func(v string) bool {
		for c := codes.OK; c <= codes.Unauthenticated; c++ {
			if c.String() == v {
				return true
			}
		}
		return false
	},
	"operation": regexp.MustCompile(`^[a-z][A-Za-z]+$`).MatchString,
	"status":    regexp.MustCompile(`^([1-5][0-9][0-9]|none|other|succeeded|failed|canceled|call_ended)$`).MatchString,
	"action": func(v string) bool {
		_, known := callgatev1.Action_value["ACTION_"+strings.ToUpper(v)]
		return known
	},
	"type":       regexp.MustCompile(`^[A-Z][A-Za-z]+$|^other$`).MatchString,
	"endpoint":   oneOf("callbacks", "eventgrid"),
	"verdict":    regexp.MustCompile(`^[a-z_]+$`).MatchString,
	"result":     oneOf("stored", "duplicate", "failed"),
	"reason":     oneOf("retention", "deleted", "unspecified"),
	"version":    func(string) bool { return true }, // one per process
	"go_version": func(string) bool { return true },
}

func oneOf(words ...string) func(string) bool {
	return func(v string) bool { return slices.Contains(words, v) }
}

// TestMetricsDoNotGrowWithTraffic: the same traffic again, with other numbers, ids,
// contexts and nonsense, makes no new time series.
func TestMetricsDoNotGrowWithTraffic(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	tokens, err := eventstream.NewTokens(key)
	if err != nil {
		t.Fatal(err)
	}
	eventGrid := eventstream.EventGridPath + "?key=" + tokens.EventGrid()
	g := startWith(t, env("CALLGATE_CALLBACK_KEY", base64.StdEncoding.EncodeToString(key)))
	everything := g.stream(t, &callgatev1.StreamEventsRequest{})
	g.traffic(t, eventGrid, everything, 1)
	before := series(g.metrics(t))
	for round := 2; round < 5; round++ {
		g.traffic(t, eventGrid, everything, round)
	}
	families := g.metrics(t)
	for _, s := range series(families) {
		if !slices.Contains(before, s) {
			t.Errorf("a new time series: %s", s)
		}
	}
	for name, family := range families {
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if may, known := labelValues[l.GetName()]; !known || !may(l.GetValue()) {
					t.Errorf("%s has the label %s=%q", name, l.GetName(), l.GetValue())
				}
			}
		}
	}
	for _, tc := range []struct {
		series  string
		atLeast float64
	}{
		{`callgate_action_outcome_seconds{action=create_call,status=succeeded}`, 4},
		{`callgate_action_outcome_seconds{action=create_call,status=failed}`, 4},
		{`callgate_events_received_total{type=CallConnected}`, 4},
		{`callgate_events_received_total{type=other}`, 4},
		{`callgate_callbacks_total{endpoint=callbacks,verdict=bad_token}`, 4},
		{`callgate_upstream_request_seconds{operation=createCall,status=201}`, 12},
		{`callgate_upstream_request_seconds{operation=getCall,status=404}`, 4},
		{`callgate_upstream_tries_total{operation=getCall,status=404}`, 4},
		{`callgate_event_delay_seconds{}`, 4},
		{`callgate_publish_delay_seconds{}`, 4},
		{`callgate_log_up{}`, 1},
		{`callgate_log_size_records{}`, 4},
		{`callgate_log_size_bytes{}`, 100},
		{`callgate_subscriptions{}`, 1},
	} {
		if got := value(families, tc.series); got < tc.atLeast {
			t.Errorf("%s is %v, want %v or more", tc.series, got, tc.atLeast)
		}
	}
	waitUntil(t, "the hub has read all of the log", func() bool { return value(g.metrics(t), "callgate_hub_lag_records{}") == 0 })
}

// traffic is a bit of everything, told apart by round; with events of Event Grid
// where its path is given.
func (g *gateway) traffic(t *testing.T, eventGrid string, seen *events, round int) {
	t.Helper()
	c := &commandLine{addr: g.grpcAddr}
	call := c.must(t, "callConnection.callConnectionId", "call", "create", fmt.Sprintf("+1425555%03d9", round), caller, "--wait=60s", "--context=order")
	c.run(t, "call", "create", fmt.Sprintf("+142%d5550486", round), caller, "--wait=60s")
	c.run(t, "call", "create", fmt.Sprintf("+142%d5550408", round), caller, fmt.Sprintf("--context=%d", round))
	c.run(t, "call", "get", fmt.Sprintf("nobody-%d", round))
	c.run(t, "participants", "get", call, fmt.Sprintf("8:acs:nobody_%d", round))
	c.run(t, "call", "hangup", call, "--wait=60s")
	seen.find(t, callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_DISCONNECTED, ofCall(call))
	for path, body := range map[string]string{
		fmt.Sprintf("/callbacks/nonsense%d", round): "[]",
		fmt.Sprintf("/nonsense%d", round):           "[]",
	} {
		resp, err := g.http.Post(g.callbackURL+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	resp, err := g.http.Get(fmt.Sprintf("%s/v1/nonsense%d", g.httpURL, round))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	_ = g.conn.Invoke(t.Context(), fmt.Sprintf("/callgate.v1.CallControl/Nonsense%d", round), &callgatev1.GetCallRequest{}, &callgatev1.GetCallResponse{})
	if eventGrid != "" {
		post(t, g.callbackURL+eventGrid, unknownEvent(round))
	}
}

// value is a time series' value, of a histogram the count.
func value(families map[string]*dto.MetricFamily, wanted string) float64 {
	name, _, _ := strings.Cut(wanted, "{")
	for _, m := range families[name].GetMetric() {
		one := &dto.MetricFamily{Name: &name, Metric: []*dto.Metric{m}}
		if series(map[string]*dto.MetricFamily{name: one})[0] == wanted {
			return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return -1
}

func unknownEvent(round int) string {
	raw, _ := json.Marshal([]map[string]any{{
		"id": fmt.Sprintf("unknown-%d", round), "topic": "/x", "subject": "s", "eventType": fmt.Sprintf("Microsoft.Communication.Newer%d", round),
		"eventTime": "2026-11-01T08:00:00Z", "dataVersion": "1", "data": map[string]any{},
	}})
	return string(raw)
}
