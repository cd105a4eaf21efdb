package eventstream

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// door is a Receiver in front of a log, with everything that knocks at it.
type door struct {
	*Receiver
	log    *Log
	tokens *Tokens
	key    jose.JSONWebKey
	logged *bytes.Buffer
}

func newDoor(t *testing.T) *door {
	t.Helper()
	a := newAuthority(t)
	key := rsaKey("1")
	a.set(func(a *authority) { a.keys = []jose.JSONWebKey{key} })
	verifier, _ := newVerifier(t, a)
	tokens, err := NewTokens([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	d := &door{log: openLog(t, LogOptions{}), tokens: tokens, key: key, logged: &bytes.Buffer{}}
	d.Receiver = NewReceiver(ReceiverOptions{
		Log: d.log, Tokens: tokens, Verifier: verifier, Registerer: prometheus.NewRegistry(),
		Logger: slog.New(slog.NewTextHandler(d.logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:    func() time.Time { return receivedAt },
	})
	return d
}

func (d *door) bearer(t *testing.T) string {
	t.Helper()
	return "Bearer " + sign(t, jose.RS256, d.key, claims(nil))
}

// post posts a callback as the upstream does, after change.
func (d *door) post(t *testing.T, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, CallbackPath+d.tokens.Callback(""), strings.NewReader(body))
	r.Header.Set("Authorization", d.bearer(t))
	r.Header.Set("Content-Type", "application/cloudevents-batch+json")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

// stored is how many events the log has.
func (d *door) stored(t *testing.T) uint64 {
	t.Helper()
	_, last, _, err := d.log.bounds(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return last
}

func (d *door) counted(endpoint string, v verdict) float64 {
	return testutil.ToFloat64(d.received.WithLabelValues(endpoint, string(v)))
}

const connectedCallback = `[{"id":"1","source":"calling/callConnections/c","type":"Microsoft.Communication.CallConnected","data":{"callConnectionId":"c"}}]`

func TestCallbackIsStoredOnce(t *testing.T) {
	d := newDoor(t)
	for range 3 {
		if w := d.post(t, connectedCallback, nil); w.Code != http.StatusOK || w.Body.Len() != 0 {
			t.Errorf("answer %d %q", w.Code, w.Body)
		}
	}
	wantHistory(t, d.log, "c", "1")
	if n := d.counted("callbacks", verdictStored); n != 3 {
		t.Errorf("%v counted", n)
	}
}

func TestBatchIsStoredAsAWhole(t *testing.T) {
	d := newDoor(t)
	batch := "[" + cloudEvent("a.B", `{"callConnectionId":"c"}`, "") + "," +
		strings.Replace(cloudEvent("a.C", `{"callConnectionId":"c"}`, ""), `"1"`, `"2"`, 1) + "]"
	if w := d.post(t, batch, nil); w.Code != http.StatusOK {
		t.Errorf("answer %d", w.Code)
	}
	wantHistory(t, d.log, "c", "1", "2")
}

func TestCallbackRefused(t *testing.T) {
	foreign, err := NewTokens([]byte("another key, as long"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		body    string
		change  func(*door, *http.Request)
		want    int
		verdict verdict
	}{
		"a token of another key": {
			connectedCallback, func(_ *door, r *http.Request) { r.URL.Path = CallbackPath + foreign.Callback("") }, http.StatusUnauthorized, verdictBadToken,
		},
		"an Event Grid token": {
			connectedCallback, func(d *door, r *http.Request) { r.URL.Path = CallbackPath + d.tokens.EventGrid() }, http.StatusUnauthorized, verdictBadToken,
		},
		"no token": {connectedCallback, func(_ *door, r *http.Request) { r.URL.Path = CallbackPath }, http.StatusUnauthorized, verdictBadToken},
		"no signature": {
			connectedCallback, func(_ *door, r *http.Request) { r.Header.Del("Authorization") }, http.StatusUnauthorized, verdictBadSignature,
		},
		"a signature of another scheme": {
			connectedCallback, func(_ *door, r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Bearer", "Basic", 1))
			}, http.StatusUnauthorized, verdictBadSignature,
		},
		"a forged signature": {
			connectedCallback, func(_ *door, r *http.Request) {
				r.Header.Set("Authorization", "Bearer "+sign(t, jose.RS256, strangerKey("1"), claims(nil)))
			}, http.StatusUnauthorized, verdictBadSignature,
		},
		"an expired signature": {
			connectedCallback, func(d *door, r *http.Request) {
				r.Header.Set("Authorization", "Bearer "+sign(t, jose.RS256, d.key, claims(func(c map[string]any) { c["exp"] = receivedAt.Add(-time.Hour).Unix() })))
			}, http.StatusUnauthorized, verdictBadSignature,
		},
		"a signature for another resource": {
			connectedCallback, func(d *door, r *http.Request) {
				r.Header.Set("Authorization", "Bearer "+sign(t, jose.RS256, d.key, claims(func(c map[string]any) { c["aud"] = "other" })))
			}, http.StatusUnauthorized, verdictBadSignature,
		},
		"broken JSON":                 {`[{"id":`, nil, http.StatusBadRequest, verdictMalformed},
		"the second of two is broken": {"[" + cloudEvent("a.B", `{}`, "") + `,{"id":"2"}]`, nil, http.StatusBadRequest, verdictMalformed},
		"a body beyond the bound":     {"[" + strings.Repeat(" ", maxBody) + "]", nil, http.StatusRequestEntityTooLarge, verdictTooLarge},
		"a body that does not arrive": {"", func(_ *door, r *http.Request) { r.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)) }, http.StatusBadRequest, verdictIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			w := d.post(t, test.body, func(r *http.Request) {
				if test.change != nil {
					test.change(d, r)
				}
			})
			if w.Code != test.want || w.Body.Len() != 0 {
				t.Errorf("answer %d %q, want %d", w.Code, w.Body, test.want)
			}
			if n := d.stored(t); n != 0 {
				t.Errorf("%d events stored", n)
			}
			if n := d.counted("callbacks", test.verdict); n != 1 {
				t.Errorf("%v counted", n)
			}
		})
	}
}

func TestCallbackWhileSomethingIsUnavailable(t *testing.T) {
	want503 := func(t *testing.T, w *httptest.ResponseRecorder) {
		t.Helper()
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("answer %d %v", w.Code, w.Header())
		}
	}
	t.Run("the log", func(t *testing.T) {
		d := newDoor(t)
		closeLog(t, d.log)
		want503(t, d.post(t, connectedCallback, nil))
	})
	t.Run("the keys", func(t *testing.T) {
		d := newDoor(t)
		a := newAuthority(t)
		a.set(func(a *authority) { a.broken = true })
		d.options.Verifier, _ = newVerifier(t, a)
		want503(t, d.post(t, connectedCallback, nil))
	})
}

// TestOneSourceCannotTakeAllPlaces: who sends slowly, and much at once, is told to
// come back, and is let in again when it has room.
func TestOneSourceCannotTakeAllPlaces(t *testing.T) {
	const places = 3
	d := newDoor(t)
	d.sources = newSourceLimit(places)
	server := httptest.NewServer(d)
	defer server.Close()
	send := func(body io.Reader) *http.Response {
		req, err := http.NewRequestWithContext(testContext(t), http.MethodPost, server.URL+CallbackPath+d.tokens.Callback(""), body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", d.bearer(t))
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Error(err)
			return &http.Response{}
		}
		_ = resp.Body.Close()
		return resp
	}
	var slow sync.WaitGroup
	var pipes []*io.PipeWriter
	for range places {
		reader, writer := io.Pipe()
		pipes = append(pipes, writer)
		slow.Go(func() {
			if resp := send(reader); resp.StatusCode != http.StatusOK {
				t.Errorf("a slow one: answer %d", resp.StatusCode)
			}
		})
	}
	busy := func() (n int) {
		d.sources.mu.Lock()
		defer d.sources.mu.Unlock()
		for _, of := range d.sources.busy {
			n += of
		}
		return n
	}
	eventually(t, "all places are taken", func() bool { return busy() == places })
	unread, writer := io.Pipe() // a body that does not come is not waited for
	for _, body := range []io.Reader{strings.NewReader(connectedCallback), unread} {
		if resp := send(body); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Errorf("one more: answer %d %v", resp.StatusCode, resp.Header)
		}
	}
	_ = writer.Close()
	for _, writer := range pipes {
		_, _ = io.WriteString(writer, connectedCallback)
		_ = writer.Close()
	}
	slow.Wait()
	if resp := send(strings.NewReader(connectedCallback)); resp.StatusCode != http.StatusOK {
		t.Errorf("when there is room again: answer %d", resp.StatusCode)
	}
	if n := d.stored(t); n != 1 {
		t.Errorf("%d events stored, of one that came often", n)
	}
}

func TestCallbackWithoutVerifierNeedsItsToken(t *testing.T) {
	d := newDoor(t)
	d.options.Verifier = nil
	if w := d.post(t, connectedCallback, func(r *http.Request) { r.Header.Del("Authorization") }); w.Code != http.StatusOK {
		t.Errorf("answer %d", w.Code)
	}
	if w := d.post(t, connectedCallback, func(r *http.Request) { r.URL.Path = "/callbacks/x" }); w.Code != http.StatusUnauthorized {
		t.Errorf("with a bad token: answer %d", w.Code)
	}
}

func TestNothingElseIsServed(t *testing.T) {
	d := newDoor(t)
	token := CallbackPath + d.tokens.Callback("")
	grid := "/eventgrid?key=" + d.tokens.EventGrid()
	for _, request := range []string{
		"GET " + token, "PUT " + token, "OPTIONS " + token, "HEAD " + token, "GET " + grid, "DELETE " + grid,
		"POST /", "GET /", "POST /callbacks", "POST /eventgrid/", "POST /metrics", "GET /healthz", "POST //callbacks/x",
	} {
		method, target, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(connectedCallback)))
		if w.Code != http.StatusNotFound || w.Body.Len() != 0 || len(w.Header()) != 0 {
			t.Errorf("%s: answer %d %v %q", method, w.Code, w.Header(), w.Body)
		}
	}
}

func TestLogTellsNoSecrets(t *testing.T) {
	d := newDoor(t)
	secret := d.tokens.Callback("")
	body := cloudEvent("Microsoft.Communication.IncomingCall", `{"from":{"rawId":"4:+14255550123"},"callConnectionId":"the-call"}`, "")
	d.post(t, body, func(r *http.Request) { r.URL.Path = CallbackPath + secret })
	d.post(t, body+body, func(r *http.Request) { r.URL.Path = CallbackPath + secret })
	d.post(t, body, func(r *http.Request) { r.URL.Path = CallbackPath + secret + "x" })
	d.post(t, body, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) })
	logged := d.logged.String()
	if strings.Contains(logged, secret) || strings.Contains(logged, "4255550123") {
		t.Errorf("it does: %s", logged)
	}
	if !strings.Contains(logged, "call_connection_id=the-call") || strings.Count(logged, "callback refused") != 3 {
		t.Errorf("it says too little: %s", logged)
	}
}
