package eventstream

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
)

const tracerName = "github.com/callgate/callgate/eventstream"

// maxLinked bounds the events of a batch that its span tells of; a span has room
// for 128 links and events.
const maxLinked = 100

// traced serves a request in a span of its own. It begins a trace: what a stranger
// says of traces is not believed. The request's path, which holds a secret, is not
// in it.
func (rc *Receiver) traced(r *http.Request, endpoint string, serve func(*http.Request) (verdict, error)) (verdict, error) {
	ctx, span := rc.tracer.Start(r.Context(), "receive "+endpoint, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithNewRoot())
	defer span.End()
	v, err := serve(r.WithContext(ctx))
	span.SetAttributes(attribute.String("callgate.verdict", string(v)))
	if err != nil {
		span.SetStatus(codes.Error, string(v))
	}
	return v, err
}

// link tells in the span which events came, and links to the requests that they
// come from.
func (rc *Receiver) link(ctx context.Context, records []*logv1.Record) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.Int("callgate.events", len(records)))
	linked := map[trace.SpanID]bool{}
	for _, record := range records[:min(len(records), maxLinked)] {
		ev := record.GetEvent()
		span.AddEvent(typeLabel(ev.GetType()), trace.WithAttributes(
			attribute.String("callgate.call_connection_id", ev.GetCallConnectionId()),
			attribute.String("callgate.event_id", ev.GetId())))
		if rc.options.Cause == nil {
			continue
		}
		if cause, known := rc.options.Cause(ev); known && !linked[cause.SpanID()] {
			linked[cause.SpanID()] = true
			span.AddLink(trace.Link{SpanContext: cause})
		}
	}
}
