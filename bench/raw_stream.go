package main

import (
	"encoding/binary"
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	grpcPrefix = 5 // bytes before a message: whether it is compressed, and its size
	// eventTagByte is what a StreamEventsResponse with an event begins with.
	eventTagByte = responseEventField<<3 | byte(protowire.BytesType)
)

// rawStream is how far a stream is with its messages, which begin and end
// anywhere in frames.
type rawStream struct {
	number  int // as counted
	request []byte
	head    [grpcPrefix + 1]byte // of the message that is coming, and its first byte
	got     int                  // of the head
	rest    int                  // of the message, behind the head
	begun   bool                 // there was one
	taken   int                  // as of the connection
}

// take goes through data, and tells message the first byte of each that ends in it.
func (s *rawStream) take(data []byte, message func(first byte)) error {
	for len(data) > 0 {
		if s.got < len(s.head) {
			n := copy(s.head[s.got:], data)
			s.got, data = s.got+n, data[n:]
			if s.got < len(s.head) {
				return nil
			}
			size := binary.BigEndian.Uint32(s.head[1:])
			if s.head[0] != 0 || size == 0 {
				return errors.New("a message is compressed, or empty")
			}
			s.rest = int(size) - 1
		}
		n := min(s.rest, len(data))
		s.rest, data = s.rest-n, data[n:]
		if s.rest == 0 {
			s.got = 0
			message(s.head[grpcPrefix])
		}
	}
	return nil
}
