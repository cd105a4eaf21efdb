package emulator

import (
	"slices"
	"testing"
	"time"
)

const ourNumber = "+18662315126"

func TestAnsweredCall(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	in := h.ring("+18447649276", ourNumber)
	if n := len(at(in, "incomingCallContext")); n < 7000 || n > 9500 {
		t.Errorf("the context has %d bytes, want about 8 kB", n)
	}
	resp := h.answer(in).want(200)
	if resp.at("callConnectionState") != "unknown" || resp.at("serverCallId") != at(in, "serverCallId") ||
		resp.at("source", "rawId") != "4:+18447649276" || resp.at("correlationId") != at(in, "correlationId") {
		t.Errorf("answer: %s", resp.raw)
	}
	id := resp.at("callConnectionId")
	events := h.app.sequence(id, "CallConnected", "ParticipantsUpdated")
	if at(events[0].data, "operationContext") != "answer" {
		t.Errorf("CallConnected: %s", events[0].raw)
	}
	h.control("POST", "/control/v1/participants:hangUp", object{"callConnectionId": id, "rawId": "4:+18447649276"}).want(200)
	h.app.more(id, events, "CallDisconnected")
}

func TestAnsweringAsAnIdentityOfItsOwn(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	resp := h.request("POST", "/calling/callConnections:answer", object{
		"incomingCallContext": at(h.ring(alice, bob), "incomingCallContext"), "callbackUri": h.app.url, "answeredBy": object{"id": carol},
	}).want(200)
	if resp.at("answeredBy", "id") != carol {
		t.Errorf("answer: %s", resp.raw)
	}
	h.app.sequence(resp.at("callConnectionId"), "CallConnected", "ParticipantsUpdated")
	if got := h.participants(resp.at("callConnectionId")); !slices.Equal(got, []string{alice, carol}) {
		t.Errorf("participants %v", got)
	}
}

func TestIncomingCallContextIsGoodForOneUse(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	in := h.ring(alice, bob)
	h.answer(in).want(200)
	if code := h.answer(in).want(404).at("error", "code"); code != "8522" {
		t.Errorf("second answer: code %s", code)
	}
	h.request("POST", "/calling/callConnections:reject", object{"incomingCallContext": at(in, "incomingCallContext")}).want(404)
	h.request("POST", "/calling/callConnections:reject", object{"incomingCallContext": "ICC"}).want(400)
}

func TestIncomingCallIsMissedAfterItRang(t *testing.T) {
	h := start(t, Options{TimeScale: 10000})
	in := h.ring(alice, bob)
	h.noCalls()
	h.answer(in).want(404)
}

// noCalls waits until every call is over.
func (h *harness) noCalls() {
	h.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if calls, _ := h.control("GET", "/control/v1/calls", nil).want(200).body["calls"].([]any); len(calls) == 0 {
			return
		}
	}
	h.t.Fatal("calls are left")
}

func TestCallerHangsUp(t *testing.T) {
	t.Run("while it rings", func(t *testing.T) {
		h := start(t, Options{TimeScale: unhurried})
		in := h.ring(alice, bob)
		h.control("POST", "/control/v1/participants:hangUp", object{"serverCallId": at(in, "serverCallId")}).want(200)
		h.answer(in).want(404)
	})
	t.Run("just after the answer", func(t *testing.T) {
		h := start(t, Options{TimeScale: 0.02})
		in := h.ring(alice, bob)
		id := h.answer(in).want(200).at("callConnectionId")
		h.control("POST", "/control/v1/participants:hangUp", object{"serverCallId": at(in, "serverCallId")}).want(200)
		events := h.app.sequence(id, "AnswerFailed")
		if code, sub := events[0].code(); code != 487 || sub != 0 {
			t.Errorf("result %d/%d", code, sub)
		}
	})
}

func TestRejectedCall(t *testing.T) {
	cases := []struct {
		reason string
		code   int
		sub    int
	}{
		{"", 603, 0}, {"none", 603, 0}, {"busy", 486, 560486}, {"forbidden", 403, 0},
	}
	for _, c := range cases {
		t.Run("reason "+c.reason, func(t *testing.T) {
			h := start(t, Options{TimeScale: unhurried})
			caller := h.create(userEnding("0302"))
			in := h.app.incomingCall(h.serverCall(caller))
			body := object{"incomingCallContext": at(in, "incomingCallContext")}
			if c.reason != "" {
				body["callRejectReason"] = c.reason
			}
			h.request("POST", "/calling/callConnections:reject", body).want(204)
			events := h.app.sequence(caller, "CreateCallFailed", "CallDisconnected")
			for _, r := range events {
				if code, sub := r.code(); code != c.code || sub != c.sub {
					t.Errorf("%s with %d/%d, want %d/%d", r.name, code, sub, c.code, c.sub)
				}
			}
			if at(events[0].data, "operationContext") != "" || at(events[1].data, "operationContext") != "create" {
				t.Error("only CallDisconnected has the operation context")
			}
		})
	}
	t.Run("from a simulated caller", func(t *testing.T) {
		h := start(t, Options{TimeScale: unhurried})
		in := h.ring(alice, bob)
		h.request("POST", "/calling/callConnections:reject", object{"incomingCallContext": at(in, "incomingCallContext")}).want(204)
		h.noCalls()
	})
	t.Run("seen by the caller right after", func(t *testing.T) {
		h := start(t, Options{TimeScale: 0.02})
		caller := h.create(userEnding("0302"))
		in := h.app.incomingCall(h.serverCall(caller))
		h.request("POST", "/calling/callConnections:reject", object{"incomingCallContext": at(in, "incomingCallContext")}).want(204)
		if state := h.request("GET", h.path(caller, ""), nil).want(200).at("callConnectionState"); state != "connecting" {
			t.Errorf("state %s", state)
		}
	})
}

