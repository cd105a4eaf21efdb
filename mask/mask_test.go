package mask

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a number":                       {"call to +14255550123 failed", "call to +*** failed"},
		"a number in a path":             {"GET /participants/4%3A%2B14255550123: 404", "GET /participants/4%3A%2B***: 404"},
		"a number in JSON":               {`{"phoneNumber":"\u002B14255550123"}`, `{"phoneNumber":"\u002B***"}`},
		"a phone's id":                   {"rawId 4:+14255550123.", "rawId 4:+***."},
		"a phone's id without plus":      {"rawId 4:14255550123", "rawId 4:***"},
		"a user's id":                    {`no "8:acs:res_alice" here`, `no "8:acs:***" here`},
		"a user's id in a path":          {"/participants/8%3Aacs%3Ares_alice:mute", "/participants/8%3Aacs%3A***"},
		"a Teams user's id":              {"8:orgid:401f3500-af14 and 8:gcch:x", "8:orgid:*** and 8:gcch:***"},
		"a Teams app's id":               {"28:orgid:401f3500-af14", "28:orgid:***"},
		"a signed token":                 {"got eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln", "got ***"},
		"an incoming call's context":     {"context=eyJhbGciOiJub25lIiwidHliSldUIn0", "context=***"},
		"a callback address":             {`Post "https://gw.example/callbacks/c2VjcmV0": EOF`, `Post "https://gw.example/callbacks/***": EOF`},
		"an Event Grid address":          {"https://gw.example/eventgrid?key=c2VjcmV0&x=1", "https://gw.example/eventgrid?key=***&x=1"},
		"a connection string":            {"endpoint=https://x/;accesskey=c2VjcmV0", "endpoint=https://x/;accesskey=***"},
		"an address with a password":     {"dial nats://gate:hush@10.0.0.1:4222", "dial nats://***@10.0.0.1:4222"},
		"a header":                       {"Authorization: Bearer abc.def", "Authorization: Bearer ***"},
		"several":                        {"+14255550123 +18005550100", "+*** +***"},
		"a time":                         {"2026-11-25T04:25:55+01:00", "2026-11-25T04:25:55+01:00"},
		"an address":                     {"127.0.0.1:8081", "127.0.0.1:8081"},
		"a call connection":              {"401f3500-af14-4fd7-ae55-37e7590932b1", "401f3500-af14-4fd7-ae55-37e7590932b1"},
		"the name of a setting":          {"CALLGATE_CALLBACK_KEY is missing", "CALLGATE_CALLBACK_KEY is missing"},
		"a callback address without one": {"POST /callbacks/ is the path", "POST /callbacks/ is the path"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Text(test.text); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestEveryHintHasAMark(t *testing.T) {
	for _, r := range rules {
		for _, hint := range r.hints {
			if !strings.ContainsAny(hint, marks) {
				t.Errorf("%q would not be looked for", hint)
			}
		}
	}
}

func TestWriter(t *testing.T) {
	var out bytes.Buffer
	const line = "write to +14255550123: broken pipe\n"
	if n, err := Writer(&out).Write([]byte(line)); n != len(line) || err != nil || out.String() != "write to +***: broken pipe\n" {
		t.Errorf("%d, %v, %s", n, err, out.String())
	}
}

type account struct{ Number string }

func TestHandlerMasksAllThatIsSaid(t *testing.T) {
	const number = "+14255550123"
	var out bytes.Buffer
	logger := slog.New(Handler(slog.NewJSONHandler(&out, nil))).With("with", number).WithGroup("group")
	logger.Info("call of "+number, "text", number, "error", fmt.Errorf("to %s: %w", number, errors.New("no")),
		"any", account{number}, "pointer", &account{number}, "list", []string{number}, slog.Group("inner", "text", number),
		"secret", NewSecret(number), "harmless", []int{1, 2})
	line := out.String()
	if strings.Contains(line, "4255550123") {
		t.Errorf("the number is in %s", line)
	}
	for _, want := range []string{`"msg":"call of +***"`, `"with":"+***"`, `"error":"to +***: no"`, `"inner":{"text":"+***"}`, `"secret":"***"`, `"harmless":[1,2]`} {
		if !strings.Contains(line, want) {
			t.Errorf("%s is not in %s", want, line)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	const text = "c2VjcmV0"
	type holder struct {
		Exported   Secret
		unexported Secret
		pointer    *Secret
	}
	secret := NewSecret(text)
	held := holder{secret, secret, &secret}
	if held.unexported.Reveal() != text || !held.pointer.Given() {
		t.Fatal("the secret is lost")
	}
	for _, value := range []any{secret, &secret, held, &held, []Secret{secret}, map[string]Secret{"k": secret}, fmt.Errorf("with %v", secret)} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if printed := fmt.Sprintf(format, value); strings.Contains(printed, text) || strings.Contains(printed, fmt.Sprintf("%x", text)) {
				t.Errorf("%s of %T prints %s", format, value, printed)
			}
		}
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Info("told", "value", value)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("told", "value", value)
		if encoded, _ := json.Marshal(value); strings.Contains(out.String()+string(encoded), text) {
			t.Errorf("%T is logged as %s, encoded as %s", value, out.String(), encoded)
		}
	}
	if encoded, err := json.Marshal(held); err != nil || string(encoded) != `{"Exported":"***"}` {
		t.Errorf("encoded as %s, %v", encoded, err)
	}
}

func TestSecretsCompare(t *testing.T) {
	if !NewSecret("a").Is(NewSecret("a")) || NewSecret("a").Is(NewSecret("b")) || !NewSecret("").Is(Secret{}) || NewSecret("").Given() {
		t.Error("they compare wrongly")
	}
}

// TestHandlerAllocates: a line of an RPC costs its copy, and what does not fit into a
// record itself. The ceiling is what it costs today, and some more under the race
// detector.
func TestHandlerAllocates(t *testing.T) {
	logger := slog.New(Handler(slog.NewTextHandler(io.Discard, nil))) //nolint:sloglint // the text is made
	attrs := []slog.Attr{
		slog.String("protocol", "grpc"), slog.String("grpc.service", "callgate.v1.CallControl"), slog.String("grpc.method", "CreateCall"),
		slog.String("peer.address", "127.0.0.1:34567"), slog.String("principal", "token:a"),
		slog.String("call_connection_id", "401f3500-fcf4-41a8-a5ee-7cbf43c2cd3a"), slog.String("grpc.start_time", "2026-11-25T08:41:13Z"),
		slog.String("grpc.code", "OK"), slog.String("grpc.time_ms", "12.345"),
	}
	if n := testing.AllocsPerRun(100, func() { logger.LogAttrs(t.Context(), slog.LevelInfo, "finished call", attrs...) }); n > 5 {
		t.Errorf("%v allocations, at most 5 are allowed", n)
	}
}
