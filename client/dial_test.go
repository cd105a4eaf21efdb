package client

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// busy is a callgate that refuses at first, and counts.
type busy struct {
	callgatev1.UnimplementedCallControlServer
	refuse int64
	code   codes.Code
	asked  atomic.Int64
}

func (b *busy) answer() error {
	if b.asked.Add(1) <= b.refuse {
		return status.Error(b.code, "not now")
	}
	return nil
}

func (b *busy) CreateCall(context.Context, *callgatev1.CreateCallRequest) (*callgatev1.CreateCallResponse, error) {
	return &callgatev1.CreateCallResponse{}, b.answer()
}

func (b *busy) GetCall(context.Context, *callgatev1.GetCallRequest) (*callgatev1.GetCallResponse, error) {
	return &callgatev1.GetCallResponse{}, b.answer()
}

func TestWhatCannotActTwiceIsSentAgain(t *testing.T) {
	named := func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := callgatev1.NewCallControlClient(conn).CreateCall(ctx, &callgatev1.CreateCallRequest{RequestId: "6f1c2a54-3d3b-4c87-9d0f-0c6f5f1f2a10"})
		return err
	}
	unnamed := func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := callgatev1.NewCallControlClient(conn).CreateCall(ctx, &callgatev1.CreateCallRequest{})
		return err
	}
	read := func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := callgatev1.NewCallControlClient(conn).GetCall(ctx, &callgatev1.GetCallRequest{})
		return err
	}
	for name, test := range map[string]struct {
		do    func(context.Context, *grpc.ClientConn) error
		code  codes.Code
		asked int64
		want  codes.Code
	}{
		"a read":                               {read, codes.Unavailable, 3, codes.OK},
		"a read that failed otherwise":         {read, codes.Unknown, 1, codes.Unknown},
		"a named action":                       {named, codes.Unavailable, 3, codes.OK},
		"a named action that is on its way":    {named, codes.Aborted, 3, codes.OK},
		"a named action with unknown outcome":  {named, codes.Unknown, 1, codes.Unknown},
		"an action without a name: never":      {unnamed, codes.Unavailable, 1, codes.Unavailable},
		"an action without a name, in a clash": {unnamed, codes.Aborted, 1, codes.Aborted},
	} {
		t.Run(name, func(t *testing.T) {
			b := &busy{refuse: 2, code: test.code}
			addr := serve(t, func(s *grpc.Server) { callgatev1.RegisterCallControlServer(s, b) })
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := test.do(ctx, dial(t, addr)); status.Code(err) != test.want {
				t.Errorf("error %v", err)
			}
			if asked := b.asked.Load(); asked != test.asked {
				t.Errorf("it was asked %d times, want %d", asked, test.asked)
			}
		})
	}
}

// mute is a callgate whose streams say nothing, as when the network loses a
// connection without a word.
type mute struct {
	callgatev1.UnimplementedEventsServer
}

func (mute) StreamEvents(_ *callgatev1.StreamEventsRequest, stream grpc.ServerStreamingServer[callgatev1.StreamEventsResponse]) error {
	<-stream.Context().Done()
	return stream.Context().Err()
}

func TestStreamThatSaysNothingIsGivenUp(t *testing.T) {
	addr := serve(t, func(s *grpc.Server) { callgatev1.RegisterEventsServer(s, mute{}) })
	s := &stream{
		events: callgatev1.NewEventsClient(dial(t, addr)), req: &callgatev1.StreamEventsRequest{}, quiet: 100 * time.Millisecond,
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if done, err := s.connection(ctx); done || err != nil || ctx.Err() != nil {
		t.Errorf("done %v, error %v, context %v", done, err, ctx.Err())
	}
}

// serve runs a server until the test ends.
func serve(t *testing.T, register func(*grpc.Server)) (addr string) {
	t.Helper()
	server := grpc.NewServer()
	register(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-serving; err != nil && !errors.Is(err, grpc.ErrServerStopped) { // before it began to serve
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func TestDialIsOverTLSUnlessToldOtherwise(t *testing.T) {
	g := newGateway(t)
	conn, err := Dial(*g.addr.Load())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := callgatev1.NewEventsClient(conn).ListEvents(ctx, &callgatev1.ListEventsRequest{CallConnectionId: "c"}); err == nil {
		t.Error("it spoke in the clear")
	}
}
