package eventstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// Event is one event of the log, decoded once and shared by everybody who gets
// it: nothing of it may be changed.
type Event struct {
	// Seq is the event's place in the log.
	Seq uint64
	// CallEvent is the event with its cursor. It has its data only where the type
	// always carries it; see WithData.
	CallEvent *callgatev1.CallEvent
	// Data is the upstream's data object, byte for byte as it came in. Empty where
	// the upstream sent none.
	Data []byte
	// Owner is the service whose call it is about; empty for nobody's.
	Owner string

	record  []byte // as the log has it
	stored  []byte // CallEvent as it is stored: without cursor and data
	plain   Encoded
	full    Encoded
	whole   sync.Once
	dataful *callgatev1.CallEvent
}

// Encoded is a whole StreamEventsResponse with an event, in protobuf's wire format
// and as grpc sends it. It is shared by everybody it is sent to: nothing of it may be
// changed.
type Encoded struct {
	once    sync.Once
	buffers mem.BufferSlice
}

// Buffers is what is sent.
func (e *Encoded) Buffers() mem.BufferSlice { return e.buffers }

// Field numbers of the stored record, and of what Encoded puts around it. A test
// holds them to the descriptors.
const (
	recordEventField   protowire.Number = 1
	recordDataField    protowire.Number = 2
	recordOwnerField   protowire.Number = 3
	responseEventField protowire.Number = 2
	eventCursorField   protowire.Number = 1
	eventDataField     protowire.Number = 50
)

// newEvent decodes the record that the log has at seq. It keeps record.
func newEvent(id logID, seq uint64, record []byte) (*Event, error) {
	ev := &Event{Seq: seq, CallEvent: &callgatev1.CallEvent{}, record: record}
	for rest := record; len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return nil, fmt.Errorf("record %d: %w", seq, protowire.ParseError(n))
		}
		size := protowire.ConsumeFieldValue(number, kind, rest[n:])
		if size < 0 {
			return nil, fmt.Errorf("record %d: %w", seq, protowire.ParseError(size))
		}
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(rest[n:])
			switch number {
			case recordEventField:
				ev.stored = value
			case recordDataField:
				ev.Data = value
			case recordOwnerField:
				ev.Owner = string(value)
			}
		}
		rest = rest[n+size:]
	}
	if len(ev.stored) == 0 {
		return nil, fmt.Errorf("record %d: %w", seq, errors.New("it holds no event"))
	}
	if err := proto.Unmarshal(ev.stored, ev.CallEvent); err != nil {
		return nil, fmt.Errorf("record %d: %w", seq, err)
	}
	ev.CallEvent.Cursor = encodeCursor(id, seq)
	if carriesData(ev.CallEvent) {
		ev.CallEvent.Data = dataStruct(ev.Data)
	}
	return ev, nil
}

// WithData is the event with the upstream's data object. It is made once and
// shared, as CallEvent is.
func (e *Event) WithData() *callgatev1.CallEvent {
	e.whole.Do(func() {
		e.dataful = e.CallEvent
		if e.CallEvent.GetData() == nil && len(e.Data) > 0 {
			e.dataful = proto.CloneOf(e.CallEvent)
			e.dataful.Data = dataStruct(e.Data)
		}
	})
	return e.dataful
}

// Encoded is the event as it is sent, with or without the upstream's data object. It
// is made once, when it is asked for first, by adding to the stored bytes.
func (e *Event) Encoded(includeData bool) *Encoded {
	if includeData {
		e.full.once.Do(func() { e.full.buffers = e.encode(e.WithData().GetData()) })
		return &e.full
	}
	e.plain.once.Do(func() { e.plain.buffers = e.encode(e.CallEvent.GetData()) })
	return &e.plain
}

// encode concatenates what the fields of a message may be concatenated from: the
// stored event, its cursor and data.
func (e *Event) encode(data *structpb.Struct) mem.BufferSlice {
	var dataBytes []byte
	if data != nil {
		dataBytes, _ = proto.Marshal(data) // dataStruct has made it, of valid text only
	}
	cursor := e.CallEvent.GetCursor()
	size := len(e.stored) + protowire.SizeTag(eventCursorField) + protowire.SizeBytes(len(cursor))
	if data != nil {
		size += protowire.SizeTag(eventDataField) + protowire.SizeBytes(len(dataBytes))
	}

	b := make([]byte, 0, protowire.SizeTag(responseEventField)+protowire.SizeBytes(size))
	b = protowire.AppendTag(b, responseEventField, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	b = append(b, e.stored...)
	b = protowire.AppendTag(b, eventCursorField, protowire.BytesType)
	b = protowire.AppendString(b, cursor)
	if data != nil {
		b = protowire.AppendTag(b, eventDataField, protowire.BytesType)
		b = protowire.AppendBytes(b, dataBytes)
	}
	return mem.BufferSlice{mem.SliceBuffer(b)}
}

// dataStruct is an upstream's data member as a Struct; nil where there is none.
// What is not an object, which no known type sends, becomes its only member,
// "value". Numbers become 64-bit floating point, as in every Struct; Event.Data
// has them as they were sent.
func dataStruct(data []byte) *structpb.Struct {
	var value any
	if len(data) == 0 || json.Unmarshal(data, &value) != nil || value == nil {
		return nil
	}
	members, isObject := value.(map[string]any)
	if !isObject {
		members = map[string]any{"value": value}
	}
	s, err := structpb.NewStruct(members)
	if err != nil {
		return nil // not text in UTF-8; decoding a callback refuses that
	}
	return s
}
