package eventstream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	streamName = "CALLGATE_EVENTS"
	// logIDKey names the log's identity in the stream's metadata.
	logIDKey = "callgate.log.id"
	// A cluster that has just started has no leader yet: it is asked again for so
	// long.
	leaderWait  = 15 * time.Second
	leaderTry   = 5 * time.Second
	leaderPause = 200 * time.Millisecond
)

// streamConfig is what the events are kept in.
func (o LogOptions) streamConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              streamName,
		Description:       "callgate: events of calls",
		Subjects:          []string{subjectPrefix + ">"},
		Storage:           o.storage(),
		Replicas:          o.replicas(),
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardOld,
		MaxAge:            o.MaxAge,
		MaxBytes:          o.MaxBytes,
		MaxMsgs:           -1,
		MaxMsgsPerSubject: -1,
		MaxMsgSize:        -1,
		MaxConsumers:      -1,
		Duplicates:        o.DuplicateWindow,
		AllowDirect:       true,
	}
}

// openStream finds a stream, or makes it. When two make it at once, the one that
// comes second finds the other's.
//
// The embedded log's stream is nobody else's: it takes the limits of config. One
// that others share, as an external one, is only compared with it: what differs
// is the error.
func (l *Log) openStream(ctx context.Context, config jetstream.StreamConfig) (jetstream.Stream, error) {
	var stream jetstream.Stream
	err := l.awaitLeader(ctx, func(ctx context.Context) (err error) {
		stream, err = l.js.Stream(ctx, config.Name)
		if !errors.Is(err, jetstream.ErrStreamNotFound) {
			return err
		}
		stream, err = l.js.CreateStream(ctx, config)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			stream, err = l.js.Stream(ctx, config.Name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find or create stream %s: %w", config.Name, err)
	}
	found := stream.CachedInfo().Config
	if differs := compareStream(config, found); differs == nil || l.external {
		return stream, differs
	}
	config.Metadata = found.Metadata
	if stream, err = l.js.UpdateStream(ctx, config); err != nil {
		return nil, fmt.Errorf("set the limits of stream %s: %w", config.Name, err)
	}
	return stream, nil
}

// awaitLeader repeats ask for as long as the servers say that they cannot answer
// yet.
func (l *Log) awaitLeader(ctx context.Context, ask func(context.Context) error) error {
	for deadline := time.Now().Add(leaderWait); ; {
		try, cancel := context.WithTimeout(ctx, leaderTry)
		err := ask(try)
		cancel()
		var refusal *jetstream.APIError
		notYet := errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrTimeout) ||
			(errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil) ||
			(errors.As(err, &refusal) && refusal.Code == 503)
		if !l.external || !notYet || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(leaderPause):
		}
	}
}

// newLogID is an identity for a stream, in its metadata.
func newLogID() map[string]string {
	var id logID
	_, _ = rand.Read(id[:]) // never fails
	return map[string]string{logIDKey: hex.EncodeToString(id[:])}
}

// identity is that of the log that a stream holds.
func identity(config jetstream.StreamConfig) (id logID, err error) {
	raw, err := hex.DecodeString(config.Metadata[logIDKey])
	if err != nil || len(raw) != len(id) {
		return logID{}, fmt.Errorf("stream %s was not made by callgate: it has no %s in its metadata", config.Name, logIDKey)
	}
	copy(id[:], raw)
	return id, nil
}

// compareStream names every setting in which a stream is not as it has to be: one
// by which events could be lost, come twice, or not be found. What only concerns
// where and how the servers keep it (placement, compression, description) is the
// operator's.
func compareStream(wanted, found jetstream.StreamConfig) error {
	slices.Sort(wanted.Subjects)
	slices.Sort(found.Subjects)
	settings := map[string][2]any{
		"subjects":                   {found.Subjects, wanted.Subjects},
		"storage":                    {found.Storage, wanted.Storage},
		"replicas (--nats-replicas)": {found.Replicas, wanted.Replicas},
		"retention":                  {found.Retention, wanted.Retention},
		"discard":                    {found.Discard, wanted.Discard},
		"max_age":                    {found.MaxAge, wanted.MaxAge},
		"max_bytes":                  {found.MaxBytes, wanted.MaxBytes},
		"max_msgs":                   {found.MaxMsgs, wanted.MaxMsgs},
		"max_msgs_per_subject":       {found.MaxMsgsPerSubject, wanted.MaxMsgsPerSubject},
		"max_msg_size":               {found.MaxMsgSize, wanted.MaxMsgSize},
		"duplicate_window":           {found.Duplicates, wanted.Duplicates},
		"allow_direct":               {found.AllowDirect, wanted.AllowDirect},
		"allow_rollup_hdrs":          {found.AllowRollup, wanted.AllowRollup},
		"no_ack":                     {found.NoAck, wanted.NoAck},
		"sealed":                     {found.Sealed, wanted.Sealed},
		"mirror":                     {found.Mirror != nil, wanted.Mirror != nil},
		"sources":                    {len(found.Sources), len(wanted.Sources)},
		"subject_transform":          {found.SubjectTransform != nil, wanted.SubjectTransform != nil},
		"allow_msg_ttl":              {found.AllowMsgTTL, wanted.AllowMsgTTL},
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		f, w := fmt.Sprint(settings[name][0]), fmt.Sprint(settings[name][1])
		if f != w {
			errs = append(errs, fmt.Errorf("stream %s: %s: found %s, wanted %s", wanted.Name, name, f, w))
		}
	}
	return errors.Join(errs...)
}
