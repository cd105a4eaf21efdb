package emulator

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"google.golang.org/protobuf/types/known/durationpb"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
)

// bodies are the event types in each body that reached the application's
// callback address, and the last of those bodies' tokens.
func (h *harness) bodies(n int) (types [][]string, all []received) {
	h.t.Helper()
	all = h.app.wait("callbacks", func(got []received) ([]received, bool) {
		var callbacks []received
		for _, r := range got {
			if strings.HasPrefix(r.path, "/callback") {
				callbacks = append(callbacks, r)
			}
		}
		return callbacks, len(callbacks) >= n
	})
	for _, r := range all {
		var events []struct{ Type string }
		if err := json.Unmarshal(r.raw, &events); err != nil {
			h.t.Fatal(err)
		}
		var names []string
		for _, e := range events {
			names = append(names, strings.TrimPrefix(e.Type, eventPrefix))
		}
		types = append(types, names)
	}
	return types, all
}

type callbackFaultCase struct {
	name  string
	fault *emulatorv1.Fault
	want  [][]string // bodies after creating a call, in order
	check func(*testing.T, *harness, []received)
}

// callbackFaultCases strike CallConnected, which ParticipantsUpdated follows.
func callbackFaultCases() []callbackFaultCase {
	kind := func(k emulatorv1.FaultKind) *emulatorv1.Fault {
		return &emulatorv1.Fault{Kind: k, EventType: "CallConnected", Count: 1}
	}
	connected, updated := []string{"CallConnected"}, []string{"ParticipantsUpdated"}
	delay := kind(emulatorv1.FaultKind_FAULT_KIND_DELAY)
	delay.Delay = durationpb.New(20 * time.Second)
	usual := [][]string{connected, updated}
	return []callbackFaultCase{
		{"duplicated, with the same id", kind(emulatorv1.FaultKind_FAULT_KIND_DUPLICATE), [][]string{connected, connected, updated},
			func(t *testing.T, _ *harness, got []received) {
				if at(got[0].event, "id") != at(got[1].event, "id") {
					t.Error("the copy has an id of its own")
				}
			}},
		{"delayed", delay, [][]string{updated, connected}, nil},
		{"reordered", kind(emulatorv1.FaultKind_FAULT_KIND_REORDER), [][]string{updated, connected}, nil},
		{"lost", kind(emulatorv1.FaultKind_FAULT_KIND_LOSE), [][]string{updated}, nil},
		{"of an unknown type", kind(emulatorv1.FaultKind_FAULT_KIND_UNKNOWN_TYPE), [][]string{{"UnheardCallConnected"}, updated},
			func(t *testing.T, _ *harness, got []received) {
				if at(got[0].data, "publicEventType") != eventPrefix+"UnheardCallConnected" {
					t.Errorf("data %v", got[0].data)
				}
			}},
		{"with unknown fields", kind(emulatorv1.FaultKind_FAULT_KIND_UNKNOWN_FIELDS), usual,
			func(t *testing.T, _ *harness, got []received) {
				if at(got[0].event, "emulatorextension") == "" || at(got[0].data, "unheardOf", "text") == "" || got[0].connection() == "" {
					t.Errorf("event %s", got[0].raw)
				}
			}},
		{"in a batch", kind(emulatorv1.FaultKind_FAULT_KIND_BATCH), [][]string{{"CallConnected", "ParticipantsUpdated"}}, nil},
		{"with an expired token", kind(emulatorv1.FaultKind_FAULT_KIND_TOKEN_EXPIRED), usual, wantTokens("expired", "")},
		{"with a token for another resource", kind(emulatorv1.FaultKind_FAULT_KIND_TOKEN_WRONG_AUDIENCE), usual, wantTokens("audience", "")},
		{"signed with a new key", kind(emulatorv1.FaultKind_FAULT_KIND_KEYS_ROTATED), usual, wantTokens("", "")},
	}
}

