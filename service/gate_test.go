package service

import (
	"testing"

	"github.com/callgate/callgate/access"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// TestAdmissionAllocates: to be admitted costs no more than to be noted. The ceiling
// is what it costs today.
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
	if n := testing.AllocsPerRun(100, func() {
		if _, err := gate.admit(t.Context(), access.Identity{Principal: "token:a"}, method); err != nil {
			t.Fatal(err)
		}
	}); n > 2 {
		t.Errorf("%v allocations, at most 2 are allowed", n)
	}
}
