package service_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/callgate/callgate/eventstream"
	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/service"
)

func storedEvent(n int) *logv1.Record {
	return &logv1.Record{
		Event: &callgatev1.CallEvent{
			Id: fmt.Sprint(n), EventSource: "calling/callConnections/c", CallConnectionId: "c", ServerCallId: "aHR0cHM6Ly9hcGkuZmxpZ2h0cHJveHk",
			CorrelationId: "9ece62de-abfb-4ffa-bc7d-1cf7183e2a85", Type: callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED,
			TypeName: "Microsoft.Communication.CallConnected", Source: callgatev1.CallEventSource_CALL_EVENT_SOURCE_UPSTREAM,
			Time: timestamppb.New(time.Unix(1e9, 0)), ReceiveTime: timestamppb.New(time.Unix(1e9, 1)),
			Result: &callgatev1.ResultInformation{Code: proto.Int32(200), SubCode: proto.Int32(0)},
		},
		Data: []byte(`{"callConnectionId":"c","extra":[1,2,3]}`),
	}
}

// TestStreamedEventIsTheListedEvent: the bytes that a stream sends, which no
// message is encoded for, are the event that ListEvents returns.
func TestStreamedEventIsTheListedEvent(t *testing.T) {
	g := newGateway(t, http.NotFoundHandler())
	if err := g.log.Append(t.Context(), storedEvent(1), storedEvent(2)); err != nil {
		t.Fatal(err)
	}
	for _, includeData := range []bool{false, true} {
		listed, err := g.ListEvents(t.Context(), &callgatev1.ListEventsRequest{CallConnectionId: "c", IncludeData: includeData})
		if err != nil || len(listed.GetEvents()) != 2 {
			t.Fatalf("listed %v, %v", listed, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := g.StreamEvents(ctx, &callgatev1.StreamEventsRequest{
			Start: &callgatev1.StreamEventsRequest_Earliest{Earliest: true}, IncludeData: includeData,
		})
		if err != nil {
			t.Fatal(err)
		}
		started, err := stream.Recv()
		if err != nil || started.GetStarted() == nil {
			t.Fatalf("began with %v, %v", started, err)
		}
		for _, want := range listed.GetEvents() {
			got, err := stream.Recv()
			if err != nil || !proto.Equal(got.GetEvent(), want) {
				t.Errorf("streamed %v, %v\nlisted   %v", got.GetEvent(), err, want)
			}
			if includeData != (got.GetEvent().GetData() != nil) {
				t.Errorf("include_data %v: data %v", includeData, got.GetEvent().GetData())
			}
		}
		cancel()
	}
}

// TestStreamSaysWhatTheLogKeeps: for how long, how much, and since when it has
// anything.
func TestStreamSaysWhatTheLogKeeps(t *testing.T) {
	g := newGateway(t, http.NotFoundHandler())
	started := func() *callgatev1.StreamStarted {
		stream, err := g.StreamEvents(t.Context(), &callgatev1.StreamEventsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetStarted()
	}
	if s := started(); s.GetMaxAge().AsDuration() != time.Hour || s.GetMaxBytes() != 64<<20 || s.EarliestTime != nil {
		t.Errorf("of an empty log: %v", s)
	}
	before := time.Now()
	for i := range 2 {
		check(t, g.log.Append(t.Context(), storedEvent(i)))
	}
	if at := started().GetEarliestTime().AsTime(); at.Before(before) || at.After(time.Now()) {
		t.Errorf("the first event came at %v", at)
	}
}

// TestStreamRefusesStrangeCursors: a client is told what is wrong with its cursor.
func TestStreamRefusesStrangeCursors(t *testing.T) {
	g := newGateway(t, http.NotFoundHandler())
	for _, tc := range []struct {
		name, cursor, reason string
	}{
		{"no cursor at all", "nonsense", "CURSOR_INVALID"},
		{"of another log", newGateway(t, http.NotFoundHandler()).hub.Position(), "CURSOR_OF_OTHER_LOG"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stream, err := g.StreamEvents(t.Context(), &callgatev1.StreamEventsRequest{
				Start: &callgatev1.StreamEventsRequest_AfterCursor{AfterCursor: tc.cursor},
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = stream.Recv()
			if got := reason(status.Convert(err)); got != tc.reason {
				t.Errorf("reason %s, want %s: %v", got, tc.reason, err)
			}
		})
	}
}

// BenchmarkFanOut sends each event to 100 subscribers on 4 connections. Compare
// it with the same at a parent commit: absolute times say little.
func BenchmarkFanOut(b *testing.B) {
	const subscribers, connections = 100, 4
	logger := slog.New(slog.DiscardHandler)
	log, err := eventstream.OpenLog(b.Context(), eventstream.LogOptions{Logger: logger})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	hub, err := eventstream.NewHub(b.Context(), log, eventstream.HubOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer hub.Close()
	server := grpc.NewServer(service.Codec())
	callgatev1.RegisterEventsServer(server, service.NewEvents(log, hub, hub, nil))
	pipe := bufconn.Listen(1 << 20)
	go func() { _ = server.Serve(pipe) }()
	defer server.Stop()

	var received sync.WaitGroup
	for i := range connections {
		conn, err := grpc.NewClient(fmt.Sprintf("passthrough:///%d", i), grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		for range subscribers / connections {
			stream, err := callgatev1.NewEventsClient(conn).StreamEvents(b.Context(), &callgatev1.StreamEventsRequest{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := stream.Recv(); err != nil {
				b.Fatal(err)
			}
			received.Go(func() {
				for range b.N {
					if _, err := stream.Recv(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
	}
	b.ResetTimer()
	const batch = 64
	for n := 0; n < b.N; n += batch {
		records := make([]*logv1.Record, 0, batch)
		for i := n; i < min(n+batch, b.N); i++ {
			records = append(records, storedEvent(i))
		}
		if err := log.Append(b.Context(), records...); err != nil {
			b.Fatal(err)
		}
	}
	received.Wait()
	b.ReportMetric(float64(b.N*subscribers)/b.Elapsed().Seconds(), "deliveries/s")
}
