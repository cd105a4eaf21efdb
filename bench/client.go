package main

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that counting builds on
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// openGRPC opens the streams, and returns when all have started.
func (c *counters) openGRPC(ctx context.Context) error {
	conns := make([]*grpc.ClientConn, c.settings.Connections)
	for i := range conns {
		var err error
		if conns[i], err = grpc.NewClient(c.settings.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(counting{encoding.GetCodecV2("proto")}))); err != nil {
			return err
		}
	}
	var started sync.WaitGroup
	for i := range c.settings.Streams + c.settings.Stalled {
		started.Go(func() {
			if err := c.openStream(ctx, conns[i%len(conns)], i); err != nil {
				c.fail(err)
			}
		})
	}
	started.Wait()
	select {
	case err := <-c.failed:
		return err
	default:
		return nil
	}
}

func (c *counters) openStream(ctx context.Context, conn *grpc.ClientConn, i int) error {
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, callgatev1.Events_StreamEvents_FullMethodName)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(c.settings.request(i)); err != nil {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	var m message
	if err := stream.RecvMsg(&m); err != nil { // started
		return err
	}
	if i >= c.settings.Streams {
		return nil // stalled
	}
	go func() {
		m := message{parse: c.settings.Latency}
		for {
			if err := stream.RecvMsg(&m); err != nil {
				c.fail(err)
				return
			}
			if m.event {
				c.count(i, m.sent)
			}
		}
	}()
	return nil
}

const responseEventField = 2 // of StreamEventsResponse

// message is what is looked at of a response: whether it is an event, and when
// that was sent.
type message struct {
	parse bool
	event bool
	sent  int64
}

// counting looks at responses without decoding them, so that the receivers cost
// little. Requests are encoded as ever.
type counting struct{ encoding.CodecV2 }

// Unmarshal implements encoding.CodecV2.
func (counting) Unmarshal(data mem.BufferSlice, v any) error {
	m := v.(*message)
	m.event, m.sent = false, 0
	if len(data) == 0 {
		return nil
	}
	first := data[0].ReadOnlyData()
	number, _, n := protowire.ConsumeTag(first)
	m.event = n > 0 && number == responseEventField
	if m.event && m.parse {
		m.sent = sentAt(data.Materialize())
	}
	return nil
}

// sentAt is the time that an event carries as its operation context.
func sentAt(response []byte) int64 {
	const contextField = 11 // of CallEvent
	_, _, n := protowire.ConsumeTag(response)
	event, size := protowire.ConsumeBytes(response[n:])
	if size < 0 {
		return 0
	}
	for len(event) > 0 {
		number, kind, n := protowire.ConsumeTag(event)
		size := protowire.ConsumeFieldValue(number, kind, event[n:])
		if n < 0 || size < 0 {
			return 0
		}
		if number == contextField {
			value, _ := protowire.ConsumeBytes(event[n:])
			return parseTime(string(value))
		}
		event = event[n+size:]
	}
	return 0
}
