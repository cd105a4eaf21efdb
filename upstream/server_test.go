package upstream_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callgate/callgate/leaktest"
	"github.com/callgate/callgate/upstream"
)

const secret = "secretkey" // also the key of the captured requests

func TestMain(m *testing.M) { leaktest.Main(m) }

// received is one request as it arrived.
type received struct {
	method, target, host string
	header               http.Header
	body                 string
}

// service is an upstream that answers by script and keeps what it was sent.
type service struct {
	url string

	mu       sync.Mutex
	requests []received
	script   []http.HandlerFunc
}

// serve starts a service. Each request takes the next handler, and the last one
// answers all that follow.
func serve(t *testing.T, script ...http.HandlerFunc) *service {
	t.Helper()
	s := &service{script: script}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	s.mu.Lock()
	s.requests = append(s.requests, received{r.Method, r.RequestURI, r.Host, r.Header.Clone(), string(body)})
	handle := s.script[min(len(s.requests), len(s.script))-1]
	s.mu.Unlock()
	handle(w, r)
}

func (s *service) received() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// answer is a handler that answers the same to everyone. Headers are given as
// name, value.
func answer(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		if body != "" {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// reset breaks the connection off without an answer.
func reset(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// breakOff sends half of an answer.
func breakOff(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"callConnectionId":`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// quiet is how long a try waits for an answer that does not come: enough to be sent
// on a machine that is busy.
const quiet = time.Second

// hang answers nothing until the client has given up.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// newClient is a client of endpoint, quick to retry; edit (nil for none) changes
// its options.
func newClient(t *testing.T, endpoint string, edit func(*upstream.Options)) *upstream.Client {
	t.Helper()
	opts := upstream.Options{Endpoint: endpoint, AccessKey: accessKey(t), RetryDelay: time.Millisecond}
	if edit != nil {
		edit(&opts)
	}
	client, err := upstream.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func accessKey(t *testing.T) upstream.AccessKey {
	t.Helper()
	key, err := upstream.ParseAccessKey(encodedKey)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// nobody is where connections are refused: no system gives that port away.
const nobody = "http://127.0.0.1:1"

// checkSigned recomputes a request's body hash and signature from what arrived.
func checkSigned(t *testing.T, r received) {
	t.Helper()
	hash := sha256.Sum256([]byte(r.body))
	contentHash := base64.StdEncoding.EncodeToString(hash[:])
	if got := r.header.Get("x-ms-content-sha256"); got != contentHash {
		t.Errorf("%s %s: body hash is %s, want %s", r.method, r.target, got, contentHash)
	}
	if _, err := time.Parse(http.TimeFormat, r.header.Get("x-ms-date")); err != nil {
		t.Errorf("%s %s: x-ms-date: %v", r.method, r.target, err)
	}
	want := signature(secret, r.method, r.target, r.host, r.header)
	if got := r.header.Get("Authorization"); got != want {
		t.Errorf("%s %s: Authorization is %s, want %s", r.method, r.target, got, want)
	}
}

// signature is the Authorization that a request must carry.
func signature(key, method, target, host string, header http.Header) string {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = io.WriteString(mac, method+"\n"+target+"\n"+header.Get("x-ms-date")+";"+host+";"+header.Get("x-ms-content-sha256"))
	return "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func signedBy(r *http.Request, key string) bool {
	return r.Header.Get("Authorization") == signature(key, r.Method, r.RequestURI, r.Host, r.Header)
}

// upstreamError is err as an *upstream.Error.
func upstreamError(t *testing.T, err error) *upstream.Error {
	t.Helper()
	var e *upstream.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v (%T), want an *upstream.Error", err, err)
	}
	return e
}

func sameJSON(t *testing.T, got, want string) bool {
	t.Helper()
	return reflect.DeepEqual(decodeJSON(t, got), decodeJSON(t, want))
}

func decodeJSON(t *testing.T, s string) any {
	t.Helper()
	if strings.TrimSpace(s) == "" {
		return nil
	}
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("%v in %q", err, s)
	}
	return v
}
