package eventstream

import (
	"context"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	// ringPage is how many events are copied out of the ring at once. A subscription
	// keeps room for so many from its first event on.
	ringPage = 16
	// readAgain is the pause when the log does not yet show what the hub has seen.
	readAgain = 20 * time.Millisecond
)

// scanPage is a stretch of the log that a subscription works through.
type scanPage struct {
	entries []entry
	next    int
	// contiguous tells that the page has all that the log has, so that a jump in
	// the sequence numbers is a hole.
	contiguous bool
	// through is where the stretch ends, if that is behind its last event.
	through uint64

	ring []entry // empty: memory for what is copied from the ring
}

func (p *scanPage) peek() (entry, bool) {
	if p.next == len(p.entries) {
		return entry{}, false
	}
	return p.entries[p.next], true
}

// drop lets go of the entry that peek shows.
func (p *scanPage) drop() {
	p.entries[p.next] = entry{}
	p.next++
}

// fill gets what follows, once all that was read before has been given out. When
// there is nothing, more is ready as soon as there may be.
func (s *Subscription) fill(ctx context.Context) (more <-chan struct{}, err error) {
	if s.queue == nil || s.pos < s.target {
		return s.scan(ctx)
	}
	var overflow bool
	s.taken, overflow = s.queue.take(s.taken)
	s.takenAt = 0
	switch {
	case len(s.taken) > 0:
		return nil, nil
	case overflow:
		s.target = s.hub.rejoin(s)
		return nil, nil
	}
	return s.queue.wake, nil
}

// scan reads on from the ring, or from the log when the ring no longer reaches
// back to the position.
func (s *Subscription) scan(ctx context.Context) (more <-chan struct{}, err error) {
	entries, through, more, ok := s.hub.ring.read(s.pos, s.page.ring, s.filter.commands)
	switch {
	case !ok:
		s.setBehind(true)
		return s.scanLog(ctx)
	case len(entries) == 0 && through > s.pos:
		s.pos = through
		return nil, nil
	case len(entries) == 0:
		s.setBehind(false)
		return more, nil
	}
	s.setBehind(false)
	s.page = scanPage{entries: entries, contiguous: true, ring: entries[:0]}
	return nil, nil
}

// scanLog reads on from the log: all of it, or the events of one call where the
// subscription is to no other.
func (s *Subscription) scanLog(ctx context.Context) (more <-chan struct{}, err error) {
	s.hub.metrics.logReads.Inc()
	seen := s.hub.ring.oldest() // the log had everything up to here when the hub read it
	subject := s.onlyCall()
	p, err := s.readLog(ctx, subject)
	if err != nil {
		return nil, err
	}
	n := len(p.events)
	page := scanPage{entries: make([]entry, n), contiguous: subject == "", ring: s.page.ring}
	for i, ev := range p.events {
		page.entries[i] = entry{event: ev, hole: callgatev1.StreamGap_REASON_DELETED}
	}
	if page.contiguous && n > 0 && p.events[n-1].Seq == s.pos+uint64(n) {
		s.page = page
		return nil, nil
	}

	// There are holes, or they would not be seen: the log's bounds, as they are
	// after the reading, tell what had been taken from its front.
	earliest, last, deleted, err := s.hub.log.bounds(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case subject != "" && deleted:
		s.unfiltered = true // from here on one by one, so that each hole is seen
		return nil, nil
	case earliest > s.pos:
		s.gap = &span{from: s.pos, to: earliest, reason: callgatev1.StreamGap_REASON_RETENTION}
	case page.contiguous && n == 0 && p.through > s.pos: // records, but no events
		s.gap = &span{from: s.pos, to: p.through, reason: callgatev1.StreamGap_REASON_DELETED}
	case page.contiguous && n == 0 && deleted && last >= seen:
		s.gap = &span{from: s.pos, to: seen, reason: callgatev1.StreamGap_REASON_DELETED}
	case page.contiguous && n == 0:
		again := make(chan struct{})
		time.AfterFunc(readAgain, func() { close(again) })
		return again, nil
	}
	if subject != "" {
		page.through = p.through
		if !p.more {
			page.through = max(p.through, min(p.end, s.target))
		}
	}
	s.page = page
	return nil, nil
}

// readLog reads a page of the log behind the position, and begins with the one
// behind that while this one is given out.
func (s *Subscription) readLog(ctx context.Context, subject string) (p page, err error) {
	ahead := s.ahead
	s.ahead = nil
	found := false
	if ahead != nil && ahead.after == s.pos && ahead.subject == subject {
		p, found = ahead.wait(ctx)
	}
	if !found {
		p, err = s.hub.log.read(ctx, s.pos, subject, readRecords)
	}
	if err == nil && p.more {
		s.ahead = s.hub.log.readAhead(ctx, p.through, subject)
	}
	return p, err
}

// onlyCall is the subject of the one call that the subscription is to; empty when
// the log is to be read as a whole.
func (s *Subscription) onlyCall() string {
	if s.unfiltered || len(s.filter.calls) != 1 {
		return ""
	}
	for call := range s.filter.calls {
		return callSubject(call, s.filter.commands)
	}
	return ""
}
