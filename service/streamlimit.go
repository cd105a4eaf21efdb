package service

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

var errTooManyStreams = errors.New("too many streams are open")

// StreamLimits bounds how many streams are open at once: of one client, which is
// a principal or, where clients are not authenticated, an address; and of all.
type StreamLimits struct {
	perClient, total int
	refused          prometheus.Counter

	mu   sync.Mutex
	open map[string]int // by client; only those that have some
	all  int
}

// NewStreamLimits takes numbers of streams. Its metric goes to reg, if that is
// not nil.
func NewStreamLimits(perClient, total int, reg prometheus.Registerer) *StreamLimits {
	return &StreamLimits{perClient: perClient, total: total, open: make(map[string]int), refused: promauto.With(reg).NewCounter(prometheus.CounterOpts{
		Name: "callgate_streams_refused_total",
		Help: "Streams that were refused because there were too many, of their client or in all.",
	})}
}

// Intercept is the interceptor of streaming RPCs. It comes behind what finds out
// who the client is, and behind what makes statuses of errors.
func (l *StreamLimits) Intercept(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	client := clientOf(stream.Context())
	if !l.enter(client) {
		l.refused.Inc()
		return errTooManyStreams
	}
	defer l.leave(client)
	return handler(srv, stream)
}

func (l *StreamLimits) enter(client string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= l.total || l.open[client] >= l.perClient {
		return false
	}
	l.all++
	l.open[client]++
	return true
}

func (l *StreamLimits) leave(client string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.open[client]--; l.open[client] == 0 {
		delete(l.open, client)
	}
}

// clientOf names who asks. For REST the peer is the front within this process,
// which adds the address that it was asked from to the end of a header.
func clientOf(ctx context.Context) string {
	if name := principalOf(ctx); name != "" {
		return "principal " + name
	}
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	if _, isTCP := p.Addr.(*net.TCPAddr); isTCP {
		host, _, _ := net.SplitHostPort(p.Addr.String()) // a TCP address has both
		return host
	}
	md, _ := metadata.FromIncomingContext(ctx)
	forwarded := strings.Split(strings.Join(md.Get("x-forwarded-for"), ","), ",")
	return strings.TrimSpace(forwarded[len(forwarded)-1])
}
