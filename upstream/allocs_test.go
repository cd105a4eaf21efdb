package upstream

import (
	"encoding/json"
	"testing"
)

// TestRequestAndAnswerAllocate: what a CreateCall is encoded to, and its answer
// decoded from. The ceilings are what they cost today.
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
		"encode": {4, func() error { _, err := json.Marshal(req); return err }},
		"decode": {20, func() error { return json.Unmarshal(answer, &CallConnectionProperties{}) }},
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
