package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
)

// TestRESTErrorsHaveReasons: also what never becomes an RPC is refused as an RPC
// would be.
func TestRESTErrorsHaveReasons(t *testing.T) {
	front := newFront(t)
	for _, tc := range []struct {
		name                 string
		method, target, body string
		answer               int
		code                 codes.Code
		reason               string
	}{
		{"no JSON", "POST", "/v1/calls", `{"targets":`, http.StatusBadRequest, codes.InvalidArgument, "INVALID_REQUEST"},
		{"JSON of something else", "POST", "/v1/calls", `{"nothing":1}`, http.StatusBadRequest, codes.InvalidArgument, "INVALID_REQUEST"},
		{"a query of something else", "GET", "/v1/calls/c/participants?page_size=many", "", http.StatusBadRequest, codes.InvalidArgument, "INVALID_REQUEST"},
		{"a rule of the contract", "POST", "/v1/calls", `{}`, http.StatusBadRequest, codes.InvalidArgument, "INVALID_REQUEST"},
		{"no text", "GET", "/v1/calls/%ff", "", http.StatusBadRequest, codes.InvalidArgument, "INVALID_REQUEST"},
		{"no such path", "GET", "/v1/telephones", "", http.StatusNotFound, codes.NotFound, "PATH_UNKNOWN"},
		{"no such verb", "DELETE", "/v1/calls", "", http.StatusMethodNotAllowed, codes.Unimplemented, "METHOD_UNKNOWN"},
		{"too large", "POST", "/v1/calls", strings.Repeat(" ", maxRequest+1), http.StatusRequestEntityTooLarge, codes.ResourceExhausted, "REQUEST_TOO_LARGE"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			front.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tc.method, tc.target, strings.NewReader(tc.body)))
			if kind := w.Header().Get("Content-Type"); w.Code != tc.answer || kind != "application/json" {
				t.Errorf("the answer is %d, %s; want %d", w.Code, kind, tc.answer)
			}
			var told spb.Status
			if err := protojson.Unmarshal(w.Body.Bytes(), &told); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
			s := status.FromProto(&told)
			reason := ""
			for _, detail := range s.Details() {
				if info, is := detail.(*errdetails.ErrorInfo); is && info.GetDomain() == "callgate" {
					reason = info.GetReason()
				}
			}
			if s.Code() != tc.code || reason != tc.reason || s.Message() == "" {
				t.Errorf("told %v %q, because of %s; want %v, %s", s.Code(), s.Message(), reason, tc.code, tc.reason)
			}
		})
	}
}
