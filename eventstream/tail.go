package eventstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// Pauses between attempts to follow the log, when it cannot be read.
	minTailPause = 50 * time.Millisecond
	maxTailPause = 2 * time.Second
	// tailHeartbeat is how often the log's server says that it is there: after two
	// it is given up, and looked for anew.
	tailHeartbeat = time.Second
)

// follow hands every event behind the position after to publish, unfiltered and in
// order, until ctx ends. It asks again when the log's server loses it; a hole in
// the sequence is then a fact about the log.
func (l *Log) follow(ctx context.Context, after uint64, publish func(entry)) {
	tail := l.tailConsumer
	if l.server != nil {
		tail = l.tailStored
	}
	pause := minTailPause
	for ctx.Err() == nil {
		before := after
		err := tail(ctx, &after, publish)
		if ctx.Err() != nil {
			return
		}
		l.logger.Warn("event log: reading was interrupted", "error", err)
		if after > before {
			pause = minTailPause
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, maxTailPause)
	}
}

// tailStored reads an embedded log as it grows, until it fails. It moves after on.
func (l *Log) tailStored(ctx context.Context, after *uint64, publish func(entry)) error {
	for looked := *after; ; {
		grown := l.server.grown.wait()
		p, err := l.readStored(ctx, looked, "", readRecords)
		if err != nil {
			return err
		}
		for _, ev := range p.events {
			if err := l.hand(ctx, ev, after, publish); err != nil {
				return err
			}
		}
		looked = p.through
		if p.more {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-grown:
		}
	}
}

// tailConsumer reads one of servers outside by one consumer, until it fails. It moves
// after on.
func (l *Log) tailConsumer(ctx context.Context, after *uint64, publish func(entry)) error {
	if _, last, err := l.boundsAt(ctx, *after); err != nil {
		return err
	} else if last < *after {
		return errors.New("the log has lost its end")
	}
	consumer, err := l.js.OrderedConsumer(ctx, streamName, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   *after + 1,
	})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	msgs, err := consumer.Messages(jetstream.PullHeartbeat(tailHeartbeat))
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	stop := context.AfterFunc(ctx, msgs.Stop)
	defer func() {
		if stop() {
			msgs.Stop()
		}
	}()
	for {
		msg, err := msgs.Next()
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		seq := meta.Sequence.Stream
		if seq <= *after {
			continue // read by a server that does not have the last events yet, and began before them
		}
		ev := l.decode(seq, msg.Data())
		if ev == nil {
			continue
		}
		if err := l.hand(ctx, ev, after, publish); err != nil {
			return err
		}
	}
}

// hand publishes the next event behind the position after, which it moves on.
func (l *Log) hand(ctx context.Context, ev *Event, after *uint64, publish func(entry)) error {
	e := entry{event: ev}
	if ev.Seq > *after+1 {
		earliest, _, _, err := l.bounds(ctx)
		if err != nil {
			return err
		}
		e.hole = hole(*after, earliest)
	}
	*after = ev.Seq
	l.learn(ev.Seq)
	publish(e)
	return nil
}
