package service_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// TestPageTokensAreOfOneCall: the link in a page token is followed as it is, so one
// that was made up, or for another call, would show a call of somebody else.
func TestPageTokensAreOfOneCall(t *testing.T) {
	up := &stub{answer: func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		next := ""
		if r.URL.Query().Get("skip") == "" {
			next = fmt.Sprintf(`,"nextLink":"%s?api-version=1&skip=1"`, r.URL.Path)
		}
		_, _ = fmt.Fprintf(w, `{"value":[{"identifier":{"rawId":"8:acs:res_%s"}}]%s}`, r.URL.Query().Get("skip"), next)
	}}
	g := newGateway(t, up)
	page := func(call, token string) (*callgatev1.ListParticipantsResponse, error) {
		return g.ListParticipants(t.Context(), &callgatev1.ListParticipantsRequest{CallConnectionId: call, PageToken: token})
	}
	first, err := page("mine", "")
	if err != nil || first.GetNextPageToken() == "" {
		t.Fatalf("%v, %v", first, err)
	}
	if second, err := page("mine", first.GetNextPageToken()); err != nil || len(second.GetParticipants()) != 1 || second.GetNextPageToken() != "" {
		t.Errorf("the next page: %v, %v", second, err)
	}
	before := len(up.received())
	raw, err := base64.RawURLEncoding.DecodeString(first.GetNextPageToken())
	if err != nil {
		t.Fatal(err)
	}
	changed := append(append([]byte(nil), raw[:32]...), `{"l":"/calling/callConnections/theirs/participants"}`...)
	for name, tc := range map[string]struct{ call, token string }{
		"for another call":  {"theirs", first.GetNextPageToken()},
		"made up":           {"mine", base64.RawURLEncoding.EncodeToString([]byte(`{"l":"/calling/callConnections/theirs/participants"}`))},
		"with another link": {"mine", base64.RawURLEncoding.EncodeToString(changed)},
		"cut off":           {"mine", first.GetNextPageToken()[:20]},
	} {
		if _, err := page(tc.call, tc.token); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(up.received()) != before {
		t.Error("the upstream was asked")
	}
}
