package service

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that Codec builds on
	"google.golang.org/grpc/mem"

	"github.com/callgate/callgate/eventstream"
)

// Codec is grpc's own codec for protobuf, and sends an event as it was encoded for
// everybody: once, not once a subscriber. A server that has Events needs it.
func Codec() grpc.ServerOption {
	return grpc.ForceServerCodecV2(codec{encoding.GetCodecV2("proto")})
}

type codec struct {
	encoding.CodecV2
}

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if event, is := v.(*eventstream.Encoded); is {
		return event.Buffers(), nil
	}
	return c.CodecV2.Marshal(v)
}
