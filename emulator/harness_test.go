package emulator

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callgate/callgate/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const (
	apiVersion = "2026-03-12"
	alice      = "8:acs:11111111-0000-4000-8000-000000000001_00000001-aaaa-4000-8000-00000000aaaa"
	bob        = "8:acs:11111111-0000-4000-8000-000000000001_00000001-bbbb-4000-8000-00000000bbbb"
	carol      = "8:acs:11111111-0000-4000-8000-000000000001_00000001-cccc-4000-8000-00000000cccc"
	phone      = "4:+14255550123"
	callerID   = "+18005550100"
)

// userEnding is an ACS user that behaves as suffix says.
func userEnding(suffix string) string { return alice + suffix }

// phoneEnding is a phone number that does.
func phoneEnding(suffix string) string { return "4:+1425777" + suffix }

// harness is an emulator on a real listener, and an application that receives
// its callbacks and Event Grid events.
type harness struct {
	t        *testing.T
	emulator *Emulator
	url      string
	app      *receiver
	client   *http.Client
}

// unhurried is a TimeScale for what a test does while somebody rings: for 6 s.
const unhurried = 5

func start(t *testing.T, options Options) *harness {
	t.Helper()
	app := newReceiver(t)
	if options.TimeScale == 0 {
		options.TimeScale = 100
	}
	if options.EventGridEndpoints == nil {
		options.EventGridEndpoints = []string{app.url + "/grid"}
	}
	options.signingKey = testKey
	e, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config = NewServer(e.Handler())
	server.Start()
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		server.Close()
		e.Close()
		app.server.Close()
	})
	return &harness{t: t, emulator: e, url: server.URL, app: app, client: client}
}

// testKey is generated once for all tests but those that look at keys: it takes
// longer than most of them.
var testKey = sync.OnceValues(generateKey)

// response is what the emulator answered.
type response struct {
	t      *testing.T
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

func (r response) want(status int) response {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.raw)
	}
	return r
}

// at is the string at that path of members, "" where there is none.
func (r response) at(path ...string) string { return at(r.body, path...) }

func at(v any, path ...string) string {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	s, _ := v.(string)
	return s
}

// request sends a signed request; path is escaped and has no api-version.
func (h *harness) request(method, path string, body any, headers ...string) response {
	h.t.Helper()
	return h.send(method, path+"?api-version="+apiVersion, body, headers...)
}

func (h *harness) send(method, target string, body any, headers ...string) response {
	h.t.Helper()
	var content []byte
	switch b := body.(type) {
	case nil:
	case string:
		content = []byte(b)
	default:
		var err error
		if content, err = json.Marshal(b); err != nil {
			h.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(context.Background(), method, h.url+target, bytes.NewReader(content))
	if err != nil {
		h.t.Fatal(err)
	}
	sign(req, content, DefaultAccessKey, time.Now())
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return h.roundTrip(req)
}

func (h *harness) roundTrip(req *http.Request) response {
	h.t.Helper()
	resp, err := h.client.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	r := response{t: h.t, status: resp.StatusCode, header: resp.Header, raw: raw}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &r.body); err != nil {
			h.t.Fatalf("answer is not JSON: %s", raw)
		}
	}
	return r
}

func sign(req *http.Request, body []byte, key string, now time.Time) {
	secret, _ := base64.StdEncoding.DecodeString(key)
	sum := sha256.Sum256(body)
	hash := base64.StdEncoding.EncodeToString(sum[:])
	date := now.UTC().Format(http.TimeFormat)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(req.Method + "\n" + req.URL.RequestURI() + "\n" + date + ";" + req.URL.Host + ";" + hash))
	req.Header.Set("x-ms-date", date)
	req.Header.Set("x-ms-content-sha256", hash)
	req.Header.Set("Authorization", "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="+
		base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

type object = map[string]any

func rawID(id string) object { return object{"rawId": id} }

// create places a call and returns its call connection id.
func (h *harness) create(targets ...string) string {
	h.t.Helper()
	return h.request("POST", "/calling/callConnections", h.createBody(targets...)).want(201).at("callConnectionId")
}

func (h *harness) createBody(targets ...string) object {
	ids := make([]object, 0, len(targets))
	for _, target := range targets {
		ids = append(ids, rawID(target))
	}
	return object{
		"targets": ids, "sourceCallerIdNumber": object{"value": callerID}, "source": object{"id": carol},
		"callbackUri": h.app.url + "/callback?token=secret", "operationContext": "create",
	}
}

// connected places a call and waits until every target has answered.
func (h *harness) connected(targets ...string) string {
	h.t.Helper()
	id := h.create(targets...)
	wanted := []string{"CallConnected"}
	for range targets {
		wanted = append(wanted, "ParticipantsUpdated")
	}
	h.app.sequence(id, wanted...)
	return id
}

func (h *harness) path(id, rest string) string { return "/calling/callConnections/" + id + rest }

// participants are the raw ids of a call's parties.
func (h *harness) participants(id string) []string {
	h.t.Helper()
	return participantIDs(h.request("GET", h.path(id, "/participants"), nil).want(200).body["value"])
}

func participantIDs(list any) []string {
	entries, _ := list.([]any)
	ids := make([]string, 0, len(entries))
	for _, entry := range entries {
		ids = append(ids, at(entry, "identifier", "rawId"))
	}
	return ids
}

// ring makes someone call the application and returns the IncomingCall data.
func (h *harness) ring(from, to string) map[string]any {
	h.t.Helper()
	r := h.control("POST", "/control/v1/incomingCalls", object{"from": from, "to": to, "callerDisplayName": "Ann"}).want(200)
	return h.app.incomingCall(r.at("serverCallId"))
}

// control sends a request to the control API.
func (h *harness) control(method, path string, body any) response {
	h.t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, h.url+path, bytes.NewReader(content))
	if err != nil {
		h.t.Fatal(err)
	}
	return h.roundTrip(req)
}