// serverCall is the server call id of a connection, which the API does not show
// before the call is connected.
func (h *harness) serverCall(id string) string {
	h.t.Helper()
	calls, _ := h.control("GET", "/control/v1/calls", nil).want(200).body["calls"].([]any)
	for _, call := range calls {
		m, _ := call.(map[string]any)
		ids, _ := m["callConnectionIds"].([]any)
		if slices.Contains(ids, any(id)) {
			return at(call, "serverCallId")
		}
	}
	h.t.Fatalf("no call has the connection %s", id)
	return ""
}

func TestRedirectRingsTheNewTargetWithANewContext(t *testing.T) {
	for _, target := range []string{carol, phone} {
		t.Run(target, func(t *testing.T) {
			h := start(t, Options{TimeScale: unhurried})
			in := h.ring(alice, bob)
			h.request("POST", "/calling/callConnections:redirect", object{
				"incomingCallContext": at(in, "incomingCallContext"), "target": rawID(target),
			}).want(204)
			again := h.app.grid("IncomingCall", at(in, "serverCallId"), 2)[1].data
			if at(again, "to", "rawId") != target || at(again, "from", "rawId") != alice ||
				at(again, "incomingCallContext") == at(in, "incomingCallContext") {
				t.Errorf("second IncomingCall to %s from %s", at(again, "to", "rawId"), at(again, "from", "rawId"))
			}
			h.answer(in).want(404)
			id := h.answer(again).want(200).at("callConnectionId")
			h.app.sequence(id, "CallConnected", "ParticipantsUpdated")
		})
	}
}

func TestTwoApplicationsInOneCall(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	target := userEnding("0302")
	caller := h.create(target)
	in := h.app.incomingCall(h.serverCall(caller))
	callee := h.answer(in).want(200).at("callConnectionId")
	mine := h.app.sequence(caller, "CallConnected", "ParticipantsUpdated")
	theirs := h.app.sequence(callee, "CallConnected", "ParticipantsUpdated")
	if at(mine[0].data, "correlationId") != at(theirs[0].data, "correlationId") || at(theirs[0].data, "operationContext") != "answer" {
		t.Error("the events are not of one call, each with its own context")
	}
	if got := h.participants(callee); !slices.Equal(got, []string{carol, target}) {
		t.Errorf("participants %v", got)
	}
	h.request("DELETE", h.path(callee, ""), nil).want(204)
	mine = h.app.more(caller, mine, "CallDisconnected")
	if code, sub := mine[2].code(); code != 200 || sub != 5001 {
		t.Errorf("the caller is told %d/%d", code, sub)
	}
	h.app.more(callee, theirs, "CallDisconnected")
}

func TestInvitedApplicationGetsTheCustomContext(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	id := h.connected(alice)
	server := h.request("GET", h.path(id, ""), nil).at("serverCallId")
	h.request("POST", h.path(id, "/participants:add"), object{
		"participantToAdd":     rawID(userEnding("0302")),
		"customCallingContext": object{"voipHeaders": object{"a": "b"}},
	}).want(202)
	in := h.app.incomingCall(server)
	headers, _ := in["customContext"].(map[string]any)
	if sip, ok := headers["sipHeaders"].(map[string]any); !ok || len(sip) != 0 || at(headers, "voipHeaders", "a") != "b" {
		t.Errorf("customContext %v", in["customContext"])
	}
}

func TestApplicationLeavesBeforeItIsConnected(t *testing.T) {
	h := start(t, Options{TimeScale: 0.02})
	caller := h.create(userEnding("0302"))
	callee := h.answer(h.app.incomingCall(h.serverCall(caller))).want(200).at("callConnectionId")
	h.request("DELETE", h.path(callee, ""), nil).want(204)
	h.app.sequence(callee, "CallDisconnected")
	h.app.sequence(caller, "CreateCallFailed", "CallDisconnected")
}

func TestCallerApplicationLeavesBeforeTheOtherIsConnected(t *testing.T) {
	h := start(t, Options{TimeScale: 0.02})
	caller := h.create(userEnding("0302"))
	callee := h.answer(h.app.incomingCall(h.serverCall(caller))).want(200).at("callConnectionId")
	h.request("DELETE", h.path(caller, ""), nil).want(204)
	h.app.sequence(callee, "AnswerFailed")
	h.app.sequence(caller, "CallDisconnected")
}

func TestRedirectOfAnApplicationsCall(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	caller := h.create(userEnding("0302"))
	in := h.app.incomingCall(h.serverCall(caller))
	h.request("POST", "/calling/callConnections:redirect", object{
		"incomingCallContext": at(in, "incomingCallContext"), "target": rawID(bob),
	}).want(204)
	again := h.app.grid("IncomingCall", at(in, "serverCallId"), 2)[1].data
	h.answer(again).want(200)
	events := h.app.sequence(caller, "CallConnected", "ParticipantsUpdated")
	if got := participantIDs(events[1].data["participants"]); !slices.Equal(got, []string{carol, bob}) {
		t.Errorf("participants %v", got)
	}
}