// wantTokens checks what is wrong with the token of each callback, by the keys
// that are published now.
func wantTokens(wants ...string) func(*testing.T, *harness, []received) {
	return func(t *testing.T, h *harness, got []received) {
		for i, want := range wants {
			if found := tokenProblem(t, h, got[i]); !strings.Contains(found, want) || (want == "") != (found == "") {
				t.Errorf("token %d: %q, want %q", i, found, want)
			}
		}
	}
}

func tokenProblem(t *testing.T, h *harness, r received) string {
	t.Helper()
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(h.unsigned(JWKSPath).raw, &keys); err != nil {
		t.Fatal(err)
	}
	token, err := jwt.ParseSigned(strings.TrimPrefix(r.header.Get("Authorization"), "Bearer "), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	found := keys.Key(token.Headers[0].KeyID)
	if len(found) != 1 {
		return "unknown key"
	}
	var claims jwt.Claims
	if err := token.Claims(found[0], &claims); err != nil {
		t.Fatal(err)
	}
	if err := claims.Validate(jwt.Expected{Issuer: Issuer, AnyAudience: jwt.Audience{DefaultResourceID}, Time: time.Now()}); err != nil {
		return err.Error()
	}
	return ""
}

func TestEveryFaultOfCallbacks(t *testing.T) {
	for _, c := range callbackFaultCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := start(t, Options{})
			id := h.inject(c.fault)
			h.create(alice)
			types, got := h.bodies(len(c.want))
			if !slices.EqualFunc(types, c.want, slices.Equal) {
				t.Errorf("bodies %v, want %v", types, c.want)
			}
			if c.check != nil {
				c.check(t, h, got)
			}
			if n := h.strikes()[id]; n != 1 {
				t.Errorf("%d strikes", n)
			}
		})
	}
}

func TestOldKeyIsNotPublishedAfterARotation(t *testing.T) {
	h := start(t, Options{})
	before := h.app.sequence(h.connected(alice), "CallConnected", "ParticipantsUpdated")[0]
	h.emulator.signer.newKey = generateKey
	h.inject(&emulatorv1.Fault{Kind: emulatorv1.FaultKind_FAULT_KIND_KEYS_ROTATED, Count: 1})
	after := h.app.sequence(h.connected(bob), "CallConnected", "ParticipantsUpdated")[0]
	if old, current := tokenProblem(t, h, before), tokenProblem(t, h, after); old != "unknown key" || current != "" {
		t.Errorf("old token: %q; new token: %q", old, current)
	}
}

func TestCallbackThatNoneFollowsGoesOutAlone(t *testing.T) {
	for _, kind := range []emulatorv1.FaultKind{emulatorv1.FaultKind_FAULT_KIND_REORDER, emulatorv1.FaultKind_FAULT_KIND_BATCH} {
		h := start(t, Options{})
		h.inject(&emulatorv1.Fault{Kind: kind, EventType: "ParticipantsUpdated", BatchSize: 5})
		h.create(alice)
		if types, _ := h.bodies(2); len(types) != 2 || types[1][0] != "ParticipantsUpdated" {
			t.Errorf("%s: bodies %v", kind, types)
		}
	}
}

func TestReorderingEverythingSwapsNeighbours(t *testing.T) {
	h := start(t, Options{})
	h.inject(&emulatorv1.Fault{Kind: emulatorv1.FaultKind_FAULT_KIND_REORDER})
	id := h.create(phoneEnding("0603"))
	h.app.sequence(id, "CallDisconnected", "CreateCallFailed")
}

func TestSeveralFaultsOfOneCallback(t *testing.T) {
	h := start(t, Options{})
	h.inject(&emulatorv1.Fault{Kind: emulatorv1.FaultKind_FAULT_KIND_DUPLICATE, EventType: "CallConnected"})
	h.inject(&emulatorv1.Fault{Kind: emulatorv1.FaultKind_FAULT_KIND_BATCH, EventType: "CallConnected", BatchSize: 3})
	h.create(alice)
	types, _ := h.bodies(1)
	if want := []string{"CallConnected", "CallConnected", "ParticipantsUpdated"}; !slices.Equal(types[0], want) {
		t.Errorf("bodies %v", types)
	}
}
