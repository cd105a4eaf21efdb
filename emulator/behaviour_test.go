package emulator

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// want is one event that a behaviour leads to, with its result.
type want struct {
	name      string
	code, sub int
}

var connectedEvents = []want{{"CallConnected", 200, 0}, {"ParticipantsUpdated", 200, 0}}

func failedEvents(code, sub int) []want {
	return []want{{"CreateCallFailed", code, sub}, {"CallDisconnected", code, sub}}
}

// behaviourCases says for each row of the table what happens when a phone is
// called, and when it is invited into a call.
func behaviourCases() map[string]struct{ create, add []want } {
	added := []want{{"AddParticipantSucceeded", 200, 0}, {"ParticipantsUpdated", 200, 0}}
	addedThenGone := append(added[:2:2], want{"ParticipantsUpdated", 200, 0})
	connectedThen := func(code, sub int) []want { return append(connectedEvents[:2:2], want{"CallDisconnected", code, sub}) }
	addFailed := func(code, sub int) []want { return []want{{"AddParticipantFailed", code, sub}} }
	type row = struct{ create, add []want }
	return map[string]row{
		"":     {connectedEvents, added},
		"0200": {connectedEvents, added},
		"0202": {connectedEvents, added},
		"0205": {connectedThen(200, 560000), addedThenGone},
		"0206": {connectedThen(603, 0), addedThenGone},
		"0231": {connectedEvents, added},
		"0232": {connectedEvents, added},
		"0245": {connectedEvents, added},
		"0247": {connectedEvents, added},
		"0302": {failedEvents(408, 10057), addFailed(408, 10057)},
		"0380": {connectedThen(200, 560000), addedThenGone},
		"0403": {connectedEvents, added},
		"0404": {failedEvents(404, 560404), addFailed(404, 560404)},
		"0405": {connectedEvents, added},
		"0407": {connectedEvents, added},
		"0408": {failedEvents(408, 10057), addFailed(408, 10057)},
		"0480": {failedEvents(480, 10037), addFailed(480, 10037)},
		"0481": {connectedEvents, added},
		"0486": {failedEvents(486, 560486), addFailed(486, 560486)},
		"0603": {failedEvents(603, 0), addFailed(603, 0)},
	}
}

func TestEveryBehaviour(t *testing.T) {
	cases := behaviourCases()
	for _, b := range Behaviours() {
		c, ok := cases[b.Suffix]
		if !ok {
			t.Errorf("no test for the behaviour %q", b.Suffix)
			continue
		}
		target := phoneEnding(b.Suffix)
		if b.Suffix == "" {
			target = phone
		}
		t.Run(b.Name+", called", func(t *testing.T) {
			t.Parallel()
			h := start(t, Options{TimeScale: 200})
			id := h.create(target)
			check(t, h, id, nil, c.create)
		})
		t.Run(b.Name+", invited", func(t *testing.T) {
			t.Parallel()
			h := start(t, Options{TimeScale: 200})
			id := h.connected(alice)
			before := h.app.sequence(id, "CallConnected", "ParticipantsUpdated")
			h.request("POST", h.path(id, "/participants:add"), object{
				"participantToAdd": rawID(target), "sourceCallerIdNumber": object{"value": callerID},
			}).want(202)
			check(t, h, id, before, c.add)
		})
	}
}

// check waits for the events after before, and compares names and results.
func check(t *testing.T, h *harness, id string, before []received, wanted []want) {
	t.Helper()
	events := h.app.more(id, before, names(wanted)...)[len(before):]
	for i, w := range wanted {
		if code, sub := events[i].code(); code != w.code || sub != w.sub {
			t.Errorf("%s with %d/%d, want %d/%d", w.name, code, sub, w.code, w.sub)
		}
		info, _ := events[i].data["resultInformation"].(map[string]any)
		_, sip := info["sipDetails"]
		if failed := w.code >= 400; sip != failed {
			t.Errorf("%s %d/%d of a phone: sipDetails present is %t", w.name, w.code, w.sub, sip)
		}
	}
}

