package eventstream

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// Append stores the records, in their order, and returns once they are durable.
//
// It is idempotent: a record whose event, by CloudEvents source and id, the log
// took in within its duplicate window is stored already, which is success. So
// after an error, which says that some of the records may not be stored, the same
// records can be appended again. Errors of the log are ErrLogUnavailable.
func (l *Log) Append(ctx context.Context, records ...*logv1.Record) error {
	msgs := make([]message, len(records))
	for i, record := range records {
		var err error
		if msgs[i], err = recordMessage(record); err != nil {
			return fmt.Errorf("append record %d: %w", i, err)
		}
	}
	if len(msgs) == 0 {
		return nil
	}
	return l.appender.append(ctx, msgs)
}

// message is a record as it is stored.
type message struct {
	subject string
	id      string // what the log knows it by
	data    []byte
}

func recordMessage(record *logv1.Record) (message, error) {
	ev := record.GetEvent()
	if ev.GetId() == "" || ev.GetEventSource() == "" {
		return message{}, errors.New("an event needs an id and a source")
	}
	if ev.GetCursor() != "" || ev.GetData() != nil {
		return message{}, errors.New("a stored event has no cursor, and its data beside it")
	}
	data, err := proto.Marshal(record)
	if err != nil {
		return message{}, err
	}
	return message{subject: subjectOf(ev), id: messageID(ev), data: data}, nil
}

// messageID is what the log knows an event by when it comes again: a hash of
// CloudEvents source and id, which together name an event.
func messageID(ev *callgatev1.CallEvent) string {
	named := make([]byte, 0, 256) // on the stack, and most fit
	// So that source "ab" with id "c" is not source "a" with id "bc".
	named = binary.BigEndian.AppendUint64(named, uint64(len(ev.GetEventSource())))
	named = append(append(named, ev.GetEventSource()...), ev.GetId()...)
	sum := sha256.Sum256(named)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
