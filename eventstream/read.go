package eventstream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	// readRecords and readBytes bound what one read brings.
	readRecords = 256
	readBytes   = 1 << 20
	// readTimeout bounds one read; a read that brings anything takes milliseconds.
	readTimeout = 10 * time.Second
	// pendingHeader tells how many more messages match behind one.
	pendingHeader = "Nats-Num-Pending"
)

// page is what one read brought.
type page struct {
	events []*Event
	// through is the last position that was looked at: behind the last event where
	// something there could not be read.
	through uint64
	// more tells that more follows.
	more bool
}

// read brings the next events behind the position after, at most limit: all, or
// those of one subject. It steps over what the log no longer has: who reads all
// sees that by the sequence numbers, who reads a subject must ask for bounds.
func (l *Log) read(ctx context.Context, after uint64, subject string, limit int) (page, error) {
	return l.readFrom(ctx, limit, subject, jetstreamext.GetBatchSeq(after+1), after)
}

func (l *Log) readFrom(ctx context.Context, limit int, subject string, from jetstreamext.GetBatchOpt, through uint64) (page, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	opts := []jetstreamext.GetBatchOpt{from, jetstreamext.GetBatchMaxBytes(readBytes)}
	if subject != "" {
		opts = append(opts, jetstreamext.GetBatchSubject(subject))
	}
	p := page{through: through}
	msgs, err := jetstreamext.GetBatch(ctx, l.js, streamName, limit, opts...)
	if err != nil {
		return page{}, fmt.Errorf("%w: %w", ErrLogUnavailable, err)
	}
	for msg, err := range msgs {
		if errors.Is(err, jetstreamext.ErrNoMessages) {
			return p, nil
		}
		if err != nil {
			return page{}, fmt.Errorf("%w: %w", ErrLogUnavailable, err)
		}
		p.through = msg.Sequence
		pending, err := strconv.ParseUint(msg.Header.Get(pendingHeader), 10, 64)
		p.more = err == nil && pending > 0
		if ev := l.decode(msg.Sequence, msg.Data); ev != nil {
			p.events = append(p.events, ev)
		}
	}
	if err := ctx.Err(); err != nil { // the reading stops at the deadline without a word
		return page{}, fmt.Errorf("%w: %w", ErrLogUnavailable, err)
	}
	return p, nil
}

// decode reads one record. What it cannot read was not written by callgate: it is
// logged, and stays a hole in the sequence that readers report as a gap.
func (l *Log) decode(seq uint64, record []byte) *Event {
	ev, err := newEvent(l.id, seq, record)
	if err != nil {
		l.logger.Error("event log: unreadable record", "seq", seq, "error", err)
		return nil
	}
	return ev
}

// before is the position before the first event that was stored at t or later;
// the log's last position when there is none.
func (l *Log) before(ctx context.Context, t time.Time) (uint64, error) {
	// Asked first, so that an event that is stored in between is not passed over.
	_, last, _, err := l.bounds(ctx)
	if err != nil {
		return 0, err
	}
	p, err := l.readFrom(ctx, 1, "", jetstreamext.GetBatchStartTime(t), last+1)
	if err != nil {
		return 0, err
	}
	return min(p.through-1, last), nil
}

// hasEnded tells whether the call connection's CallDisconnected lies at or before
// the position seq.
func (l *Log) hasEnded(ctx context.Context, callConnectionID string, seq uint64) (bool, error) {
	msg, err := l.stream.GetLastMsgForSubject(ctx, callTypeSubject(callConnectionID, typeCallDisconnected))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%w: %w", ErrLogUnavailable, err)
	}
	return msg.Sequence <= seq, nil
}

// hole is why the log has nothing between the positions from and the next event
// behind it, given its bounds as they are afterwards.
func hole(from, earliest uint64) callgatev1.StreamGap_Reason {
	if earliest > from {
		return callgatev1.StreamGap_REASON_RETENTION
	}
	return callgatev1.StreamGap_REASON_DELETED
}
