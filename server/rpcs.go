package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/telemetry"
)

// rpcs counts, times and logs RPCs: each once, when it has ended. What passes over
// a stream until then costs nothing here.
type rpcs struct {
	logger  *slog.Logger
	started *prometheus.CounterVec
	handled *prometheus.CounterVec
	took    *prometheus.HistogramVec
	methods map[string]*rpcMethod // by full name: all that there are
}

// newRPCs has the metrics go to reg, if that is not nil.
func newRPCs(logger *slog.Logger, reg prometheus.Registerer) *rpcs {
	labels := []string{"grpc_type", "grpc_service", "grpc_method"}
	r := &rpcs{
		logger: logger,
		started: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "grpc_server_started_total", Help: "RPCs that began.",
		}, labels),
		handled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "grpc_server_handled_total", Help: "RPCs that ended, by their code.",
		}, append(labels, "grpc_code")),
		took: prometheus.NewHistogramVec(telemetry.Histogram("grpc_server_handling_seconds",
			"Time that RPCs took; of streams, how long they were open.", telemetry.Buckets(0.001, 16)), labels),
		methods: make(map[string]*rpcMethod),
	}
	if reg != nil {
		reg.MustRegister(r)
	}
	return r
}

// rpcMethod is a method. Its metrics are made when they are asked for first: making
// those of all methods would be a good part of the process's start.
type rpcMethod struct {
	service, name string
	metrics       func() *methodMetrics
}

type methodMetrics struct {
	started prometheus.Counter
	handled [codes.Unauthenticated + 1]prometheus.Counter
	took    prometheus.Observer
}

// know has the methods of s counted, from 0 on. It must be called before s serves.
func (r *rpcs) know(s *grpc.Server) {
	for service, info := range s.GetServiceInfo() {
		for _, method := range info.Methods {
			r.methods["/"+service+"/"+method.Name] = &rpcMethod{
				service: service, name: method.Name,
				metrics: sync.OnceValue(func() *methodMetrics { return r.metricsOf(kindOf(method), service, method.Name) }),
			}
		}
	}
}

func (r *rpcs) metricsOf(labels ...string) *methodMetrics {
	m := &methodMetrics{started: r.started.WithLabelValues(labels...), took: r.took.WithLabelValues(labels...)}
	for code := range m.handled {
		m.handled[code] = r.handled.WithLabelValues(append(labels, codes.Code(code).String())...)
	}
	return m
}

// Describe implements prometheus.Collector.
func (r *rpcs) Describe(to chan<- *prometheus.Desc) {
	r.started.Describe(to)
	r.handled.Describe(to)
	r.took.Describe(to)
}

// Collect implements prometheus.Collector. It has the metrics of all methods, also of
// those that nobody has called.
func (r *rpcs) Collect(to chan<- prometheus.Metric) {
	for _, method := range r.methods {
		method.metrics()
	}
	r.started.Collect(to)
	r.handled.Collect(to)
	r.took.Collect(to)
}

func kindOf(method grpc.MethodInfo) string {
	switch {
	case method.IsClientStream && method.IsServerStream:
		return "bidi_stream"
	case method.IsClientStream:
		return "client_stream"
	case method.IsServerStream:
		return "server_stream"
	}
	return "unary"
}

// unary is the interceptor of unary RPCs.
func (r *rpcs) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, rpc := r.begin(ctx, info.FullMethod)
	resp, err := handler(ctx, req)
	call := callOf(req)
	if action, is := resp.(interface {
		GetReceipt() *callgatev1.ActionReceipt
	}); is && err == nil && action.GetReceipt().GetCallConnectionId() != "" {
		call = action.GetReceipt().GetCallConnectionId() // which the action may have made
	}
	r.end(ctx, rpc, call, err)
	return resp, err
}

// stream is the interceptor of streaming RPCs.
func (r *rpcs) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, rpc := r.begin(stream.Context(), info.FullMethod)
	err := handler(srv, &knownStream{stream, ctx})
	r.end(ctx, rpc, "", err)
	return err
}

// knownStream is a stream whose context has its rpc.
type knownStream struct {
	grpc.ServerStream
	ctx context.Context
}

// Context implements grpc.ServerStream.
func (s *knownStream) Context() context.Context { return s.ctx }

// rpc is one that is on its way.
type rpc struct {
	method    *rpcMethod
	began     time.Time
	principal string // empty while it is not known
}

type rpcKey struct{}

// rpcOf is the RPC that a context is of; nil if it is of none.
func rpcOf(ctx context.Context) *rpc {
	rpc, _ := ctx.Value(rpcKey{}).(*rpc)
	return rpc
}

func (r *rpcs) begin(ctx context.Context, fullName string) (context.Context, *rpc) {
	rpc := &rpc{method: r.methods[fullName], began: time.Now()}
	rpc.method.metrics().started.Inc()
	return context.WithValue(ctx, rpcKey{}, rpc), rpc
}

// end counts the RPC, and has its time point to its trace.
func (r *rpcs) end(ctx context.Context, rpc *rpc, call string, err error) {
	took, code, m := time.Since(rpc.began), status.Code(err), rpc.method.metrics()
	if int(code) >= len(m.handled) {
		code = codes.Unknown
	}
	m.handled[code].Inc()
	span := trace.SpanContextFromContext(ctx)
	if span.IsSampled() {
		m.took.(prometheus.ExemplarObserver).ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": span.TraceID().String()})
	} else {
		m.took.Observe(took.Seconds())
	}
	if level := levelOf(code); r.logger.Enabled(ctx, level) {
		var room [maxTold]slog.Attr
		record := slog.NewRecord(rpc.began.Add(took), level, "finished call", 0) // a logger would look for its caller
		record.AddAttrs(rpc.told(ctx, room[:0], call, took, err)...)
		_ = r.logger.Handler().Handle(ctx, record) // as a logger does: there is nowhere to say it
	}
}

// callOf is the call that a request is about.
func callOf(req any) string {
	if r, has := req.(interface{ GetCallConnectionId() string }); has {
		return r.GetCallConnectionId()
	}
	return ""
}
