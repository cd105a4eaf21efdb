package emulator

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestRepeatedRequestActsOnceAndGetsTheCurrentState(t *testing.T) {
	h := start(t, Options{})
	pair := []string{"Repeatability-Request-ID", uuid.NewString(), "Repeatability-First-Sent", time.Now().UTC().Format(http.TimeFormat)}
	body := h.createBody(alice)
	first := h.request("POST", "/calling/callConnections", body, pair...).want(201)
	id := first.at("callConnectionId")
	h.app.sequence(id, "CallConnected", "ParticipantsUpdated")

	again := h.request("POST", "/calling/callConnections", body, pair...).want(201)
	if again.at("callConnectionId") != id || again.at("callConnectionState") != "connected" || again.at("serverCallId") == "" {
		t.Errorf("second answer: %s", again.raw)
	}
	for _, resp := range []response{first, again} {
		if resp.header.Get("Repeatability-Result") != "accepted" {
			t.Errorf("headers: %v", resp.header)
		}
	}
	if again.header.Get("X-Microsoft-Skype-Chain-ID") == first.header.Get("X-Microsoft-Skype-Chain-ID") {
		t.Error("the second answer has the chain id of the first")
	}
	body["operationContext"] = "other"
	if code := h.request("POST", "/calling/callConnections", body, pair...).want(400).at("error", "code"); code != "8523" {
		t.Errorf("same id, other body: code %s", code)
	}
	calls, _ := h.control("GET", "/control/v1/calls", nil).body["calls"].([]any)
	if len(calls) != 1 {
		t.Errorf("%d calls, want 1", len(calls))
	}

	terminate := []string{"Repeatability-Request-ID", uuid.NewString(), "Repeatability-First-Sent", pair[3]}
	for range 2 { // the second finds no call any more
		h.request("POST", h.path(id, ":terminate"), nil, terminate...).want(204)
	}
}

func TestRepeatedInvitationInvitesOnce(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	pair := []string{"Repeatability-Request-ID", uuid.NewString(), "Repeatability-First-Sent", time.Now().UTC().Format(http.TimeFormat)}
	var invitations sync.Map
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			resp := h.request("POST", h.path(id, "/participants:add"), object{"participantToAdd": rawID(bob)}, pair...)
			invitations.Store(resp.at("invitationId"), resp.status)
		})
	}
	group.Wait()
	count := 0
	invitations.Range(func(_, status any) bool { count++; return status == 202 })
	if count != 1 {
		t.Errorf("%d invitations, want 1", count)
	}
	h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "AddParticipantSucceeded", "ParticipantsUpdated")
}

func TestMalformedRepeatabilityPair(t *testing.T) {
	h := start(t, Options{})
	now := time.Now().UTC().Format(http.TimeFormat)
	cases := []struct{ name, id, first string }{
		{"no date", uuid.NewString(), ""},
		{"no id", "", now},
		{"an id that is no GUID", "1", now},
		{"a date that is no HTTP date", uuid.NewString(), "2026-11-23T15:40:57Z"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h.t = t
			var headers []string
			if c.id != "" {
				headers = append(headers, "Repeatability-Request-ID", c.id)
			}
			if c.first != "" {
				headers = append(headers, "Repeatability-First-Sent", c.first)
			}
			h.request("POST", "/calling/callConnections", h.createBody(alice), headers...).want(400)
		})
	}
}

func TestRepeatStoreForgetsTheOldest(t *testing.T) {
	s, now := newRepeatStore(), time.Now()
	request := sha256.Sum256(nil)
	s.add("old", request, now, reply{})
	if _, found, _ := s.find("old", request, now.Add(5*time.Minute)); !found {
		t.Error("forgotten within five minutes")
	}
	if _, found, _ := s.find("old", request, now.Add(repeatWindow+1)); found {
		t.Error("found after the window")
	}
	for i := range maxRepeats {
		s.add(fmt.Sprint(i), request, now, reply{})
	}
	if _, found, _ := s.find("old", request, now); found || len(s.records) != maxRepeats {
		t.Errorf("%d records", len(s.records))
	}
	s.add("late", request, now.Add(repeatWindow+1), reply{})
	if len(s.records) != 1 || len(s.order) != 1 {
		t.Errorf("%d records after the window, want the new one", len(s.records))
	}
}
