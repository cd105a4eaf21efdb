package eventstream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A server whose disk did not take something does not write to that stream ever
// again, nor answers who asks it to by a connection, until it opens its files anew. So it is
// started anew, once the disk takes something again. Until then it is only read.

// probeBytes is how much the disk must take to be thought well: one write of the
// log.
const probeBytes = maxBatchBytes

// silent tells whether err is of something that the server did not answer. An
// answer, even a refusal, says that it is well; and what is too large was not asked.
func silent(err error) bool {
	var refusal *jetstream.APIError
	var refused *server.ApiError
	return err != nil && !errors.As(err, &refusal) && !errors.As(err, &refused) && !errors.Is(err, nats.ErrMaxPayload)
}

// suspect has the server mended before it is written to next. One without files
// has nothing to be mended: it would lose all it has.
func (e *embeddedServer) suspect() {
	if e != nil && e.temp == "" {
		e.ill.Store(true)
	}
}

// unavailable is err as an error of the log, unless the caller gave up. Where the
// server did not answer, it is suspected.
func (e *embeddedServer) unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// What was asked before it was mended may have gone unanswered only now.
	if silent(err) && e != nil && time.Since(time.Unix(0, e.mended.Load())) > ackTimeout {
		e.suspect()
	}
	return fmt.Errorf("%w: %w", ErrLogUnavailable, err)
}

// suspected tells whether the server is to be mended.
func (e *embeddedServer) suspected() bool { return e != nil && e.ill.Load() }

// mend starts the server anew, if the disk takes what is written. Connections come
// back by themselves.
func (e *embeddedServer) mend() error {
	if err := e.probe(); err != nil {
		return fmt.Errorf("its disk takes no more: %w", err)
	}
	e.stop()
	if err := e.start(); err != nil {
		return fmt.Errorf("open its files anew: %w", err)
	}
	e.showsSynced()
	e.mended.Store(time.Now().UnixNano())
	e.ill.Store(false)
	e.log.logger.Warn("it did not answer: its disk takes what is written, and its files were opened anew")
	return nil
}

// probe writes as the log does, to a file of its own.
func (e *embeddedServer) probe() (err error) {
	name := filepath.Join(e.options.StoreDir, "probe")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(name)) }()
	if _, err := f.Write(make([]byte, probeBytes)); err != nil {
		return err
	}
	return f.Sync()
}
