package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// collector takes spans by OTLP, as the real ones do.
type collector struct {
	mu    sync.Mutex
	spans []*tracev1.Span
	names []string // of the services
}

// ServeHTTP implements http.Handler.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	var req collectorv1.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(raw, &req) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range req.GetResourceSpans() {
		for _, attribute := range resource.GetResource().GetAttributes() {
			if attribute.GetKey() == "service.name" {
				c.names = append(c.names, attribute.GetValue().GetStringValue())
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
}

// find is the span with a name in a trace; any trace when it is nil.
func (c *collector) find(t *testing.T, name string, traceID []byte) *tracev1.Span {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, span := range c.spans {
		if span.GetName() == name && (traceID == nil || bytes.Equal(span.GetTraceId(), traceID)) {
			return span
		}
	}
	t.Fatalf("no span %q of trace %x among %v", name, traceID, c.spans)
	return nil
}

// TestTraceGoesOn: from the client's call over the upstream's request, and from the
// callback back to the call.
func TestTraceGoesOn(t *testing.T) {
	c := &collector{}
	otlp := httptest.NewServer(c)
	defer otlp.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlp.URL) // the exporter reads the process's own
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=gate-7")
	g := startWith(t, os.Getenv)
	everything := g.stream(t, &callgatev1.StreamEventsRequest{})

	traceID, spanID := bytes.Repeat([]byte{0xab}, 16), bytes.Repeat([]byte{0xcd}, 8)
	parent := "00-" + strings.Repeat("ab", 16) + "-" + strings.Repeat("cd", 8) + "-01"
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", parent)
	created, err := callgatev1.NewCallControlClient(g.conn).CreateCall(ctx, &callgatev1.CreateCallRequest{
		Targets: []*callgatev1.CommunicationIdentifier{phone("+14255550123")}, SourceCallerIdNumber: "+18005550100",
	})
	if err != nil {
		t.Fatal(err)
	}
	call := created.GetCallConnection().GetCallConnectionId()
	everything.find(t, callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED, ofCall(call))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.httpURL+"/v1/calls/"+call+"/participants/4%3A%2B14255550123", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Traceparent", parent)
	resp, err := g.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if err := g.stop(); err != nil { // which sends the last spans
		t.Fatal(err)
	}

	rpc := c.find(t, "callgate.v1.CallControl/CreateCall", traceID)
	if !bytes.Equal(rpc.GetParentSpanId(), spanID) {
		t.Errorf("the RPC's parent is %x", rpc.GetParentSpanId())
	}
	if upstream := c.find(t, "upstream createCall", traceID); !bytes.Equal(upstream.GetParentSpanId(), rpc.GetSpanId()) {
		t.Errorf("the parent of the upstream's request is %x, not the RPC", upstream.GetParentSpanId())
	}
	callback := c.find(t, "receive callbacks", nil)
	if len(callback.GetLinks()) != 1 || !bytes.Equal(callback.GetLinks()[0].GetSpanId(), rpc.GetSpanId()) || !bytes.Equal(callback.GetLinks()[0].GetTraceId(), traceID) {
		t.Errorf("the callback links to %v, not to the RPC", callback.GetLinks())
	}
	c.find(t, "callgate.v1.Participants/GetParticipant", traceID)
	if c.names[0] != "gate-7" {
		t.Errorf("the service is called %s", c.names[0])
	}
	if !strings.Contains(g.stderr.String(), "trace_id="+strings.Repeat("ab", 16)) || !strings.Contains(g.stderr.String(), "call_connection_id="+call) {
		t.Errorf("the log does not name the trace, or the call:\n%s", g.stderr)
	}
	for _, span := range c.spans {
		said := protojson.Format(span)
		for _, secret := range []string{"425555", "800555", "callbacks/A"} {
			if strings.Contains(said, secret) {
				t.Errorf("a span has %q: %s", secret, said)
			}
		}
	}
}

func TestTracingSettings(t *testing.T) {
	for _, tc := range []struct {
		name  string
		env   []string
		wrong string
	}{
		{"unknown exporter", []string{"OTEL_TRACES_EXPORTER", "zipkin"}, "OTEL_TRACES_EXPORTER"},
		{"unknown protocol", []string{"OTEL_TRACES_EXPORTER", "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"}, "http/json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := &output{}
			err := run(t.Context(), freePorts(t, nil), env(tc.env...), out, out)
			if err == nil || !strings.Contains(err.Error(), tc.wrong) {
				t.Errorf("%v does not speak of %s", err, tc.wrong)
			}
		})
	}
	for _, off := range [][]string{
		{"OTEL_SDK_DISABLED", "true", "OTEL_TRACES_EXPORTER", "otlp"},
		{"OTEL_TRACES_EXPORTER", "none", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"},
	} {
		g := startWith(t, env(off...))
		if err := g.stop(); err != nil || strings.Contains(g.stderr.String(), "spans") {
			t.Errorf("with %v: %v\n%s", off, err, g.stderr)
		}
	}
}
