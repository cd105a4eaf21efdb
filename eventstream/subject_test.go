package eventstream

import (
	"regexp"
	"strings"
	"testing"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

func TestSubjectOf(t *testing.T) {
	for name, test := range map[string]struct {
		call, typeName string
		eventType      callgatev1.CallEventType
		want           string
	}{
		"a callback": {
			"411f0b00-dc73-4528-a9e6-968ba983d2a1", "Microsoft.Communication.CallConnected", typeCallConnected,
			"callgate.events.411f0b00-dc73-4528-a9e6-968ba983d2a1.CallConnected",
		},
		"without call connection": {
			"", "Microsoft.Communication.IncomingCall", callgatev1.CallEventType_CALL_EVENT_TYPE_INCOMING_CALL,
			"callgate.events._.IncomingCall",
		},
		"a command":                 {"c", "callgate.command.failed.v1", callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_FAILED, "callgate.events.c.command.failed"},
		"a command without a call":  {"", "", typeCommandAccepted, "callgate.events._.command.accepted"},
		"an upstream's of its name": {"c", "command", callgatev1.CallEventType_CALL_EVENT_TYPE_UNSPECIFIED, "callgate.events.c.=tcommand"},
		"an unknown type": {
			"c", "Some.New", callgatev1.CallEventType_CALL_EVENT_TYPE_UNSPECIFIED, "callgate.events.c.=tSome=2ENew",
		},
		"an id that is the mark of no call": {"_", "", typeCallConnected, "callgate.events.=5F.CallConnected"},
		"an id of wildcards":                {"*.>", "", typeCallConnected, "callgate.events.=2A=2E=3E.CallConnected"},
		"an id of an escape":                {"=2A", "", typeCallConnected, "callgate.events.=3D2A.CallConnected"},
	} {
		t.Run(name, func(t *testing.T) {
			got := subjectOf(&callgatev1.CallEvent{CallConnectionId: test.call, Type: test.eventType, TypeName: test.typeName})
			if got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

var subjectToken = regexp.MustCompile(`^[A-Za-z0-9_=-]{1,128}$`)

func FuzzEncodeToken(f *testing.F) {
	for _, s := range []string{"a", "_", "=5F", "a b", "a.b", "*", ">", "=h", strings.Repeat("x", 129), "\x00\xff", "é"} {
		f.Add(s, s+"=")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if a == "" || b == "" {
			return // callToken and typeToken see to that
		}
		x, y := encodeToken(a), encodeToken(b)
		if !subjectToken.MatchString(x) || x == noCall {
			t.Errorf("%q becomes %q", a, x)
		}
		if (x == y) != (a == b) {
			t.Errorf("%q and %q become %q and %q", a, b, x, y)
		}
	})
}

func TestEventsOfForeignIdsAreFound(t *testing.T) {
	log := openLog(t, LogOptions{})
	for _, id := range []string{"a b", "a.b", "*", ">", "_", "a\r\nb", strings.Repeat("long", 1000), "ä"} {
		mustAppend(t, log, record("x", id, typeCallConnected))
		wantHistory(t, log, id, "x")
	}
}

func TestEveryTypeHasTheUpstreamsName(t *testing.T) {
	for _, name := range []string{
		"AddParticipantSucceeded", "ContinuousDtmfRecognitionToneReceived", "SendDtmfTonesFailed",
		"RecordingStateChanged", "IncomingCall", "CallParticipantRemoved", "RecordingFileStatusUpdated",
	} {
		got := typeOf("microsoft.communication." + strings.ToUpper(name))
		if got == 0 || typeNames[got] != name {
			t.Errorf("%s is %v, %s", name, got, typeNames[got])
		}
	}
	if len(typeNames) != 38+6 || len(typesByName) != 38+6 {
		t.Errorf("%d types, %d names", len(typeNames), len(typesByName))
	}
}
