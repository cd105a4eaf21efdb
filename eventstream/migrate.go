package eventstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/nats-io/jsm.go"
	"github.com/nats-io/jsm.go/api"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrNoLog is returned for a folder that has no log.
	ErrNoLog = errors.New("there is no event log")
	// ErrTargetInUse is returned for servers that have another log, or the same one and
	// less of it than is to be moved.
	ErrTargetInUse = errors.New("the NATS servers have a log already that is not this one as it is now")
)

// Moved is one stream that Migrate has dealt with.
type Moved struct {
	// Stream is its name.
	Stream string
	// Records is how many it has.
	Records uint64
	// Before tells that it was there already.
	Before bool
}

// Migrate copies the embedded log of from to the servers of to, with all that is kept
// beside it. It is the same log there: cursors, receipts and request ids go on to
// work. No gateway may use either meanwhile. The servers know an event that comes
// again by its id once they have been restarted, one after the other.
//
// Done again after it was interrupted, it does what is left to do; what is complete
// stays. Errors: ErrNoLog, ErrLogInUse, ErrTargetInUse.
func Migrate(ctx context.Context, from, to LogOptions, tell func(Moved)) error {
	from, to = from.withDefaults(), to.withDefaults()
	if _, err := os.Stat(from.Dir); err != nil {
		return fmt.Errorf("%w in %s", ErrNoLog, from.Dir)
	}
	server, err := startEmbedded(from)
	if err != nil {
		return err
	}
	defer server.close()
	sourceConn, err := server.connect(from.Logger)
	if err != nil {
		return err
	}
	defer sourceConn.Close()
	targetConn, err := to.NATS.connect(to.Logger)
	if err != nil {
		return err
	}
	defer targetConn.Close()
	m := migration{to: to, dir: from.Dir}
	if m.source, err = jsm.New(sourceConn, jsm.WithTimeout(askTimeout)); err != nil {
		return err
	}
	if m.target, err = jsm.New(targetConn, jsm.WithTimeout(askTimeout)); err != nil {
		return err
	}
	return m.all(ctx, tell)
}

// migration is one run of Migrate.
type migration struct {
	source, target *jsm.Manager
	to             LogOptions
	dir            string // has room for a copy
}

// all moves the events last: where they are, everything is.
func (m *migration) all(ctx context.Context, tell func(Moved)) error {
	names, err := m.source.StreamNames(nil)
	if err != nil {
		return err
	}
	if !slices.Contains(names, streamName) {
		return fmt.Errorf("%w in %s", ErrNoLog, m.dir)
	}
	slices.Sort(names)
	names = append(slices.DeleteFunc(names, func(name string) bool { return name == streamName }), streamName)
	complete, err := m.complete(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		moved, err := m.one(ctx, name, complete)
		if err != nil {
			return fmt.Errorf("move %s: %w", name, err)
		}
		tell(moved)
	}
	return nil
}

// complete tells whether the target has this very log, and all of it: then it may
// have been written to since, and what it has is newer.
func (m *migration) complete(ctx context.Context) (bool, error) {
	here, err := m.source.LoadStream(streamName)
	if err != nil {
		return false, err
	}
	there, err := m.there(ctx, streamName)
	if err != nil || there == nil {
		return false, err
	}
	mine, err := here.State()
	if err != nil {
		return false, err
	}
	theirs, err := there.State()
	if err != nil {
		return false, err
	}
	switch {
	case there.Configuration().Metadata[logIDKey] == here.Configuration().Metadata[logIDKey] && theirs.LastSeq >= mine.LastSeq:
		return true, nil
	case theirs.LastSeq == 0:
		return false, nil // a gateway has made it and put nothing there
	}
	return false, ErrTargetInUse
}

