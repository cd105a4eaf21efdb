package eventstream

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"strings"
	"testing"
)

var thisLog = logID{1, 2, 3, 4, 5, 6, 7, 8}

func TestCursorRoundTrip(t *testing.T) {
	for _, seq := range []uint64{0, 1, 1 << 40, math.MaxUint64} {
		got, err := decodeCursor(thisLog, encodeCursor(thisLog, seq))
		if err != nil || got != seq {
			t.Errorf("position %d became %d, %v", seq, got, err)
		}
	}
}

func TestDecodeCursor(t *testing.T) {
	good := encodeCursor(thisLog, 42)
	raw, err := cursorEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cursor string
		want   error
	}{
		"of another log": {encodeCursor(logID{9}, 42), ErrCursorOtherLog},
		"empty":          {"", ErrCursorInvalid},
		"cut off":        {good[:len(good)-1], ErrCursorInvalid},
		"with more":      {good + "A", ErrCursorInvalid},
		"padded":         {good + "=", ErrCursorInvalid},
		"with a space":   {" " + good[1:], ErrCursorInvalid},
		"standard alphabet": {
			strings.NewReplacer("-", "+", "_", "/").Replace(encodeCursor(logID{0xFB, 0xFF, 0xFE}, 42)), ErrCursorInvalid,
		},
		"not base64":    {strings.Repeat("!", len(good)), ErrCursorInvalid},
		"of zero bytes": {strings.Repeat("A", len(good)), ErrCursorInvalid},
		"newer version": {newerVersion(raw), ErrCursorInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := decodeCursor(thisLog, test.cursor); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

// newerVersion is a cursor of version 2 with the right checksum.
func newerVersion(raw []byte) string {
	body := append([]byte{cursorVersion + 1}, raw[1:len(raw)-4]...)
	return cursorEncoding.EncodeToString(binary.BigEndian.AppendUint32(body, crc32.Checksum(body, cursorChecksum)))
}

func TestEveryMistypedCharacterIsNoticed(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	good := encodeCursor(thisLog, 123456)
	for i := range good {
		for _, c := range alphabet {
			bad := good[:i] + string(c) + good[i+1:]
			if _, err := decodeCursor(thisLog, bad); bad != good && !errors.Is(err, ErrCursorInvalid) {
				t.Errorf("%s for %s: %v", bad, good, err)
			}
		}
	}
}

func FuzzDecodeCursor(f *testing.F) {
	f.Add(encodeCursor(thisLog, 7))
	f.Add(encodeCursor(logID{}, 7))
	f.Add("")
	f.Fuzz(func(t *testing.T, cursor string) {
		seq, err := decodeCursor(thisLog, cursor)
		switch {
		case err == nil && encodeCursor(thisLog, seq) != cursor:
			t.Errorf("%q and %q are the same place", cursor, encodeCursor(thisLog, seq))
		case err != nil && !errors.Is(err, ErrCursorInvalid) && !errors.Is(err, ErrCursorOtherLog):
			t.Errorf("error %v", err)
		}
	})
}
