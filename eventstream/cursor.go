package eventstream

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

var (
	// ErrCursorInvalid is returned for text that is no cursor at all: mistyped,
	// cut off, or made by somebody else.
	ErrCursorInvalid = errors.New("not a cursor")
	// ErrCursorOtherLog is returned for a cursor that was given out for another
	// log than this one.
	ErrCursorOtherLog = errors.New("the cursor belongs to another event log")
	// ErrCursorAhead is returned for a cursor of this log that lies behind its
	// last event: the log has lost its end since, or was restored from a copy.
	ErrCursorAhead = errors.New("the cursor is ahead of the event log")
)

// CursorTrimmedError is returned for a cursor whose place the log does not keep
// any more: events behind it have been removed by age or size.
type CursorTrimmedError struct {
	// Earliest is the cursor to go on after for all that the log still has.
	Earliest string
}

func (e *CursorTrimmedError) Error() string {
	return "the event log no longer has what follows the cursor; the earliest cursor is " + e.Earliest
}

// logID is the identity of a log, made at random when the log is created. Two
// logs count alike, so a sequence number alone names no place.
type logID [8]byte

// A cursor is 21 bytes in URL-safe base64 without padding, 28 characters: version,
// log identity, sequence number, CRC-32C of what precedes. 21 is a multiple of 3,
// so no two spellings mean the same cursor.
const (
	cursorVersion = 1
	cursorBytes   = 1 + len(logID{}) + 8 + 4
)

var (
	cursorEncoding = base64.RawURLEncoding.Strict()
	cursorChecksum = crc32.MakeTable(crc32.Castagnoli)
)

// encodeCursor is the cursor of the position seq in the log id.
func encodeCursor(id logID, seq uint64) string {
	raw := make([]byte, 0, cursorBytes)
	raw = append(raw, cursorVersion)
	raw = append(raw, id[:]...)
	raw = binary.BigEndian.AppendUint64(raw, seq)
	raw = binary.BigEndian.AppendUint32(raw, crc32.Checksum(raw, cursorChecksum))
	return cursorEncoding.EncodeToString(raw)
}

// decodeCursor reads a cursor of the log id. It cannot know whether the log still
// has, or ever had, that position.
func decodeCursor(id logID, cursor string) (seq uint64, err error) {
	of, seq, err := parseCursor(cursor)
	if err != nil {
		return 0, err
	}
	if of != id {
		return 0, ErrCursorOtherLog
	}
	return seq, nil
}

// CursorPosition is the position that a cursor names, in whatever log: of two
// cursors of one log, the later has the greater. To clients a cursor is opaque;
// this is for those who check what they are sent.
func CursorPosition(cursor string) (uint64, error) {
	_, seq, err := parseCursor(cursor)
	return seq, err
}

func parseCursor(cursor string) (id logID, seq uint64, err error) {
	if len(cursor) != cursorEncoding.EncodedLen(cursorBytes) {
		return id, 0, ErrCursorInvalid
	}
	raw, err := cursorEncoding.DecodeString(cursor)
	if err != nil || len(raw) != cursorBytes {
		return id, 0, ErrCursorInvalid
	}
	body, sum := raw[:cursorBytes-4], binary.BigEndian.Uint32(raw[cursorBytes-4:])
	if crc32.Checksum(body, cursorChecksum) != sum {
		return id, 0, ErrCursorInvalid
	}
	if body[0] != cursorVersion {
		return id, 0, fmt.Errorf("%w: version %d is not known here", ErrCursorInvalid, body[0])
	}
	return logID(body[1:9]), binary.BigEndian.Uint64(body[9:]), nil
}
