package server

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/encoding/protojson"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

//go:embed openapi.json
var openAPI []byte

// rest is the REST front: it reaches the services over one connection within the
// process, so that streams and interceptors work for REST as for gRPC.
type rest struct {
	mux     *runtime.ServeMux
	pipe    pipe
	client  *grpc.ClientConn
	explain func(error) *status.Status
}

// newREST has explain give a reason to the errors that come about here.
func newREST(explain func(error) *status.Status) (*rest, error) {
	r := &rest{explain: explain}
	pipe := pipe{bufconn.Listen(256 << 10)}
	client, err := grpc.NewClient("passthrough:///rest",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("connect the REST front: %w", err)
	}
	mux := runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, restJSON),
		runtime.WithMarshalerOption(eventStreamType, &sseMarshaler{JSONPb: restJSON}),
		// Raw ids come percent-encoded in paths. (The gateway splits at %2F, so
		// one that held a slash, which none does, could be used over gRPC only.)
		runtime.WithUnescapingMode(runtime.UnescapingModeAllCharacters),
		runtime.WithIncomingHeaderMatcher(restHeader),
		runtime.WithMetadata(carryIdentity),
		runtime.WithErrorHandler(r.fail),
		runtime.WithRoutingErrorHandler(r.failRouting),
	)
	for _, register := range []func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error{
		callgatev1.RegisterCallControlHandler,
		callgatev1.RegisterParticipantsHandler,
		callgatev1.RegisterEventsHandler,
		callgatev1.RegisterMediaHandler,
		callgatev1.RegisterRecordingsHandler,
		callgatev1.RegisterGroupsHandler,
	} {
		if err := register(context.Background(), mux, client); err != nil {
			return nil, fmt.Errorf("register the REST front: %w", err)
		}
	}
	if err := r.registerDownload(mux, callgatev1.NewRecordingsClient(client)); err != nil {
		return nil, fmt.Errorf("register the REST front: %w", err)
	}
	r.mux, r.pipe, r.client = mux, pipe, client
	return r, nil
}

func (r *rest) close() { _ = r.client.Close() } // its server is gone already

// restJSON is how the REST front writes and reads messages.
var restJSON = &runtime.JSONPb{
	MarshalOptions:   protojson.MarshalOptions{},
	UnmarshalOptions: protojson.UnmarshalOptions{},
}

// restHeader lets the trace through that a request is part of, and no other header
// to the services: none has a meaning there, and one that is not passed on cannot be
// taken for what the gateway says itself.
func restHeader(name string) (string, bool) {
	switch strings.ToLower(name) {
	case "traceparent", "tracestate":
		return name, true
	}
	return "", false
}

func (r *rest) fail(_ context.Context, _ *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
	s := r.explain(err)
	writeStatus(w, m, runtime.HTTPStatusFromCode(s.Code()), s)
}

// failRouting answers for a path or a verb that there is not.
func (r *rest) failRouting(_ context.Context, _ *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, _ *http.Request, httpStatus int) {
	code := codes.NotFound
	if httpStatus == http.StatusMethodNotAllowed {
		code = codes.Unimplemented
	}
	writeStatus(w, m, httpStatus, r.explain(status.Error(code, http.StatusText(httpStatus))))
}

// refuse answers a request that is not looked at any further.
func (r *rest) refuse(w http.ResponseWriter, httpStatus int, code codes.Code, message string) {
	writeStatus(w, restJSON, httpStatus, r.explain(status.Error(code, message)))
}

// writeStatus answers with a status. The headers say how long to wait where it
// does, and what credentials are taken where there are none.
func writeStatus(w http.ResponseWriter, m runtime.Marshaler, httpStatus int, s *status.Status) {
	for _, detail := range s.Details() {
		if retry, is := detail.(*errdetails.RetryInfo); is {
			seconds := max(1, int64(retry.GetRetryDelay().AsDuration().Seconds()+0.999))
			w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
		}
	}
	if s.Code() == codes.Unauthenticated {
		w.Header()["Www-Authenticate"] = []string{`Bearer realm="callgate"`, `Basic realm="callgate", charset="UTF-8"`}
	}
	body, err := m.Marshal(s.Proto())
	if err != nil {
		http.Error(w, "the error cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", m.ContentType(s.Proto()))
	w.WriteHeader(httpStatus)
	_, _ = w.Write(body) //nolint:gosec // JSON, and said to be; a client that is gone needs no answer
}

// inUTF8 refuses an address whose escapes are none, or make text that is none:
// messages cannot hold it. (Bodies are checked where they are decoded.)
func (r *rest) inUTF8(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		query, err := url.QueryUnescape(req.URL.RawQuery)
		if err != nil || !utf8.ValidString(req.URL.Path) || !utf8.ValidString(query) || !utf8.ValidString(req.Header.Get("Last-Event-ID")) {
			r.refuse(w, http.StatusBadRequest, codes.InvalidArgument, "the address is not in UTF-8")
			return
		}
		next.ServeHTTP(w, req)
	})
}

// eventStreamRequest lets a client that lost its event stream go on: it sends
// the last id it saw, which is a cursor.
func eventStreamRequest(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/v1/events:stream" {
			next.ServeHTTP(w, r)
			return
		}
		if strings.Contains(r.Header.Get("Accept"), eventStreamType) {
			r.Header.Set("Accept", eventStreamType)
		}
		if last := r.Header.Get("Last-Event-ID"); last != "" {
			q := r.URL.Query()
			for _, start := range []string{"latest", "earliest", "after_cursor", "afterCursor", "from_time", "fromTime"} {
				q.Del(start)
			}
			q.Set("after_cursor", last)
			r.URL.RawQuery = q.Encode()
		}
		next.ServeHTTP(w, r)
	})
}
