package server

import (
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/service"
)

// newGRPCServer is a server of all services with bounds of its own.
func newGRPCServer(opts Options, healthServer *health.Server, bounds ...grpc.ServerOption) *grpc.Server {
	s := grpc.NewServer(append(slices.Concat(tracing(opts.TracerProvider), grpcBounds(), bounds),
		service.Codec(),
		grpc.ChainUnaryInterceptor(opts.rpcs.unary, opts.Interceptors.Unary),
		grpc.ChainStreamInterceptor(opts.rpcs.stream, opts.Interceptors.Stream, opts.Streams.Intercept),
	)...)
	callgatev1.RegisterCallControlServer(s, opts.CallControl)
	callgatev1.RegisterParticipantsServer(s, opts.Participants)
	callgatev1.RegisterEventsServer(s, opts.Events)
	callgatev1.RegisterMediaServer(s, opts.Media)
	callgatev1.RegisterRecordingsServer(s, opts.Recordings)
	callgatev1.RegisterGroupsServer(s, opts.Groups)
	grpc_health_v1.RegisterHealthServer(s, healthServer)
	reflection.Register(s)
	opts.rpcs.know(s)
	return s
}
