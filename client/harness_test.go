package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/callgate/callgate/catalogue"
	"github.com/callgate/callgate/eventstream"
	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/leaktest"
	"github.com/callgate/callgate/service"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// patience bounds every wait of a test for what must happen.
const patience = time.Minute

// gateway is the event side of a callgate, which can be stopped and started again
// with the same log.
type gateway struct {
	dir     string
	addr    atomic.Pointer[string] // another with each start; nil while it is stopped
	maxAge  time.Duration
	log     *eventstream.Log
	hub     *eventstream.Hub
	groups  *eventstream.Groups
	server  *grpc.Server
	serving chan error
}

func newGateway(tb testing.TB) *gateway {
	tb.Helper()
	g := &gateway{dir: tb.TempDir()}
	g.start(tb)
	tb.Cleanup(func() { g.kill(tb) })
	return g
}

func (g *gateway) start(tb testing.TB) {
	tb.Helper()
	ctx, quiet := tb.Context(), slog.New(slog.DiscardHandler)
	var err error
	if g.log, err = eventstream.OpenLog(ctx, eventstream.LogOptions{Dir: g.dir, MaxAge: g.maxAge, Logger: quiet}); err != nil {
		tb.Fatal(err)
	}
	if g.hub, err = eventstream.NewHub(ctx, g.log, eventstream.HubOptions{}); err != nil {
		tb.Fatal(err)
	}
	if g.groups, err = eventstream.NewGroups(ctx, g.hub, eventstream.GroupsOptions{Logger: quiet}); err != nil {
		tb.Fatal(err)
	}
	known, err := catalogue.Load()
	if err != nil {
		tb.Fatal(err)
	}
	interceptors := service.NewInterceptors(service.NewErrors(known, nil), quiet)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	addr := listener.Addr().String()
	g.addr.Store(&addr)
	g.server = grpc.NewServer(service.Codec(),
		grpc.UnaryInterceptor(interceptors.Unary), grpc.StreamInterceptor(interceptors.Stream))
	callgatev1.RegisterEventsServer(g.server, service.NewEvents(g.log, g.hub, g.hub, g.groups))
	callgatev1.RegisterGroupsServer(g.server, service.NewGroups(g.groups))
	server, serving := g.server, make(chan error, 1)
	g.serving = serving
	go func() { serving <- server.Serve(listener) }()
}

// stop ends as a gateway does that is told to.
func (g *gateway) stop(tb testing.TB) {
	tb.Helper()
	g.hub.Drain()
	g.addr.Store(nil)
	g.server.GracefulStop()
	g.kill(tb)
}

// kill ends without a word to anybody.
func (g *gateway) kill(tb testing.TB) {
	tb.Helper()
	if g.server == nil {
		return
	}
	g.addr.Store(nil)
	g.server.Stop()
	if err := <-g.serving; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		tb.Error(err)
	}
	g.groups.Close()
	g.hub.Close()
	if err := g.log.Close(); err != nil {
		tb.Error(err)
	}
	g.server = nil
}

// happen puts n events of a call into the log: "<call>-<from>" and on.
func (g *gateway) happen(tb testing.TB, call string, from, n int) {
	tb.Helper()
	records := make([]*logv1.Record, n)
	for i := range records {
		records[i] = &logv1.Record{Event: &callgatev1.CallEvent{
			Id: fmt.Sprintf("%s-%d", call, from+i), EventSource: "calling/callConnections/" + call,
			Type:     callgatev1.CallEventType_CALL_EVENT_TYPE_PARTICIPANTS_UPDATED,
			TypeName: "Microsoft.Communication.ParticipantsUpdated", CallConnectionId: call, ReceiveTime: timestamppb.Now(),
		}}
	}
	if err := g.log.Append(tb.Context(), records...); err != nil {
		tb.Fatal(err)
	}
}

// dial makes a connection that finds the gateway wherever it is: a port that it
// leaves may be given to others before it is back.
func (g *gateway) dial(tb testing.TB) *grpc.ClientConn {
	tb.Helper()
	return dial(tb, "passthrough:///gateway", grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		addr := g.addr.Load()
		if addr == nil {
			return nil, syscall.ECONNREFUSED
		}
		return new(net.Dialer).DialContext(ctx, "tcp", *addr)
	}))
}

func dial(tb testing.TB, addr string, opts ...grpc.DialOption) *grpc.ClientConn {
	tb.Helper()
	conn, err := Dial(addr, append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return conn
}

// following is a Stream that runs beside the test.
type following struct {
	responses chan *callgatev1.StreamEventsResponse
	ended     chan error
	stop      context.CancelFunc
}

func follow(tb testing.TB, conn *grpc.ClientConn, req *callgatev1.StreamEventsRequest) *following {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	f := &following{responses: make(chan *callgatev1.StreamEventsResponse, 1000), ended: make(chan error, 1), stop: cancel}
	go func() {
		defer close(f.responses)
		f.ended <- Stream(ctx, conn, req, func(resp *callgatev1.StreamEventsResponse) error {
			select {
			case f.responses <- resp:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	tb.Cleanup(func() {
		cancel()
		for range f.responses { // until it has ended
		}
	})
	return f
}

// next is the next response that is wanted; others are passed over.
func (f *following) next(tb testing.TB, wanted func(*callgatev1.StreamEventsResponse) bool) *callgatev1.StreamEventsResponse {
	tb.Helper()
	for resp := range f.responses {
		if wanted(resp) {
			return resp
		}
	}
	tb.Fatalf("the stream ended: %v", <-f.ended)
	return nil
}

func isStarted(resp *callgatev1.StreamEventsResponse) bool { return resp.GetStarted() != nil }
func isEvent(resp *callgatev1.StreamEventsResponse) bool   { return resp.GetEvent() != nil }

func (f *following) wantEvents(tb testing.TB, call string, from, n int) {
	tb.Helper()
	for i := range n {
		want := fmt.Sprintf("%s-%d", call, from+i)
		if got := f.next(tb, isEvent).GetEvent().GetId(); got != want {
			tb.Fatalf("event %s came, want %s", got, want)
		}
	}
}
