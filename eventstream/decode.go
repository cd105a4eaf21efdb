package eventstream

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	json "github.com/go-json-experiment/json/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// ErrMalformed is returned for a body that is no batch of events.
var ErrMalformed = errors.New("malformed events")

// maxDepth bounds the nesting of a body. The events of the upstream nest 7 deep.
// Data travels on as a Struct, which takes 3 levels of protobuf for one of JSON,
// and most languages refuse messages that are deeper than 100.
const maxDepth = 32

// envelope is what is around an event's data, in CloudEvents 1.0 or in the Event
// Grid schema, which calls some members otherwise.
type envelope struct {
	ID         string          `json:"id"`
	Subject    string          `json:"subject"`
	Data       json.RawMessage `json:"data"`
	DataBase64 json.RawMessage `json:"data_base64"`

	Source string `json:"source"`
	Type   string `json:"type"`
	Time   string `json:"time"`

	Topic       string `json:"topic"`
	EventType   string `json:"eventType"`
	EventTime   string `json:"eventTime"`
	DataVersion string `json:"dataVersion"`
}

// The JSON of callbacks is read by what encoding/json will be: the same rules, in half
// the time.

// DecodeEvents decodes what the upstream posts: one event or an array of events,
// in CloudEvents' structured JSON or in the Event Grid schema. source and received
// are noted with each event. All errors are ErrMalformed, and then there is no
// event.
//
// Types and members that are not known pass: data is kept byte for byte. So do
// members of data that are not what they should be; only what is around data, its
// id, type, source and time, has to be right.
func DecodeEvents(body []byte, source callgatev1.CallEventSource, received time.Time) ([]*logv1.Record, error) {
	envelopes, err := splitBatch(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	records := make([]*logv1.Record, len(envelopes))
	for i, envelope := range envelopes {
		if records[i], err = envelope.record(source, received); err != nil {
			return nil, fmt.Errorf("%w: event %d: %w", ErrMalformed, i, err)
		}
	}
	return records, nil
}

// splitBatch reads the envelopes of a body and leaves their data as it is.
func splitBatch(body []byte) ([]envelope, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("not in UTF-8")
	}
	if err := checkDepth(body); err != nil {
		return nil, err
	}
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 {
		return nil, errors.New("empty")
	}
	var envelopes []envelope
	var err error
	if trimmed[0] == '[' {
		err = json.Unmarshal(body, &envelopes)
	} else {
		envelopes = make([]envelope, 1)
		err = json.Unmarshal(body, &envelopes[0])
	}
	if err != nil {
		return nil, jsonError(err)
	}
	return envelopes, nil
}

// jsonError says what is wrong without quoting what was sent.
func jsonError(err error) error {
	var syntax *json.SyntaxError
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("no JSON: at byte %d", syntax.Offset)
	case errors.As(err, &mistyped):
		return fmt.Errorf("member %q: not a %s", mistyped.Field, mistyped.Type)
	}
	return errors.New("no JSON")
}

// checkDepth refuses what nests deeper than maxDepth, before anything is built of
// it. It need not understand JSON for that, but for strings.
func checkDepth(body []byte) error {
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			i += stringEnd(body[i+1:]) + 1
		case '[', '{':
			if depth++; depth > maxDepth {
				return fmt.Errorf("nested more than %d deep", maxDepth)
			}
		case ']', '}':
			depth--
		}
	}
	return nil
}

// stringEnd is where in s the string ends that it begins in.
func stringEnd(s []byte) int {
	for i := 0; ; i++ {
		quote := bytes.IndexByte(s[i:], '"')
		if quote < 0 {
			return len(s)
		}
		text := s[i : i+quote]
		i += quote
		if escapes := len(text) - len(bytes.TrimRight(text, `\`)); escapes%2 == 0 {
			return i
		}
	}
}

// record makes the stored form of one event.
func (e *envelope) record(source callgatev1.CallEventSource, received time.Time) (*logv1.Record, error) {
	typeName, origin, at := e.Type, e.Source, e.Time
	if typeName == "" {
		typeName, origin, at = e.EventType, e.Topic, e.EventTime
	}
	for _, required := range []struct{ name, value string }{
		{"id", e.ID}, {"type", typeName}, {"source", origin},
	} {
		if required.value == "" {
			return nil, fmt.Errorf("it has no %s", required.name)
		}
	}
	ev := &callgatev1.CallEvent{
		Id:          e.ID,
		Type:        typeOf(typeName),
		TypeName:    typeName,
		Source:      source,
		ReceiveTime: timestamppb.New(received),
		EventSource: origin,
		Subject:     e.Subject,
		DataVersion: e.DataVersion,
	}
	if at != "" {
		t, err := time.Parse(time.RFC3339, at) // which takes any number of fractional digits
		if err != nil {
			return nil, errors.New("its time is not in RFC 3339 form")
		}
		if ev.Time = timestamppb.New(t); ev.Time.CheckValid() != nil {
			return nil, errors.New("its time is out of range")
		}
	}
	data := e.data()
	if err := decodeData(ev, data); err != nil {
		return nil, err
	}
	if ev.GetCallConnectionId() == "" {
		ev.CallConnectionId = callInSource(origin)
	}
	return &logv1.Record{Event: ev, Data: data}, nil
}

// data is the event's data member; null is none. Binary data, which the upstream
// does not send, is kept under the name that CloudEvents has for it.
func (e *envelope) data() []byte {
	switch {
	case len(e.Data) > 0 && !bytes.Equal(e.Data, []byte("null")):
		return e.Data
	case len(e.DataBase64) > 0:
		return fmt.Appendf(nil, `{"data_base64":%s}`, e.DataBase64)
	}
	return nil
}

// callInSource is the call connection that a callback's source names:
// "calling/callConnections/<id>".
func callInSource(source string) string {
	_, rest, found := strings.Cut(source, "calling/callConnections/")
	if !found {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return id
}
