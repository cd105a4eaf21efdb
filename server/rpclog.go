package server

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// levelOf is how much an RPC's end is of interest: the levels of the two packages
// are the same numbers.
func levelOf(code codes.Code) slog.Level { return slog.Level(logging.DefaultServerCodeToLevel(code)) }

// maxTold is how much that is at most, of an RPC that went well.
const maxTold = 12

// told appends what the log says of an RPC that has ended: whose it was, what call it
// was about, what trace it is part of, and how it ended. It leaves out the error's
// text, which may repeat what the upstream wrote about people; errorAttrs have what
// an operator needs.
func (r *rpc) told(ctx context.Context, attrs []slog.Attr, call string, took time.Duration, err error) []slog.Attr {
	attrs = tell(attrs, "protocol", "grpc")
	attrs = tell(attrs, "grpc.service", r.method.service)
	attrs = tell(attrs, "grpc.method", r.method.name)
	if p, known := peer.FromContext(ctx); known {
		attrs = tell(attrs, "peer.address", p.Addr.String())
	}
	attrs = tell(attrs, "principal", r.principal)
	attrs = tell(attrs, "call_connection_id", call)
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		attrs = tell(attrs, "trace_id", span.TraceID().String())
	}
	attrs = tell(attrs, "grpc.start_time", r.began.Format(time.RFC3339))
	if deadline, has := ctx.Deadline(); has {
		attrs = tell(attrs, "grpc.request.deadline", deadline.Format(time.RFC3339))
	}
	attrs = tell(attrs, "grpc.code", status.Code(err).String())
	if err != nil {
		attrs = append(attrs, errorAttrs(err)...)
	}
	return tell(attrs, "grpc.time_ms", strconv.FormatFloat(float64(took.Microseconds())/1e3, 'f', -1, 64))
}

// tell appends what there is to say of one thing.
func tell(attrs []slog.Attr, name, value string) []slog.Attr {
	if value == "" {
		return attrs
	}
	return append(attrs, slog.String(name, value))
}

// errorAttrs tell why an RPC failed, in words that are ours or name a request.
func errorAttrs(err error) []slog.Attr {
	for _, detail := range status.Convert(err).Details() {
		info, is := detail.(*errdetails.ErrorInfo)
		if !is {
			continue
		}
		attrs := []slog.Attr{slog.String("reason", info.GetReason())}
		for _, name := range []string{"upstream_status", "upstream_code", "upstream_client_request_id", "upstream_chain_id", "upstream_azure_ref"} {
			if value := info.GetMetadata()[name]; value != "" {
				attrs = append(attrs, slog.String(name, value))
			}
		}
		return attrs
	}
	return nil
}
