package main

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/callgate/callgate/cli"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// TestEveryRPCOfGroups follows events through a group: acknowledged, rejected, dead,
// replayed and forgotten.
func TestEveryRPCOfGroups(t *testing.T) {
	g := start(t)
	for i, transport := range transports {
		t.Run(transport.name, func(t *testing.T) {
			w := walk{t, g, transport}
			group := fmt.Sprint("service-", i)
			filter := &callgatev1.EventFilter{Types: []callgatev1.CallEventType{callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED}}
			member := g.stream(t, &callgatev1.StreamEventsRequest{Group: group, Filter: filter, MaxDeliveries: proto.Int32(2)})
			connected := func() *callgatev1.CallEvent {
				id := w.call(user("8:acs:res_a")).GetCallConnection().GetCallConnectionId()
				return member.find(t, callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED, ofCall(id))
			}

			good := connected()
			var acked callgatev1.AckEventsResponse
			w.do("Events/AckEvents", &callgatev1.AckEventsRequest{Group: group, Cursors: []string{good.GetCursor()}}, &acked)
			if acked.GetAcknowledged() != 1 {
				t.Errorf("acknowledged %v", &acked)
			}
			bad := connected()
			reject := func(attempt int32) {
				t.Helper()
				waitUntil(t, "it is given out", func() bool { return member.attempt(bad.GetCursor()) == attempt })
				var rejected callgatev1.NackEventsResponse
				w.do("Events/NackEvents", &callgatev1.NackEventsRequest{Group: group, Cursors: []string{bad.GetCursor()}, Note: "no good"}, &rejected)
				if rejected.GetRejected() != 1 {
					t.Errorf("rejected %v", &rejected)
				}
			}
			reject(1)
			reject(2)
			var dead callgatev1.ListDeadLettersResponse
			waitUntil(t, "it is dead", func() bool {
				w.do("Groups/ListDeadLetters", &callgatev1.ListDeadLettersRequest{Group: group}, &dead)
				return len(dead.GetDeadLetters()) == 1
			})
			if letter := dead.GetDeadLetters()[0]; letter.GetEvent().GetId() != bad.GetId() || letter.GetNote() != "no good" || letter.GetDeliveries() != 2 {
				t.Errorf("the dead letter is %v", letter)
			}

			var got callgatev1.GetGroupResponse
			w.do("Groups/GetGroup", &callgatev1.GetGroupRequest{Group: group}, &got)
			if state := got.GetGroup(); state.GetDeadLetters() != 1 || state.GetPending() != 0 || len(state.GetMembers()) != 1 ||
				state.GetMaxDeliveries() != 2 || !proto.Equal(state.GetFilter(), filter) {
				t.Errorf("the group is %v", state)
			}
			var list callgatev1.ListGroupsResponse
			w.do("Groups/ListGroups", &callgatev1.ListGroupsRequest{}, &list)
			if n := len(list.GetGroups()); n == 0 || list.GetGroups()[n-1].GetGroup() != group {
				t.Errorf("the groups are %v", &list)
			}

			var replayed callgatev1.ReplayDeadLettersResponse
			w.do("Groups/ReplayDeadLetters", &callgatev1.ReplayDeadLettersRequest{Group: group, Cursors: []string{bad.GetCursor()}}, &replayed)
			waitUntil(t, "it is given out again", func() bool { return member.attempt(bad.GetCursor()) == 1 })
			var deleted callgatev1.DeleteDeadLettersResponse
			w.do("Groups/DeleteDeadLetters", &callgatev1.DeleteDeadLettersRequest{Group: group, All: true}, &deleted)
			if replayed.GetReplayed() != 1 || deleted.GetDeleted() != 1 {
				t.Errorf("replayed %v, deleted %v", &replayed, &deleted)
			}
			w.do("Groups/DeleteGroup", &callgatev1.DeleteGroupRequest{Group: group}, &callgatev1.DeleteGroupResponse{})
			<-member.done
			wantCode(t, member.err, codes.NotFound)
			wantCode(t, w.try("Groups/GetGroup", &callgatev1.GetGroupRequest{Group: group}, &got), codes.NotFound)
		})
	}
}

// attempt is the last one of an event that was given out.
func (e *events) attempt(cursor string) int32 {
	e.mu.Lock()
	defer e.mu.Unlock()
	attempt := int32(0)
	for _, resp := range e.got {
		if resp.GetEvent().GetCursor() == cursor {
			attempt = resp.GetDelivery().GetAttempt()
		}
	}
	return attempt
}

