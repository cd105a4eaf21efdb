package upstream_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callgate/callgate/upstream"
)

// exchange is one captured request and its answer.
type exchange struct {
	Method, Path    string
	RequestBody     json.RawMessage
	Status          int
	ResponseHeaders map[string]string
	ResponseBody    json.RawMessage
	Requests        []jsRequest
}

// jsRequest is one request as the official JavaScript SDK sent it.
type jsRequest struct {
	Method, Path string
	Headers      map[string]string
	BodyText     string
}

func readExchange(t *testing.T, file string) exchange {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var x exchange
	if err := json.Unmarshal(raw, &x); err != nil {
		t.Fatal(err)
	}
	return x
}

// Members of captures older than this API version, which go by other names now:
// by file, those of the request and of the answer.
var renamed = map[string][2][]string{
	"01-createCall-repeatable-first":  {{"source"}, {"source", "mediaSubscriptionId"}},
	"02-createCall-repeatable-replay": {{"source"}, {"source", "mediaSubscriptionId"}},
	"06-addParticipant":               {{"customContext"}, nil},
	"10-removeParticipant":            {{"participantsToRemove", "participantToRemove"}, nil},
}

// Every captured exchange but those of files can be sent from the models, and its
// answer loses nothing in them.
func TestCapturedExchanges(t *testing.T) {
	files, err := filepath.Glob("testdata/exchanges/*.json")
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	for _, file := range files {
		x := readExchange(t, file)
		op, is := operations[operationOf(x.Method, x.Path)]
		if !is || x.Status == 0 || x.ResponseBody == nil && x.Status >= 400 {
			continue // files, and reports without a body
		}
		tested++
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			headers := []string{}
			for k, v := range x.ResponseHeaders {
				if k != "Content-Length" && k != "Content-Type" {
					headers = append(headers, k, v)
				}
			}
			body := string(x.ResponseBody)
			if body == "null" {
				body = ""
			}
			service := serve(t, answer(x.Status, body, headers...))
			got, err := op.call(t.Context(), newClient(t, service.url, nil), upstream.NewRepeat(time.Now()), string(x.RequestBody))
			if x.Status >= 400 {
				checkRefusal(t, err, x)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if recorded := string(x.RequestBody); recorded != "null" || op.request == "" {
				checkMembers(t, "request", service.received()[0].body, recorded, renamed[name][0])
			}
			checkMembers(t, "answer", marshal(t, got), body, renamed[name][1])
		})
	}
	if tested < 27 {
		t.Errorf("%d exchanges were tested", tested)
	}
}

func checkRefusal(t *testing.T, err error, x exchange) {
	t.Helper()
	var said upstream.CommunicationErrorResponse
	if err := json.Unmarshal(x.ResponseBody, &said); err != nil {
		t.Fatal(err)
	}
	e := upstreamError(t, err)
	if e.StatusCode != x.Status || e.Code != said.Error.Code || e.Message != said.Error.Message || e.ChainID != x.ResponseHeaders["X-Microsoft-Skype-Chain-ID"] {
		t.Errorf("error is %+v, want that of %s", e, x.ResponseBody)
	}
}

// checkMembers compares two JSON objects, up to members that are empty.
func checkMembers(t *testing.T, what, got, want string, ignore []string) {
	t.Helper()
	g, w := withoutEmpty(decodeJSON(t, got)), withoutEmpty(decodeJSON(t, want))
	for _, member := range ignore {
		for _, v := range []any{g, w} {
			if object, is := v.(map[string]any); is {
				delete(object, member)
			}
		}
	}
	if a, b := mustJSON(t, g), mustJSON(t, w); a != b {
		t.Errorf("the %s is %s, want %s", what, a, b)
	}
}

