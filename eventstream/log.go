package eventstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"
)

// ErrLogUnavailable is returned when the log could not be asked, or did not say
// in time that it stored what it was given. Whether it did is then not known;
// appending the same records again is safe.
var ErrLogUnavailable = errors.New("the event log is unavailable")

// SyncMode is when the log tells the disk to keep what it wrote.
type SyncMode int

const (
	// SyncAlways syncs before an append returns: what was appended survives the
	// loss of power.
	SyncAlways SyncMode = iota
	// SyncInterval syncs once a second: an append survives the end of the process,
	// but the loss of power may take the last second.
	SyncInterval
)

// LogOptions are the settings of a Log. The zero value is a log in memory.
type LogOptions struct {
	// NATS is where the log is kept outside of this process. Nil: in it.
	NATS *NATSOptions
	// Dir is where an embedded log keeps its files; made when it does not exist.
	// Empty: in memory, gone with the process.
	Dir string
	// Sync is when an embedded log's files are synced.
	Sync SyncMode
	// MaxAge is how long events are kept; 7 days when 0.
	MaxAge time.Duration
	// MaxBytes is how much is kept, oldest events going first; when 0, 10 GiB in
	// files and 256 MiB in memory.
	MaxBytes int64
	// DuplicateWindow is for how long an event that comes again is known; when 0,
	// 20 minutes, or MaxAge where that is shorter. A sender repeats what it got no
	// answer to: Event Grid after 10 s, 30 s, 1, 5 and 10 minutes, 17 in all. Each
	// event inside the window costs some 200 bytes of memory.
	DuplicateWindow time.Duration
	// Logger is told what goes wrong; slog.Default() when nil.
	Logger *slog.Logger
	// Registerer receives the log's metrics; none when nil.
	Registerer prometheus.Registerer
}

