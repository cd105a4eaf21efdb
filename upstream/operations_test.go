package upstream_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/callgate/callgate/upstream"
)

const (
	callID      = "c 1/x"
	recordingID = "r 1/x"
	phone       = "4:+14255550123"
)

// operation calls one method of the client with a request given as JSON.
type operation struct {
	request  string
	response string
	call     func(ctx context.Context, c *upstream.Client, repeat upstream.Repeat, request string) (any, error)
}

// withBody adapts a method that takes a request and returns a response.
func withBody[Req, Resp any](method func(*upstream.Client) func(context.Context, upstream.Repeat, *Req) (*Resp, error)) func(context.Context, *upstream.Client, upstream.Repeat, string) (any, error) {
	return func(ctx context.Context, c *upstream.Client, repeat upstream.Repeat, request string) (any, error) {
		var req Req
		if err := json.Unmarshal([]byte(request), &req); err != nil {
			return nil, err
		}
		return method(c)(ctx, repeat, &req)
	}
}

// onCall adapts a method that takes a call connection and a request.
func onCall[Req, Resp any](method func(*upstream.Client) func(context.Context, upstream.Repeat, string, *Req) (*Resp, error)) func(context.Context, *upstream.Client, upstream.Repeat, string) (any, error) {
	return withBody(func(c *upstream.Client) func(context.Context, upstream.Repeat, *Req) (*Resp, error) {
		return func(ctx context.Context, repeat upstream.Repeat, req *Req) (*Resp, error) {
			return method(c)(ctx, repeat, callID, req)
		}
	})
}

// noAnswer adapts a method that returns only an error.
func noAnswer[Req any](method func(*upstream.Client) func(context.Context, upstream.Repeat, *Req) error) func(context.Context, *upstream.Client, upstream.Repeat, string) (any, error) {
	return withBody(func(c *upstream.Client) func(context.Context, upstream.Repeat, *Req) (*struct{}, error) {
		return func(ctx context.Context, repeat upstream.Repeat, req *Req) (*struct{}, error) {
			return nil, method(c)(ctx, repeat, req)
		}
	})
}

// reads adapts a method that sends nothing.
func reads[Resp any](method func(context.Context, *upstream.Client) (*Resp, error)) func(context.Context, *upstream.Client, upstream.Repeat, string) (any, error) {
	return func(ctx context.Context, c *upstream.Client, _ upstream.Repeat, _ string) (any, error) {
		return method(ctx, c)
	}
}

const (
	connectionJSON  = `{"callConnectionId":"c1","callConnectionState":"connecting","targets":[` + phoneJSON + `],"callbackUri":"https://app/cb"}`
	phoneJSON       = `{"kind":"phoneNumber","rawId":"4:+14255550123","phoneNumber":{"value":"+14255550123","isAnonymous":false}}`
	participantJSON = `{"identifier":` + phoneJSON + `,"isMuted":false,"isOnHold":true}`
	contextJSON     = `{"operationContext":"ctx"}`
)

// operations are the client's, by the contract's names.
var operations = together(callOperations, mediaOperations, recordingOperations)

