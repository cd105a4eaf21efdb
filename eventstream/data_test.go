package eventstream

import (
	stdjson "encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"

	json "github.com/go-json-experiment/json/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

func TestIdentifierToProto(t *testing.T) {
	for name, test := range map[string]struct{ sent, want string }{
		"a user":                        {`{"rawId":"8:acs:r_u","kind":"communicationUser","communicationUser":{"id":"8:acs:r_u"}}`, `{"rawId":"8:acs:r_u","communicationUserId":"8:acs:r_u"}`},
		"a user without raw id":         {`{"communicationUser":{"id":"8:acs:r_u"}}`, `{"rawId":"8:acs:r_u","communicationUserId":"8:acs:r_u"}`},
		"a phone number":                {`{"rawId":"4:+14255550123","phoneNumber":{"value":"+14255550123"}}`, `{"rawId":"4:+14255550123","phoneNumber":"+14255550123"}`},
		"a phone without raw id":        {`{"phoneNumber":{"value":"+14255550123"}}`, `{"rawId":"4:+14255550123","phoneNumber":"+14255550123"}`},
		"an anonymous caller":           {`{"rawId":"4:anonymous","kind":"phoneNumber"}`, `{"rawId":"4:anonymous","phoneNumber":"anonymous"}`},
		"an asserted number":            {`{"rawId":"4:+14255550123_a","phoneNumber":{"value":"+14255550123","assertedId":"a"}}`, `{"rawId":"4:+14255550123_a","phoneNumber":"+14255550123"}`},
		"only a raw id":                 {`{"rawId":"8:orgid:u"}`, `{"rawId":"8:orgid:u","microsoftTeamsUser":{"userId":"u","cloud":"COMMUNICATION_CLOUD_ENVIRONMENT_PUBLIC"}}`},
		"a Teams user":                  {`{"rawId":"8:dod:u","microsoftTeamsUser":{"userId":"u","cloud":"DOD"}}`, `{"rawId":"8:dod:u","microsoftTeamsUser":{"userId":"u","cloud":"COMMUNICATION_CLOUD_ENVIRONMENT_DOD"}}`},
		"a Teams visitor":               {`{"rawId":"8:teamsvisitor:u","microsoftTeamsUser":{"userId":"u","isAnonymous":true}}`, `{"rawId":"8:teamsvisitor:u","microsoftTeamsUser":{"userId":"u","isAnonymous":true,"cloud":"COMMUNICATION_CLOUD_ENVIRONMENT_PUBLIC"}}`},
		"a cloud by the raw id":         {`{"rawId":"8:gcch:u","microsoftTeamsUser":{"userId":"u"}}`, `{"rawId":"8:gcch:u","microsoftTeamsUser":{"userId":"u","cloud":"COMMUNICATION_CLOUD_ENVIRONMENT_GCCH"}}`},
		"a cloud that is new":           {`{"rawId":"8:orgid:u","microsoftTeamsUser":{"userId":"u","cloud":"moon"}}`, `{"rawId":"8:orgid:u","microsoftTeamsUser":{"userId":"u"}}`},
		"a Teams app":                   {`{"rawId":"28:orgid:a","microsoftTeamsApp":{"appId":"a","cloud":"public"}}`, `{"rawId":"28:orgid:a","microsoftTeamsApp":{"appId":"a","cloud":"COMMUNICATION_CLOUD_ENVIRONMENT_PUBLIC"}}`},
		"an app without raw id":         {`{"microsoftTeamsApp":{"appId":"a"}}`, `{"rawId":"28:orgid:a","microsoftTeamsApp":{"appId":"a","cloud":"COMMUNICATION_CLOUD_ENVIRONMENT_PUBLIC"}}`},
		"a Teams extension user":        {`{"rawId":"8:acs:r_t_u","teamsExtensionUser":{"userId":"u","tenantId":"t","resourceId":"r"}}`, `{"rawId":"8:acs:r_t_u","teamsExtensionUser":{"userId":"u","tenantId":"t","resourceId":"r","cloud":"COMMUNICATION_CLOUD_ENVIRONMENT_PUBLIC"}}`},
		"an unknown kind":               {`{"rawId":"48:x","kind":"unknown"}`, `{"rawId":"48:x"}`},
		"a raw id that says else":       {`{"rawId":"sanitized","communicationUser":{"id":"sanitized"}}`, `{"rawId":"sanitized","communicationUserId":"sanitized"}`},
		"a nested member that is empty": {`{"rawId":"4:anonymous","phoneNumber":{"value":""}}`, `{"rawId":"4:anonymous","phoneNumber":"anonymous"}`},
	} {
		t.Run(name, func(t *testing.T) {
			var sent identifierData
			if err := json.Unmarshal([]byte(test.sent), &sent); err != nil {
				t.Fatal(err)
			}
			want := &callgatev1.CommunicationIdentifier{}
			if err := protojson.Unmarshal([]byte(test.want), want); err != nil {
				t.Fatal(err)
			}
			if got := sent.toProto(); !proto.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
	if got := (&identifierData{}).toProto(); got != nil {
		t.Errorf("nothing becomes %v", got)
	}
}

func TestLifecycleEvents(t *testing.T) {
	user := &callgatev1.CommunicationIdentifier{
		RawId: "8:acs:r_u", Kind: &callgatev1.CommunicationIdentifier_CommunicationUserId{CommunicationUserId: "8:acs:r_u"},
	}
	want := &callgatev1.CallLifecycle{
		StartedBy: user, StartedByRole: "Presenter", GroupId: "g", RoomId: "r", IsTwoParty: proto.Bool(false), IsRoomsCall: proto.Bool(true),
		DurationOfCall: durationpb.New(49728617200 * time.Nanosecond),
		User:           user, UserRole: "Attendee", DisplayName: "Ann", ParticipantId: "p",
	}
	const rest = `"serverCallId":"s","correlationId":"k","group":{"id":"g"},"room":{"id":"r"},"isTwoParty":false,"isRoomsCall":true,"displayName":"Ann","participantId":"p"`
	for name, data := range map[string]string{
		"with identifiers of their own": `{"startedBy":{"communicationIdentifier":{"rawId":"8:acs:r_u","communicationUser":{"id":"8:acs:r_u"}},"role":"Presenter"},"user":{"communicationIdentifier":{"rawId":"8:acs:r_u"},"role":"Attendee"},"durationOfCall":49.728617199999995,` + rest + `}`,
		"with identifiers among them":   `{"startedBy":{"rawId":"8:acs:r_u","communicationUser":{"id":"8:acs:r_u"},"role":"Presenter"},"user":{"rawId":"8:acs:r_u","role":"Attendee"},"callDurationInSeconds":49.7286172,` + rest + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			body := `[{"id":"1","topic":"t","subject":"call/s","eventType":"Microsoft.Communication.CallEnded","eventTime":"2022-08-25T19:27:24Z","dataVersion":"1.0","metadataVersion":"1","data":` + data + `}]`
			records, err := DecodeEvents([]byte(body), fromEventGrid, receivedAt)
			if err != nil {
				t.Fatal(err)
			}
			ev := records[0].GetEvent()
			if !proto.Equal(ev.GetCallEnded(), want) {
				t.Errorf("%v, want %v", ev.GetCallEnded(), want)
			}
			if ev.GetServerCallId() != "s" || ev.GetCorrelationId() != "k" || ev.GetSource() != fromEventGrid ||
				ev.GetEventSource() != "t" || ev.GetDataVersion() != "1.0" || ev.GetCallConnectionId() != "" {
				t.Errorf("event is %v", ev)
			}
		})
	}
}

func TestDurationsThatAreNone(t *testing.T) {
	for _, seconds := range []float64{-1, 1e300} {
		if got := secondsToProto(&seconds); got != nil {
			t.Errorf("%v seconds are %v", seconds, got)
		}
	}
}

func TestIncomingCallKeepsWhatTheCallerSent(t *testing.T) {
	body := cloudEvent("Microsoft.Communication.IncomingCall", `{"to":{"rawId":"4:+18005550100"},"from":{"rawId":"4:+14255550123"},
		"incomingCallContext":"ctx","callerDisplayName":"Ann","onBehalfOfCallee":{"rawId":"8:orgid:u"},
		"customContext":{"sipHeaders":{"X-MS-Custom-A":"1","User-To-User":"u"},"voipHeaders":{"k":"v"},"teamsPhoneCallDetails":{
			"teamsPhoneCallerDetails":{"caller":{"rawId":"4:+14255550123"},"name":"Ann","phoneNumber":"+14255550123","recordId":"r","screenPopUrl":"https://x","isAuthenticated":true,"additionalCallerInformation":{"a":"b"}},
			"teamsPhoneSourceDetails":{"source":{"rawId":"28:orgid:a"},"language":"en","status":"s","intendedTargets":{"role":{"rawId":"8:orgid:u"},"none":null}},
			"sessionId":"1","intent":"2","callTopic":"3","callContext":"4","transcriptUrl":"5","callSentiment":"6","suggestedActions":"7"}}}`, "")
	const want = `{"to":{"rawId":"4:+18005550100","phoneNumber":"+18005550100"},"from":{"rawId":"4:+14255550123","phoneNumber":"+14255550123"},
		"incomingCallContext":"ctx","callerDisplayName":"Ann","onBehalfOfCallee":{"rawId":"8:orgid:u","microsoftTeamsUser":{"userId":"u","cloud":"COMMUNICATION_CLOUD_ENVIRONMENT_PUBLIC"}},
		"customContext":{"sipHeaders":{"X-MS-Custom-A":"1","User-To-User":"u"},"voipHeaders":{"k":"v"},"teamsPhoneCallDetails":{
			"teamsPhoneCallerDetails":{"caller":{"rawId":"4:+14255550123","phoneNumber":"+14255550123"},"name":"Ann","phoneNumber":"+14255550123","recordId":"r","screenPopUrl":"https://x","isAuthenticated":true,"additionalCallerInformation":{"a":"b"}},
			"teamsPhoneSourceDetails":{"source":{"rawId":"28:orgid:a","microsoftTeamsApp":{"appId":"a","cloud":"COMMUNICATION_CLOUD_ENVIRONMENT_PUBLIC"}},"language":"en","status":"s","intendedTargets":{"role":{"rawId":"8:orgid:u","microsoftTeamsUser":{"userId":"u","cloud":"COMMUNICATION_CLOUD_ENVIRONMENT_PUBLIC"}}}},
			"sessionId":"1","intent":"2","callTopic":"3","callContext":"4","transcriptUrl":"5","callSentiment":"6","suggestedActions":"7"}}}`
	records, err := DecodeEvents([]byte(body), fromUpstream, receivedAt)
	if err != nil {
		t.Fatal(err)
	}
	wanted := &callgatev1.IncomingCall{}
	if err := protojson.Unmarshal([]byte(want), wanted); err != nil {
		t.Fatal(err)
	}
	if got := records[0].GetEvent().GetIncomingCall(); !proto.Equal(got, wanted) {
		t.Errorf("%v, want %v", got, wanted)
	}
}

// TestMembersOfAnotherTypeAreAbsent: not zero, which would be a value. What came with
// them stays.
func TestMembersOfAnotherTypeAreAbsent(t *testing.T) {
	for name, sent := range map[string]string{
		"text":                     `"4"`,
		"an object":                `{}`,
		"a fraction":               `1.5`,
		"more than fits":           `4294967296`,
		"null, which is as absent": `null`,
	} {
		t.Run(name, func(t *testing.T) {
			ev := &callgatev1.CallEvent{Type: typeParticipantsUpdated}
			data := `{"callConnectionId":"c","sequenceNumber":` + sent + `,"resultInformation":{"code":` + sent + `,"subCode":7},"serverCallId":"s"}`
			if err := decodeData(ev, []byte(data)); err != nil {
				t.Fatal(err)
			}
			if ev.GetParticipantsUpdated().SequenceNumber != nil || ev.GetResult().Code != nil {
				t.Errorf("%v", ev)
			}
			if ev.GetCallConnectionId() != "c" || ev.GetServerCallId() != "s" || ev.GetResult().GetSubCode() != 7 {
				t.Errorf("the rest is lost: %v", ev)
			}
		})
	}
}

// FuzzDataIsReadAsEncodingJSONReadsIt: by the same rules, whatever it is.
func FuzzDataIsReadAsEncodingJSONReadsIt(f *testing.F) {
	for _, body := range captured(f) {
		f.Add(body)
		if envelopes, err := splitBatch(body); err == nil {
			f.Add([]byte(envelopes[0].Data))
		}
	}
	f.Add([]byte(`{"CallConnectionID":"c","serverCallId":1,"isTwoParty":"x","sequenceNumber":7,"participants":{},"to":null,"version":"\ud800"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !utf8.Valid(data) || checkDepth(data) != nil {
			return // refused before
		}
		var ours, theirs eventData
		err, wanted := json.Unmarshal(data, &ours), stdjson.Unmarshal(data, &theirs)
		var mistyped *json.UnmarshalTypeError
		var wantedMistyped *stdjson.UnmarshalTypeError
		if (err == nil) != (wanted == nil) || errors.As(err, &mistyped) != errors.As(wanted, &wantedMistyped) {
			t.Fatalf("error %v, want %v", err, wanted)
		}
		if (err == nil || mistyped != nil) && !reflect.DeepEqual(ours, theirs) {
			t.Errorf("read %+v, want %+v", ours, theirs)
		}
	})
}
