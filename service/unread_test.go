package service

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// TestUnreadRequests: a client is told which field it is, or where.
func TestUnreadRequests(t *testing.T) {
	for _, tc := range []struct {
		name, body   string
		field, place string
	}{
		{"broken JSON", `{"targets":[nobody]}`, "", "line 1:13"},
		{"on a later line", "{\n  \"targets\": [,]\n}", "", "line 2:15"},
		{"no object", `[]`, "", "line 1:1"},
		{"unknown field", `{"target":"x"}`, "target", "line 1:2"},
		{"another type", `{"operationContext":5}`, "operationContext", "line 1:21"},
		{"another type, further down", `{"targets":[{"phoneNumber":5}]}`, "phoneNumber", "line 1:28"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := protojson.Unmarshal([]byte(tc.body), &callgatev1.CreateCallRequest{})
			if err == nil {
				t.Fatal("it can be read")
			}
			got := unread(err.Error())
			if got.GetField() != tc.field || !strings.Contains(got.GetDescription(), tc.place) || strings.HasPrefix(got.GetDescription(), "proto") {
				t.Errorf("%q: %q, want %q, at %s", got.GetField(), got.GetDescription(), tc.field, tc.place)
			}
		})
	}
	for said, want := range map[string]string{
		`parsing field "page_size": strconv.ParseInt: parsing "many": invalid syntax`: "page_size",
		`type mismatch, parameter: chunk_index, error: strconv.ParseInt`:              "chunk_index",
		`unexpected EOF`: "",
	} {
		if got := unread(said).GetField(); got != want {
			t.Errorf("%s: field %q, want %q", said, got, want)
		}
	}
}