func TestUserThatDoesNotAnswer(t *testing.T) {
	h := start(t, Options{})
	id := h.create(userEnding("0408"))
	events := h.app.sequence(id, "CreateCallFailed", "CallDisconnected")
	if code, sub := events[0].code(); code != 487 || sub != 10004 {
		t.Errorf("result %d/%d", code, sub)
	}
}

func TestTransferToEachKindOfTarget(t *testing.T) {
	cases := []struct {
		name, target string
		group        bool
		want         []want
	}{
		{"a target that refuses transfers", "0403", false, []want{{"CallTransferFailed", 403, 30}}},
		{"a voicemail, which counts as success", "0380", false, []want{{"CallTransferAccepted", 202, 30}, {"CallDisconnected", 200, 7000}}},
		{"a target on the way to which the party hangs up", "0481", false, []want{{"CallDisconnected", 200, 5001}}},
		{"the same in a group", "0481", true, []want{{"CallTransferFailed", 487, 0}, {"ParticipantsUpdated", 200, 0}}},
		{"a target that does not answer", "0408", false, []want{{"CallTransferFailed", 408, 10057}}},
		{"a target that does not exist", "0404", false, []want{{"CallTransferFailed", 404, 560404}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := start(t, Options{TimeScale: 200})
			targets := []string{alice}
			setup := []string{"CallConnected", "ParticipantsUpdated"}
			if c.group {
				targets, setup = append(targets, bob), append(setup, "ParticipantsUpdated")
			}
			id := h.create(targets...)
			before := h.app.sequence(id, setup...)
			h.request("POST", h.path(id, ":transferToParticipant"), object{
				"targetParticipant": rawID(phoneEnding(c.target)), "transferee": rawID(alice),
			}).want(202)
			events := h.app.more(id, before, names(c.want)...)[len(before):]
			for i, w := range c.want {
				if code, sub := events[i].code(); code != w.code || sub != w.sub {
					t.Errorf("%s with %d/%d, want %d/%d", w.name, code, sub, w.code, w.sub)
				}
			}
		})
	}
}

func names(wanted []want) []string {
	list := make([]string, 0, len(wanted))
	for _, w := range wanted {
		list = append(list, w.name)
	}
	return list
}

func TestMuteThatIsRefused(t *testing.T) {
	h := start(t, Options{})
	target := userEnding("0405")
	id := h.connected(target)
	h.request("POST", h.path(id, "/participants:mute"), object{"targetParticipants": []object{rawID(target)}}).want(400)
}

func TestSimulatedCallerFollowsItsBehaviourToo(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	id := h.answer(h.ring("+14257770205", ourNumber)).want(200).at("callConnectionId")
	h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "CallDisconnected")
}

func TestBehaviourTableIsEasyToUse(t *testing.T) {
	seen := map[string]string{}
	for i, b := range Behaviours() {
		if b.Name == "" || b.Meaning == "" || (i == 0) != (b.Suffix == "") {
			t.Errorf("row %d is incomplete: %+v", i, b)
		}
		if other, ok := seen[b.Suffix]; ok {
			t.Errorf("%q and %q have the same suffix", b.Name, other)
		}
		seen[b.Suffix] = b.Name
		if b.Suffix != "" && (!regexp.MustCompile(`^[0-9]{4}$`).MatchString(b.Suffix) || strings.HasPrefix(b.Suffix, "01")) {
			t.Errorf("suffix %q is not four digits outside the fictional numbers", b.Suffix)
		}
	}
	for n := 100; n <= 199; n++ {
		if b := behaviourOf(fmt.Sprintf("4:+14255550%d", n)); b.Suffix != "" {
			t.Errorf("fictional number ...0%d is %q", n, b.Name)
		}
	}
}
