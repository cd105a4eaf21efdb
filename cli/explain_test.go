package cli

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/callgate/callgate/catalogue"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

func present(rawIDs ...string) *callgatev1.CallEvent_ParticipantsUpdated {
	updated := &callgatev1.ParticipantsUpdated{}
	for _, id := range rawIDs {
		updated.Participants = append(updated.Participants, &callgatev1.CallParticipant{Identifier: &callgatev1.CommunicationIdentifier{RawId: id}})
	}
	return &callgatev1.CallEvent_ParticipantsUpdated{ParticipantsUpdated: updated}
}

func TestStory(t *testing.T) {
	begin := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(begin.Add(d)) }
	code := func(c int32) *int32 { return &c }
	known, err := catalogue.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := newStory("c-1", known)
	for _, ev := range []*callgatev1.CallEvent{
		{Type: callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED, TypeName: "Microsoft.Communication.CallConnected",
			Time: at(time.Second), ReceiveTime: at(time.Second), OperationContext: "order-7", Result: &callgatev1.ResultInformation{Code: code(200)}},
		{Type: callgatev1.CallEventType_CALL_EVENT_TYPE_PARTICIPANTS_UPDATED, TypeName: "Microsoft.Communication.ParticipantsUpdated",
			Time: at(0), ReceiveTime: at(5 * time.Second), Detail: present("4:+14255550123", "8:acs:a")},
		{Type: callgatev1.CallEventType_CALL_EVENT_TYPE_PARTICIPANTS_UPDATED, TypeName: "Microsoft.Communication.ParticipantsUpdated",
			Time: at(6 * time.Second), ReceiveTime: at(6 * time.Second), Detail: present("8:acs:a")},
		{Type: callgatev1.CallEventType_CALL_EVENT_TYPE_PARTICIPANTS_UPDATED, TypeName: "Microsoft.Communication.ParticipantsUpdated",
			Time: at(6 * time.Second), ReceiveTime: at(6 * time.Second), Detail: present("8:acs:a")},
		{Type: callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_ACCEPTED, Time: at(500 * time.Millisecond), ReceiveTime: at(6 * time.Second),
			Detail: &callgatev1.CallEvent_Command{Command: &callgatev1.CommandEvent{
				Action: "ACTION_CREATE_CALL", Targets: []*callgatev1.CommunicationIdentifier{{RawId: "4:+14255550123"}}, UpstreamStatus: code(201),
				Duration: durationpb.New(34 * time.Millisecond), Principal: "sales", TraceParent: "00-abc-def-01",
			}}},
		{Type: callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_REJECTED, Time: at(6 * time.Second), ReceiveTime: at(6 * time.Second),
			Detail: &callgatev1.CallEvent_Command{Command: &callgatev1.CommandEvent{Action: "ACTION_HANG_UP_CALL", Reason: "UPSTREAM_THROTTLED"}}},
		{TypeName: "Microsoft.Communication.SomethingNewer", ReceiveTime: at(7 * time.Second)},
		{Type: callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_DISCONNECTED, TypeName: "Microsoft.Communication.CallDisconnected", Time: at(8 * time.Second),
			ReceiveTime: at(8 * time.Second), Result: &callgatev1.ResultInformation{Code: code(486), SubCode: code(1), Reason: "BUSY", Hint: "Call later."}},
	} {
		s.add(ev)
	}
	texts := []string{}
	for _, st := range s.Steps {
		texts = append(texts, st.Text)
	}
	if want := []string{
		"A client asked, and the upstream accepted: create call +14255550123; answered 201 after 34ms",
		"The connection is established.",
		"+14255550123 is in the call; 8:acs:a is in the call.",
		"+14255550123 has left.",
		"Who is in the call was told again; nothing has changed.",
		"A client asked, and was refused: hang up call; without an answer after 0s",
		"SomethingNewer",
		"The connection is over.",
	}; !slices.Equal(texts, want) {
		t.Errorf("the story is\n%q, not\n%q", texts, want)
	}
	var told strings.Builder
	if err := s.write(&told); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"It has ended; 8 events in 7.5s", "context: order-7", "note: it arrived 5s after it happened",
		"note: it happened before what is above it", "result: BUSY 486/1", "note: asked by sales", "note: trace abc", "result: UPSTREAM_THROTTLED", "hint: Call later.",
	} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("%q is not in\n%s", want, &told)
		}
	}
	if strings.Contains(told.String(), "200/0") {
		t.Errorf("a plain success is told as a result:\n%s", &told)
	}
}