// one moves a stream, if it is not there.
func (m *migration) one(ctx context.Context, name string, complete bool) (Moved, error) {
	stream, err := m.source.LoadStream(name)
	if err != nil {
		return Moved{}, err
	}
	state, err := stream.State()
	if err != nil {
		return Moved{}, err
	}
	moved := Moved{Stream: name, Records: state.Msgs}
	there, err := m.there(ctx, name)
	if err != nil {
		return moved, err
	}
	if there == nil {
		return moved, m.copy(ctx, stream)
	}
	theirs, err := there.State()
	switch {
	case err != nil:
		return moved, err
	case complete, theirs.LastSeq == state.LastSeq && theirs.Msgs == state.Msgs && state.LastSeq > 0:
		moved.Before = true
		return moved, nil
	case theirs.LastSeq > 0:
		return moved, ErrTargetInUse
	}
	if err := there.Delete(); err != nil { // it is empty
		return moved, err
	}
	return moved, m.copy(ctx, stream)
}

// there is a stream of the target; nil if there is none. Servers that have just
// started have no leader to ask, for a while.
func (m *migration) there(ctx context.Context, name string) (*jsm.Stream, error) {
	for deadline := time.Now().Add(leaderWait); ; {
		stream, err := m.target.LoadStream(name)
		switch {
		case err == nil:
			return stream, nil
		case jsm.IsNatsError(err, uint16(jetstream.JSErrCodeStreamNotFound)):
			return nil, nil
		case time.Now().After(deadline):
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(leaderPause):
		}
	}
}

// copy takes a snapshot and restores it: positions, times and ids stay, and so do
// the consumers.
func (m *migration) copy(ctx context.Context, stream *jsm.Stream) error {
	dir, err := os.MkdirTemp(m.dir, "migrate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := stream.SnapshotToDirectory(ctx, dir, jsm.SnapshotConsumers(), jsm.SnapshotHealthCheck()); err != nil {
		return fmt.Errorf("read it: %w", err)
	}
	config, err := m.config(stream)
	if err != nil {
		return err
	}
	if err := m.restore(ctx, stream.Name(), dir, config); err != nil {
		return fmt.Errorf("write it: %w", err)
	}
	return m.awaitReplicas(ctx, stream.Name(), config.Replicas)
}

// nameInUse is what the server answers while another restore has the name.
const nameInUse = 10130

// restore writes a snapshot to the target. The server that it is connected to may not
// have heard yet where another takes the parts. It then begins anew, once that one has
// given up, which is after 5 s without a part.
func (m *migration) restore(ctx context.Context, name, dir string, config api.StreamConfig) error {
	begun := false
	for deadline := time.Now().Add(leaderWait); ; {
		_, _, err := m.target.RestoreSnapshotFromDirectory(ctx, name, dir, jsm.RestoreConfiguration(config))
		lost := errors.Is(err, nats.ErrNoResponders)
		begun = begun || lost
		again := lost || (begun && jsm.IsNatsError(err, nameInUse))
		if !again || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(leaderPause):
		}
	}
}

// replicaPause is between two looks at how far the servers are.
const replicaPause = 200 * time.Millisecond

// awaitReplicas waits until a number of servers have all of a stream.
func (m *migration) awaitReplicas(ctx context.Context, name string, replicas int) error {
	for {
		stream, err := m.target.LoadStream(name)
		if err == nil {
			info, _ := stream.Information() // LoadStream has just asked for it
			if current(info.Cluster) >= replicas {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not all servers have it yet: %w", errors.Join(ctx.Err(), err))
		case <-time.After(replicaPause):
		}
	}
}

// current is how many servers have all of a stream.
func current(cluster *api.ClusterInfo) int {
	switch {
	case cluster == nil:
		return 1 // it is no cluster
	case cluster.Leader == "":
		return 0
	}
	n := 1
	for _, peer := range cluster.Replicas {
		if peer.Current {
			n++
		}
	}
	return n
}

// config is what the stream is to be like on the servers: the events as the gateway
// will want them, the rest as it is, on as many servers.
func (m *migration) config(stream *jsm.Stream) (api.StreamConfig, error) {
	config := stream.Configuration()
	if stream.Name() == streamName {
		raw, err := json.Marshal(m.to.streamConfig())
		if err != nil {
			return config, err
		}
		wanted := api.StreamConfig{Metadata: map[string]string{logIDKey: config.Metadata[logIDKey]}}
		return wanted, json.Unmarshal(raw, &wanted)
	}
	config.Replicas = m.to.replicas()
	return config, nil
}
