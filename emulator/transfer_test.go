package emulator

import (
	"slices"
	"testing"
)

func TestTransferOfACallOfTwo(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	resp := h.request("POST", h.path(id, ":transferToParticipant"), object{
		"targetParticipant": rawID(bob), "operationContext": "transfer", "operationCallbackUri": h.app.url + "/transfer",
		"customCallingContext": object{"voipHeaders": object{}, "sipHeaders": object{}},
	}).want(202)
	if resp.at("operationContext") != "transfer" {
		t.Errorf("answer: %s", resp.raw)
	}
	events := h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "CallTransferAccepted", "CallDisconnected")
	accepted := events[2]
	if at(accepted.data, "transferTarget", "rawId") != bob || at(accepted.data, "transferee", "rawId") != alice ||
		at(accepted.data, "operationContext") != "transfer" || accepted.path != "/transfer" {
		t.Errorf("CallTransferAccepted at %s: %s", accepted.path, accepted.raw)
	}
	if code, sub := accepted.code(); code != 202 || sub != 30 {
		t.Errorf("result %d/%d", code, sub)
	}
	h.request("GET", h.path(id, ""), nil).want(404)
	calls, _ := h.control("GET", "/control/v1/calls", nil).body["calls"].([]any)
	if len(calls) != 1 {
		t.Fatalf("calls %v, want the one between transferee and target", calls)
	}
	call, _ := calls[0].(map[string]any)
	if parties, _ := call["participants"].([]any); !slices.Equal(parties, []any{alice, bob}) {
		t.Errorf("participants %v", call["participants"])
	}
}

func TestTransferOfAGroupMemberLeavesTheApplicationInTheCall(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice, phone)
	events := h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "ParticipantsUpdated")
	h.request("POST", h.path(id, ":transferToParticipant"), object{"targetParticipant": rawID(bob)}).want(400)
	h.request("POST", h.path(id, ":transferToParticipant"), object{"targetParticipant": rawID(phone), "transferee": rawID(alice)}).want(400)
	h.request("POST", h.path(id, ":transferToParticipant"), object{"targetParticipant": rawID(bob), "transferee": rawID(carol)}).want(400)
	h.request("POST", h.path(id, ":transferToParticipant"), object{"targetParticipant": rawID(bob), "transferee": rawID("8:acs:x_y")}).want(404)
	resp := h.request("POST", h.path(id, ":transferToParticipant"), object{"targetParticipant": rawID(bob), "transferee": rawID(alice)}).want(202)
	if string(resp.raw) != "{}" {
		t.Errorf("answer without operation context: %s", resp.raw)
	}
	h.app.more(id, events, "CallTransferAccepted", "ParticipantsUpdated")
	if got := h.participants(id); !slices.Equal(got, []string{carol, phone}) {
		t.Errorf("participants %v", got)
	}
	if state := h.request("GET", h.path(id, ""), nil).want(200).at("callConnectionState"); state != "connected" {
		t.Errorf("state %s", state)
	}
}

func TestTransferThatFailsKeepsTheCall(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	h.request("POST", h.path(id, ":transferToParticipant"), object{"targetParticipant": rawID(phoneEnding("0486")), "operationContext": "transfer"}).want(202)
	if state := h.request("GET", h.path(id, ""), nil).at("callConnectionState"); state != "transferring" && state != "connected" {
		t.Errorf("state %s", state)
	}
	events := h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "CallTransferFailed")
	if code, sub := events[2].code(); code != 486 || sub != 560486 || at(events[2].data, "operationContext") != "transfer" {
		t.Errorf("CallTransferFailed: %s", events[2].raw)
	}
	if state := h.request("GET", h.path(id, ""), nil).at("callConnectionState"); state != "connected" {
		t.Errorf("state %s", state)
	}
	h.request("POST", h.path(id, ":transferToParticipant"), object{"targetParticipant": rawID(bob)}).want(202)
	h.app.more(id, events, "CallTransferAccepted", "CallDisconnected")
}

func TestTransferToAnApplication(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	target := userEnding("0302")
	id := h.connected(alice)
	h.request("POST", h.path(id, ":transferToParticipant"), object{"targetParticipant": rawID(target)}).want(202)
	rung := h.app.wait("IncomingCall", func(all []received) ([]received, bool) {
		i := slices.IndexFunc(all, func(r received) bool { return r.name == "IncomingCall" })
		return all, i >= 0
	})
	in := rung[slices.IndexFunc(rung, func(r received) bool { return r.name == "IncomingCall" })].data
	if at(in, "from", "rawId") != alice {
		t.Errorf("IncomingCall from %s", at(in, "from", "rawId"))
	}
	other := h.answer(in).want(200).at("callConnectionId")
	h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "CallTransferAccepted", "CallDisconnected")
	h.app.sequence(other, "CallConnected", "ParticipantsUpdated")
	if got := h.participants(other); !slices.Equal(got, []string{alice, target}) {
		t.Errorf("participants %v", got)
	}
}

func TestTransfereeHangsUpWhileTheTargetRings(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	id := h.connected(alice)
	h.request("POST", h.path(id, ":transferToParticipant"), object{"targetParticipant": rawID(phoneEnding("0202"))}).want(202)
	h.control("POST", "/control/v1/participants:hangUp", object{"callConnectionId": id}).want(200)
	h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "CallDisconnected")
	h.noCalls()
}

func TestApplicationCannotBeTransferred(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	id := h.create(userEnding("0302"))
	h.answer(h.app.incomingCall(h.serverCall(id))).want(200)
	h.app.sequence(id, "CallConnected", "ParticipantsUpdated")
	h.request("POST", h.path(id, ":transferToParticipant"), object{"targetParticipant": rawID(bob)}).want(202)
	h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "CallTransferFailed")
}
