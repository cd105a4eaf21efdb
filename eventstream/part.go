package eventstream

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// part is what is kept beside the events. An embedded log's is opened when it is needed
// first: making it takes the disk as long as all else of a start, and not every gateway
// needs it. That of servers which others share is opened at once, so that a gateway that
// does not fit them does not start.
type part[T any] struct {
	log    *Log
	open   func(context.Context) (T, error)
	turn   *semaphore.Weighted // to open it
	opened atomic.Pointer[T]
}

func newPart[T any](ctx context.Context, l *Log, open func(context.Context) (T, error)) (*part[T], error) {
	p := &part[T]{log: l, open: open, turn: semaphore.NewWeighted(1)}
	if !l.external {
		return p, nil
	}
	opened, err := open(ctx)
	p.opened.Store(&opened)
	return p, err
}

// get is what the part has, open. Whoever comes while it is being opened waits, and
// tries himself if that fails. The error is the caller's own end, or ErrLogUnavailable;
// that one Check says too.
func (p *part[T]) get(ctx context.Context) (opened T, err error) {
	if is := p.opened.Load(); is != nil {
		return *is, nil
	}
	if err := p.turn.Acquire(ctx, 1); err != nil {
		return opened, err
	}
	defer p.turn.Release(1)
	if is := p.opened.Load(); is != nil {
		return *is, nil
	}
	asked, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if opened, err = p.open(asked); err != nil {
		err = p.log.server.unavailable(ctx, err)
		if errors.Is(err, ErrLogUnavailable) {
			p.log.appender.failure.Store(&appendFailure{at: time.Now(), err: err})
		}
		return opened, err
	}
	p.opened.Store(&opened)
	return opened, nil
}
