package main

import (
	"context"
	"io"
	"net/http"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// fanoutSettings are those of the bare servers.
type fanoutSettings struct {
	// Events is how many events each subscriber is sent, as fast as it takes them,
	// once the role is told to go. 0: it is sent what is posted over HTTP.
	Events int
	// Naive has every Send encode its event.
	Naive bool
}

// bareFanOut is a gRPC server that only sends: no log, no filter, no cursors. All
// subscribers are sent one buffer that was encoded once.
func bareFanOut(ctx context.Context, r *role) error {
	s := &fanoutServer{begin: make(chan struct{}), posted: newBroadcast()}
	if err := r.read(&s.settings); err != nil {
		return err
	}
	records, err := newRecords()
	if err != nil {
		return err
	}
	buffer, err := records.response()
	if err != nil {
		return err
	}
	s.buffer, s.message = encodedAlready(buffer), records.message()

	server := grpc.NewServer(grpc.ForceServerCodecV2(sharing{encoding.GetCodecV2("proto")}))
	callgatev1.RegisterEventsServer(server, s)
	listener, err := listen(ctx)
	if err != nil {
		return err
	}
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	web, err := listen(ctx)
	if err != nil {
		return err
	}
	post := &http.Server{Handler: http.HandlerFunc(s.post)} //nolint:gosec // nobody slow is let in
	go func() { _ = post.Serve(web) }()
	defer func() { _ = post.Close() }()

	if err := r.say(place{Addr: listener.Addr().String(), HTTP: web.Addr().String()}); err != nil {
		return err
	}
	if r.wait() {
		close(s.begin)
	}
	<-ctx.Done()
	return nil
}

type fanoutServer struct {
	callgatev1.UnimplementedEventsServer
	settings fanoutSettings
	buffer   encodedAlready
	message  *callgatev1.StreamEventsResponse
	begin    chan struct{}
	posted   *broadcast
}

// StreamEvents implements callgatev1.EventsServer.
func (s *fanoutServer) StreamEvents(_ *callgatev1.StreamEventsRequest, stream grpc.ServerStreamingServer[callgatev1.StreamEventsResponse]) error {
	next := s.posted.follow()
	if err := stream.Send(&callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Started{Started: &callgatev1.StreamStarted{}}}); err != nil {
		return err
	}
	if s.settings.Events > 0 {
		select {
		case <-s.begin:
		case <-stream.Context().Done():
			return nil
		}
		var sent any = s.buffer
		if s.settings.Naive {
			sent = s.message
		}
		for range s.settings.Events {
			if err := stream.SendMsg(sent); err != nil {
				return err
			}
		}
	}
	for {
		select {
		case <-stream.Context().Done():
			return nil
		case <-next.ready:
		}
		if err := stream.SendMsg(encodedAlready(next.buffer)); err != nil {
			return err
		}
		next = next.next
	}
}

// post sends a posted response to all subscribers.
func (s *fanoutServer) post(_ http.ResponseWriter, r *http.Request) {
	if body, err := io.ReadAll(r.Body); err == nil {
		s.posted.send(body)
	}
}

// broadcast hands what is sent to everybody who follows: a list, each element of
// which is closed when it is there.
type broadcast struct {
	mu   sync.Mutex
	last *element
}

type element struct {
	ready  chan struct{}
	buffer []byte
	next   *element
}

func newBroadcast() *broadcast { return &broadcast{last: &element{ready: make(chan struct{})}} }

// follow is the element that comes next.
func (b *broadcast) follow() *element {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

func (b *broadcast) send(buffer []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.last
	e.buffer, e.next = buffer, &element{ready: make(chan struct{})}
	b.last = e.next
	close(e.ready)
}

// encodedAlready is sent as it is.
type encodedAlready []byte

type sharing struct{ encoding.CodecV2 }

// Marshal implements encoding.CodecV2.
func (c sharing) Marshal(v any) (mem.BufferSlice, error) {
	if bytes, is := v.(encodedAlready); is {
		return mem.BufferSlice{mem.SliceBuffer(bytes)}, nil
	}
	return c.CodecV2.Marshal(v)
}
