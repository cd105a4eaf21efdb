package service

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/callgate/callgate/upstream"
)

// Interceptors hold every RPC to the contract, so that no handler has to: the
// request's rules are checked, a panic is an error, and an error is what Errors
// makes of it.
type Interceptors struct {
	validator protovalidate.Validator
	errors    *Errors
	logger    *slog.Logger
}

// NewInterceptors compiles the contract's rules.
func NewInterceptors(errors *Errors, logger *slog.Logger) (*Interceptors, error) {
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("compile the contract's rules: %w", err)
	}
	return &Interceptors{validator: validator, errors: errors, logger: logger}, nil
}

// Unary is the interceptor of unary RPCs.
func (i *Interceptors) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	defer func() { err = i.finish(ctx, info.FullMethod, recover(), err) }()
	if err := i.validate(req); err != nil {
		return nil, err
	}
	return handler(upstream.WithAnswer(ctx), req)
}

// Stream is the interceptor of streaming RPCs.
func (i *Interceptors) Stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer func() { err = i.finish(stream.Context(), info.FullMethod, recover(), err) }()
	return handler(srv, &validatingStream{ServerStream: stream, validate: i.validate})
}

// finish turns what came out of a handler, or stopped it, into a status.
func (i *Interceptors) finish(ctx context.Context, method string, panicked any, err error) error {
	if panicked != nil {
		err = fmt.Errorf("panic: %v", panicked)
		i.logger.ErrorContext(ctx, "panic in a handler", "grpc.method", method, "panic", panicked, "stack", string(debug.Stack()))
	}
	if err == nil {
		return nil
	}
	s := i.errors.Status(err)
	if s.Code() == codes.Internal {
		i.logger.ErrorContext(ctx, "internal error", "grpc.method", method, "error", err)
	}
	return s.Err()
}

func (i *Interceptors) validate(req any) error {
	msg, ok := req.(proto.Message)
	if !ok {
		return fmt.Errorf("request is %T, not a message", req)
	}
	return i.validator.Validate(msg)
}

// validatingStream checks what it receives.
type validatingStream struct {
	grpc.ServerStream
	validate func(any) error
}

// RecvMsg implements grpc.ServerStream.
func (s *validatingStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return s.validate(m)
}
