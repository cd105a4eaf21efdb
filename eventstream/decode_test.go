package eventstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	fromUpstream  = callgatev1.CallEventSource_CALL_EVENT_SOURCE_UPSTREAM
	fromEventGrid = callgatev1.CallEventSource_CALL_EVENT_SOURCE_EVENT_GRID
)

var receivedAt = time.Date(2026, 3, 12, 10, 0, 2, 0, time.UTC)

// captured are the bodies of testdata/events by name. What holds the data member
// only is put into an envelope.
func captured(tb testing.TB) map[string][]byte {
	tb.Helper()
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil || len(files) < 40 {
		tb.Fatalf("%d files, %v", len(files), err)
	}
	bodies := make(map[string][]byte, len(files))
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if name == "IncomingCall.data-pstn" {
			body = fmt.Appendf(nil, `[{"id":"1","topic":"/subscriptions/s","subject":"/caller/recipient","eventType":"Microsoft.Communication.IncomingCall","eventTime":"2022-08-25T19:27:24.2415391Z","dataVersion":"1.0","metadataVersion":"1","data":%s}]`, body)
		}
		bodies[name] = body
	}
	return bodies
}

// constants are members that say nothing about the event: what they hold is the
// same for all events of the upstream, or repeats another member.
var constants = map[string]bool{
	"specversion": true, "datacontenttype": true, "metadataVersion": true, "publicEventType": true, "kind": true,
}

func TestCapturedEventsDecodeWithoutLoss(t *testing.T) {
	for name, body := range captured(t) {
		t.Run(name, func(t *testing.T) {
			records, err := DecodeEvents(body, fromUpstream, receivedAt)
			if err != nil || len(records) != 1 {
				t.Fatalf("%d records, %v", len(records), err)
			}
			ev := records[0].GetEvent()
			if short, _, _ := strings.Cut(name, "."); ev.GetTypeName() != typePrefix+short && name != "SubscriptionValidationEvent" {
				t.Errorf("type name is %s", ev.GetTypeName())
			}
			if (ev.GetType() == 0) != (name == "SubscriptionValidationEvent") {
				t.Errorf("type is %v", ev.GetType())
			}
			stored := testEvent(t, records[0])
			if carriesData(ev) != (stored.CallEvent.GetData() != nil) {
				t.Error("data is not where it should be")
			}
			kept := leavesOfMessage(stored.CallEvent.ProtoReflect(), nil)
			var sent any
			if err := json.Unmarshal(body, &sent); err != nil {
				t.Fatal(err)
			}
			forEachLeaf(sent, "", func(path, leaf string) {
				if leaf == "0001-01-01T00:00:00Z" { // the upstream's word for no time yet
					return
				}
				if !kept[leaf] {
					t.Errorf("%s is lost: %s", path, leaf)
				}
			})
		})
	}
}

