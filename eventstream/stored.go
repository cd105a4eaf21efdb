package eventstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// An embedded log is read where it is stored, and not by asking its server for
// messages: those would pass through a connection, each with a header as text.

// storedData is the field of a server.StoreMsg that has the message, which is not
// exported. TestServerIsTheOneWeKnow holds it.
const storedData = 2

// readStored brings a page of an embedded log. What was not synced when it began is
// behind the end.
func (l *Log) readStored(ctx context.Context, after uint64, subject string, limit int) (page, error) {
	known := l.known.Load()
	store, err := l.server.store()
	if err != nil {
		return page{}, fmt.Errorf("%w: %w", ErrLogUnavailable, err)
	}
	var state server.StreamState
	store.FastState(&state)
	end := l.server.synced(state.LastSeq)
	if end < known {
		return page{}, fmt.Errorf("%w: it has lost its end", ErrLogUnavailable)
	}
	if subject == "" {
		subject = allSubjects
	}
	pattern := strings.ContainsAny(subject, "*>")
	p := page{through: after}
	for msg := new(server.StoreMsg); ; {
		_, seq, err := store.LoadNextMsg(subject, pattern, p.through+1, msg)
		switch {
		case errors.Is(err, server.ErrStoreEOF), err == nil && seq > end:
			p.end = end
			return p, nil
		case err == nil:
			err = ctx.Err()
		}
		if err != nil {
			return page{}, fmt.Errorf("%w: %w", ErrLogUnavailable, err)
		}
		if p.count == limit || p.size >= readBytes {
			p.more = true
			return p, nil
		}
		l.add(&p, seq, bytes.Clone(reflect.ValueOf(msg).Elem().Field(storedData).Bytes()))
	}
}