// answer takes an incoming call.
func (h *harness) answer(in map[string]any) response {
	h.t.Helper()
	return h.request("POST", "/calling/callConnections:answer", object{
		"incomingCallContext": at(in, "incomingCallContext"), "callbackUri": h.app.url + "/callback", "operationContext": "answer",
	})
}

// received is one event that reached the application.
type received struct {
	path   string
	header http.Header
	raw    []byte // of the body
	name   string // type without the prefix
	event  map[string]any
	data   map[string]any
}

func (r received) connection() string { return at(r.data, "callConnectionId") }

// code and subCode are of the result.
func (r received) code() (code, subCode int) {
	info, _ := r.data["resultInformation"].(map[string]any)
	c, _ := info["code"].(float64)
	s, _ := info["subCode"].(float64)
	return int(c), int(s)
}

// receiver is the application's webhook, which answers the handshakes too.
type receiver struct {
	t      *testing.T
	server *httptest.Server
	url    string

	mu      sync.Mutex
	changed chan struct{} // closed and replaced with each arrival
	got     []received
	// refuse answers a delivery with that status instead of taking it; 0 takes it.
	refuse     func(r received) int
	handshakes int
}

func newReceiver(t *testing.T) *receiver {
	a := &receiver{t: t, changed: make(chan struct{})}
	a.server = httptest.NewServer(a)
	a.url = a.server.URL
	return a
}

func (a *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Method == http.MethodOptions {
		a.handshakes++
		w.Header().Set("WebHook-Allowed-Origin", r.Header.Get("WebHook-Request-Origin"))
		return
	}
	got := received{path: r.URL.RequestURI(), header: r.Header, raw: body}
	var list []map[string]any
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		got.event = list[0] // the rest of a batch is in raw
	} else if json.Unmarshal(body, &got.event) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	got.data, _ = got.event["data"].(map[string]any)
	if r.Header.Get("aeg-event-type") == "SubscriptionValidation" {
		a.handshakes++
		_ = json.NewEncoder(w).Encode(object{"validationResponse": at(got.data, "validationCode")})
		return
	}
	got.name = strings.TrimPrefix(at(got.event, "type")+at(got.event, "eventType"), eventPrefix)
	if a.refuse != nil {
		if status := a.refuse(got); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	a.got = append(a.got, got)
	close(a.changed)
	a.changed = make(chan struct{})
}

// wait returns what pick finds among all that arrived, as soon as it finds it.
func (a *receiver) wait(what string, pick func([]received) ([]received, bool)) []received {
	a.t.Helper()
	deadline := time.After(time.Minute)
	for {
		a.mu.Lock()
		found, ok := pick(a.got)
		changed, got := a.changed, a.got
		a.mu.Unlock()
		if ok {
			return found
		}
		select {
		case <-changed:
		case <-deadline:
			var names []string
			for _, r := range got {
				names = append(names, r.name+" "+r.connection())
			}
			a.t.Fatalf("no %s among:\n%s", what, strings.Join(names, "\n"))
		}
	}
}

// of picks the events of a connection.
func of(connection string, all []received) (events []received) {
	for _, r := range all {
		if r.connection() == connection {
			events = append(events, r)
		}
	}
	return events
}

// sequence waits until a connection got as many events as names, and checks that
// these are they, in order.
func (a *receiver) sequence(connection string, names ...string) []received {
	a.t.Helper()
	events := a.wait(strings.Join(names, ", "), func(all []received) ([]received, bool) {
		events := of(connection, all)
		return events, len(events) >= len(names)
	})
	got := make([]string, 0, len(events))
	for _, r := range events {
		got = append(got, r.name)
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		a.t.Fatalf("events %v, want %v", got, names)
	}
	return events
}

// more is sequence for the events after before.
func (a *receiver) more(connection string, before []received, names ...string) []received {
	a.t.Helper()
	var all []string
	for _, r := range before {
		all = append(all, r.name)
	}
	return a.sequence(connection, append(all, names...)...)
}

// incomingCall waits for the newest IncomingCall of a server call.
func (a *receiver) incomingCall(serverCallID string) map[string]any {
	a.t.Helper()
	return a.grid("IncomingCall", serverCallID, 1)[0].data
}

// grid waits for n Event Grid events of that type for a server call.
func (a *receiver) grid(name, serverCallID string, n int) []received {
	a.t.Helper()
	return a.wait("IncomingCall", func(all []received) ([]received, bool) {
		var found []received
		for _, r := range all {
			if r.name == name && at(r.data, "serverCallId") == serverCallID && r.connection() == "" {
				found = append(found, r)
			}
		}
		return found, len(found) >= n
	})
}
