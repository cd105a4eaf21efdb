package eventstream

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// Errors by which the server refuses a message for its id: the batch as a whole
// where one of its messages is in the log already or twice in the batch, and a
// message whose twin is being stored at this moment.
const (
	codeBatchHasDuplicate jetstream.ErrorCode = 10201
	codeTwinInFlight      jetstream.ErrorCode = 10158
)

const (
	// leaderless is for how long a write is repeated while the log's servers choose a
	// leader among them, which takes them a second or a few.
	leaderless      = 4 * time.Second
	leaderlessPause = 100 * time.Millisecond
)

// write stores msgs, at most maxBatchRecords, and returns an error for each. It
// takes no longer than ackTimeout.
func (a *appender) write(msgs []*nats.Msg) []error {
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

func (a *appender) try(ctx context.Context, msgs []*nats.Msg) []answer {
	if len(msgs) >= minBatchRecords {
		err := a.writeBatch(ctx, msgs)
		if !refusedForID(err) {
			return slices.Repeat([]answer{{err: err}}, len(msgs))
		}
		// Some message is in the log already, and the server does not say which. It
		// stored none; now each gets its own answer.
	}
	return a.writeEach(ctx, msgs)
}

// writeBatch stores all msgs or none, with one sync.
func (a *appender) writeBatch(ctx context.Context, msgs []*nats.Msg) error {
	// Without an answer to the first message: the whole batch is one round trip.
	ack, err := jetstreamext.PublishMsgBatch(ctx, a.js, msgs, jetstreamext.BatchFlowControl{AckFirst: false})
	if err != nil {
		return err
	}
	raise(a.known, ack.Sequence)
	return nil
}

// writeEach stores msgs one by one, in their order, and waits for all answers
// together.
func (a *appender) writeEach(ctx context.Context, msgs []*nats.Msg) []answer {
	answers := make([]answer, len(msgs))
	acks := make([]jetstream.PubAckFuture, len(msgs))
	for i, msg := range msgs {
		acks[i], answers[i].err = a.js.PublishMsgAsync(&nats.Msg{
			Subject: msg.Subject, Data: msg.Data,
			Header: nats.Header{jetstream.MsgIDHeader: msg.Header[jetstream.MsgIDHeader]}, // nothing of a refused batch
		}, jetstream.WithRetryAttempts(0)) // one that is repeated alone would be out of order
	}
	for i, ack := range acks {
		if answers[i].err == nil {
			answers[i] = a.await(ctx, ack)
		}
	}
	return answers
}

func (a *appender) await(ctx context.Context, future jetstream.PubAckFuture) answer {
	select {
	case ack := <-future.Ok():
		raise(a.known, ack.Sequence)
		return answer{duplicate: ack.Duplicate}
	case err := <-future.Err():
		return answer{err: err}
	case <-ctx.Done():
		return answer{err: ctx.Err()}
	}
}

func refusedForID(err error) bool {
	var refusal *jetstream.APIError
	return errors.As(err, &refusal) &&
		(refusal.ErrorCode == codeBatchHasDuplicate || refusal.ErrorCode == codeTwinInFlight)
}
