package main

import (
	"bytes"
	"encoding/binary"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// patience is how long a test waits for what it could wait for in vain.
const patience = time.Minute

func TestRawStreamFindsMessagesHoweverTheyAreCut(t *testing.T) {
	message := func(size int, first byte) []byte {
		m := binary.BigEndian.AppendUint32([]byte{0}, uint32(size))
		return append(m, append([]byte{first}, bytes.Repeat([]byte{eventTagByte}, size-1)...)...)
	}
	whole := bytes.Join([][]byte{message(1, 'a'), message(300, 'b'), message(2, 'c'), message(1, 'd'), message(70_000, 'e')}, nil)
	for _, piece := range []int{1, 2, 5, 6, 7, 300, 16_384, len(whole)} {
		var s rawStream
		var found []byte
		for rest := whole; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
			if err := s.take(rest[:min(piece, len(rest))], func(first byte) { found = append(found, first) }); err != nil {
				t.Fatal(err)
			}
		}
		if string(found) != "abcde" {
			t.Errorf("in pieces of %d: found %q", piece, found)
		}
	}
}

func TestRawStreamRefusesWhatItCannotCount(t *testing.T) {
	for name, head := range map[string][]byte{
		"a compressed message": {1, 0, 0, 0, 1, eventTagByte},
		"an empty message":     {0, 0, 0, 0, 0, 0},
	} {
		if err := new(rawStream).take(head, func(byte) { t.Error(name, "was counted") }); err == nil {
			t.Error(name, "was taken")
		}
	}
}

// sizesServer sends events of all sizes, among other things, and waits to be let go.
type sizesServer struct {
	callgatev1.UnimplementedEventsServer
	sizes []int
	end   chan struct{}
}

// StreamEvents implements callgatev1.EventsServer.
func (s *sizesServer) StreamEvents(_ *callgatev1.StreamEventsRequest, stream grpc.ServerStreamingServer[callgatev1.StreamEventsResponse]) error {
	if err := stream.Send(&callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Started{Started: &callgatev1.StreamStarted{}}}); err != nil {
		return err
	}
	for _, size := range s.sizes {
		event := &callgatev1.CallEvent{OperationContext: strings.Repeat("x", size)}
		if err := stream.Send(&callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Event{Event: event}}); err != nil {
			return err
		}
		if err := stream.Send(&callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Heartbeat{Heartbeat: &callgatev1.StreamHeartbeat{Cursor: "x"}}}); err != nil {
			return err
		}
	}
	select {
	case <-s.end:
	case <-stream.Context().Done():
	}
	return nil
}

func TestRawGRPCCountsWhatTheServerSent(t *testing.T) {
	const streams = 5 // together more than the connection's window
	s := &sizesServer{end: make(chan struct{})}
	for size := range 2_000 { // more than the streams' windows, and some that span frames
		s.sizes = append(s.sizes, size)
	}
	s.sizes = append(s.sizes, 20_000, 2*streamWindow, 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	grpcServer := grpc.NewServer()
	callgatev1.RegisterEventsServer(grpcServer, s)
	go func() { _ = grpcServer.Serve(listener) }()
	defer grpcServer.Stop()

	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	counted, all := make(map[int]int), 0
	c := newRawConn(conn, func(stream int) {
		counted[stream]++
		if all++; all == streams*len(s.sizes) {
			close(s.end)
		}
	})
	wanted := make(map[int]int)
	for i := range streams {
		c.streams = append(c.streams, &rawStream{number: 10 + i})
		wanted[10+i] = len(s.sizes)
	}
	if err := c.begin(listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if err := c.receive(); err == nil || !strings.Contains(err.Error(), "grpc-status") {
		t.Error("the end of a stream was told as", err)
	}
	if !maps.Equal(counted, wanted) {
		t.Errorf("counted %v, wanted %v", counted, wanted)
	}
}

func TestRawNATSCountsWhatTheServerSent(t *testing.T) {
	natsServer, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	natsServer.Start()
	defer natsServer.WaitForShutdown()
	defer natsServer.Shutdown()
	if !natsServer.ReadyForConnections(patience) {
		t.Fatal("NATS did not start")
	}
	conn, err := net.Dial("tcp", natsServer.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	const events = 2_000
	wanted := map[int]int{7: events, 8: events, 12: events}
	counted, all := make(map[int]int), 0
	n := newRawNATS(conn, func(stream int) {
		counted[stream]++
		if all++; all == len(wanted)*events {
			go natsServer.Shutdown()
		}
	})
	if err := n.begin(slices.Collect(maps.Keys(wanted))); err != nil {
		t.Fatal(err)
	}
	publisher, err := nats.Connect(natsServer.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	for size := range events {
		if err := publisher.Publish(natsSubject, bytes.Repeat([]byte("\r\nMSG bench.events 7 1\r\n"), size)[:size]); err != nil {
			t.Fatal(err)
		}
	}
	if err := publisher.Publish(natsSubject+".other", nil); err != nil {
		t.Fatal(err)
	}
	if err := publisher.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := n.receive(); err == nil {
		t.Error("the end of the server was not told")
	}
	if !maps.Equal(counted, wanted) {
		t.Errorf("counted %v, wanted %v", counted, wanted)
	}
}
