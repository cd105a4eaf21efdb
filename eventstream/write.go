package eventstream

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// leaderless is for how long a write is repeated while the log's servers choose a
	// leader among them, which takes them a second or a few.
	leaderless      = 4 * time.Second
	leaderlessPause = 100 * time.Millisecond
)

// write stores msgs, at most maxBatchRecords, in their order, and returns an error
// for each. It takes no longer than ackTimeout, or as the disk.
func (a *appender) write(msgs []message) []error {
	ctx, cancel := context.WithTimeout(context.Background(), ackTimeout)
	defer cancel()
	start := time.Now()
	defer func() {
		a.metrics.duration.Observe(time.Since(start).Seconds())
		a.metrics.batch.Observe(float64(len(msgs)))
	}()

	if err := a.mend(); err != nil {
		a.metrics.records.WithLabelValues("failed").Add(float64(len(msgs)))
		return slices.Repeat([]error{err}, len(msgs))
	}
	answers := a.try(ctx, msgs)
	for leaderlessTill := start.Add(a.patient); nobodyThere(answers) && time.Now().Before(leaderlessTill); {
		select {
		case <-a.stop:
			leaderlessTill = start
		case <-time.After(leaderlessPause):
			answers = a.try(ctx, msgs)
		}
	}
	errs := make([]error, len(msgs))
	for i, answer := range answers {
		if silent(answer.err) {
			a.server.suspect()
		}
		errs[i] = a.result(answer.duplicate, answer.err)
	}
	return errs
}

// answer is what became of one message.
type answer struct {
	seq       uint64
	duplicate bool
	err       error
}

// nobodyThere tells whether the messages reached nobody, so that none of them can
// have been stored.
func nobodyThere(answers []answer) bool {
	return !slices.ContainsFunc(answers, func(a answer) bool {
		return !errors.Is(a.err, nats.ErrNoResponders) && !errors.Is(a.err, jetstream.ErrNoStreamResponse)
	})
}

// try stores msgs as far as it can.
func (a *appender) try(ctx context.Context, msgs []message) (answers []answer) {
	if a.server != nil {
		answers = a.server.put(msgs)
	} else {
		answers = a.publish(ctx, msgs)
	}
	for _, answer := range answers {
		raise(a.known, answer.seq)
	}
	return answers
}

// publish sends msgs in their order, and waits for all answers together. Where it is
// not sure that anybody is there, it waits for the first alone: others behind one
// that reached nobody could be stored, and it after them.
func (a *appender) publish(ctx context.Context, msgs []message) []answer {
	if !a.unsure {
		return a.send(ctx, msgs)
	}
	first := a.send(ctx, msgs[:1])
	if silent(first[0].err) {
		return slices.Repeat(first, len(msgs))
	}
	return append(first, a.send(ctx, msgs[1:])...)
}

// send stops at the first message that the connection does not take.
func (a *appender) send(ctx context.Context, msgs []message) []answer {
	answers := make([]answer, len(msgs))
	acks := make([]jetstream.PubAckFuture, len(msgs))
	var lost error
	for i, msg := range msgs {
		if answers[i].err = lost; lost != nil {
			continue
		}
		// One that is repeated alone would be out of order.
		acks[i], answers[i].err = a.js.PublishMsgAsync(&nats.Msg{
			Subject: msg.subject, Header: nats.Header{jetstream.MsgIDHeader: {msg.id}}, Data: msg.data,
		}, jetstream.WithRetryAttempts(0))
		if silent(answers[i].err) {
			lost = answers[i].err
		}
	}
	for i, ack := range acks {
		if answers[i].err == nil {
			answers[i] = await(ctx, ack)
		}
	}
	a.unsure = slices.ContainsFunc(answers, func(a answer) bool { return silent(a.err) })
	return answers
}

func await(ctx context.Context, future jetstream.PubAckFuture) answer {
	select {
	case ack := <-future.Ok():
		return answer{seq: ack.Sequence, duplicate: ack.Duplicate}
	case err := <-future.Err():
		return answer{err: err}
	case <-ctx.Done():
		return answer{err: ctx.Err()}
	}
}
