package upstream

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	json "github.com/go-json-experiment/json/v1"
)

// TestRequestAndAnswerAllocate: what a CreateCall is encoded to, and its answer
// decoded from. The ceilings are what they cost today, and some
// more under the race detector.
func TestRequestAndAnswerAllocate(t *testing.T) {
	req := &CreateCallRequest{
		Targets:     []CommunicationIdentifierModel{{Kind: "communicationUser", CommunicationUser: &CommunicationUserIdentifierModel{ID: "8:acs:a_b"}}},
		CallbackURI: "https://gateway.example/callbacks/token", OperationContext: "context",
	}
	answer := []byte(`{"callConnectionId":"401f3500-fcf4","targets":[{"rawId":"8:acs:a_b","kind":"communicationUser","communicationUser":{"id":"8:acs:a_b"}}],"callConnectionState":"connecting","callbackUri":"https://gateway.example/callbacks/token","sourceDisplayName":"","correlationId":"9ece62de"}`)
	for name, test := range map[string]struct {
		most float64
		do   func() error
	}{
		"encode": {6, func() error { _, err := json.Marshal(req); return err }},
		"decode": {9, func() error { return json.Unmarshal(answer, &CallConnectionProperties{}) }},
	} {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, func() {
				if err := test.do(); err != nil {
					t.Fatal(err)
				}
			}); n > test.most {
				t.Errorf("%v allocations, at most %v are allowed", n, test.most)
			}
		})
	}
}

// answering answers every request with a call that is made.
type answering []byte

// Do implements policy.Transporter.
func (a answering) Do(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusCreated, Body: io.NopCloser(bytes.NewReader(a))}, nil
}

// TestOperationAllocates: all that is done to a request and its answer, but for the
// network. The ceiling is what it costs today, and some more under the race
// detector.
func TestOperationAllocates(t *testing.T) {
	client, err := New(Options{Endpoint: "http://127.0.0.1:1", AccessKey: testKey(t), Transport: answering(`{"callConnectionId":"401f3500-fcf4"}`)})
	if err != nil {
		t.Fatal(err)
	}
	repeat := NewRepeat(time.Now())
	if n := testing.AllocsPerRun(100, func() {
		if _, err := client.CreateCall(t.Context(), repeat, &CreateCallRequest{CallbackURI: "https://gateway.example/callbacks/token"}); err != nil {
			t.Fatal(err)
		}
	}); n > 95 {
		t.Errorf("%v allocations, at most 95 are allowed", n)
	}
}
