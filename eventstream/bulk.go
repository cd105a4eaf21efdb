package eventstream

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/natsext"
)

const (
	// pendingHeader tells how many more messages match behind an answer, and
	// lastHeader which one was sent last: before a message, or in all.
	pendingHeader = "Nats-Num-Pending"
	lastHeader    = "Nats-Last-Sequence"

	statusHeader = "Status"
	statusEnd    = "204"
	statusNone   = "404"
)

// bulkRequest asks any server that has the stream for messages from Seq on.
//
// A message's headers tell its position. They cost more than all else about it, and
// say nothing where the log has no hole: as many messages as there are positions up
// to the last one's are one at each.
type bulkRequest struct {
	Seq       uint64 `json:"seq"`
	NextFor   string `json:"next_by_subj,omitempty"`
	Batch     int    `json:"batch"`
	MaxBytes  int    `json:"max_bytes"`
	NoHeaders bool   `json:"no_hdr,omitempty"`
}

// askBulk brings what matches, as much as the request lets through. ok is false
// where part of the answer was lost with a connection; and, without headers, where
// the log has a hole or what cannot be read.
func (l *Log) askBulk(ctx context.Context, request bulkRequest) (p page, ok bool, err error) {
	raw, err := json.Marshal(request)
	if err != nil {
		return page{}, false, err
	}
	var end *nats.Msg
	msgs, err := natsext.RequestMany(ctx, l.conn, jetstream.DefaultAPIPrefix+"DIRECT.GET."+streamName, raw,
		natsext.RequestManySentinel(func(msg *nats.Msg) bool {
			if endsBulk(msg) {
				end = msg
			}
			return end != nil
		}))
	if err != nil {
		return page{}, false, fmt.Errorf("%w: %w", ErrLogUnavailable, err)
	}
	take := l.takeByHeaders
	if request.NoHeaders {
		take = l.takeNext
	}
	p.through = request.Seq - 1
	for msg, err := range msgs {
		if err != nil {
			return page{}, false, fmt.Errorf("%w: %w", ErrLogUnavailable, err)
		}
		if !take(&p, msg) {
			return page{}, false, nil
		}
	}
	if end == nil { // the reading stops at the deadline without a word
		return page{}, false, fmt.Errorf("%w: an answer has no end", ErrLogUnavailable)
	}
	if status := end.Header.Get(statusHeader); status != statusEnd && status != statusNone {
		return page{}, false, fmt.Errorf("%w: status %s", ErrLogUnavailable, status)
	}
	p.more = number(end, pendingHeader) > 0
	return p, number(end, lastHeader) == p.last(), nil
}

// endsBulk: a message of the log that looks like an end has a position.
func endsBulk(msg *nats.Msg) bool {
	return len(msg.Data) == 0 && msg.Header.Get(statusHeader) != "" && msg.Header.Get(jetstream.SequenceHeader) == ""
}

// takeByHeaders puts msg at the end of p, at its position; false when what was sent
// before it did not come.
func (l *Log) takeByHeaders(p *page, msg *nats.Msg) bool {
	if number(msg, lastHeader) != p.last() {
		return false
	}
	l.add(p, number(msg, jetstream.SequenceHeader), msg.Data)
	return true
}

// takeNext puts msg at the end of p, at the next position; false when it cannot be
// read.
func (l *Log) takeNext(p *page, msg *nats.Msg) bool {
	seq := p.through + 1
	ev, err := newEvent(l.id, seq, msg.Data)
	if err != nil {
		return false
	}
	p.add(seq, len(msg.Data), ev)
	return true
}

func number(msg *nats.Msg, header string) uint64 {
	n, _ := strconv.ParseUint(msg.Header.Get(header), 10, 64)
	return n
}
