package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every callback has the members of the captured or documented one, in its
// order, with its types.
func TestEventsHaveTheShapeOfTheSamples(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	got := map[string]received{}
	note := func(sample string, r received) { got[sample] = r }

	id := h.connected(alice)
	events := h.app.sequence(id, "CallConnected", "ParticipantsUpdated")
	note("CallConnected.with-operation-context", events[0])
	note("ParticipantsUpdated", events[1])

	add := func(target string) response {
		return h.request("POST", h.path(id, "/participants:add"), object{"participantToAdd": rawID(target), "operationContext": "add"}).want(202)
	}
	add(bob)
	events = h.app.more(id, events, "AddParticipantSucceeded", "ParticipantsUpdated")
	note("AddParticipantSucceeded", events[2])
	add(userEnding("0486"))
	events = h.app.more(id, events, "AddParticipantFailed")
	note("AddParticipantFailed", events[4])

	invitation := add(userEnding("0408")).at("invitationId")
	for range 2 {
		h.request("POST", h.path(id, "/participants:cancelAddParticipant"), object{"invitationId": invitation, "operationContext": "cancel"}).want(202)
	}
	events = h.app.more(id, events, "CancelAddParticipantSucceeded", "CancelAddParticipantFailed")
	note("CancelAddParticipantSucceeded", events[5])
	note("CancelAddParticipantFailed", events[6])

	for range 2 {
		h.request("POST", h.path(id, "/participants:remove"), object{"participantToRemove": rawID(bob), "operationContext": "remove"}).want(202)
	}
	events = h.app.more(id, events, "RemoveParticipantSucceeded", "ParticipantsUpdated", "RemoveParticipantFailed")
	note("RemoveParticipantSucceeded", events[7])
	note("RemoveParticipantFailed", events[9])

	from := h.connected(bob)
	for range 2 {
		h.request("POST", h.path(id, "/participants:moveHere"), object{
			"targetParticipants": []object{rawID(bob)}, "fromCall": from, "operationContext": "move",
		}).want(202)
	}
	events = h.app.more(id, events, "MoveParticipantSucceeded", "ParticipantsUpdated", "MoveParticipantFailed")
	note("MoveParticipantSucceeded", events[10])
	note("MoveParticipantFailed", events[12])

	second := h.connected(alice)
	for _, target := range []string{userEnding("0403"), bob} {
		h.request("POST", h.path(second, ":transferToParticipant"), object{"targetParticipant": rawID(target), "operationContext": "transfer"}).want(202)
		h.app.wait("transfer result", func(all []received) ([]received, bool) {
			return all, slices.ContainsFunc(of(second, all), func(r received) bool { return strings.HasPrefix(r.name, "CallTransfer") })
		})
	}
	transfers := h.app.sequence(second, "CallConnected", "ParticipantsUpdated", "CallTransferFailed", "CallTransferAccepted", "CallDisconnected")
	note("CallTransferFailed", transfers[2])
	note("CallTransferAccepted", transfers[3])
	note("CallDisconnected.rejected", transfers[4])

	failed := h.app.sequence(h.create(userEnding("0603")), "CreateCallFailed", "CallDisconnected")
	note("CreateCallFailed", failed[0])
	note("ConnectFailed", h.app.sequence(h.connect(object{"kind": "serverCallLocator", "serverCallId": newServerCallID()}), "ConnectFailed")[0])

	plain := h.createBody(alice)
	delete(plain, "operationContext")
	without := h.request("POST", "/calling/callConnections", plain).want(201).at("callConnectionId")
	h.app.sequence(without, "CallConnected", "ParticipantsUpdated")
	h.request("DELETE", h.path(without, ""), nil).want(204)
	ended := h.app.sequence(without, "CallConnected", "ParticipantsUpdated", "CallDisconnected")
	note("CallConnected", ended[0])
	note("CallDisconnected", ended[2])

	for _, name := range sampleNames(t) {
		if strings.HasPrefix(name, "IncomingCall") || name == "AnswerFailed" || isMediaSample(name) { // tested elsewhere
			continue
		}
		r, ok := got[name]
		if !ok {
			t.Errorf("no event for the sample %s", name)
			continue
		}
		want := sampleShape(t, name)
		if name == "CallConnected.with-operation-context" {
			want = strings.Replace(want, "operationContext:string ", "operationContext:string resultInformation:{code:number subCode:number message:string } ", 1)
		}
		if got := shape(t, r.raw); got != want {
			t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
		}
		checkEnvelope(t, r)
	}
}

// sampleNames are all that there are samples of.
func sampleNames(t *testing.T) (names []string) {
	t.Helper()
	samples, err := os.ReadDir("testdata/events")
	if err != nil {
		t.Fatal(err)
	}
	for _, sample := range samples {
		names = append(names, strings.TrimSuffix(sample.Name(), ".json"))
	}
	return names
}

func TestAnswerFailedHasTheShapeOfTheSample(t *testing.T) {
	h := start(t, Options{TimeScale: 0.02})
	in := h.ring(alice, bob)
	id := h.answer(in).want(200).at("callConnectionId")
	h.control("POST", "/control/v1/participants:hangUp", object{"serverCallId": at(in, "serverCallId")}).want(200)
	r := h.app.sequence(id, "AnswerFailed")[0]
	if got, want := shape(t, r.raw), sampleShape(t, "AnswerFailed"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func checkEnvelope(t *testing.T, r received) {
	t.Helper()
	source := "calling/callConnections/" + r.connection()
	if at(r.event, "source") != source || at(r.event, "subject") != source || at(r.event, "specversion") != "1.0" ||
		at(r.event, "type") != at(r.data, "publicEventType") || at(r.data, "version") != apiVersion {
		t.Errorf("envelope: %s", r.raw)
	}
	if !regexp.MustCompile(`T\d\d:\d\d:\d\d(\.\d{0,6}[1-9])?\+00:00$`).MatchString(at(r.event, "time")) {
		t.Errorf("time %s", at(r.event, "time"))
	}
}

func TestEventTimeDropsTrailingZeros(t *testing.T) {
	at := time.Date(2025, 6, 20, 23, 24, 50, 139641000, time.FixedZone("", 7200))
	if got := formatTime(at, eventTime); got != "2025-06-20T21:24:50.139641+00:00" {
		t.Error(got)
	}
}

func sampleShape(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/events/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return shape(t, raw)
}

// shape spells a JSON document's members in their order, with types for values
// and one entry for each list.
func shape(t *testing.T, raw []byte) string {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	var b strings.Builder
	var value func()
	value = func() {
		token, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		switch token {
		case json.Delim('{'):
			b.WriteString("{")
			for decoder.More() {
				name, err := decoder.Token()
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "%v:", name)
				value()
				b.WriteString(" ")
			}
			_, _ = decoder.Token()
			b.WriteString("}")
		case json.Delim('['):
			b.WriteString("[")
			for decoder.More() {
				value()
			}
			_, _ = decoder.Token()
			b.WriteString("]")
		default:
			b.WriteString(typeOf(token))
		}
	}
	value()
	return b.String()
}

func typeOf(token json.Token) string {
	switch token.(type) {
	case string:
		return "string"
	case bool:
		return "bool"
	}
	return "number"
}
