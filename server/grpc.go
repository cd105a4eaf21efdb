package server

import (
	"context"
	"log/slog"
	"slices"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/service"
)

// newGRPCServer is a server of all services with bounds of its own.
func newGRPCServer(opts Options, healthServer *health.Server, bounds ...grpc.ServerOption) *grpc.Server {
	log := []logging.Option{
		logging.WithLogOnEvents(logging.FinishCall),
		logging.WithDisableLoggingFields(logging.ComponentFieldKey, logging.MethodTypeFieldKey),
		logging.WithFieldsFromContextAndCallMeta(requestFields),
		logging.WithErrorFields(errorFields),
	}
	s := grpc.NewServer(append(slices.Concat(tracing(opts.TracerProvider), grpcBounds(), bounds),
		service.Codec(),
		grpc.ChainUnaryInterceptor(opts.rpcs.UnaryServerInterceptor(withExemplar), logging.UnaryServerInterceptor(slogger(opts.Logger), log...), acceptedCall, opts.Interceptors.Unary),
		grpc.ChainStreamInterceptor(opts.rpcs.StreamServerInterceptor(withExemplar), logging.StreamServerInterceptor(slogger(opts.Logger), log...), opts.Interceptors.Stream, opts.Streams.Intercept),
	)...)
	callgatev1.RegisterCallControlServer(s, opts.CallControl)
	callgatev1.RegisterParticipantsServer(s, opts.Participants)
	callgatev1.RegisterEventsServer(s, opts.Events)
	callgatev1.RegisterMediaServer(s, opts.Media)
	callgatev1.RegisterRecordingsServer(s, opts.Recordings)
	callgatev1.RegisterGroupsServer(s, opts.Groups)
	grpc_health_v1.RegisterHealthServer(s, healthServer)
	reflection.Register(s)
	opts.rpcs.InitializeMetrics(s)
	return s
}

// slogger logs RPCs with logger: the levels of the two are the same numbers. It
// leaves out the error's text, which may repeat what the upstream wrote about
// people; errorFields has what an operator needs.
func slogger(logger *slog.Logger) logging.Logger {
	return logging.LoggerFunc(func(ctx context.Context, level logging.Level, msg string, fields ...any) {
		told := make([]any, 0, len(fields))
		for i := 0; i+1 < len(fields); i += 2 {
			if fields[i] != "grpc.error" {
				told = append(told, fields[i], fields[i+1])
			}
		}
		logger.Log(ctx, slog.Level(level), msg, told...)
	})
}

// errorFields tell why an RPC failed, in words that are ours or name a request.
func errorFields(err error) logging.Fields {
	for _, detail := range status.Convert(err).Details() {
		info, is := detail.(*errdetails.ErrorInfo)
		if !is {
			continue
		}
		fields := logging.Fields{"reason", info.GetReason()}
		for _, name := range []string{"upstream_status", "upstream_code", "upstream_client_request_id", "upstream_chain_id", "upstream_azure_ref"} {
			if value := info.GetMetadata()[name]; value != "" {
				fields = append(fields, name, value)
			}
		}
		return fields
	}
	return nil
}

// requestFields name the call that a request is about, and the trace that it is
// part of.
func requestFields(ctx context.Context, meta interceptors.CallMeta) logging.Fields {
	var fields logging.Fields
	if req, has := meta.ReqOrNil.(interface{ GetCallConnectionId() string }); has {
		fields = append(fields, "call_connection_id", req.GetCallConnectionId())
	}
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		fields = append(fields, "trace_id", span.TraceID().String())
	}
	return fields
}

// acceptedCall has the log line of an action name the call that the action made.
func acceptedCall(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	resp, err := handler(ctx, req)
	if action, is := resp.(interface {
		GetReceipt() *callgatev1.ActionReceipt
	}); is && err == nil {
		if id := action.GetReceipt().GetCallConnectionId(); id != "" {
			logging.AddFields(ctx, logging.Fields{"call_connection_id", id})
		}
	}
	return resp, err
}
