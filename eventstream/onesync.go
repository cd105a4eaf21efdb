package eventstream

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	_ "unsafe" // for go:linkname

	"github.com/nats-io/nats-server/v2/server"
)

// With SyncAlways the server syncs each message that it stores before it answers,
// and exports nothing by which one sync would be for many: an atomic batch costs it
// 3 ms, because it keeps a copy in files of its own first. But it has what it takes,
// and does so when it commits such a batch, or takes replicas from a stream: it
// stores without syncing, then syncs what it stored. Two functions of its files do
// that. They are taken by name: when one is gone, callgate does not link, and
// TestServerIsTheOneWeKnow holds what they take and TestPowerCut what they do.
//
// It is for the log's stream alone, and only while many are stored. A server without
// SyncAlways, whose files we would sync, is no way: it also rewrites files, to make
// room, and what had been acknowledged long ago would not be on disk for a while.

// serverStream, serverFiles and serverTrace are the server's own stream, fileStore and
// msgTrace.
type (
	serverStream struct{}
	serverFiles  struct{}
	serverTrace  struct{}
)

// processMessage stores a message of a stream as if it had come by a connection: with
// all checks, limits, and the ids that the stream knows. It copies what it stores. The
// zero values are those of a stream that has one server; isolated has it take its lock.
//
//go:linkname processMessage github.com/nats-io/nats-server/v2/server.(*stream).processJetStreamMsg
func processMessage(stream *serverStream, subject, reply string, header, data []byte, expected uint64, stamp int64, trace *serverTrace, sourced, isolated bool) error

// errDuplicate is what processMessage returns for an id that the stream knows.
//
//go:linkname errDuplicate github.com/nats-io/nats-server/v2/server.errMsgIdDuplicate
var errDuplicate error

//go:linkname lookupStream github.com/nats-io/nats-server/v2/server.(*Account).lookupStream
func lookupStream(account *server.Account, name string) (*serverStream, error)

//go:linkname storeOf github.com/nats-io/nats-server/v2/server.(*stream).Store
func storeOf(stream *serverStream) server.StreamStore

// syncOnFlush stops the syncing of each message, or begins it again.
//
//go:linkname syncOnFlush github.com/nats-io/nats-server/v2/server.(*fileStore).updateDurabilitySettingsLocked
func syncOnFlush(files *serverFiles, on bool)

// syncAlways begins it again, and then syncs what was stored meanwhile.
//
//go:linkname syncAlways github.com/nats-io/nats-server/v2/server.(*fileStore).flushForScaleDown
func syncAlways(files *serverFiles) error

var errServerUnknown = errors.New("the embedded server is not the one that callgate knows")

// syncs tells whether the server syncs what it stores.
func (e *embeddedServer) syncs() bool { return e != nil && e.temp == "" && e.options.SyncAlways }

// stream is the log's.
func (e *embeddedServer) stream() (*serverStream, error) {
	return lookupStream(e.running.Load().GlobalAccount(), streamName)
}

// store is what it is stored in.
func (e *embeddedServer) store() (server.StreamStore, error) {
	stream, err := e.stream()
	if err != nil {
		return nil, err
	}
	return storeOf(stream), nil
}

// files are the store, of a log in files.
func (e *embeddedServer) files() (server.StreamStore, *serverFiles, error) {
	store, err := e.store()
	if err != nil {
		return nil, nil, err
	}
	value := reflect.ValueOf(store)
	if !value.IsValid() || value.Type().String() != "*server.fileStore" {
		return nil, nil, errServerUnknown
	}
	return store, (*serverFiles)(value.UnsafePointer()), nil
}

// together lets write store in the log without a sync for each message, and syncs
// once what write stored. An error says that this may not be on disk. Readers do
// not see it before it is.
func (e *embeddedServer) together(write func() error) error {
	store, files, err := e.files()
	if err != nil {
		return err
	}
	var state server.StreamState
	store.FastState(&state)
	e.showsUnsynced(state.LastSeq + 1)
	syncOnFlush(files, true)
	err = write()
	if syncErr := syncAlways(files); syncErr != nil {
		return fmt.Errorf("sync: %w", syncErr) // what it shows stays unsynced until it is mended
	}
	e.showsSynced()
	return err
}

// showsUnsynced begins a time in which the log shows, from a position on, what the
// loss of power could still take; unless there is one that did not end.
func (e *embeddedServer) showsUnsynced(from uint64) { e.unsynced.CompareAndSwap(0, from) }

// showsSynced ends it.
func (e *embeddedServer) showsSynced() {
	e.unsynced.Store(0)
	e.grown.ring()
}

// synced is the last position, at most seq, up to which all is synced that the
// server has shown by now.
func (e *embeddedServer) synced(seq uint64) uint64 {
	if e == nil {
		return seq
	}
	if from := e.unsynced.Load(); from > 0 {
		return min(seq, from-1)
	}
	return seq
}

// syncFiles syncs all files in a folder, if there is one: a process that was killed may
// have written what it did not come to sync, and whoever sends that again is told that
// it is known.
func syncFiles(dir string) (err error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		f, err := root.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}
