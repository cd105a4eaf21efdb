package service

import (
	"testing"

	"github.com/callgate/callgate/access"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// TestAdmissionAllocates: what a client may do is decided once, and then costs no
// more than to be noted. The ceiling is what it costs today.
func TestAdmissionAllocates(t *testing.T) {
	policy, err := access.ParsePolicy([]byte("principals: {'token:a': {role: operator}}"))
	if err != nil {
		t.Fatal(err)
	}
	gate := NewGate(nil, nil)
	if err := gate.SetPolicy(policy); err != nil {
		t.Fatal(err)
	}
	const method = callgatev1.CallControl_CreateCall_FullMethodName
	gate.rules.Load().decided.Store(decision{"token:a", method}, true)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := gate.admit(t.Context(), access.Identity{Principal: "token:a"}, method); err != nil {
			t.Fatal(err)
		}
	}); n > 3 {
		t.Errorf("%v allocations, at most 3 are allowed", n)
	}
}
