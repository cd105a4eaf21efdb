package eventstream

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// An embedded log is written where it is stored, too. Sent to its server, a message
// would become text, pass through a pipe, be read, queued and answered in JSON, each
// in a goroutine of its own: that costs more than storing it.

// errLost says that the server said it had stored what it has not.
var errLost = errors.New("the embedded server did not store what it took")

// put stores msgs as far as it can, in their order, with one sync.
func (e *embeddedServer) put(msgs []message) (answers []answer) {
	store := func() (err error) {
		answers, err = e.process(msgs)
		return err
	}
	var err error
	if len(msgs) > 1 && e.syncs() {
		err = e.together(store)
	} else if err = store(); err == nil {
		e.grown.ring()
	}
	if err != nil {
		return slices.Repeat([]answer{{err: err}}, len(msgs))
	}
	return answers
}

// process has the server store msgs. An error says that nobody knows of any of them.
func (e *embeddedServer) process(msgs []message) ([]answer, error) {
	stream, err := e.stream()
	if err != nil {
		return nil, err
	}
	store := storeOf(stream)
	var state server.StreamState
	store.FastState(&state)
	answers := make([]answer, len(msgs))
	for i, msg := range msgs {
		switch answers[i].err = processOne(stream, msg); {
		case errors.Is(answers[i].err, errDuplicate):
			answers[i] = answer{duplicate: true}
		case answers[i].err == nil: // nobody else writes to it
			state.LastSeq++
			answers[i].seq = state.LastSeq
		}
	}
	last := state.LastSeq
	if store.FastState(&state); state.LastSeq != last {
		return nil, fmt.Errorf("%w: it ends at %d, not %d", errLost, state.LastSeq, last)
	}
	return answers, nil
}

func processOne(stream *serverStream, msg message) error {
	if len(msg.data) > maxRecordBytes {
		return nats.ErrMaxPayload
	}
	header := []byte("NATS/1.0\r\n" + jetstream.MsgIDHeader + ": " + msg.id + "\r\n\r\n")
	return processMessage(stream, msg.subject, "", header, msg.data, 0, 0, nil, false, true)
}

// bell wakes those who wait for it.
type bell struct {
	mu   sync.Mutex
	next chan struct{} // nil: nobody waits
}

// wait is closed when it rings next.
func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}
