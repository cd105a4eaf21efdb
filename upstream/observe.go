package upstream

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/callgate/callgate/telemetry"
)

// observer tells how operations go, in metrics and spans. Neither has an
// operation's path or values: they name people.
type observer struct {
	requests *prometheus.HistogramVec
	tries    *prometheus.CounterVec
	tracer   trace.Tracer // nil: no spans are taken
}

func newObserver(opts Options, g *guard) *observer {
	metrics := promauto.With(opts.Registerer)
	metrics.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "callgate_upstream_in_flight", Help: "Tries that are on their way to the upstream.",
	}, func() float64 { return float64(g.limiter.Inflight()) })
	metrics.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "callgate_upstream_circuit_open", Help: "1 while the upstream is left alone because it failed too often.",
	}, func() float64 {
		if g.breaker.IsOpen() {
			return 1
		}
		return 0
	})
	o := &observer{
		requests: metrics.NewHistogramVec(telemetry.Histogram("callgate_upstream_request_seconds",
			"Time that operations of the upstream took, repetitions and pauses included, by operation and the status that decided them (none: no answer).",
			telemetry.Buckets(0.005, 14)), []string{"operation", "status"}),
		tries: metrics.NewCounterVec(prometheus.CounterOpts{
			Name: "callgate_upstream_tries_total", Help: "Tries of operations of the upstream, by operation and status.",
		}, []string{"operation", "status"}),
	}
	if opts.TracerProvider != nil {
		o.tracer = opts.TracerProvider.Tracer("github.com/callgate/callgate/upstream")
	}
	return o
}

// do performs an operation: see send.
func (c *Client) do(ctx context.Context, op operation, out any) (err error) {
	op.requestID = uuid.NewString()
	ctx, end := c.observer.begin(ctx, op)
	defer func() { end(err) }()
	return c.send(ctx, op, out)
}

// begin watches an operation until end is told how it went.
func (o *observer) begin(ctx context.Context, op operation) (_ context.Context, end func(error)) {
	begun := time.Now()
	ctx, span := o.span(ctx, op)
	return ctx, func(err error) {
		status := op.want
		if err != nil {
			status = 0
			var failed *Error
			if errors.As(err, &failed) {
				status = failed.StatusCode
			}
		}
		if span != nil {
			endSpan(span, status, err)
		}
		o.requests.WithLabelValues(op.name, statusLabel(status)).Observe(time.Since(begun).Seconds())
	}
}

// span is that of an operation; nil where none are taken.
func (o *observer) span(ctx context.Context, op operation) (context.Context, trace.Span) {
	if o.tracer == nil {
		return ctx, nil
	}
	return o.tracer.Start(ctx, "upstream "+op.name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("http.request.method", op.method),
		attribute.String("callgate.upstream_client_request_id", op.requestID)))
}

func endSpan(span trace.Span, status int, err error) {
	if err != nil {
		span.SetStatus(codes.Error, statusLabel(status))
	}
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	span.End()
}

// tried counts one try.
func (o *observer) tried(operation string, status int) {
	o.tries.WithLabelValues(operation, statusLabel(status)).Inc()
}

// statusLabel is a status that HTTP has a name for; "none" for no answer.
func statusLabel(status int) string {
	switch {
	case status == 0:
		return "none"
	case http.StatusText(status) == "":
		return "other"
	}
	return strconv.Itoa(status)
}
