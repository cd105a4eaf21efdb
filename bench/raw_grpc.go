package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	// streamWindow and connectionWindow are what a server may have on its way. It is
	// given back when half of it was taken.
	streamWindow     = 1 << 20
	connectionWindow = 16 << 20

	readBuffer    = 256 << 10
	frameHeader   = 9
	initialWindow = 65_535 // of a connection, before anything is said
)

// rawConn is the client's end of an HTTP/2 connection that carries streams of
// events. It is as small as one can be that a gRPC server takes for a client: what
// it receives it counts, and looks at no more than the first byte of a message.
type rawConn struct {
	conn    net.Conn
	in      *bufio.Reader
	framer  *http2.Framer // of all frames that are not data
	streams []*rawStream  // by (id-1)/2
	waiting int           // for so many streams to start
	taken   int           // bytes that are not given back yet
	count   func(stream int)
}

// openRaw opens the streams as openGRPC does, by clients that only count.
func (c *counters) openRaw(ctx context.Context) error {
	conns := make([]*rawConn, c.settings.Connections)
	for i := range conns {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.settings.Addr)
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() })
		conns[i] = newRawConn(conn, func(stream int) { c.count(stream, 0) })
	}
	for i := range c.settings.Streams {
		conn := conns[i%len(conns)]
		request, err := proto.Marshal(c.settings.request(i))
		if err != nil {
			return err
		}
		conn.streams = append(conn.streams, &rawStream{number: i, request: request})
	}
	for _, conn := range conns {
		if err := conn.begin(c.settings.Addr); err != nil {
			return err
		}
		go func() { c.fail(conn.receive()) }()
	}
	return nil
}

func newRawConn(conn net.Conn, count func(stream int)) *rawConn {
	in := bufio.NewReaderSize(conn, readBuffer)
	c := &rawConn{conn: conn, in: in, framer: http2.NewFramer(conn, in), count: count}
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	return c
}

// begin opens all streams, and returns when each has brought its first message,
// which is that it has started.
func (c *rawConn) begin(authority string) error {
	if _, err := io.WriteString(c.conn, http2.ClientPreface); err != nil {
		return err
	}
	if err := errors.Join(
		c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: streamWindow}, http2.Setting{ID: http2.SettingEnablePush, Val: 0}),
		c.framer.WriteWindowUpdate(0, connectionWindow-initialWindow),
	); err != nil {
		return err
	}
	var block bytes.Buffer
	headers := hpack.NewEncoder(&block)
	for i, s := range c.streams {
		block.Reset()
		for _, field := range []hpack.HeaderField{
			{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"},
			{Name: ":path", Value: callgatev1.Events_StreamEvents_FullMethodName}, {Name: ":authority", Value: authority},
			{Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
		} {
			if err := headers.WriteField(field); err != nil {
				return err
			}
		}
		id, body := uint32(2*i+1), append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(s.request))), s.request...)
		if err := errors.Join(
			c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true}),
			c.framer.WriteData(id, true, body),
		); err != nil {
			return err
		}
	}
	for c.waiting = len(c.streams); c.waiting > 0; {
		if err := c.frame(); err != nil {
			return err
		}
	}
	return nil
}

// receive takes what comes, until it cannot go on.
func (c *rawConn) receive() error {
	for {
		if err := c.frame(); err != nil {
			return err
		}
	}
}

// frame takes the next frame. Data is looked at where it was read to.
func (c *rawConn) frame() error {
	head, err := c.in.Peek(frameHeader)
	if err != nil {
		return err
	}
	if http2.FrameType(head[3]) != http2.FrameData {
		return c.control()
	}
	size, flags, id := int(head[0])<<16|int(head[1])<<8|int(head[2]), http2.Flags(head[4]), binary.BigEndian.Uint32(head[5:])
	if flags != 0 {
		return fmt.Errorf("stream %d: data with the flags %#x, which gRPC servers do not set", id, flags)
	}
	if c.in.Size() < frameHeader+size {
		return fmt.Errorf("stream %d: %d bytes of data in a frame", id, size)
	}
	frame, err := c.in.Peek(frameHeader + size)
	if err != nil {
		return err
	}
	if err := c.data(id, frame[frameHeader:]); err != nil {
		return err
	}
	_, err = c.in.Discard(len(frame))
	return err
}

// data takes a piece of a stream.
func (c *rawConn) data(id uint32, piece []byte) error {
	s, err := c.stream(id)
	if err != nil {
		return err
	}
	if err := s.take(piece, func(first byte) { c.message(s, first) }); err != nil {
		return fmt.Errorf("stream %d: %w", id, err)
	}
	return errors.Join(c.giveBack(0, &c.taken, len(piece), connectionWindow), c.giveBack(id, &s.taken, len(piece), streamWindow))
}

// message is told of one that came whole.
func (c *rawConn) message(s *rawStream, first byte) {
	if !s.begun {
		s.begun = true
		c.waiting--
	}
	if first == eventTagByte {
		c.count(s.number)
	}
}

// giveBack gives a window back, in halves.
func (c *rawConn) giveBack(id uint32, taken *int, n, window int) error {
	if *taken += n; *taken < window/2 {
		return nil
	}
	n, *taken = *taken, 0
	return c.framer.WriteWindowUpdate(id, uint32(n))
}

// control takes a frame that is not data. What ends a stream is an error here.
func (c *rawConn) control() error {
	frame, err := c.framer.ReadFrame()
	if err != nil {
		return err
	}
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return c.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return c.framer.WritePing(true, f.Data)
		}
	case *http2.MetaHeadersFrame:
		if f.StreamEnded() || f.PseudoValue("status") != "200" {
			return fmt.Errorf("stream %d ended: %v", f.StreamID, f.Fields)
		}
	case *http2.RSTStreamFrame:
		return fmt.Errorf("stream %d was reset: %v", f.StreamID, f.ErrCode)
	case *http2.GoAwayFrame:
		return fmt.Errorf("the server goes away: %v %q", f.ErrCode, f.DebugData())
	}
	return nil
}

func (c *rawConn) stream(id uint32) (*rawStream, error) {
	if i := int(id) / 2; id%2 == 1 && i < len(c.streams) {
		return c.streams[i], nil
	}
	return nil, fmt.Errorf("there is no stream %d", id)
}
