package server

import (
	"bytes"
	"fmt"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/proto"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const eventStreamType = "text/event-stream"

// sseMarshaler writes a stream as Server-Sent Events: each message an event
// whose id is the cursor to go on after, whose event is what it tells of, and
// whose data is the same JSON as in the other framing, on one line. A response
// that is no stream stays JSON.
type sseMarshaler struct {
	*runtime.JSONPb
}

// StreamContentType implements runtime.StreamContentType.
func (*sseMarshaler) StreamContentType(any) string { return eventStreamType }

// Delimiter implements runtime.Delimited: Marshal ends each event itself.
func (*sseMarshaler) Delimiter() []byte { return nil }

// Marshal implements runtime.Marshaler.
func (m *sseMarshaler) Marshal(v any) ([]byte, error) {
	switch chunk := v.(type) {
	case map[string]any: // what the gateway wraps a message of a stream in
		if resp, is := chunk["result"].(*callgatev1.StreamEventsResponse); is {
			kind, cursor := describe(resp)
			return m.event(kind, cursor, resp)
		}
	case map[string]proto.Message: // what it wraps the stream's error in
		if err, is := chunk["error"]; is {
			return m.event("error", "", err)
		}
	}
	return m.JSONPb.Marshal(v)
}

func (m *sseMarshaler) event(kind, id string, data any) ([]byte, error) {
	json, err := m.JSONPb.Marshal(data)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", kind, json)
	return b.Bytes(), nil
}

// describe is what a message tells of, and the cursor to go on after it.
func describe(resp *callgatev1.StreamEventsResponse) (kind, cursor string) {
	switch r := resp.GetResponse().(type) {
	case *callgatev1.StreamEventsResponse_Started:
		return "started", r.Started.GetCursor()
	case *callgatev1.StreamEventsResponse_Event:
		return "event", r.Event.GetCursor()
	case *callgatev1.StreamEventsResponse_Heartbeat:
		return "heartbeat", r.Heartbeat.GetCursor()
	case *callgatev1.StreamEventsResponse_Gap:
		return "gap", r.Gap.GetToCursor()
	case *callgatev1.StreamEventsResponse_Draining:
		return "draining", r.Draining.GetCursor()
	}
	return "unknown", ""
}