func withoutEmpty(v any) any {
	object, is := v.(map[string]any)
	if !is {
		return v
	}
	for name, member := range object {
		switch member := withoutEmpty(member).(type) {
		case nil:
			delete(object, name)
		case string:
			if member == "" {
				delete(object, name)
			}
		case []any:
			if len(member) == 0 {
				delete(object, name)
			}
		case map[string]any:
			if len(member) == 0 {
				delete(object, name)
			}
		}
	}
	return object
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// operationOf is the contract's name of a request.
func operationOf(method, target string) string {
	path, _, _ := strings.Cut(target, "?")
	if rest, is := strings.CutPrefix(path, "/calling/recordings"); is {
		return recordingOperationOf(method, rest)
	}
	rest, is := strings.CutPrefix(path, "/calling/callConnections")
	if !is {
		return ""
	}
	verb := rest[strings.LastIndex(rest, "/")+1:]
	if i := strings.LastIndex(verb, ":"); i >= 0 {
		return map[string]string{
			"answer": "answerCall", "redirect": "redirectCall", "reject": "rejectCall", "connect": "connect", "terminate": "terminateCall",
			"transferToParticipant": "transferToParticipant", "add": "addParticipant", "remove": "removeParticipant", "mute": "mute",
			"cancelAddParticipant": "cancelAddParticipant", "moveHere": "moveParticipants",
		}[verb[i+1:]]
	}
	switch {
	case rest == "":
		return "createCall"
	case method == http.MethodDelete:
		return "hangupCall"
	case strings.HasSuffix(rest, "/participants"):
		return "getParticipants"
	case strings.Contains(rest, "/participants/"):
		return "getParticipant"
	}
	return "getCall"
}

func recordingOperationOf(method, rest string) string {
	switch {
	case rest == "":
		return "startRecording"
	case strings.HasSuffix(rest, ":pause"):
		return "pauseRecording"
	case strings.HasSuffix(rest, ":resume"):
		return "resumeRecording"
	case method == http.MethodDelete:
		return "stopRecording"
	}
	return "getRecordingProperties"
}

// What the official JavaScript SDK sends, this client sends: target, body and
// signed headers.
func TestSendsWhatTheJavaScriptSDKSends(t *testing.T) {
	requests := readExchange(t, "testdata/exchanges/50-requests-js-sdk-1.6.0-loopback.json").Requests
	if len(requests) != 17 {
		t.Fatalf("%d requests were captured", len(requests))
	}
	for _, want := range requests {
		t.Run(want.Method+" "+want.Path, func(t *testing.T) {
			header := http.Header{}
			for name, value := range want.Headers {
				header.Set(name, value)
			}
			// The check itself holds for the SDK's own signature.
			checkSigned(t, received{want.Method, want.Path, want.Headers["host"], header, want.BodyText})

			service := serve(t, answer(http.StatusTeapot, ""))
			client := newClient(t, "http://"+want.Headers["host"], func(opts *upstream.Options) { opts.Transport = dialling(t, service.url) })
			firstSent, _ := http.ParseTime(header.Get("Repeatability-First-Sent"))
			err := call(t.Context(), client, want, upstream.Repeat{ID: header.Get("Repeatability-Request-ID"), FirstSent: firstSent})
			if upstreamError(t, err).StatusCode != http.StatusTeapot {
				t.Fatal(err)
			}
			got := service.received()[0]
			checkSigned(t, got)
			if got.method != want.Method || got.target != want.Path || got.host != want.Headers["host"] {
				t.Errorf("sent %s %s to %s", got.method, got.target, got.host)
			}
			// The SDK sends both maps of custom headers, even when they are empty.
			body := strings.ReplaceAll(want.BodyText, `,"customCallingContext":{"voipHeaders":{},"sipHeaders":{}}`, `,"customCallingContext":{}`)
			if got.body != body {
				t.Errorf("sent %s, want %s", got.body, body)
			}
			for _, name := range []string{"Content-Type", "Accept", "Repeatability-Request-ID", "Repeatability-First-Sent"} {
				if got.header.Get(name) != header.Get(name) {
					t.Errorf("%s is %q, want %q", name, got.header.Get(name), header.Get(name))
				}
			}
		})
	}
}

// call sends a captured request, with the ids that its path has.
func call(ctx context.Context, client *upstream.Client, r jsRequest, repeat upstream.Repeat) error {
	name := operationOf(r.Method, r.Path)
	if name == "getParticipant" {
		path, _, _ := strings.Cut(r.Path, "?")
		rawID, err := url.PathUnescape(path[strings.LastIndex(path, "/")+1:])
		if err != nil {
			return err
		}
		_, err = client.GetParticipant(ctx, callID, rawID)
		return err
	}
	op, known := operations[name]
	if !known {
		return errors.New("no operation " + name)
	}
	_, err := op.call(ctx, client, repeat, r.BodyText)
	return err
}

// dialling is a transport that reaches a server under any name.
func dialling(t *testing.T, serverURL string) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(serverURL, "http://"))
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