func together(parts ...map[string]operation) map[string]operation {
	all := map[string]operation{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}

var callOperations = map[string]operation{
	"createCall": {
		`{"targets":[` + phoneJSON + `],"callbackUri":"https://app/cb?k=a&l=<b>","operationContext":"ctx"}`, connectionJSON,
		withBody(func(c *upstream.Client) func(context.Context, upstream.Repeat, *upstream.CreateCallRequest) (*upstream.CallConnectionProperties, error) {
			return c.CreateCall
		}),
	},
	"answerCall": {
		`{"incomingCallContext":"ICC","callbackUri":"https://app/cb","answeredBy":{"id":"8:acs:a_b"}}`, connectionJSON,
		withBody(func(c *upstream.Client) func(context.Context, upstream.Repeat, *upstream.AnswerCallRequest) (*upstream.CallConnectionProperties, error) {
			return c.AnswerCall
		}),
	},
	"redirectCall": {
		`{"incomingCallContext":"ICC","target":` + phoneJSON + `}`, "",
		noAnswer(func(c *upstream.Client) func(context.Context, upstream.Repeat, *upstream.RedirectCallRequest) error {
			return c.RedirectCall
		}),
	},
	"rejectCall": {
		`{"incomingCallContext":"ICC","callRejectReason":"busy"}`, "",
		noAnswer(func(c *upstream.Client) func(context.Context, upstream.Repeat, *upstream.RejectCallRequest) error {
			return c.RejectCall
		}),
	},
	"connect": {
		`{"callLocator":{"roomId":"99","kind":"roomCallLocator"},"callbackUri":"https://app/cb"}`, connectionJSON,
		withBody(func(c *upstream.Client) func(context.Context, upstream.Repeat, *upstream.ConnectRequest) (*upstream.CallConnectionProperties, error) {
			return c.Connect
		}),
	},
	"getCall": {"", connectionJSON, reads(func(ctx context.Context, c *upstream.Client) (*upstream.CallConnectionProperties, error) {
		return c.GetCall(ctx, callID)
	})},
	"hangupCall": {"", "", reads(func(ctx context.Context, c *upstream.Client) (*struct{}, error) {
		return nil, c.HangUpCall(ctx, callID)
	})},
	"terminateCall": {"", "", func(ctx context.Context, c *upstream.Client, repeat upstream.Repeat, _ string) (any, error) {
		return nil, c.TerminateCall(ctx, repeat, callID)
	}},
	"transferToParticipant": {
		`{"targetParticipant":` + phoneJSON + `,"transferee":` + phoneJSON + `,"customCallingContext":{"sipHeaders":{"User-To-User":"u"}}}`, contextJSON,
		onCall(func(c *upstream.Client) func(context.Context, upstream.Repeat, string, *upstream.TransferToParticipantRequest) (*upstream.TransferCallResponse, error) {
			return c.TransferToParticipant
		}),
	},
	"getParticipants": {
		"", `{"value":[` + participantJSON + `],"nextLink":"/next"}`,
		reads(func(ctx context.Context, c *upstream.Client) (*upstream.GetParticipantsResponse, error) {
			return c.GetParticipants(ctx, callID)
		}),
	},
	"getParticipantsNext": {
		"", `{"value":[` + participantJSON + `]}`,
		reads(func(ctx context.Context, c *upstream.Client) (*upstream.GetParticipantsResponse, error) {
			return c.GetParticipantsNext(ctx, "/calling/next?skip=1")
		}),
	},
	"getParticipant": {"", participantJSON, reads(func(ctx context.Context, c *upstream.Client) (*upstream.CallParticipant, error) {
		return c.GetParticipant(ctx, callID, phone)
	})},
	"addParticipant": {
		`{"participantToAdd":` + phoneJSON + `,"sourceCallerIdNumber":{"value":"+18885550100"},"invitationTimeoutInSeconds":0}`,
		`{"participant":` + participantJSON + `,"invitationId":"i1","operationContext":"ctx"}`,
		onCall(func(c *upstream.Client) func(context.Context, upstream.Repeat, string, *upstream.AddParticipantRequest) (*upstream.AddParticipantResponse, error) {
			return c.AddParticipant
		}),
	},
	"removeParticipant": {
		`{"participantToRemove":` + phoneJSON + `,"operationContext":"ctx"}`, contextJSON,
		onCall(func(c *upstream.Client) func(context.Context, upstream.Repeat, string, *upstream.RemoveParticipantRequest) (*upstream.RemoveParticipantResponse, error) {
			return c.RemoveParticipant
		}),
	},
	"mute": {
		`{"targetParticipants":[` + phoneJSON + `]}`, contextJSON,
		onCall(func(c *upstream.Client) func(context.Context, upstream.Repeat, string, *upstream.MuteParticipantsRequest) (*upstream.MuteParticipantsResult, error) {
			return c.MuteParticipants
		}),
	},
	"cancelAddParticipant": {
		`{"invitationId":"i1","operationContext":"ctx"}`, `{"invitationId":"i1","operationContext":"ctx"}`,
		onCall(func(c *upstream.Client) func(context.Context, upstream.Repeat, string, *upstream.CancelAddParticipantRequest) (*upstream.CancelAddParticipantResponse, error) {
			return c.CancelAddParticipant
		}),
	},
	"moveParticipants": {
		`{"targetParticipants":[` + phoneJSON + `],"fromCall":"c2"}`, `{"participants":[` + participantJSON + `],"fromCall":"c2"}`,
		onCall(func(c *upstream.Client) func(context.Context, upstream.Repeat, string, *upstream.MoveParticipantsRequest) (*upstream.MoveParticipantsResponse, error) {
			return c.MoveParticipants
		}),
	},
}

// contractOperation is what the contract says of one.
type contractOperation struct {
	Name, Method, Path string
	Repeatable         bool
	Responses          map[string]any
}

func readOperations(t *testing.T) []contractOperation {
	t.Helper()
	raw, err := os.ReadFile("testdata/contract.json")
	if err != nil {
		t.Fatal(err)
	}
	var contract struct{ Operations []contractOperation }
	if err := json.Unmarshal(raw, &contract); err != nil {
		t.Fatal(err)
	}
	return contract.Operations
}

// Every operation of the contract is sent as the contract says, and its answer
// is decoded.
func TestOperationsFollowTheContract(t *testing.T) {
	repeat := upstream.Repeat{ID: "c541626a-485a-4121-8376-caedc331df71", FirstSent: time.Date(2026, 11, 23, 16, 40, 57, 0, time.FixedZone("", 3600))}
	for _, o := range readOperations(t) {
		for _, status := range successStatuses(t, o.Responses) {
			t.Run(o.Name+", "+strconv.Itoa(status), func(t *testing.T) {
				op, known := operations[o.Name]
				if !known {
					t.Fatal("the client has no such operation")
				}
				service := serve(t, answer(status, op.response))
				got, err := op.call(t.Context(), newClient(t, service.url, nil), repeat, op.request)
				if err != nil {
					t.Fatal(err)
				}
				if op.response != "" && !sameJSON(t, marshal(t, got), op.response) {
					t.Errorf("decoded as %s, want %s", marshal(t, got), op.response)
				}
				if len(service.received()) != 1 {
					t.Fatalf("%d requests were sent", len(service.received()))
				}
				r := service.received()[0]
				checkSigned(t, r)
				target := strings.NewReplacer("{callConnectionId}", "c%201%2Fx", "{participantRawId}", "4%3A%2B14255550123", "{recordingId}", "r%201%2Fx").Replace(o.Path) + "?api-version=2026-03-12"
				if o.Path == "{nextLink}" {
					target = "/calling/next?skip=1"
				}
				if r.method != o.Method || r.target != target {
					t.Errorf("sent %s %s, want %s %s", r.method, r.target, o.Method, target)
				}
				if !sameJSON(t, r.body, op.request) {
					t.Errorf("sent %s, want %s", r.body, op.request)
				}
				want := map[string]string{
					"Accept": "application/json", "User-Agent": "callgate/dev", "Content-Type": "",
					"Repeatability-Request-ID": "", "Repeatability-First-Sent": "",
				}
				if op.request != "" {
					want["Content-Type"] = "application/json"
				} else if o.Method == "POST" {
					want["Content-Length"] = "0"
				}
				if o.Repeatable {
					want["Repeatability-Request-ID"] = repeat.ID
					want["Repeatability-First-Sent"] = "Mon, 23 Nov 2026 15:40:57 GMT"
				}
				for name, value := range want {
					if got := r.header.Get(name); got != value {
						t.Errorf("%s is %q, want %q", name, got, value)
					}
				}
				if _, err := uuid.Parse(r.header.Get("x-ms-client-request-id")); err != nil {
					t.Errorf("x-ms-client-request-id: %v", err)
				}
			})
		}
	}
}

func successStatuses(t *testing.T, responses map[string]any) (statuses []int) {
	t.Helper()
	for status := range responses {
		if code, err := strconv.Atoi(status); err == nil {
			statuses = append(statuses, code)
		}
	}
	if len(statuses) == 0 {
		t.Fatal("the contract gives no status of success")
	}
	return statuses
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	if v == nil || reflect.ValueOf(v).IsNil() {
		return ""
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestNextLinks(t *testing.T) {
	tests := map[string]struct {
		link string // {endpoint} stands for the service's
		want string // the target that is requested; empty for none
	}{
		"absolute":                         {"{endpoint}/calling/p?skip=2&api-version=2025-01-01", "/calling/p?skip=2&api-version=2025-01-01"},
		"relative to the endpoint":         {"calling/p?skip=2", "/calling/p?skip=2"},
		"with an escaped path, kept":       {"/calling/c%201%2Fx/p?t=a%20b%2Bc", "/calling/c%201%2Fx/p?t=a%20b%2Bc"},
		"with a space in the query":        {"/calling/p?t=a b", "/calling/p?t=a%20b"},
		"with a fragment, which is local":  {"/calling/p?t=1#x", "/calling/p?t=1"},
		"to another host":                  {"https://evil.example/calling/p", ""},
		"to another host, without scheme":  {"//evil.example/calling/p", ""},
		"to another scheme":                {"ftp://127.0.0.1/calling/p", ""},
		"with credentials":                 {"http://user:pw@{host}/calling/p", ""},
		"to a host that only begins alike": {"{endpoint}.evil.example/calling/p", ""},
		"no URL":                           {"http://[::1", ""},
		"a scheme and no more":             {"http:calling", ""},
		"empty":                            {"", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			service := serve(t, answer(200, `{"value":[]}`))
			link := strings.NewReplacer("{endpoint}", service.url, "{host}", strings.TrimPrefix(service.url, "http://")).Replace(test.link)
			_, err := newClient(t, service.url, nil).GetParticipantsNext(t.Context(), link)
			if test.want == "" {
				checkNotSent(t, service, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := service.received()[0]; got.target != test.want {
				t.Errorf("requested %s, want %s", got.target, test.want)
			}
			checkSigned(t, service.received()[0])
		})
	}
}

func TestIDsInPaths(t *testing.T) {
	tests := map[string]struct {
		id   string
		want string // as one path segment; empty for refused
	}{
		"a GUID":                      {"401f3500-af14-4fd7-ae55-37e7590932b1", "401f3500-af14-4fd7-ae55-37e7590932b1"},
		"what a JS client leaves":     {"-_.!~*'()", "-_.!~*'()"},
		"what a JS client escapes":    {`;/?:@&=+$,# "<>[\]^{|}%`, "%3B%2F%3F%3A%40%26%3D%2B%24%2C%23%20%22%3C%3E%5B%5C%5D%5E%7B%7C%7D%25"},
		"beyond ASCII":                {"é", "%C3%A9"},
		"control characters":          {"a\r\nb", "a%0D%0Ab"},
		"empty":                       {"", ""},
		"the path's own directory":    {".", ""},
		"the path's parent directory": {"..", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			service := serve(t, answer(200, connectionJSON))
			_, err := newClient(t, service.url, nil).GetCall(t.Context(), test.id)
			if test.want == "" {
				checkNotSent(t, service, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, want := service.received()[0].target, "/calling/callConnections/"+test.want+"?api-version=2026-03-12"; got != want {
				t.Errorf("requested %s, want %s", got, want)
			}
			checkSigned(t, service.received()[0])
		})
	}
	t.Run("empty, before a verb", func(t *testing.T) {
		service := serve(t, answer(204, ""))
		checkNotSent(t, service, newClient(t, service.url, nil).TerminateCall(t.Context(), upstream.NewRepeat(time.Now()), ""))
	})
}
