package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
)

// rawNATS is the client's end of a connection to a NATS server, as small as one can
// be: it counts the messages of its subscriptions, and skips what is in them.
type rawNATS struct {
	conn  net.Conn
	in    *bufio.Reader
	count func(stream int)
}

// openNATS subscribes to the core subject.
func (c *counters) openNATS(ctx context.Context) error {
	server, err := url.Parse(c.settings.Addr)
	if err != nil {
		return err
	}
	for i := range c.settings.Connections {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", server.Host)
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() })
		n := newRawNATS(conn, func(stream int) { c.count(stream, 0) })
		var streams []int
		for stream := i; stream < c.settings.Streams; stream += c.settings.Connections {
			streams = append(streams, stream)
		}
		if err := n.begin(streams); err != nil {
			return err
		}
		go func() { c.fail(n.receive()) }()
	}
	return nil
}

func newRawNATS(conn net.Conn, count func(stream int)) *rawNATS {
	return &rawNATS{conn, bufio.NewReaderSize(conn, readBuffer), count}
}

// begin subscribes for streams, and returns when the server has taken it in. A
// subscription's id is its stream's number.
func (n *rawNATS) begin(streams []int) error {
	var hello bytes.Buffer
	hello.WriteString(`CONNECT {"verbose":false,"pedantic":false,"lang":"go","version":"0"}` + "\r\n")
	for _, stream := range streams {
		fmt.Fprintf(&hello, "SUB %s %d\r\n", natsSubject, stream)
	}
	hello.WriteString("PING\r\n")
	if _, err := hello.WriteTo(n.conn); err != nil {
		return err
	}
	for {
		if pong, err := n.next(); pong || err != nil {
			return err
		}
	}
}

// receive takes what comes, until it cannot go on.
func (n *rawNATS) receive() error {
	for {
		if _, err := n.next(); err != nil {
			return err
		}
	}
}

// next takes one thing that the server says, and tells whether it was PONG.
func (n *rawNATS) next() (pong bool, err error) {
	line, err := n.in.ReadSlice('\n')
	if err != nil {
		return false, err
	}
	verb, rest, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
	switch string(verb) {
	case "MSG":
		return false, n.message(rest)
	case "PING":
		_, err = io.WriteString(n.conn, "PONG\r\n")
		return false, err
	case "-ERR":
		return false, fmt.Errorf("NATS says %s", rest)
	default:
		return string(verb) == "PONG", nil
	}
}

// message skips a message of which the subject, the id of the subscription and the
// size are given.
func (n *rawNATS) message(about []byte) error {
	fields := bytes.Fields(about)
	if len(fields) != 3 {
		return fmt.Errorf("NATS sent a message %q", about)
	}
	stream, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(string(fields[2]))
	if err != nil {
		return err
	}
	if _, err := n.in.Discard(size + len("\r\n")); err != nil {
		return err
	}
	n.count(stream)
	return nil
}