// forEachLeaf visits the values of JSON that are neither object nor array.
func forEachLeaf(value any, path string, visit func(path, leaf string)) {
	switch value := value.(type) {
	case map[string]any:
		for member, inner := range value {
			if !constants[member] {
				forEachLeaf(inner, path+"."+member, visit)
			}
		}
	case []any:
		for i, inner := range value {
			forEachLeaf(inner, fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case nil:
	default:
		visit(path, normal(fmt.Sprint(value)))
	}
}

// normal writes a time in one way, and everything else as it is.
func normal(s string) string {
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at.UTC().Format(time.RFC3339Nano)
	}
	return s
}

// leavesOfMessage are the values of a message, as forEachLeaf writes them.
func leavesOfMessage(message protoreflect.Message, leaves map[string]bool) map[string]bool {
	if leaves == nil {
		leaves = map[string]bool{"": true} // an empty string and none are the same in proto3
	}
	add := func(field protoreflect.FieldDescriptor, value protoreflect.Value) {
		if field.Message() != nil {
			leavesOfMessage(value.Message(), leaves)
			return
		}
		leaves[normal(fmt.Sprint(value.Interface()))] = true
		if field.Enum() != nil {
			leaves[wordOf(field.Enum(), value.Enum())] = true
		}
	}
	if text, ok := timeOf(message); ok {
		leaves[text] = true
	}
	for field, value := range message.Range {
		switch {
		case field.IsMap():
			for key, inner := range value.Map().Range {
				leaves[key.String()] = true
				add(field.MapValue(), inner)
			}
		case field.IsList():
			for i := range value.List().Len() {
				add(field, value.List().Get(i))
			}
		default:
			add(field, value)
		}
	}
	return leaves
}

// wordOf is the upstream's word for a value of an enum.
func wordOf(enum protoreflect.EnumDescriptor, number protoreflect.EnumNumber) string {
	prefix := strings.TrimSuffix(string(enum.Values().ByNumber(0).Name()), "UNSPECIFIED")
	first, rest, _ := strings.Cut(strings.TrimPrefix(string(enum.Values().ByNumber(number).Name()), prefix), "_")
	word := strings.ToLower(first)
	for part := range strings.SplitSeq(rest, "_") {
		if part != "" {
			word += part[:1] + strings.ToLower(part[1:])
		}
	}
	return word
}

func timeOf(message protoreflect.Message) (string, bool) {
	if message.Descriptor().FullName() != "google.protobuf.Timestamp" {
		return "", false
	}
	text, err := protojson.Marshal(message.Interface())
	return normal(strings.Trim(string(text), `"`)), err == nil
}

func TestDecodedEvent(t *testing.T) {
	user := func(id string) *callgatev1.CommunicationIdentifier {
		return &callgatev1.CommunicationIdentifier{
			RawId: id, Kind: &callgatev1.CommunicationIdentifier_CommunicationUserId{CommunicationUserId: id},
		}
	}
	records, err := DecodeEvents(captured(t)["ParticipantsUpdated"], fromUpstream, receivedAt)
	if err != nil {
		t.Fatal(err)
	}
	const sfx = "8:acs:6d889502-3d7a-41a8-befa-d21fd80e8767_00000028-2f1c-5555-e64a-5c3a0d006c6a"
	ev := records[0].GetEvent()
	if got := ev.GetTime().AsTime(); !got.Equal(time.Date(2025, 6, 20, 21, 24, 48, 228910200, time.UTC)) {
		t.Errorf("time is %v", got)
	}
	if !ev.GetReceiveTime().AsTime().Equal(receivedAt) || ev.GetSource() != fromUpstream {
		t.Errorf("received %v from %v", ev.GetReceiveTime(), ev.GetSource())
	}
	first := ev.GetParticipantsUpdated().GetParticipants()[0]
	want := &callgatev1.CallParticipant{Identifier: user(sfx), IsMuted: proto.Bool(false), IsOnHold: proto.Bool(false)}
	if !proto.Equal(first, want) {
		t.Errorf("participant is %v, want %v", first, want)
	}
	if ev.GetParticipantsUpdated().GetSequenceNumber() != 4 || ev.GetResult().GetCode() != 200 || ev.GetResult().SubCode == nil {
		t.Errorf("event is %v", ev)
	}
	if bytes.Contains(records[0].GetData(), []byte(`"specversion"`)) || !bytes.Contains(captured(t)["ParticipantsUpdated"], records[0].GetData()) {
		t.Errorf("data is not as it was sent: %s", records[0].GetData())
	}
}

// ring wraps members of data, and of the envelope, into an event.
func cloudEvent(eventType, data, more string) string {
	return fmt.Sprintf(`{"id":"1","source":"calling/callConnections/from-source","type":%q,"data":%s%s}`, eventType, data, more)
}

func TestDecodeEvents(t *testing.T) {
	const connected = "Microsoft.Communication.CallConnected"
	for name, test := range map[string]struct {
		body string
		want func([]*logv1.Record) bool
	}{
		"a bare object": {cloudEvent(connected, `{}`, ""), func(r []*logv1.Record) bool { return len(r) == 1 }},
		"a batch of several": {"[" + cloudEvent(connected, `{}`, "") + "," + cloudEvent("a.B", `{}`, "") + "]", func(r []*logv1.Record) bool {
			return len(r) == 2 && r[0].Event.Type == typeCallConnected && r[1].Event.Type == 0 && r[1].Event.TypeName == "a.B"
		}},
		"an empty batch":        {" [ ] ", func(r []*logv1.Record) bool { return len(r) == 0 }},
		"white space around it": {"\r\n\t " + cloudEvent(connected, `{}`, "") + "\n", func(r []*logv1.Record) bool { return len(r) == 1 }},
		"no time":               {cloudEvent(connected, `{}`, ""), func(r []*logv1.Record) bool { return r[0].Event.Time == nil }},
		"an escaped plus in time": {cloudEvent(connected, `{}`, `,"time":"2026-03-12T10:00:01.0000001\u002B02:00"`), func(r []*logv1.Record) bool {
			return r[0].Event.Time.AsTime().Equal(time.Date(2026, 3, 12, 8, 0, 1, 100, time.UTC))
		}},
		"a type in another case": {cloudEvent("microsoft.communication.CALLCONNECTED", `{}`, ""), func(r []*logv1.Record) bool {
			return r[0].Event.Type == typeCallConnected && r[0].Event.TypeName == "microsoft.communication.CALLCONNECTED"
		}},
		"unknown members": {cloudEvent(connected, `{"new":{"a":[1,2.50]}}`, `,"extension":"x"`), func(r []*logv1.Record) bool {
			return string(r[0].Data) == `{"new":{"a":[1,2.50]}}`
		}},
		"members of the wrong type": {cloudEvent(connected, `{"callConnectionId":"c","serverCallId":7,"resultInformation":"bad","correlationId":"d"}`, ""), func(r []*logv1.Record) bool {
			ev := r[0].Event
			return ev.CallConnectionId == "c" && ev.ServerCallId == "" && ev.CorrelationId == "d"
		}},
		"data that is no object":                {cloudEvent("a.B", `[1,"x"]`, ""), func(r []*logv1.Record) bool { return string(r[0].Data) == `[1,"x"]` }},
		"data that is null":                     {cloudEvent(connected, `null`, ""), func(r []*logv1.Record) bool { return r[0].Data == nil }},
		"binary data":                           {`{"id":"1","source":"s","type":"a.B","data_base64":"AAE="}`, func(r []*logv1.Record) bool { return string(r[0].Data) == `{"data_base64":"AAE="}` }},
		"the call of its source":                {cloudEvent(connected, `{}`, ""), func(r []*logv1.Record) bool { return r[0].Event.CallConnectionId == "from-source" }},
		"duplicate members of data":             {cloudEvent(connected, `{"a":1,"a":2,"operationContext":"x","operationContext":"y"}`, ""), func(r []*logv1.Record) bool { return r[0].Event.OperationContext == "y" }},
		"an event that nests as deep as it may": {cloudEvent("a.B", strings.Repeat("[", maxDepth-1)+strings.Repeat("]", maxDepth-1), ""), func(r []*logv1.Record) bool { return len(r) == 1 }},
		"brackets in text":                      {cloudEvent("a.B", `"`+strings.Repeat(`[\"`, 100)+`"`, ""), func(r []*logv1.Record) bool { return len(r) == 1 }},
		"SIP and Q.850 details": {cloudEvent(connected, `{"resultInformation":{"code":486,"sipDetails":{"code":486,"message":"Busy"},"q850Details":{"code":17,"message":"User busy"}}}`, ""), func(r []*logv1.Record) bool {
			result := r[0].Event.Result
			return result.SubCode == nil && result.Sip.GetCode() == 486 && result.Q850.GetMessage() == "User busy"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			records, err := DecodeEvents([]byte(test.body), fromUpstream, receivedAt)
			if err != nil {
				t.Fatal(err)
			}
			if !test.want(records) {
				t.Errorf("records are %v", records)
			}
		})
	}
}

func TestDecodeEventsRefuses(t *testing.T) {
	good := cloudEvent("a.B", `{}`, "")
	for name, body := range map[string]string{
		"nothing":              "",
		"white space":          " \n",
		"no JSON":              "hello",
		"cut off":              good[:len(good)-1],
		"trailing garbage":     good + "x",
		"two objects":          good + good,
		"a number":             "7",
		"null":                 "null",
		"no object in a batch": `[7]`,
		"null in a batch":      `[null]`,
		"no id":                `{"source":"s","type":"t"}`,
		"empty id":             `{"id":"","source":"s","type":"t"}`,
		"a number as id":       `{"id":7,"source":"s","type":"t"}`,
		"no source":            `{"id":"1","type":"t"}`,
		"no type":              `{"id":"1","source":"s"}`,
		"no topic":             `{"id":"1","eventType":"t"}`,
		"one bad of two":       "[" + good + `,{"id":"1"}]`,
		"a time that is none":  cloudEvent("a.B", `{}`, `,"time":"yesterday"`),
		"not UTF-8":            cloudEvent("a.B", "\"\xff\"", ""),
		"nesting bomb":         cloudEvent("a.B", strings.Repeat("[", 100000)+strings.Repeat("]", 100000), ""),
		"unclosed nesting":     strings.Repeat(`{"a":`, 200000),
		"one level too deep":   cloudEvent("a.B", strings.Repeat("[", maxDepth)+strings.Repeat("]", maxDepth), ""),
	} {
		t.Run(name, func(t *testing.T) {
			records, err := DecodeEvents([]byte(body), fromUpstream, receivedAt)
			if !errors.Is(err, ErrMalformed) || records != nil {
				t.Errorf("%d records, %v", len(records), err)
			}
		})
	}
}

func TestErrorsDoNotQuoteWhatWasSent(t *testing.T) {
	const secret = "+14255550123"
	for _, body := range []string{
		`{"id":"` + secret, `{"id":{"a":"` + secret + `"},"source":"s","type":"t"}`, secret,
		cloudEvent("a.B", `{}`, `,"time":"`+secret+`"`), `{"` + secret + `":1}`,
	} {
		if _, err := DecodeEvents([]byte(body), fromUpstream, receivedAt); err == nil || strings.Contains(err.Error(), "4255") {
			t.Errorf("error %v", err)
		}
	}
}

func FuzzDecodeEvents(f *testing.F) {
	for _, body := range captured(f) {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		records, err := DecodeEvents(body, fromUpstream, receivedAt)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("error %v", err)
			}
			return
		}
		for _, rec := range records {
			if _, err := recordMessage(rec); err != nil {
				t.Errorf("it cannot be stored: %v", err)
			}
			ev := testEvent(t, rec)
			var response callgatev1.StreamEventsResponse
			if err := proto.Unmarshal(ev.Encoded(true).Buffers().Materialize(), &response); err != nil {
				t.Errorf("it cannot be sent: %v", err)
			}
			if !proto.Equal(response.GetEvent(), ev.WithData()) {
				t.Error("what is sent is another event")
			}
		}
	})
}
