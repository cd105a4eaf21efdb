package emulator

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestAddParticipant(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	resp := h.request("POST", h.path(id, "/participants:add"), object{
		"participantToAdd":     object{"kind": "phoneNumber", "phoneNumber": object{"value": "+14255550123", "isAnonymous": false}},
		"sourceCallerIdNumber": object{"value": callerID}, "operationContext": "add", "operationCallbackUri": h.app.url + "/add",
	}).want(202)
	if resp.at("operationContext") != "add" || resp.at("invitationId") == "" || resp.at("participant", "identifier", "rawId") != phone {
		t.Errorf("answer: %s", resp.raw)
	}
	events := h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "AddParticipantSucceeded", "ParticipantsUpdated")
	if events[2].path != "/add" || at(events[2].data, "operationContext") != "add" || at(events[2].data, "participant", "rawId") != phone {
		t.Errorf("AddParticipantSucceeded at %s: %s", events[2].path, events[2].raw)
	}
	if events[3].path != "/callback?token=secret" || events[3].data["sequenceNumber"] != 2.0 {
		t.Errorf("ParticipantsUpdated at %s: %s", events[3].path, events[3].raw)
	}
	if got := h.participants(id); !slices.Equal(got, []string{carol, alice, phone}) {
		t.Errorf("participants %v", got)
	}
	one := h.request("GET", h.path(id, "/participants/"+url.PathEscape(phone)), nil).want(200)
	if one.at("identifier", "phoneNumber", "value") != "+14255550123" || one.body["isMuted"] != false {
		t.Errorf("participant: %s", one.raw)
	}
	h.request("GET", h.path(id, "/participants/"+url.PathEscape(bob)), nil).want(404)
	h.request("POST", h.path(id, "/participants:add"), object{"participantToAdd": rawID(alice)}).want(400)
}

func TestInvitationTimesOut(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	h.request("POST", h.path(id, "/participants:add"), object{
		"participantToAdd": rawID(userEnding("0202")), "invitationTimeoutInSeconds": 1, "operationContext": "add",
	}).want(202)
	events := h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "AddParticipantFailed")
	if code, sub := events[2].code(); code != 408 || sub != 10057 {
		t.Errorf("result %d/%d", code, sub)
	}
	message := at(events[2].data, "resultInformation", "message")
	if !strings.HasSuffix(message, "Underlying reason: Request Timeout. DiagCode: 408#10057.@") {
		t.Errorf("message %q", message)
	}
}

func TestCancelAddParticipant(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	id := h.connected(alice)
	added := h.request("POST", h.path(id, "/participants:add"), object{
		"participantToAdd": rawID(userEnding("0408")), "operationContext": "add",
	}).want(202)
	cancel := object{"invitationId": added.at("invitationId"), "operationContext": "cancel"}
	resp := h.request("POST", h.path(id, "/participants:cancelAddParticipant"), cancel).want(202)
	if resp.at("invitationId") != added.at("invitationId") || resp.at("operationContext") != "cancel" {
		t.Errorf("answer: %s", resp.raw)
	}
	h.request("POST", h.path(id, "/participants:cancelAddParticipant"), cancel).want(202)
	events := h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "CancelAddParticipantSucceeded", "CancelAddParticipantFailed")
	if code, sub := events[2].code(); code != 200 || sub != 5300 || at(events[2].data, "operationContext") != "cancel" {
		t.Errorf("CancelAddParticipantSucceeded: %s", events[2].raw)
	}
	if _, ok := events[2].data["participant"]; ok {
		t.Error("CancelAddParticipantSucceeded has a participant")
	}
}

func TestRemoveParticipant(t *testing.T) {
	t.Run("the last other party ends a 1:1 call", func(t *testing.T) {
		h := start(t, Options{TimeScale: unhurried})
		id := h.connected(alice)
		resp := h.request("POST", h.path(id, "/participants:remove"), object{"participantToRemove": rawID(alice)}).want(202)
		if string(resp.raw) != "{}" {
			t.Errorf("answer without operation context: %s", resp.raw)
		}
		events := h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "RemoveParticipantSucceeded", "CallDisconnected")
		if code, sub := events[3].code(); code != 200 || sub != 5300 {
			t.Errorf("result %d/%d", code, sub)
		}
	})
	t.Run("someone who is not in the call", func(t *testing.T) {
		h := start(t, Options{TimeScale: unhurried})
		id := h.connected(alice)
		h.request("POST", h.path(id, "/participants:remove"), object{"participantToRemove": rawID(bob)}).want(202)
		events := h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "RemoveParticipantFailed")
		if code, sub := events[2].code(); code != 404 || sub != 8522 {
			t.Errorf("result %d/%d", code, sub)
		}
	})
	t.Run("another application loses its connection", func(t *testing.T) {
		h := start(t, Options{TimeScale: unhurried})
		target := userEnding("0302")
		id := h.create(target)
		other := h.answer(h.app.incomingCall(h.serverCall(id))).want(200).at("callConnectionId")
		h.app.sequence(id, "CallConnected", "ParticipantsUpdated")
		events := h.app.sequence(other, "CallConnected", "ParticipantsUpdated")
		h.request("POST", h.path(id, "/participants:remove"), object{"participantToRemove": rawID(target)}).want(202)
		events = h.app.more(other, events, "CallDisconnected")
		if code, sub := events[2].code(); code != 200 || sub != 5300 {
			t.Errorf("result %d/%d", code, sub)
		}
	})
}