// TestGroupOverHTTP: members over HTTP share a group with those over gRPC.
func TestGroupOverHTTP(t *testing.T) {
	g := start(t)
	w := walk{t, g, transports[1]}
	const query = "group=web&ackWait=60s&maxUnacknowledged=1&filter.types=CALL_EVENT_TYPE_CALL_CONNECTED"
	_, lines := g.lines(t, "GET", "/v1/events:stream?"+query, "", "Accept", "text/event-stream")
	var began callgatev1.StreamEventsResponse
	if err := protojson.Unmarshal([]byte(nextFrame(t, lines).data), &began); err != nil || began.GetStarted().GetGroup().GetMaxUnacknowledged() != 1 {
		t.Fatalf("it began with %v, %v", &began, err)
	}
	for range 2 {
		id := w.call(user("8:acs:res_a")).GetCallConnection().GetCallConnectionId()
		event := nextFrame(t, lines)
		if event.event != "event" || !strings.Contains(event.data, id) || !strings.Contains(event.data, `"delivery":{"attempt":1}`) {
			t.Fatalf("then came %v", event)
		}
		w.do("Events/AckEvents", &callgatev1.AckEventsRequest{Group: "web", Cursors: []string{event.id}}, &callgatev1.AckEventsResponse{})
	}

	// One who comes back as a browser does joins as it did at first.
	_, lines = g.lines(t, "GET", "/v1/events:stream?"+query, "", "Accept", "text/event-stream", "Last-Event-ID", began.GetStarted().GetCursor())
	if frame := nextFrame(t, lines); frame.event != "started" || frame.id == began.GetStarted().GetCursor() {
		t.Errorf("it came back to %v", frame)
	}
	code, body, err := g.rest(t.Context(), "GET", "/v1/events:stream?"+url.Values{"group": {"web"}, "maxDeliveries": {"9"}}.Encode(), "")
	if err != nil || code != http.StatusBadRequest || !strings.Contains(string(body), "GROUP_SETTINGS_DIFFER") {
		t.Errorf("with other settings: %d, %s, %v", code, body, err)
	}
}

// TestGroupsAreTheirServices: a service's group has that service's events, for
// whoever of it sees the same.
func TestGroupsAreTheirServices(t *testing.T) {
	g := startGuarded(t, policyOf(
		"till: {role: operator, service: shop}", "stock: {role: viewer, service: shop}",
		"boss: {role: viewer, service: shop, calls: all}", "other: {role: operator}",
	), "till", "stock", "boss", "other")
	join := func() *callgatev1.StreamEventsRequest { return &callgatev1.StreamEventsRequest{Group: "g"} }
	till, other := g.streamAs(t, "till", join()), g.streamAs(t, "other", join())
	shops := g.createAs(t, "till", user("8:acs:res_a")).GetReceipt().GetCallConnectionId()
	others := g.createAs(t, "other", user("8:acs:res_b")).GetReceipt().GetCallConnectionId()
	isEvent := func(*callgatev1.CallEvent) bool { return true }
	connected := callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED
	if event := till.find(t, connected, isEvent); event.GetCallConnectionId() != shops {
		t.Errorf("the shop's group has %v", event)
	}
	event := other.find(t, connected, isEvent)
	if event.GetCallConnectionId() != others {
		t.Errorf("the other's has %v", event)
	}
	if resp, err := callgatev1.NewEventsClient(g.conn).AckEvents(as(t.Context(), "stock"), &callgatev1.AckEventsRequest{
		Group: "g", Cursors: []string{till.all()[0].GetCursor()},
	}); err != nil || resp.GetAcknowledged() != 1 {
		t.Errorf("acknowledged by another of the shop: %v, %v", resp, err)
	}
	_, err := callgatev1.NewGroupsClient(g.conn).ListDeadLetters(as(t.Context(), "boss"), &callgatev1.ListDeadLettersRequest{Group: "g"})
	wantCode(t, err, codes.FailedPrecondition)
	_, err = callgatev1.NewGroupsClient(g.conn).DeleteGroup(as(t.Context(), "stock"), &callgatev1.DeleteGroupRequest{Group: "g"})
	wantCode(t, err, codes.PermissionDenied)
	stream, err := callgatev1.NewEventsClient(g.conn).StreamEvents(as(t.Context(), "boss"), join())
	if err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	wantCode(t, err, codes.FailedPrecondition)
}

// TestGroupCommands: what an operator does about a group, from a shell.
func TestGroupCommands(t *testing.T) {
	g := start(t)
	c := &commandLine{addr: g.grpcAddr}
	w := walk{t, g, transports[0]}
	filter := &callgatev1.EventFilter{Types: []callgatev1.CallEventType{callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED}}
	member := g.stream(t, &callgatev1.StreamEventsRequest{Group: "billing", Filter: filter, MaxDeliveries: proto.Int32(1)})
	connected := func() string {
		id := w.call(user("8:acs:res_a")).GetCallConnection().GetCallConnectionId()
		return member.find(t, callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED, ofCall(id)).GetCursor()
	}
	says := func(want string, args ...string) {
		t.Helper()
		if code := c.run(t, append(args, "--no-json")...); code != cli.ExitDone || !regexp.MustCompile(want).MatchString(c.heard) {
			t.Errorf("%v: exit code %d, and no match of %q in\n%s", args, code, want, c.heard)
		}
	}
	says(`acknowledged +1`, "groups", "ack", "billing", connected())
	bad := connected()
	says(`rejected +1`, "groups", "nack", "billing", bad, "--note=no price")
	waitUntil(t, "it is dead", func() bool {
		c.run(t, "groups", "dead-letters", "list", "billing", "--no-json")
		return strings.Contains(c.heard, bad)
	})
	says(`CallConnected of .*given out 1 times in vain, last: rejected \(no price\)`, "groups", "dead-letters", "list", "billing")
	says(`billing +since .*, takes call connected`, "groups", "list")
	says(`(?s)dead letters +1.*given out +for 30s, up to 1 times.*member +.* has 0 of`, "groups", "get", "billing")
	says(`replayed +1`, "groups", "dead-letters", "replay", "billing", bad)
	says(`deleted +1`, "groups", "dead-letters", "delete", "billing", "--all")
	says(`deleted +billing`, "groups", "delete", "billing")
	if code := c.run(t, "groups", "get", "billing"); code != cli.ExitNotFound {
		t.Errorf("a group that is gone: exit code %d\n%s", code, c.heard)
	}
	<-member.done
}
