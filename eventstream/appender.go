package eventstream

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/callgate/callgate/telemetry"
)

const (
	// maxQueuedAppends bounds the appends that wait. One more is refused with
	// ErrLogUnavailable: the sender keeps what it has, and comes again.
	maxQueuedAppends = 4096
	// maxBatchRecords bounds the records that share one write.
	maxBatchRecords = 256
	// maxBatchBytes is how much is enough for one.
	maxBatchBytes = 1 << 20
	// ackTimeout bounds the wait for the log's answer.
	ackTimeout = 5 * time.Second
	// maxQueueWait bounds the wait for one's turn. While the log does not answer,
	// whoever waited longer is refused without trying, so that Append takes no longer
	// than both and the write that was under way, and those that are still waited for
	// come first when the log is back.
	maxQueueWait = 5 * time.Second
)

// mendAgain is how often a server that is ill is looked at.
const mendAgain = time.Second

var errQueuedTooLong = errors.New("it did not get to this append in time")

// appender is the one goroutine that writes. Appends that wait at the same moment
// share one write and one sync, so that they cost no more than a single one.
type appender struct {
	js      jetstream.JetStream
	server  *embeddedServer // nil when external
	known   *atomic.Uint64
	patient time.Duration // how long to wait for a leader
	unsure  bool          // whether what is sent is answered
	queue   chan *appendRequest
	stop    chan struct{} // closed: take no more
	stopped chan struct{} // closed: nothing is being stored any more
	failure atomic.Pointer[appendFailure]
	metrics appendMetrics
}

// appendRequest is one call of append: its messages, and where the answer goes.
type appendRequest struct {
	msgs   []message
	queued time.Time
	done   chan error // of capacity 1: the appender never waits
}

type appendFailure struct {
	at  time.Time
	err error
}

type appendMetrics struct {
	records  *prometheus.CounterVec
	batch    prometheus.Histogram
	duration prometheus.Histogram
}

func startAppender(js jetstream.JetStream, server *embeddedServer, known *atomic.Uint64, patient time.Duration, reg prometheus.Registerer) *appender {
	metrics := promauto.With(reg)
	a := &appender{
		js:      js,
		server:  server,
		known:   known,
		patient: patient,
		unsure:  true,
		queue:   make(chan *appendRequest, maxQueuedAppends),
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),
		metrics: appendMetrics{
			records: metrics.NewCounterVec(prometheus.CounterOpts{
				Name: "callgate_log_records_total",
				Help: "Records given to the event log, by what became of them: stored, duplicate or failed.",
			}, []string{"result"}),
			batch: metrics.NewHistogram(telemetry.Histogram("callgate_log_batch_records",
				"Records that shared one write to the event log.", telemetry.Buckets(1, 9))),
			duration: metrics.NewHistogram(telemetry.Histogram("callgate_log_write_seconds",
				"Time of one write to the event log.", telemetry.Buckets(0.0001, 16))),
		},
	}
	for _, result := range []string{"stored", "duplicate", "failed"} {
		a.metrics.records.WithLabelValues(result) // from 0 on
	}
	go a.run()
	return a
}

// append queues msgs and waits for their answer.
func (a *appender) append(ctx context.Context, msgs []message) error {
	req := &appendRequest{msgs: msgs, queued: time.Now(), done: make(chan error, 1)}
	select {
	case <-a.stop:
		return fmt.Errorf("%w: it is closed", ErrLogUnavailable)
	default:
	}
	select {
	case a.queue <- req:
	default:
		return fmt.Errorf("%w: %d appends are waiting", ErrLogUnavailable, maxQueuedAppends)
	}
	select {
	case err := <-req.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-a.stopped:
	}
	select {
	case err := <-req.done:
		return err
	default:
		return fmt.Errorf("%w: it was closed", ErrLogUnavailable)
	}
}

func (a *appender) run() {
	defer close(a.stopped)
	again := time.NewTicker(mendAgain)
	defer again.Stop()
	for {
		select {
		case <-a.stop:
			return
		case <-again.C:
			_ = a.mend() // whoever appends is told
		case req := <-a.queue:
			if time.Since(req.queued) > maxQueueWait {
				req.done <- a.result(false, errQueuedTooLong)
				continue
			}
			a.store(a.gather(req))
		}
	}
}

// gather adds to first what else waits by now, as much as shares one write well.
// Those that were answered just now are let come again first.
func (a *appender) gather(first *appendRequest) []*appendRequest {
	runtime.Gosched()
	requests := []*appendRequest{first}
	records, size := 0, 0
	for req := first; ; {
		records += len(req.msgs)
		for _, msg := range req.msgs {
			size += len(msg.data)
		}
		if records >= maxBatchRecords || size >= maxBatchBytes {
			return requests
		}
		select {
		case req = <-a.queue:
			requests = append(requests, req)
		default:
			return requests
		}
	}
}

// store writes the messages of all requests and answers each. An id that occurs
// twice is written once.
func (a *appender) store(requests []*appendRequest) {
	index := make(map[string]int)
	var msgs []message
	for _, req := range requests {
		for _, msg := range req.msgs {
			if _, again := index[msg.id]; again {
				a.metrics.records.WithLabelValues("duplicate").Inc()
				continue
			}
			index[msg.id] = len(msgs)
			msgs = append(msgs, msg)
		}
	}

	errs := make([]error, 0, len(msgs))
	for from := 0; from < len(msgs); from += maxBatchRecords {
		errs = append(errs, a.write(msgs[from:min(from+maxBatchRecords, len(msgs))])...)
	}

	for _, req := range requests {
		var failed error
		for _, msg := range req.msgs {
			if err := errs[index[msg.id]]; err != nil && failed == nil {
				failed = err
			}
		}
		req.done <- failed
	}
}

// mend makes a server that is ill well, if that can be.
func (a *appender) mend() error {
	if !a.server.suspected() {
		return nil
	}
	if err := a.server.mend(); err != nil {
		return a.fail(err)
	}
	a.failure.Store(nil)
	return nil
}

// fail is the error of an append, and says it to recentFailure.
func (a *appender) fail(err error) error {
	err = fmt.Errorf("%w: %w", ErrLogUnavailable, err)
	a.failure.Store(&appendFailure{at: time.Now(), err: err})
	return err
}

// result counts what became of one record, and says it to the caller and to
// recentFailure.
func (a *appender) result(duplicate bool, err error) error {
	switch {
	case err != nil:
		err = a.fail(err)
		a.metrics.records.WithLabelValues("failed").Inc()
		return err
	case duplicate:
		a.metrics.records.WithLabelValues("duplicate").Inc()
	default:
		a.metrics.records.WithLabelValues("stored").Inc()
	}
	a.failure.Store(nil)
	return nil
}

// recentFailure is the error of the last append, when it failed no longer than
// within ago.
func (a *appender) recentFailure(within time.Duration) error {
	if f := a.failure.Load(); f != nil && time.Since(f.at) < within {
		return f.err
	}
	return nil
}

// close ends the goroutine, after what it is storing now. It is called once.
func (a *appender) close() {
	close(a.stop)
	<-a.stopped
}
