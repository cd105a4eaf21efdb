package service

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/callgate/callgate/access"
	"github.com/callgate/callgate/upstream"
)

// Interceptors hold every RPC to the contract and the policy, so that no handler
// has to: the client must be allowed, the request's rules are checked, a panic is
// an error, and an error is what Errors makes of it.
type Interceptors struct {
	// validator is made for the first request: that takes milliseconds, and a start has
	// few.
	validator func() (protovalidate.Validator, error)
	errors    *Errors
	gate      *Gate // nil: everybody may do everything
	identify  func(context.Context) (access.Identity, error)
	logger    *slog.Logger
}

// NewInterceptors are interceptors that let everybody through.
func NewInterceptors(errors *Errors, logger *slog.Logger) *Interceptors {
	validator := sync.OnceValues(func() (protovalidate.Validator, error) { return protovalidate.New() })
	return &Interceptors{validator: validator, errors: errors, logger: logger}
}

// GuardedBy is interceptors that let through whom gate does; identify finds out
// who that is.
func (i *Interceptors) GuardedBy(gate *Gate, identify func(context.Context) (access.Identity, error)) *Interceptors {
	guarded := *i
	guarded.gate, guarded.identify = gate, identify
	return &guarded
}

// Unary is the interceptor of unary RPCs.
func (i *Interceptors) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	defer func() { err = i.finish(ctx, info.FullMethod, recover(), err) }()
	ctx, err = i.admit(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	if err := i.check(ctx, req); err != nil {
		return nil, err
	}
	return handler(upstream.WithAnswer(ctx), req)
}

// Stream is the interceptor of streaming RPCs.
func (i *Interceptors) Stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer func() { err = i.finish(stream.Context(), info.FullMethod, recover(), err) }()
	ctx, err := i.admit(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	if i.gate == nil {
		return handler(srv, &checkedStream{stream, ctx, i.check})
	}
	ctx, forget := i.gate.follow(ctx)
	defer forget()
	if err = handler(srv, &checkedStream{stream, ctx, i.check}); err != nil && refusalOf(err) == nil {
		err = ended(ctx, err, "")
	}
	return err
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
	switch s.Code() {
	case codes.Internal:
		i.logger.ErrorContext(ctx, "internal error", "grpc.method", method, "error", err)
	case codes.Unauthenticated: // the client is not told why
		i.logger.InfoContext(ctx, "client not authenticated", "grpc.method", method, "error", err)
	}
	return s.Err()
}

// Refuse is the error of a request that is none of an RPC, and got no further than
// its credentials.
func (i *Interceptors) Refuse(ctx context.Context, method string, err error) error {
	return i.finish(ctx, method, nil, err)
}

// Explain is an error of the REST front as those of RPCs are.
func (i *Interceptors) Explain(err error) *status.Status {
	return i.errors.explain(status.Convert(err))
}

// admit is the context of a request that may go on to its method.
func (i *Interceptors) admit(ctx context.Context, method string) (context.Context, error) {
	if i.gate == nil || isOpen(method) {
		return ctx, nil
	}
	id, err := i.identify(ctx)
	if err != nil {
		return nil, err
	}
	return i.gate.admit(ctx, id, method)
}

// check holds a request to the contract, and then to what its client may do.
func (i *Interceptors) check(ctx context.Context, req any) error {
	msg, ok := req.(proto.Message)
	if !ok {
		return fmt.Errorf("request is %T, not a message", req)
	}
	validator, err := i.validator()
	if err != nil {
		return fmt.Errorf("compile the contract's rules: %w", err)
	}
	if err := validator.Validate(msg); err != nil {
		return err
	}
	if i.gate == nil {
		return nil
	}
	return i.gate.check(ctx, req)
}

// checkedStream checks what it receives.
type checkedStream struct {
	grpc.ServerStream
	ctx   context.Context
	check func(context.Context, any) error
}

// Context implements grpc.ServerStream.
func (s *checkedStream) Context() context.Context { return s.ctx }

// RecvMsg implements grpc.ServerStream.
func (s *checkedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	if s.ctx.Err() != nil { // it may have been ended while the client said nothing
		return context.Cause(s.ctx)
	}
	return s.check(s.ctx, m)
}
