package eventstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
)

const (
	requestsBucket = "CALLGATE_REQUESTS"
	// maxRequestsBytes bounds what is kept of requests. When it is reached, new
	// ones are refused: one that is not kept could be acted on twice.
	maxRequestsBytes = 1 << 30
)

// ErrRequestChanged is returned when somebody else wrote a request's record in
// between.
var ErrRequestChanged = errors.New("the request's record has changed")

// Requests keeps what is known of the actions that clients named, beside the log
// and as durable, for all replicas.
type Requests struct {
	bucket *part[jetstream.KeyValue]
	server *embeddedServer // nil when external
}

// Requests are the records, which are kept for a time after they were last written.
// Those of an embedded log are opened when they are used first.
func (l *Log) Requests(ctx context.Context, keep time.Duration) (*Requests, error) {
	bucket, err := newPart(ctx, l, func(ctx context.Context) (jetstream.KeyValue, error) { return l.openRequests(ctx, keep) })
	return &Requests{bucket: bucket, server: l.server}, err
}

func (l *Log) openRequests(ctx context.Context, keep time.Duration) (jetstream.KeyValue, error) {
	events := l.stream.CachedInfo().Config
	if _, err := l.openStream(ctx, jetstream.StreamConfig{
		Name:              "KV_" + requestsBucket,
		Description:       "callgate: actions that clients named",
		Subjects:          []string{"$KV." + requestsBucket + ".>"},
		Storage:           events.Storage,
		Replicas:          events.Replicas,
		Discard:           jetstream.DiscardNew,
		MaxAge:            keep,
		MaxBytes:          maxRequestsBytes,
		MaxMsgs:           -1,
		MaxMsgsPerSubject: 1,
		MaxMsgSize:        -1,
		MaxConsumers:      -1,
		Duplicates:        min(keep, 2*time.Minute),
		AllowRollup:       true,
		DenyDelete:        true,
		AllowDirect:       false, // the leader answers: one that follows may have an older record
	}); err != nil {
		return nil, fmt.Errorf("open the records of requests: %w", err)
	}
	kv, err := l.js.KeyValue(ctx, requestsBucket)
	if err != nil {
		return nil, fmt.Errorf("open the records of requests: %w", err)
	}
	return kv, nil
}

// Create records a request that is not recorded yet and returns its revision. If
// there is a record, it returns that one instead, with its revision.
func (r *Requests) Create(ctx context.Context, key string, request *logv1.Request) (revision uint64, existing *logv1.Request, err error) {
	raw, err := proto.Marshal(request)
	if err != nil {
		return 0, nil, err
	}
	kv, err := r.bucket.get(ctx)
	if err != nil {
		return 0, nil, err
	}
	asked, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	for {
		revision, err = kv.Create(asked, key, raw)
		if err == nil {
			return revision, nil, nil
		}
		if !errors.Is(err, jetstream.ErrKeyExists) && !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return 0, nil, r.unavailable(ctx, err)
		}
		entry, err := kv.Get(asked, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue // forgotten in between
		}
		if err != nil {
			return 0, nil, r.unavailable(ctx, err)
		}
		existing = &logv1.Request{}
		if err := proto.Unmarshal(entry.Value(), existing); err != nil {
			return 0, nil, fmt.Errorf("record of a request: %w", err)
		}
		return entry.Revision(), existing, nil
	}
}

// Replace writes a record anew that is still of a revision; else it returns
// ErrRequestChanged.
func (r *Requests) Replace(ctx context.Context, key string, request *logv1.Request, revision uint64) (uint64, error) {
	raw, err := proto.Marshal(request)
	if err != nil {
		return 0, err
	}
	kv, err := r.bucket.get(ctx)
	if err != nil {
		return 0, err
	}
	asked, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	revision, err = kv.Update(asked, key, raw, revision)
	return revision, r.changed(ctx, err)
}

// Forget removes a record that is still of a revision; else it returns
// ErrRequestChanged.
func (r *Requests) Forget(ctx context.Context, key string, revision uint64) error {
	kv, err := r.bucket.get(ctx)
	if err != nil {
		return err
	}
	asked, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return r.changed(ctx, kv.Delete(asked, key, jetstream.LastRevision(revision)))
}

func (r *Requests) changed(ctx context.Context, err error) error {
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return ErrRequestChanged
	}
	if err == nil {
		return nil
	}
	return r.unavailable(ctx, err)
}

// unavailable is err as an error of the log, unless the caller gave up.
func (r *Requests) unavailable(ctx context.Context, err error) error {
	return r.server.unavailable(ctx, err)
}
