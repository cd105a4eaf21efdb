package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
)

// flushTimeout bounds the sending of the last spans.
const flushTimeout = 5 * time.Second

// Tracing is where spans go. The zero value takes none.
type Tracing struct {
	provider *sdktrace.TracerProvider
	logger   *slog.Logger
}

// NewTracing sends spans by OTLP if the standard variables say where
// (OTEL_EXPORTER_OTLP_ENDPOINT and the like) or OTEL_TRACES_EXPORTER=otlp says so; the
// SDK and the exporter read them, and all the others, themselves. Else it takes none.
func NewTracing(ctx context.Context, getenv func(string) string, version string, logger *slog.Logger) (*Tracing, error) {
	wanted, err := tracingWanted(getenv)
	if err != nil || !wanted {
		return &Tracing{}, err
	}
	exporter, err := newExporter(ctx, getenv)
	if err != nil {
		return nil, fmt.Errorf("OpenTelemetry: %w", err)
	}
	res, err := resource.New(ctx,
		resource.WithAttributes(semconv.ServiceName("callgate"), semconv.ServiceVersion(version)),
		resource.WithHost(), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("OpenTelemetry: %w", err), exporter.Shutdown(ctx))
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { logger.Warn("spans were not sent", "error", err) }))
	return &Tracing{provider: sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res)), logger: logger}, nil
}

func tracingWanted(getenv func(string) string) (bool, error) {
	if getenv("OTEL_SDK_DISABLED") == "true" {
		return false, nil
	}
	switch exporter := getenv("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return false, nil
	case "otlp":
		return true, nil
	case "":
		return getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "", nil
	default:
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER=%s: only otlp and none are known", exporter)
	}
}

func newExporter(ctx context.Context, getenv func(string) string) (sdktrace.SpanExporter, error) {
	protocol := getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	if protocol == "" {
		protocol = getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	switch protocol {
	case "grpc":
		return otlptracegrpc.New(ctx)
	case "", "http/protobuf":
		return otlptracehttp.New(ctx)
	}
	return nil, fmt.Errorf("protocol %s: only grpc and http/protobuf are known", protocol)
}

// Provider is nil where no spans are taken.
func (t *Tracing) Provider() trace.TracerProvider {
	if t.provider == nil {
		return nil
	}
	return t.provider
}

// Close sends what has not been sent. That it could not be is no reason for a
// gateway to fail, and is only said.
func (t *Tracing) Close() {
	if t.provider == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.logger.Warn("the last spans were not sent", "error", err)
	}
}
