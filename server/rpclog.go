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

// told is what the log says of an RPC that has ended: whose it was, what call it
// was about, what trace it is part of, and how it ended. It leaves out the error's
// text, which may repeat what the upstream wrote about people; errorAttrs have what
// an operator needs.
func (r *rpc) told(ctx context.Context, call string, took time.Duration, err error) []slog.Attr {
	attrs := make([]slog.Attr, 0, 16)
	tell := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	tell("protocol", "grpc")
	tell("grpc.service", r.method.service)
	tell("grpc.method", r.method.name)
	if p, known := peer.FromContext(ctx); known {
		tell("peer.address", p.Addr.String())
	}
	tell("principal", r.principal)
	tell("call_connection_id", call)
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		tell("trace_id", span.TraceID().String())
	}
	tell("grpc.start_time", r.began.Format(time.RFC3339))
	if deadline, has := ctx.Deadline(); has {
		tell("grpc.request.deadline", deadline.Format(time.RFC3339))
	}
	tell("grpc.code", status.Code(err).String())
	if err != nil {
		attrs = append(attrs, errorAttrs(err)...)
	}
	tell("grpc.time_ms", strconv.FormatFloat(float64(took.Microseconds())/1e3, 'f', -1, 64))
	return attrs
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
