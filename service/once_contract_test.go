package service_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/uuid"
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
		t.Run(string(method.Name()), func(t *testing.T) {
			up := &stub{}
			server := httptest.NewServer(up)
			t.Cleanup(server.Close)
			g := newGatewayOf(t, server.URL, tellingErrors(t))
			for name, fate := range map[string]http.HandlerFunc{
				"answered 503": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
				"cut off":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			} {
				up.answer = fate
				t.Run(name, func(t *testing.T) { checkUnanswered(t, c, g, up, method, "") })
				t.Run(name+", named", func(t *testing.T) { checkUnanswered(t, c, g, up, method, uuid.NewString()) })
			}
		})
	}
}

// checkUnanswered sends a request, twice where it has a name.
func checkUnanswered(t *testing.T, c *contract, g *gateway, up *stub, method protoreflect.MethodDescriptor, requestID string) {
	send := func() ([]sent, error) {
		before := len(up.received())
		req := newMessage(t, method.Input())
		fill(req.ProtoReflect(), 0)
		req.ProtoReflect().Set(method.Input().Fields().ByName("request_id"), protoreflect.ValueOfString(requestID))
		err := g.conn.Invoke(t.Context(), fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name()), req, newMessage(t, method.Output()))
		return up.received()[before:], err
	}
	first, err := send()
	op := c.operation(first[0].Method, pathOf(first[0].Target))
	code, tries := codes.Unavailable, 2
	switch {
	case !op.Repeatable && op.Method == http.MethodPost:
		code, tries = codes.Unknown, 1
	case requestID == "" && op.Method != http.MethodDelete && op.Name != "terminateCall": // hanging up twice is hanging up
		code = codes.Unknown // its name is lost with it
	}
	if len(first) != tries || status.Code(err) != code {
		t.Errorf("%d tries, %v, want %d, %v", len(first), err, tries, code)
	}
	if requestID == "" {
		return
	}
	again, err := send()
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
}
