package server

import (
	"context"

	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/callgate/callgate/telemetry"
)

// newRPCMetrics count RPCs by service, method and code, which are all known: a
// method that there is not is not counted.
func newRPCMetrics(reg prometheus.Registerer) *grpcprom.ServerMetrics {
	m := grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram(func(o *prometheus.HistogramOpts) {
		*o = telemetry.Histogram(o.Name, "Time that RPCs took; of streams, how long they were open.", telemetry.Buckets(0.001, 16))
	}))
	if reg != nil {
		reg.MustRegister(m)
	}
	return m
}

// withExemplar has the time of an RPC point to its trace.
var withExemplar = grpcprom.WithExemplarFromContext(func(ctx context.Context) prometheus.Labels {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsSampled() {
		return nil
	}
	return prometheus.Labels{"trace_id": span.TraceID().String()}
})

// tracing takes a span of each RPC, in the trace that the client says it is part
// of. Our metrics are Prometheus's.
func tracing(provider trace.TracerProvider) []grpc.ServerOption {
	if provider == nil {
		return nil
	}
	return []grpc.ServerOption{grpc.StatsHandler(otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(provider),
		otelgrpc.WithMeterProvider(noop.NewMeterProvider()),
		otelgrpc.WithPropagators(propagation.TraceContext{}),
	))}
}
