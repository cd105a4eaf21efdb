package main

import (
	"context"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// logStream is what the gateway calls the stream that its log is.
const logStream = "CALLGATE_EVENTS"

// feeder has copies of one event stored in a log. As the references' events, they
// are encoded before; and nobody waits for what says that they are stored, which is
// for ingest to measure.
type feeder struct {
	conn   *nats.Conn
	stored *jetstream.RawStreamMsg
	copies int
}

// feeder is one for l: it appends an event as a gateway does, and looks at what
// the log has of it.
func (l *sharedLog) feeder(ctx context.Context) (f *feeder, err error) {
	if err := l.log.Append(ctx, l.records.some(0, 1, nil)...); err != nil {
		return nil, err
	}
	f = &feeder{}
	if f.conn, err = nats.Connect(l.url); err != nil {
		return nil, err
	}
	js, err := jetstream.New(f.conn)
	if err != nil {
		f.close()
		return nil, err
	}
	stream, err := js.Stream(ctx, logStream)
	if err == nil {
		f.stored, err = stream.GetMsg(ctx, stream.CachedInfo().State.LastSeq)
	}
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// feed sends n copies, each with an id of its own: the log would drop others.
func (f *feeder) feed(n int) error {
	for range n {
		f.copies++
		id := nats.Header{jetstream.MsgIDHeader: {strconv.Itoa(f.copies)}}
		if err := f.conn.PublishMsg(&nats.Msg{Subject: f.stored.Subject, Header: id, Data: f.stored.Data}); err != nil {
			return err
		}
	}
	return f.conn.Flush()
}

func (f *feeder) close() { f.conn.Close() }