func TestMute(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice, phone)
	events := h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "ParticipantsUpdated")
	mute := func(ids ...string) response {
		list := make([]object, 0, len(ids))
		for _, raw := range ids {
			list = append(list, rawID(raw))
		}
		return h.request("POST", h.path(id, "/participants:mute"), object{"targetParticipants": list, "operationContext": "mute"})
	}
	if got := mute(alice).want(200).at("operationContext"); got != "mute" {
		t.Errorf("operationContext %q", got)
	}
	events = h.app.more(id, events, "ParticipantsUpdated")
	list, _ := events[3].data["participants"].([]any)
	for _, entry := range list {
		m, _ := entry.(map[string]any)
		if m["isMuted"] != (at(entry, "identifier", "rawId") == alice) {
			t.Errorf("after mute: %v", m)
		}
	}
	if _, ok := events[3].data["operationContext"]; ok {
		t.Error("ParticipantsUpdated has an operation context")
	}
	mute().want(400)
	mute(alice, bob).want(400)
	mute(phone).want(400)
	mute(bob).want(404)
}

func TestMoveParticipants(t *testing.T) {
	h := start(t, Options{})
	from, to := h.connected(bob), h.connected(alice)
	resp := h.request("POST", h.path(to, "/participants:moveHere"), object{
		"targetParticipants": []object{rawID(bob), rawID(phone)}, "fromCall": from, "operationContext": "move",
	}).want(202)
	if resp.at("fromCall") != from || resp.at("operationContext") != "move" {
		t.Errorf("answer: %s", resp.raw)
	}
	events := h.app.sequence(to, "CallConnected", "ParticipantsUpdated", "MoveParticipantSucceeded", "MoveParticipantFailed", "ParticipantsUpdated")
	if at(events[2].data, "participant", "rawId") != bob || at(events[2].data, "fromCall") != from {
		t.Errorf("MoveParticipantSucceeded: %s", events[2].raw)
	}
	h.app.sequence(from, "CallConnected", "ParticipantsUpdated", "CallDisconnected")
	if got := h.participants(to); !slices.Contains(got, bob) {
		t.Errorf("participants %v", got)
	}
	h.request("POST", h.path(to, "/participants:moveHere"), object{"targetParticipants": []object{rawID(carol)}, "fromCall": "nowhere"}).want(202)
	events = h.app.more(to, events, "MoveParticipantFailed")
	if code, sub := events[5].code(); code != 404 || sub != 8522 {
		t.Errorf("result %d/%d", code, sub)
	}
	h.request("POST", h.path(to, "/participants:moveHere"), object{"targetParticipants": []object{rawID(bob)}, "fromCall": to}).want(400)
}

func TestParticipantsComeInPages(t *testing.T) {
	h := start(t, Options{ParticipantsPageSize: 2})
	targets := make([]string, 0, 4)
	for i := range 4 {
		targets = append(targets, fmt.Sprintf("%s%d", alice, i))
	}
	id := h.create(targets...)
	h.app.wait("everyone", func(all []received) ([]received, bool) {
		events := of(id, all)
		return events, len(events) > 0 && len(participantIDs(events[len(events)-1].data["participants"])) == 5
	})
	var got []string
	page := h.request("GET", h.path(id, "/participants"), nil).want(200)
	for pages := 1; ; pages++ {
		got = append(got, participantIDs(page.body["value"])...)
		link := page.at("nextLink")
		if link == "" {
			if pages != 3 {
				t.Errorf("%d pages, want 3", pages)
			}
			break
		}
		target, ok := strings.CutPrefix(link, h.url)
		if !ok || !strings.Contains(target, "api-version="+apiVersion) {
			t.Fatalf("nextLink %s", link)
		}
		if pages == 1 { // leaving between pages shifts nothing
			h.request("POST", h.path(id, "/participants:remove"), object{"participantToRemove": rawID(got[1])}).want(202)
		}
		page = h.send("GET", target, nil).want(200)
	}
	slices.Sort(got)
	if want := append([]string{carol}, targets...); len(slices.Compact(got)) != len(want) {
		t.Errorf("pages hold %v", got)
	}
	h.send("GET", h.path(id, "/participants")+"?api-version="+apiVersion+"&%24skipToken=!", nil).want(400)
}

func TestOperationsOnACallThatIsNotConnectedYet(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	id := h.create(phoneEnding("0408"))
	for name, body := range map[string]object{
		"/participants:add":      {"participantToAdd": rawID(bob)},
		"/participants:remove":   {"participantToRemove": rawID(bob)},
		"/participants:mute":     {"targetParticipants": []object{rawID(bob)}},
		"/participants:moveHere": {"targetParticipants": []object{rawID(bob)}, "fromCall": "other"},
		":transferToParticipant": {"targetParticipant": rawID(bob)},
	} {
		if code := h.request("POST", h.path(id, name), body).want(400).at("error", "code"); code != "8501" {
			t.Errorf("%s: code %s, want 8501", name, code)
		}
	}
}
