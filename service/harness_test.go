package service_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/callgate/callgate/catalogue"
	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/leaktest"
	"github.com/callgate/callgate/service"
	"github.com/callgate/callgate/upstream"
)

const (
	callbackPrefix = "https://gateway.example/callbacks/"
	callbackToken  = "secret-token"
)

func TestMain(m *testing.M) {
	leaktest.Main(m, goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*Server).Start.func1"))
}

// stub is an upstream that records what it was sent and answers as it is told.
type stub struct {
	mu       sync.Mutex
	requests []sent
	answer   func(http.ResponseWriter, *http.Request)
}

// sent is one request that reached the stub.
type sent struct {
	Method, Target, Body string
	Header               http.Header
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, sent{r.Method, r.RequestURI, string(body), r.Header.Clone()})
	answer := s.answer
	s.mu.Unlock()
	answer(w, r)
}

func (s *stub) received() []sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]sent(nil), s.requests...)
}

// answering answers every request alike.
func answering(status int, body string, header ...string) *stub {
	return &stub{answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}}
}

// gateway is the services over a real connection, before an upstream of the
// test's own and with a log in memory.
type gateway struct {
	callgatev1.CallControlClient
	callgatev1.ParticipantsClient
	callgatev1.EventsClient
	callgatev1.MediaClient
	callgatev1.RecordingsClient
	callgatev1.GroupsClient
	conn     *grpc.ClientConn
	dial     func(...grpc.DialOption) *grpc.ClientConn // until the test ends
	control  *service.CallControl
	log      *eventstream.Log
	hub      *eventstream.Hub
	requests *eventstream.Requests
}

func newGateway(t *testing.T, upstreamServer http.Handler, opts ...grpc.ServerOption) *gateway {
	t.Helper()
	server := httptest.NewServer(upstreamServer)
	t.Cleanup(server.Close)
	return newGatewayAt(t, server.URL, opts...)
}

func newGatewayAt(t *testing.T, endpoint string, opts ...grpc.ServerOption) *gateway {
	t.Helper()
	interceptors := service.NewInterceptors(newErrors(t), slog.New(slog.DiscardHandler))
	return newGatewayOf(t, endpoint, append(opts, grpc.UnaryInterceptor(interceptors.Unary), grpc.StreamInterceptor(interceptors.Stream))...)
}

// newGatewayOf is a gateway whose server has other options: without interceptors,
// it holds nobody to the contract's rules.
func newGatewayOf(t *testing.T, endpoint string, opts ...grpc.ServerOption) *gateway {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	log, err := eventstream.OpenLog(t.Context(), eventstream.LogOptions{MaxAge: time.Hour, MaxBytes: 64 << 20, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, log.Close()) })
	hub, err := eventstream.NewHub(context.Background(), log, eventstream.HubOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Close)
	groups, err := eventstream.NewGroups(t.Context(), hub, eventstream.GroupsOptions{Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(groups.Close)

	key, err := upstream.ParseAccessKey("c2VjcmV0a2V5")
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := upstream.New(upstream.Options{
		Endpoint: endpoint, AccessKey: key, Tries: 2, RetryDelay: time.Millisecond, Transport: &http.Client{Transport: transport},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(append(opts, service.Codec())...)
	requests, err := log.Requests(t.Context(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	pages, err := eventstream.NewTokens([]byte("the key of page tokens"))
	if err != nil {
		t.Fatal(err)
	}
	allowed, err := service.ParseAllowedCallbacks([]string{"https://app", "https://app.contoso.com", "https://contoso.communications.azure.com", "https://dummy.ngrok.io", "https://sanitized.skype.com"}, true)
	if err != nil {
		t.Fatal(err)
	}
	outcomes := service.NewOutcomes(hub, client)
	actions := service.NewActions(outcomes, requests, log, newErrors(t), service.Callbacks{
		Prefix: callbackPrefix, Token: func(string) string { return callbackToken }, Allowed: allowed,
	}, logger)
	control := service.NewCallControl(client, actions)
	callgatev1.RegisterCallControlServer(server, control)
	callgatev1.RegisterParticipantsServer(server, service.NewParticipants(client, actions, pages))
	callgatev1.RegisterEventsServer(server, service.NewEvents(log, hub, outcomes, groups))
	callgatev1.RegisterMediaServer(server, service.NewMedia(client, actions))
	callgatev1.RegisterRecordingsServer(server, service.NewRecordings(client, log, actions))
	callgatev1.RegisterGroupsServer(server, service.NewGroups(groups))
	pipe := bufconn.Listen(1 << 20)
	served := make(chan error, 1)
	go func() { served <- server.Serve(pipe) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; !errors.Is(err, grpc.ErrServerStopped) { // before it began to serve
			check(t, err)
		}
	})

	dial := func(opts ...grpc.DialOption) *grpc.ClientConn {
		conn, err := grpc.NewClient("passthrough:///gateway", append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { check(t, conn.Close()) })
		return conn
	}
	conn := dial()
	return &gateway{
		CallControlClient:  callgatev1.NewCallControlClient(conn),
		ParticipantsClient: callgatev1.NewParticipantsClient(conn),
		EventsClient:       callgatev1.NewEventsClient(conn),
		MediaClient:        callgatev1.NewMediaClient(conn),
		RecordingsClient:   callgatev1.NewRecordingsClient(conn),
		conn:               conn,
		dial:               dial,
		GroupsClient:       callgatev1.NewGroupsClient(conn),
		control:            control,
		log:                log,
		hub:                hub,
		requests:           requests,
	}
}

func newErrors(t *testing.T) *service.Errors {
	t.Helper()
	c, err := catalogue.Load()
	if err != nil {
		t.Fatal(err)
	}
	return service.NewErrors(c, nil)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func user(id string) *callgatev1.CommunicationIdentifier {
	return &callgatev1.CommunicationIdentifier{Kind: &callgatev1.CommunicationIdentifier_CommunicationUserId{CommunicationUserId: id}}
}

func phone(number string) *callgatev1.CommunicationIdentifier {
	return &callgatev1.CommunicationIdentifier{Kind: &callgatev1.CommunicationIdentifier_PhoneNumber{PhoneNumber: number}}
}