// withDefaults fills in what was left out.
func (o LogOptions) withDefaults() LogOptions {
	if o.MaxAge == 0 {
		o.MaxAge = 7 * 24 * time.Hour
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 10 << 30
		if o.storage() == jetstream.MemoryStorage {
			o.MaxBytes = 256 << 20
		}
	}
	if o.DuplicateWindow == 0 {
		o.DuplicateWindow = min(20*time.Minute, o.MaxAge)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func (o LogOptions) storage() jetstream.StorageType {
	if o.NATS == nil && o.Dir == "" {
		return jetstream.MemoryStorage
	}
	return jetstream.FileStorage
}

func (o LogOptions) replicas() int {
	switch {
	case o.NATS == nil:
		return 1
	case o.NATS.Replicas == 0:
		return 3
	}
	return o.NATS.Replicas
}

// Log is the durable, ordered sequence of all events. Its methods may be called
// from any goroutine.
type Log struct {
	id       logID
	logger   *slog.Logger
	external bool            // others may use it too, and it has servers that follow
	server   *embeddedServer // nil when external
	maxAge   time.Duration
	maxBytes int64
	conn     *nats.Conn
	js       jetstream.JetStream
	stream   jetstream.Stream
	appender *appender
	// unconfirmed counts commands that may not be in the log.
	unconfirmed prometheus.Counter
	// known is the highest position that this process has seen in the log: what it
	// appended or read. The log may be further, never less far.
	known atomic.Uint64
	// questions for the log's bounds, of which asking lets one be under way.
	questions singleflight.Group
	asking    sync.Mutex
	close     sync.Once
}

// OpenLog opens the log of o.NATS, or the one in o.Dir, or makes it.
//
// It holds o.Dir until Close: another process, or another Log in this one, cannot
// open it meanwhile. A log of o.NATS is for everybody, and its settings are
// nobody's to change: those in which it differs from o are the error.
func OpenLog(ctx context.Context, o LogOptions) (*Log, error) {
	o = o.withDefaults()
	l := &Log{logger: o.Logger, external: o.NATS != nil, unconfirmed: newUnconfirmed(o.Registerer)}
	if err := l.open(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("open event log: %w", err), l.Close())
	}
	return l, nil
}

func (l *Log) open(ctx context.Context, o LogOptions) (err error) {
	if l.external {
		l.conn, err = o.NATS.connect(o.Logger)
	} else if l.server, err = startEmbedded(o); err == nil {
		l.conn, err = l.server.connect(o.Logger)
	}
	if err != nil {
		return err
	}
	// An answer that was lost with a server must not be waited for forever.
	if l.js, err = jetstream.New(l.conn, jetstream.WithPublishAsyncTimeout(ackTimeout)); err != nil {
		return err
	}
	config := o.streamConfig()
	config.Metadata = newLogID()
	if l.stream, err = l.openStream(ctx, config); err != nil {
		return err
	}
	if l.id, err = identity(l.stream.CachedInfo().Config); err != nil {
		return err
	}
	if l.server.syncs() {
		if _, _, err := l.server.files(); err != nil {
			return err
		}
	}
	l.maxAge, l.maxBytes = config.MaxAge, config.MaxBytes
	l.known.Store(l.stream.CachedInfo().State.LastSeq)
	var patient time.Duration
	if l.external {
		patient = leaderless
	}
	l.appender = startAppender(l.js, l.server, &l.known, patient, o.Registerer)
	if o.Registerer != nil {
		return o.Registerer.Register(newLogCollector(l))
	}
	return nil
}

// bounds are the position before the first event that the log still has, and that
// of its last; holes tells whether events in between have been deleted.
func (l *Log) bounds(ctx context.Context) (earliest, last uint64, holes bool, err error) {
	state, err := l.state(ctx)
	if err != nil {
		return 0, 0, false, err
	}
	return max(state.FirstSeq, 1) - 1, state.LastSeq, state.NumDeleted > 0, nil
}

// state is what the stream has.
//
// Whoever comes while a question is under way shares the next one with all others
// who do: the answer to one that began before could be older than what he knows. It
// comes after twice askTimeout at the latest.
func (l *Log) state(ctx context.Context) (jetstream.StreamState, error) {
	const same = "state"
	answers := l.questions.DoChan(same, func() (any, error) {
		l.asking.Lock()
		defer l.asking.Unlock()
		l.questions.Forget(same)
		return l.askState()
	})
	select {
	case <-ctx.Done():
		return jetstream.StreamState{}, fmt.Errorf("%w: %w", ErrLogUnavailable, ctx.Err())
	case answer := <-answers:
		if answer.Err != nil {
			return jetstream.StreamState{}, answer.Err
		}
		return answer.Val.(jetstream.StreamState), nil
	}
}

// askState asks for many, so that it goes on when one of them leaves.
func (l *Log) askState() (jetstream.StreamState, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	info, err := l.stream.Info(ctx)
	if err != nil {
		return jetstream.StreamState{}, fmt.Errorf("%w: %w", ErrLogUnavailable, err)
	}
	if id, err := identity(info.Config); err != nil || id != l.id {
		return jetstream.StreamState{}, fmt.Errorf("%w: %w", ErrLogUnavailable, errReplaced)
	}
	info.State.LastSeq = l.server.synced(info.State.LastSeq)
	l.learn(info.State.LastSeq)
	return info.State, nil
}

// Retention is what a log keeps.
type Retention struct {
	// MaxAge and MaxBytes are its limits.
	MaxAge   time.Duration
	MaxBytes int64
	// Earliest is when the first event that it still has was stored; zero when it
	// has none.
	Earliest time.Time
}

func (l *Log) retention(state jetstream.StreamState) Retention {
	kept := Retention{MaxAge: l.maxAge, MaxBytes: l.maxBytes}
	if state.Msgs > 0 {
		kept.Earliest = state.FirstTime
	}
	return kept
}

// learn raises known to seq.
func (l *Log) learn(seq uint64) { raise(&l.known, seq) }

func raise(to *atomic.Uint64, seq uint64) {
	for old := to.Load(); seq > old; old = to.Load() {
		if to.CompareAndSwap(old, seq) {
			return
		}
	}
}

// Bounds are the cursors of the log's two ends: behind earliest lies all that it
// still has, behind last nothing yet.
func (l *Log) Bounds(ctx context.Context) (earliest, last string, err error) {
	first, end, _, err := l.bounds(ctx)
	if err != nil {
		return "", "", err
	}
	return l.cursor(first), l.cursor(end), nil
}

// cursor is the cursor of the position seq.
func (l *Log) cursor(seq uint64) string { return encodeCursor(l.id, seq) }

// position reads a cursor and checks that the log has that place: the errors are
// ErrCursorInvalid, ErrCursorOtherLog, ErrCursorAhead and *CursorTrimmedError.
func (l *Log) position(ctx context.Context, cursor string) (uint64, error) {
	seq, err := decodeCursor(l.id, cursor)
	if err != nil {
		return 0, err
	}
	earliest, last, err := l.boundsAt(ctx, seq)
	if err != nil {
		return 0, err
	}
	return seq, l.within(seq, earliest, last)
}

// within tells whether the log, with these bounds, has the position seq.
func (l *Log) within(seq, earliest, last uint64) error {
	switch {
	case seq > last:
		return ErrCursorAhead
	case seq < earliest:
		return &CursorTrimmedError{Earliest: l.cursor(earliest)}
	}
	return nil
}

// failureMemory is for how long a failed append makes Check fail, unless another
// succeeds. It is bounded because whoever sees the failure sends no more
// callbacks, so that none could succeed.
const failureMemory = 15 * time.Second

// Check tells whether the log can be read and written: an error says what is
// wrong.
func (l *Log) Check(ctx context.Context) error {
	if _, _, _, err := l.bounds(ctx); err != nil {
		return err
	}
	return l.appender.recentFailure(failureMemory)
}

// Close stores what is being appended, and ends the log. Appends that wait or
// come later get ErrLogUnavailable.
func (l *Log) Close() error {
	l.close.Do(func() {
		if l.appender != nil {
			l.appender.close()
		}
		if l.conn != nil {
			l.conn.Close()
		}
		if l.server != nil {
			l.server.close()
		}
	})
	return nil
}
