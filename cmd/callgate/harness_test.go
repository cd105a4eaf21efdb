package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/api/annotations"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/leaktest"
)

// beMain makes the test binary the gateway itself, for tests that kill it.
const beMain = "CALLGATE_TEST_BE_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(beMain) != "" {
		main()
		return
	}
	leaktest.Main(m)
}

// output collects what a gateway prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// gateway is a running gateway, reached as its clients do.
type gateway struct {
	grpcAddr, httpURL, callbackURL, emulatorURL string

	conn           *grpc.ClientConn
	http           *http.Client
	stdout, stderr *output
	stop           func() error
}

var printedAddress = regexp.MustCompile(`(?m)^  (gRPC|REST|callbacks|emulator)\s+(?:https?://)?(\[::\]:[0-9]+|[0-9.:]+)`)

const tryThis = "CallControl/CreateCall" // ends the welcome

// start runs a gateway on free ports until the test ends.
func start(t *testing.T, args ...string) *gateway {
	t.Helper()
	return startWith(t, func(string) string { return "" }, args...)
}

func startWith(t *testing.T, getenv func(string) string, args ...string) *gateway {
	t.Helper()
	g := &gateway{stdout: &output{}, stderr: &output{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, append(freePorts(t, args), args...), getenv, g.stdout, g.stderr) }()
	var once sync.Once
	g.stop = func() (err error) {
		once.Do(func() { cancel(); err = <-done })
		return err
	}
	t.Cleanup(func() {
		if err := g.stop(); err != nil {
			t.Errorf("the gateway ended with: %v", err)
		}
		wantNoLeak(t, "the log", g.stderr.String())
	})
	waitUntil(t, "the gateway is ready", func() bool {
		select {
		case err := <-done:
			done <- err
			t.Fatalf("the gateway did not start: %v\n%s", err, g.stderr)
		default:
		}
		return strings.Contains(g.stdout.String(), tryThis)
	})
	g.connect(t)
	return g
}

// freePorts are the arguments that keep gateways of one machine apart.
func freePorts(t *testing.T, args []string) []string {
	given := strings.Join(args, " ")
	free := []string{}
	for _, flag := range []string{"--grpc-addr", "--http-addr", "--callback-addr", "--emulator-addr"} {
		if !strings.Contains(given, flag) {
			free = append(free, flag+"=127.0.0.1:0")
		}
	}
	if !strings.Contains(given, "--data-dir") {
		free = append(free, "--data-dir="+t.TempDir())
	}
	if !strings.Contains(given, "--log-level") {
		free = append(free, "--log-level=debug") // what it says then is no secret either
	}
	if !strings.Contains(given, "--emulator-time-scale") {
		free = append(free, "--emulator-time-scale=10")
	}
	return free
}

// connect finds the gateway by what it printed.
func (g *gateway) connect(t *testing.T) {
	t.Helper()
	for _, m := range printedAddress.FindAllStringSubmatch(g.stdout.String(), -1) {
		switch m[1] {
		case "gRPC":
			g.grpcAddr = m[2]
		case "REST":
			g.httpURL = "http://" + m[2]
		case "callbacks":
			g.callbackURL = "http://" + m[2]
		case "emulator":
			g.emulatorURL = "http://" + m[2]
		}
	}
	conn, err := grpc.NewClient(g.grpcAddr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	g.conn, g.http = conn, &http.Client{Transport: credentialed{transport}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
}

// callbackAddr is where a gateway takes callbacks that has a public address for them.
func (g *gateway) callbackAddr() string {
	_, rest, _ := strings.Cut(g.stdout.String(), "/callbacks/... on ")
	addr, _, _ := strings.Cut(rest, "\n")
	return addr
}

// waitUntil waits for a condition, not for a time.
func waitUntil(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline:
			t.Fatalf("waited too long until %s", what)
		case <-tick.C:
		}
	}
}

// transport is one of the two ways to call an RPC.
type transport struct {
	name string
	call func(ctx context.Context, g *gateway, method string, req, resp proto.Message) error
}

var transports = []transport{{"gRPC", overGRPC}, {"REST", overREST}}

func overGRPC(ctx context.Context, g *gateway, method string, req, resp proto.Message) error {
	return g.conn.Invoke(ctx, "/callgate.v1."+method, req, resp)
}

// overREST calls an RPC the way its HTTP rule says, as a client that knows
// nothing but the contract would.
func overREST(ctx context.Context, g *gateway, method string, req, resp proto.Message) error {
	verb, path, body, err := restRequest(method, req)
	if err != nil {
		return err
	}
	code, raw, err := g.rest(ctx, verb, path, body)
	if err != nil {
		return err
	}
	if code != http.StatusOK {
		var s spb.Status
		if err := protojson.Unmarshal(raw, &s); err != nil {
			return fmt.Errorf("status %d: %s", code, raw)
		}
		return status.ErrorProto(&s)
	}
	return protojson.Unmarshal(raw, resp)
}

