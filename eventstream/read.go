package eventstream

import (
	"context"
	"fmt"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	// readRecords and readBytes bound what one read brings.
	readRecords = 1024
	readBytes   = 1 << 20
	// readTimeout bounds one read from servers outside; a read that brings anything takes milliseconds.
	readTimeout = 5 * time.Second
)

// page is what one read brought.
type page struct {
	events []*Event
	count  int // of messages, readable or not
	size   int // of all of them, in bytes
	// through is the position of the last message that was looked at: behind the
	// last event where something there could not be read.
	through uint64
	// more tells that more may follow.
	more bool
	// end, without more, is a position up to which nothing else matches.
	end uint64
}

// add puts a message at the end of p; ev is nil where it could not be read.
func (p *page) add(seq uint64, size int, ev *Event) {
	p.through = seq
	p.count++
	p.size += size
	if ev != nil {
		p.events = append(p.events, ev)
	}
}

// read brings the next events behind the position after, at most limit: all, or
// those of one subject. It steps over what the log no longer has: who reads all
// sees that by the sequence numbers, who reads a subject must ask for bounds.
//
// It brings all that was acknowledged before it began, to whomever.
func (l *Log) read(ctx context.Context, after uint64, subject string, limit int) (page, error) {
	if l.server != nil {
		return l.readStored(ctx, after, subject, limit)
	}
	p, err := l.readBulk(ctx, after, subject, limit)
	if err == nil && !p.more {
		err = l.confirmEnd(ctx, &p, subject, limit)
	}
	if err != nil {
		return page{}, err
	}
	return p, nil
}

// readBulk asks any server outside. more is as that one sees it.
func (l *Log) readBulk(ctx context.Context, after uint64, subject string, limit int) (page, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	request := bulkRequest{Seq: after + 1, NextFor: subject, Batch: limit, MaxBytes: readBytes, NoHeaders: subject == ""}
	p, ok, err := l.askBulk(ctx, request)
	if err == nil && !ok && request.NoHeaders {
		request.NoHeaders = false
		p, ok, err = l.askBulk(ctx, request)
	}
	if err == nil && !ok {
		err = fmt.Errorf("%w: an answer is not complete", ErrLogUnavailable)
	}
	return p, err
}

// readAhead is a page that is being read before it is needed. What it brings stays
// right: positions do not change, and that more may follow is looked at again.
type readAhead struct {
	after   uint64
	subject string
	done    chan struct{}
	page    page
	err     error
}

// readAhead begins to read, until ctx ends.
func (l *Log) readAhead(ctx context.Context, after uint64, subject string) *readAhead {
	r := &readAhead{after: after, subject: subject, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.page, r.err = l.read(ctx, after, subject, readRecords)
	}()
	return r
}

// wait is for the page; false when it could not be read.
func (r *readAhead) wait(ctx context.Context) (page, bool) {
	select {
	case <-r.done:
		return r.page, r.err == nil
	case <-ctx.Done():
		return page{}, false
	}
}

// add puts a message at the end of p.
func (l *Log) add(p *page, seq uint64, record []byte) {
	p.add(seq, len(record), l.decode(seq, record))
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
	first, err := l.askLeader(ctx, leaderRequest{NextFor: allSubjects, Start: &t})
	if err != nil {
		return 0, err
	}
	if first == nil {
		return last, nil
	}
	return min(first.Seq-1, last), nil
}

// hasEnded tells whether the call connection's CallDisconnected, if it is visible,
// lies at or before the position seq.
func (l *Log) hasEnded(ctx context.Context, callConnectionID string, seq uint64, visible func(*Event) bool) (bool, error) {
	end, err := l.askLeader(ctx, leaderRequest{LastFor: callTypeSubject(callConnectionID, typeCallDisconnected)})
	if err != nil || end == nil || end.Seq > seq {
		return false, err
	}
	ev := l.decode(end.Seq, end.Data)
	return ev != nil && visible(ev), nil
}

// hole is why the log has nothing between the positions from and the next event
// behind it, given its bounds as they are afterwards.
func hole(from, earliest uint64) callgatev1.StreamGap_Reason {
	if earliest > from {
		return callgatev1.StreamGap_REASON_RETENTION
	}
	return callgatev1.StreamGap_REASON_DELETED
}
