package service_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// tellingErrors tells clients failures, and holds nobody to the contract's rules.
func tellingErrors(t *testing.T) grpc.ServerOption {
	errors := newErrors(t)
	return grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		resp, err := handler(ctx, req)
		if err != nil {
			return nil, errors.Status(err).Err()
		}
		return resp, nil
	})
}

// TestUnansweredActions: what the upstream did not answer is sent again under its
// name where the contract says that the upstream knows it by that, or where doing
// it twice does no more; and is never sent again where it would be done twice.
func TestUnansweredActions(t *testing.T) {
	c := readContract(t)
	for method := range rpcs() {
		if method.Input().Fields().ByName("request_id") == nil || notOfTheContract[method.Name()] {
			continue
		}
		for name, fate := range map[string]http.HandlerFunc{
			"answered 503": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
			"cut off":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		} {
			for named, requestID := range map[string]string{"named": requestID, "without a name": ""} {
				t.Run(fmt.Sprintf("%s, %s, %s", method.Name(), named, name), func(t *testing.T) {
					up := &stub{answer: fate}
					server := httptest.NewServer(up)
					t.Cleanup(server.Close)
					g := newGatewayOf(t, server.URL, tellingErrors(t))
					send := func() error {
						req := newMessage(t, method.Input())
						fill(req.ProtoReflect(), 0)
						req.ProtoReflect().Set(method.Input().Fields().ByName("request_id"), protoreflect.ValueOfString(requestID))
						return g.conn.Invoke(t.Context(), fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name()), req, newMessage(t, method.Output()))
					}
					err := send()
					first := up.received()
					op := c.operation(first[0].Method, pathOf(first[0].Target))
					code, tries := codes.Unavailable, 2
					if !op.Repeatable && op.Method == http.MethodPost {
						code, tries = codes.Unknown, 1
					} else if requestID == "" && op.Method != http.MethodDelete && op.Name != "terminateCall" { // hanging up twice is hanging up
						code = codes.Unknown // its name is lost with it
					}
					if len(first) != tries || status.Code(err) != code {
						t.Errorf("%d tries, %v, want %d, %v", len(first), err, tries, code)
					}
					if requestID == "" {
						return
					}
					err = send()
					again := up.received()[tries:]
					if code == codes.Unknown {
						if len(again) != 0 || reason(status.Convert(err)) != "UPSTREAM_OUTCOME_UNKNOWN" {
							t.Errorf("%d tries more, %v", len(again), err)
						}
						return
					}
					if len(again) != tries {
						t.Errorf("%d tries more, %v", len(again), err)
					}
					for _, r := range again {
						if got, want := r.Header.Get("Repeatability-Request-Id"), first[0].Header.Get("Repeatability-Request-Id"); got != want || r.Body != first[0].Body {
							t.Errorf("sent again as %q %s, want %q %s", got, r.Body, want, first[0].Body)
						}
					}
				})
			}
		}
	}
}
