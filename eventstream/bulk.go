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
	p.through = request.Seq - 1
	var sent uint64 // position of the last message
	next := request.Seq
	for msg, err := range msgs {
		if err != nil {
			return page{}, false, fmt.Errorf("%w: %w", ErrLogUnavailable, err)
		}
		if !request.NoHeaders {
			if number(msg, lastHeader) != sent {
				return page{}, false, nil
			}
			next = number(msg, jetstream.SequenceHeader)
		}
		sent = next
		next++
		if !l.take(&p, sent, msg.Data, request.NoHeaders) {
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
	return p, number(end, lastHeader) == sent, nil
}

// endsBulk: a message of the log that looks like an end has a position.
func endsBulk(msg *nats.Msg) bool {
	return len(msg.Data) == 0 && msg.Header.Get(statusHeader) != "" && msg.Header.Get(jetstream.SequenceHeader) == ""
}

// take puts a message at the end of p. Where its position is not certain, it does
// not take what cannot be read.
func (l *Log) take(p *page, seq uint64, record []byte, uncertain bool) bool {
	if !uncertain {
		l.add(p, seq, record)
		return true
	}
	ev, err := newEvent(l.id, seq, record)
	if err != nil {
		return false
	}
	p.add(seq, len(record), ev)
	return true
}

func number(msg *nats.Msg, header string) uint64 {
	n, _ := strconv.ParseUint(msg.Header.Get(header), 10, 64)
	return n
}
