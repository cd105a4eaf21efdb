package main

import (
	"context"
	"testing"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// streamAs is stream for a client with a token.
func (g *gateway) streamAs(t *testing.T, name string, req *callgatev1.StreamEventsRequest) *events {
	t.Helper()
	return g.streamIn(as(context.Background(), name), t, req)
}

// createAs places a call and waits until it is connected.
func (g *gateway) createAs(t *testing.T, name string, targets ...*callgatev1.CommunicationIdentifier) *callgatev1.CreateCallResponse {
	t.Helper()
	resp, err := callgatev1.NewCallControlClient(g.conn).CreateCall(as(t.Context(), name), &callgatev1.CreateCallRequest{
		Targets: targets, WaitTimeout: patience,
	})
	if err != nil || resp.GetReceipt().GetOutcome().GetStatus() != callgatev1.ActionOutcome_STATUS_SUCCEEDED {
		t.Fatalf("create a call: %v, %v", resp, err)
	}
	return resp
}

func (g *gateway) hangUpAs(t *testing.T, name, call string) {
	t.Helper()
	g.hangUpWith(t, tokenOf(name), call)
}

func (g *gateway) hangUpWith(t *testing.T, token, call string) {
	t.Helper()
	if _, err := callgatev1.NewCallControlClient(g.conn).HangUpCall(withBearer(t.Context(), token), &callgatev1.HangUpCallRequest{
		CallConnectionId: call, ForEveryone: true, WaitTimeout: patience,
	}); err != nil {
		t.Fatal(err)
	}
}

const disconnected = callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_DISCONNECTED

// TestStreamsShowOnesOwnCalls: who sees its own calls is sent those of its service
// and no others, from the ring and from the log, whatever its filter asks for.
func TestStreamsShowOnesOwnCalls(t *testing.T) {
	g := startGuarded(t, policyOf(
		"till: {role: operator, service: shop}", "stock: {role: viewer, service: shop}",
		"other: {role: operator}", "auditor: {role: viewer, calls: all}",
	), "till", "stock", "other", "auditor")
	all := &callgatev1.StreamEventsRequest{}
	streams := map[string]*events{}
	for _, name := range []string{"till", "stock", "other", "auditor"} {
		streams[name] = g.streamAs(t, name, all)
	}
	shops := g.createAs(t, "till", user("8:acs:res_a")).GetReceipt().GetCallConnectionId()
	others := g.createAs(t, "other", user("8:acs:res_b")).GetReceipt().GetCallConnectionId()
	g.hangUpAs(t, "till", shops)
	g.hangUpAs(t, "other", others)

	visible := map[string][]string{"till": {shops}, "stock": {shops}, "other": {others}, "auditor": {shops, others}}
	streams["auditor"].find(t, disconnected, ofCall(others))
	for name, calls := range visible {
		for _, how := range []struct {
			name   string
			events *events
		}{
			{"live", streams[name]},
			{"from the log", g.streamAs(t, name, &callgatev1.StreamEventsRequest{Start: &callgatev1.StreamEventsRequest_Earliest{Earliest: true}})},
			{"by their ids", g.streamAs(t, name, &callgatev1.StreamEventsRequest{
				Filter: &callgatev1.EventFilter{CallConnectionIds: []string{shops, others}},
				Start:  &callgatev1.StreamEventsRequest_Earliest{Earliest: true},
			})},
		} {
			for _, call := range calls {
				how.events.find(t, disconnected, ofCall(call))
			}
			seen := map[string]bool{}
			for _, e := range how.events.all() {
				seen[e.GetCallConnectionId()] = true
			}
			if name == "auditor" {
				delete(seen, "") // what Event Grid tells of calls, which is nobody's
			}
			if len(seen) != len(calls) {
				t.Errorf("%s, %s: sees the calls %v, want %v", name, how.name, seen, calls)
			}
		}
	}
}

// TestTheEndOfOthersCallsIsNotTold: a stream until a call ends does not end with
// the call of somebody else, whether that has ended before or ends meanwhile.
func TestTheEndOfOthersCallsIsNotTold(t *testing.T) {
	g := startGuarded(t, policyOf("one: {role: operator}", "other: {role: operator}"), "one", "other")
	before := g.createAs(t, "one", user("8:acs:res_a")).GetReceipt().GetCallConnectionId()
	g.hangUpAs(t, "one", before)
	during := g.createAs(t, "one", user("8:acs:res_a")).GetReceipt().GetCallConnectionId()
	own := g.createAs(t, "other", user("8:acs:res_a")).GetReceipt().GetCallConnectionId()
	until := func(calls ...string) *callgatev1.StreamEventsRequest {
		return &callgatev1.StreamEventsRequest{Filter: &callgatev1.EventFilter{CallConnectionIds: calls}, UntilCallEnds: true}
	}
	blind := []*events{g.streamAs(t, "other", until(before)), g.streamAs(t, "other", until(during)), g.streamAs(t, "other", until(own, during))}
	sees := g.streamAs(t, "one", until(during))
	ends := g.streamAs(t, "other", until(own))
	g.hangUpAs(t, "one", during)
	g.hangUpAs(t, "other", own)
	<-sees.done
	<-ends.done // which lies behind the others' end
	for i, stream := range blind {
		select {
		case <-stream.done:
			t.Errorf("stream %d ended with somebody else's call", i)
		default:
		}
	}
}

// TestIncomingCallsAreForWhomThePolicySays: nobody has taken them yet.
func TestIncomingCallsAreForWhomThePolicySays(t *testing.T) {
	g := startGuarded(t, policyOf(
		"desk: {role: operator, incoming: ['8:acs:res_desk*']}", "other: {role: operator}", "auditor: {role: viewer, calls: all}",
	), "desk", "other", "auditor")
	desk, other, auditor := g.streamAs(t, "desk", nil), g.streamAs(t, "other", nil), g.streamAs(t, "auditor", nil)
	w := walk{t, g, transports[0]}
	w.ring(auditor, "8:acs:res_somebody")
	incoming := w.ring(auditor, "8:acs:res_desk1")
	if found := desk.find(t, callgatev1.CallEventType_CALL_EVENT_TYPE_INCOMING_CALL, func(*callgatev1.CallEvent) bool { return true }); found.GetIncomingCall().GetTo().GetRawId() != "8:acs:res_desk1" {
		t.Errorf("the desk sees %v", found)
	}
	answered, err := callgatev1.NewCallControlClient(g.conn).AnswerCall(as(t.Context(), "desk"), &callgatev1.AnswerCallRequest{
		IncomingCallContext: incoming.GetIncomingCallContext(), WaitTimeout: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	call := answered.GetReceipt().GetCallConnectionId()
	desk.find(t, callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED, ofCall(call))
	auditor.find(t, callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED, ofCall(call))
	if got := other.all(); len(got) != 0 {
		t.Errorf("who is not concerned sees %v", got)
	}
}

// TestOwnersAreKnownAfterARestart: the log knows them, and not the process.
func TestOwnersAreKnownAfterARestart(t *testing.T) {
	f := newFiles(t)
	args := []string{
		"--data-dir=" + t.TempDir(), "--token-file=" + f.tokens("one", "other"),
		"--policy-file=" + f.write("policy.yaml", policyOf("one: {role: operator}", "other: {role: operator}")),
	}
	g := start(t, args...)
	call := g.createAs(t, "one", user("8:acs:res_a")).GetReceipt().GetCallConnectionId()
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	g = start(t, args...)
	for name, want := range map[string]bool{"one": true, "other": false} {
		list, err := callgatev1.NewEventsClient(g.conn).ListEvents(as(t.Context(), name), &callgatev1.ListEventsRequest{CallConnectionId: call})
		if got := err == nil && len(list.GetEvents()) > 0; got != want {
			t.Errorf("%s sees the call: %v, %v", name, got, err)
		}
	}
}

// TestCommandsBelongToTheCallsOwner, whoever gave them; and they make the owner
// known where no event comes, because the client has them sent elsewhere.
func TestCommandsBelongToTheCallsOwner(t *testing.T) {
	f := newFiles(t)
	args := []string{
		"--data-dir=" + t.TempDir(), "--token-file=" + f.tokens("one", "other", "root"),
		"--policy-file=" + f.write("policy.yaml", policyOf("one: {role: operator}", "other: {role: operator}", "root: {role: admin}")),
	}
	g := start(t, args...)
	created, err := callgatev1.NewCallControlClient(g.conn).CreateCall(as(t.Context(), "one"), &callgatev1.CreateCallRequest{
		Targets: []*callgatev1.CommunicationIdentifier{user("8:acs:res_a")}, CallbackUri: "http://127.0.0.1:1/elsewhere",
	})
	if err != nil {
		t.Fatal(err)
	}
	call := created.GetReceipt().GetCallConnectionId()
	if _, err := callgatev1.NewCallControlClient(g.conn).HangUpCall(as(t.Context(), "root"), &callgatev1.HangUpCallRequest{CallConnectionId: call}); err != nil {
		t.Fatal(err)
	}
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	g = start(t, args...)
	req := &callgatev1.StreamEventsRequest{Start: &callgatev1.StreamEventsRequest_Earliest{Earliest: true}, IncludeCommands: true}
	one, other := g.streamAs(t, "one", req), g.streamAs(t, "other", req)
	given := func(action callgatev1.Action) func(*callgatev1.CallEvent) bool {
		return func(e *callgatev1.CallEvent) bool { return e.GetCommand().GetAction() == action.String() }
	}
	const accepted = callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_ACCEPTED
	one.find(t, accepted, given(callgatev1.Action_ACTION_CREATE_CALL))
	if by := one.find(t, accepted, given(callgatev1.Action_ACTION_HANG_UP_CALL)).GetCommand().GetPrincipal(); by != "token:root" {
		t.Errorf("%q has hung up", by)
	}
	g.createAs(t, "other", user("8:acs:res_b"))
	other.find(t, accepted, given(callgatev1.Action_ACTION_CREATE_CALL))
	if got := other.all(); got[0].GetCallConnectionId() == call {
		t.Errorf("who is not concerned sees %v", got[0])
	}
	for name, want := range map[string]bool{"one": true, "other": false} {
		list, err := callgatev1.NewEventsClient(g.conn).ListEvents(as(t.Context(), name), &callgatev1.ListEventsRequest{CallConnectionId: call, IncludeCommands: true})
		if got := err == nil && len(list.GetEvents()) == 2; got != want {
			t.Errorf("%s sees the call: %v, %v, %v", name, got, list, err)
		}
	}
}
