package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/service"
)

// maxRequest bounds a request, over gRPC and over REST.
const maxRequest = 1 << 20

func newGRPCServer(opts Options, healthServer *health.Server) *grpc.Server {
	log := []logging.Option{
		logging.WithLogOnEvents(logging.FinishCall),
		logging.WithDisableLoggingFields(logging.ComponentFieldKey, logging.MethodTypeFieldKey),
		logging.WithFieldsFromContextAndCallMeta(callConnectionField),
	}
	s := grpc.NewServer(
		service.Codec(),
		grpc.MaxRecvMsgSize(maxRequest),
		// Finds clients that are gone without a word, whose streams would else
		// stay forever.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.ChainUnaryInterceptor(logging.UnaryServerInterceptor(slogger(opts.Logger), log...), opts.Interceptors.Unary),
		grpc.ChainStreamInterceptor(logging.StreamServerInterceptor(slogger(opts.Logger), log...), opts.Interceptors.Stream),
	)
	callgatev1.RegisterCallControlServer(s, opts.CallControl)
	callgatev1.RegisterParticipantsServer(s, opts.Participants)
	callgatev1.RegisterEventsServer(s, opts.Events)
	grpc_health_v1.RegisterHealthServer(s, healthServer)
	reflection.Register(s)
	return s
}

// slogger logs RPCs with logger: the levels of the two are the same numbers.
func slogger(logger *slog.Logger) logging.Logger {
	return logging.LoggerFunc(func(ctx context.Context, level logging.Level, msg string, fields ...any) {
		logger.Log(ctx, slog.Level(level), msg, fields...)
	})
}

// callConnectionField names the call that a request is about.
func callConnectionField(_ context.Context, meta interceptors.CallMeta) logging.Fields {
	if req, has := meta.ReqOrNil.(interface{ GetCallConnectionId() string }); has {
		return logging.Fields{"call_connection_id", req.GetCallConnectionId()}
	}
	return nil
}
