package main

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/callgate/callgate/eventstream"
	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// captured is a callback of the real service, of some 1.7 kB: as an event some 870
// bytes.
//
//go:embed testdata/ParticipantsUpdated.json
var captured string

const (
	capturedID   = "f4840af4-4ed1-4e3b-b151-1e5a1e5bf355"
	capturedCall = "15002280-682f-4fb6-82ac-da22f2e057e3"
)

// callback is the n-th callback's body, of a call connection. Its operation
// context says when it is sent.
func callback(n int, call string, sent time.Time) []byte {
	return []byte(strings.NewReplacer(
		capturedID, fmt.Sprintf("%s-%d", capturedID, n),
		capturedCall, call,
		`"version":`, `"operationContext":"`+formatTime(sent)+`","version":`,
	).Replace(captured))
}

// formatTime is a time as an operation context.
func formatTime(at time.Time) string { return strconv.FormatInt(at.UnixNano(), 10) }

func parseTime(operationContext string) int64 {
	at, err := strconv.ParseInt(operationContext, 10, 64)
	if err != nil {
		return 0
	}
	return at
}

// records makes records for the log out of the captured callback.
type records struct {
	sample *logv1.Record
}

func newRecords() (*records, error) {
	found, err := eventstream.DecodeEvents([]byte(captured), callgatev1.CallEventSource_CALL_EVENT_SOURCE_UPSTREAM, time.Now())
	if err != nil {
		return nil, err
	}
	return &records{sample: found[0]}, nil
}

// some are n records, numbered from first on; each is of the call that callOf
// gives for its number, or all of one where that is nil.
func (r *records) some(first, n int, callOf func(int) string) []*logv1.Record {
	made := make([]*logv1.Record, n)
	for i := range made {
		record := proto.CloneOf(r.sample)
		record.Event.Id = strconv.Itoa(first + i)
		if callOf != nil {
			record.Event.CallConnectionId = callOf(first + i)
		}
		made[i] = record
	}
	return made
}

// response is an event as it is sent to subscribers, encoded.
func (r *records) response() ([]byte, error) {
	return proto.Marshal(r.message())
}

func (r *records) message() *callgatev1.StreamEventsResponse {
	event := proto.CloneOf(r.sample.GetEvent())
	event.Cursor = "AUGaF8uWAXSiAAAAAAAAAABt9XEy"
	return &callgatev1.StreamEventsResponse{Response: &callgatev1.StreamEventsResponse_Event{Event: event}}
}
