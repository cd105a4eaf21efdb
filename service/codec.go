package service

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that Codec builds on
	"google.golang.org/grpc/mem"
)

// encoded is a message in protobuf's wire format already. It is shared by
// everybody it is sent to, and not changed.
type encoded []byte

// Codec is grpc's own codec for protobuf, and sends what is encoded as it is: an
// event is encoded once, not once a subscriber. A server that has Events needs
// it.
func Codec() grpc.ServerOption {
	return grpc.ForceServerCodecV2(codec{encoding.GetCodecV2("proto")})
}

type codec struct {
	encoding.CodecV2
}

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if bytes, is := v.(encoded); is {
		return mem.BufferSlice{mem.SliceBuffer(bytes)}, nil
	}
	return c.CodecV2.Marshal(v)
}
