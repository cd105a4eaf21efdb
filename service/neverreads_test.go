package service_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// sendings counts what is handed to the streams of clients that call themselves
// something.
type sendings struct {
	count atomic.Int64
}

func (s *sendings) intercept(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if md, _ := metadata.FromIncomingContext(stream.Context()); len(md.Get("counted")) == 0 {
		return handler(srv, stream)
	}
	return handler(srv, &countedStream{stream, &s.count})
}

type countedStream struct {
	grpc.ServerStream
	count *atomic.Int64
}

// SendMsg implements grpc.ServerStream.
func (s *countedStream) SendMsg(m any) error {
	s.count.Add(1)
	return s.ServerStream.SendMsg(m)
}

// TestSubscriberThatNeverReads costs the gateway what fits between the two, and
// the others nothing; when it reads at last, it has lost nothing.
func TestSubscriberThatNeverReads(t *testing.T) {
	const (
		many   = 20_000 // far more than is kept in memory
		size   = 1 << 10
		window = 64 << 10
		// What grpc takes in for a stream nobody reads from: a window's worth for the
		// client, and as much that waits to be sent; and then some.
		bound = 4 * window / size
	)
	var sendings sendings
	g := newGateway(t, http.NotFoundHandler(), grpc.ChainStreamInterceptor(sendings.intercept))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	// A window of a size that is given does not grow.
	slow := g.dial(grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(window))
	idle, err := callgatev1.NewEventsClient(slow).StreamEvents(metadata.AppendToOutgoingContext(ctx, "counted", "yes"), &callgatev1.StreamEventsRequest{IncludeData: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := idle.Recv(); err != nil { // started
		t.Fatal(err)
	}
	busy, err := g.StreamEvents(ctx, &callgatev1.StreamEventsRequest{IncludeData: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := busy.Recv(); err != nil {
		t.Fatal(err)
	}
	var appending sync.WaitGroup
	defer appending.Wait()
	defer cancel()
	appending.Go(func() {
		padding := []byte(`{"padding":"` + strings.Repeat("x", size) + `"}`)
		for n := 0; n < many; n += 100 {
			records := make([]*logv1.Record, 100)
			for i := range records {
				records[i] = storedEvent(n + i)
				records[i].Data = padding
			}
			if err := g.log.Append(ctx, records...); err != nil {
				t.Error(err)
				return
			}
		}
	})
	all := func(stream grpc.ServerStreamingClient[callgatev1.StreamEventsResponse]) {
		t.Helper()
		for n := 0; n < many; {
			resp, err := stream.Recv()
			if err != nil {
				t.Fatalf("after %d events: %v", n, err)
			}
			if resp.GetHeartbeat() != nil {
				continue
			}
			if resp.GetEvent().GetId() != fmt.Sprint(n) {
				t.Fatalf("response %v instead of event %d", resp, n)
			}
			n++
		}
	}
	all(busy)
	if n := sendings.count.Load(); n > bound {
		t.Errorf("%d events wait for who never reads", n)
	}
	all(idle)
}
