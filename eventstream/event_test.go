package eventstream

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

func TestEncodedIsTheResponseAsGRPCWouldSendIt(t *testing.T) {
	unknown := record("u", "c", 0)
	unknown.Event.TypeName = "Some.New"
	noObject := record("n", "c", 0)
	noObject.Data = []byte(`["a", 1]`)
	for name, test := range map[string]struct {
		record      *logv1.Record
		always      bool
		wantMembers map[string]any
	}{
		"a typed event":              {record("a", "c", typeParticipantsUpdated), false, map[string]any{"callConnectionId": "c"}},
		"an event without data":      {&logv1.Record{Event: record("a", "c", typeCallConnected).GetEvent()}, false, nil},
		"of before it was typed":     {record("p", "c", callgatev1.CallEventType_CALL_EVENT_TYPE_PLAY_FAILED), true, map[string]any{"callConnectionId": "c"}},
		"an unknown event":           {unknown, true, map[string]any{"callConnectionId": "c"}},
		"data that is not an object": {noObject, true, map[string]any{"value": []any{"a", 1.0}}},
	} {
		t.Run(name, func(t *testing.T) {
			stored, err := proto.Marshal(test.record)
			if err != nil {
				t.Fatal(err)
			}
			ev, err := newEvent(thisLog, 7, stored)
			if err != nil {
				t.Fatal(err)
			}
			plain := proto.CloneOf(test.record.GetEvent())
			plain.Cursor = encodeCursor(thisLog, 7)
			full := proto.CloneOf(plain)
			if test.wantMembers != nil {
				if full.Data, err = structpb.NewStruct(test.wantMembers); err != nil {
					t.Fatal(err)
				}
			}
			if test.always {
				plain = full
			}
			for _, want := range []struct {
				includeData bool
				event, have *callgatev1.CallEvent
			}{{false, plain, ev.CallEvent}, {true, full, ev.WithData()}} {
				if !proto.Equal(want.have, want.event) {
					t.Errorf("include data %v: event is %v, want %v", want.includeData, want.have, want.event)
				}
				var response callgatev1.StreamEventsResponse
				if err := proto.Unmarshal(ev.Encoded(want.includeData).Buffers().Materialize(), &response); err != nil {
					t.Fatal(err)
				}
				if !proto.Equal(response.GetEvent(), want.event) {
					t.Errorf("include data %v: encoded is %v, want %v", want.includeData, &response, want.event)
				}
			}
		})
	}
}

func TestFieldNumbersAreThoseOfTheContract(t *testing.T) {
	for _, test := range []struct {
		message proto.Message
		field   protoreflect.Name
		number  protoreflect.FieldNumber
	}{
		{&logv1.Record{}, "event", recordEventField},
		{&logv1.Record{}, "data", recordDataField},
		{&logv1.Record{}, "owner", recordOwnerField},
		{&callgatev1.StreamEventsResponse{}, "event", responseEventField},
		{&callgatev1.CallEvent{}, "cursor", eventCursorField},
		{&callgatev1.CallEvent{}, "data", eventDataField},
	} {
		fields := test.message.ProtoReflect().Descriptor().Fields()
		if got := fields.ByName(test.field).Number(); got != test.number {
			t.Errorf("%s is %d, want %d", test.field, got, test.number)
		}
	}
}

func TestEncodedIsMadeOnce(t *testing.T) {
	ev := testEvent(t, record("a", "c", typeParticipantsUpdated))
	for _, includeData := range []bool{true, false} {
		if first, second := ev.Encoded(includeData), ev.Encoded(includeData); first != second {
			t.Error("it is made again")
		}
	}
	if n := testing.AllocsPerRun(100, func() { ev.Encoded(true); ev.Encoded(false); ev.WithData() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestUnreadableRecords(t *testing.T) {
	for name, stored := range map[string][]byte{
		"empty":                {},
		"no protobuf":          []byte("hello"),
		"cut off":              {0x0a, 0x50, 0x01},
		"a record of no event": {0x12, 0x01, 'x'},
		"an event of garbage":  {0x0a, 0x02, 0x0a, 0x50},
	} {
		t.Run(name, func(t *testing.T) {
			if ev, err := newEvent(thisLog, 1, stored); err == nil {
				t.Errorf("it became %v", ev.CallEvent)
			}
		})
	}
}

func testEvent(tb testing.TB, rec *logv1.Record) *Event {
	tb.Helper()
	stored, err := proto.Marshal(rec)
	if err != nil {
		tb.Fatal(err)
	}
	ev, err := newEvent(thisLog, 1, stored)
	if err != nil {
		tb.Fatal(err)
	}
	return ev
}