func (g *gateway) rest(ctx context.Context, verb, path, body string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, verb, g.httpURL+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	resp, err := g.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	raw, err := io.ReadAll(resp.Body)
	return resp.StatusCode, raw, errors.Join(err, resp.Body.Close())
}

var pathField = regexp.MustCompile(`\{([a-z_]+)\}`)

// restRequest is the HTTP request that the contract gives to an RPC.
func restRequest(method string, req proto.Message) (verb, path, body string, err error) {
	desc, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName("callgate.v1." + strings.ReplaceAll(method, "/", ".")))
	if err != nil {
		return "", "", "", err
	}
	rule := proto.GetExtension(desc.Options(), annotations.E_Http).(*annotations.HttpRule)
	verb, path = http.MethodGet, rule.GetGet()
	if rule.GetPost() != "" {
		verb, path = http.MethodPost, rule.GetPost()
	}
	if rule.GetDelete() != "" {
		verb, path = http.MethodDelete, rule.GetDelete()
	}
	rest := proto.Clone(req).ProtoReflect()
	path = pathField.ReplaceAllStringFunc(path, func(name string) string {
		field := rest.Descriptor().Fields().ByName(protoreflect.Name(strings.Trim(name, "{}")))
		value := rest.Get(field).String()
		rest.Clear(field)
		return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
	})
	if verb == http.MethodPost {
		raw, err := protojson.Marshal(rest.Interface())
		return verb, path, string(raw), err
	}
	query := url.Values{}
	rest.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		query.Set(string(field.Name()), value.String())
		return true
	})
	return verb, path + "?" + query.Encode(), "", nil
}

// stream follows all events from now on.
func (g *gateway) stream(t *testing.T, req *callgatev1.StreamEventsRequest) *events {
	t.Helper()
	return g.streamIn(context.Background(), t, req)
}

func (g *gateway) streamIn(ctx context.Context, t *testing.T, req *callgatev1.StreamEventsRequest) *events {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	stream, err := callgatev1.NewEventsClient(g.conn).StreamEvents(ctx, req)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	first, err := stream.Recv()
	if err != nil || first.GetStarted() == nil {
		cancel()
		t.Fatalf("the stream began with %v, %v", first, err)
	}
	e := &events{cursor: first.GetStarted().GetCursor(), done: make(chan struct{})}
	go func() {
		defer close(e.done)
		for {
			resp, err := stream.Recv()
			e.mu.Lock()
			if err != nil {
				e.err = err
				e.mu.Unlock()
				return
			}
			e.got = append(e.got, resp)
			e.mu.Unlock()
		}
	}()
	t.Cleanup(func() { cancel(); <-e.done })
	return e
}

// events is what a stream has brought so far.
type events struct {
	cursor string
	done   chan struct{}
	mu     sync.Mutex
	got    []*callgatev1.StreamEventsResponse
	err    error
}

func (e *events) all() []*callgatev1.CallEvent {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []*callgatev1.CallEvent
	for _, resp := range e.got {
		if event := resp.GetEvent(); event != nil {
			found = append(found, event)
		}
	}
	return found
}

// find waits for the first event of a type that is as wanted.
func (e *events) find(t *testing.T, typ callgatev1.CallEventType, is func(*callgatev1.CallEvent) bool) *callgatev1.CallEvent {
	t.Helper()
	var found *callgatev1.CallEvent
	waitUntil(t, fmt.Sprintf("%v arrives", typ), func() bool {
		for _, event := range e.all() {
			if event.GetType() == typ && is(event) {
				found = event
				return true
			}
		}
		return false
	})
	return found
}

func ofCall(id string) func(*callgatev1.CallEvent) bool {
	return func(e *callgatev1.CallEvent) bool { return e.GetCallConnectionId() == id }
}

func user(id string) *callgatev1.CommunicationIdentifier {
	return &callgatev1.CommunicationIdentifier{Kind: &callgatev1.CommunicationIdentifier_CommunicationUserId{CommunicationUserId: id}}
}

func phone(number string) *callgatev1.CommunicationIdentifier {
	return &callgatev1.CommunicationIdentifier{Kind: &callgatev1.CommunicationIdentifier_PhoneNumber{PhoneNumber: number}}
}

// wantCode fails the test unless err is of the code.
func wantCode(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Errorf("code %v, want %v: %v", got, want, err)
	}
}
