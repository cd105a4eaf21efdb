package cli

import (
	"fmt"
	"strings"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// typeWords is an event's type as the upstream writes it, without what all types
// begin with.
func typeWords(ev *callgatev1.CallEvent) string {
	if ev.GetCommand() != nil {
		return enumWords(ev.GetType().String(), "CALL_EVENT_TYPE_")
	}
	return ev.GetTypeName()[strings.LastIndex(ev.GetTypeName(), ".")+1:]
}

// resultWords is how it went: the reason and the numbers.
func resultWords(r *callgatev1.ResultInformation) string {
	if r == nil {
		return ""
	}
	var said []string
	if r.GetReason() != "" {
		said = append(said, r.GetReason())
	}
	numbers := fmt.Sprintf("%d/%d", r.GetCode(), r.GetSubCode())
	if r.GetSip().GetCode() != 0 {
		numbers += fmt.Sprintf(" SIP %d", r.GetSip().GetCode())
	}
	if r.GetQ850().GetCode() != 0 {
		numbers += fmt.Sprintf(" Q.850 %d", r.GetQ850().GetCode())
	}
	return strings.Join(append(said, numbers), " ")
}

// detailWords is what an event has to say beyond its type and result.
func detailWords(ev *callgatev1.CallEvent) string {
	switch d := ev.GetDetail().(type) {
	case *callgatev1.CallEvent_ParticipantsUpdated:
		return partiesWords(d.ParticipantsUpdated.GetParticipants())
	case *callgatev1.CallEvent_AddParticipantSucceeded:
		return name(d.AddParticipantSucceeded.GetParticipant())
	case *callgatev1.CallEvent_AddParticipantFailed:
		return name(d.AddParticipantFailed.GetParticipant())
	case *callgatev1.CallEvent_RemoveParticipantSucceeded:
		return name(d.RemoveParticipantSucceeded.GetParticipant())
	case *callgatev1.CallEvent_RemoveParticipantFailed:
		return name(d.RemoveParticipantFailed.GetParticipant())
	case *callgatev1.CallEvent_MoveParticipantSucceeded:
		return name(d.MoveParticipantSucceeded.GetParticipant())
	case *callgatev1.CallEvent_MoveParticipantFailed:
		return name(d.MoveParticipantFailed.GetParticipant())
	case *callgatev1.CallEvent_CancelAddParticipantSucceeded:
		return "invitation " + d.CancelAddParticipantSucceeded.GetInvitationId()
	case *callgatev1.CallEvent_CancelAddParticipantFailed:
		return "invitation " + d.CancelAddParticipantFailed.GetInvitationId()
	case *callgatev1.CallEvent_CallTransferAccepted:
		return name(d.CallTransferAccepted.GetTransferee()) + " to " + name(d.CallTransferAccepted.GetTransferTarget())
	case *callgatev1.CallEvent_RecognizeCompleted:
		return heard(d.RecognizeCompleted)
	case *callgatev1.CallEvent_RecordingStateChanged:
		return enumWords(d.RecordingStateChanged.GetState().String(), "RECORDING_STATE_")
	case *callgatev1.CallEvent_Command:
		return commandWords(d.Command)
	case *callgatev1.CallEvent_IncomingCall:
		return "from " + name(d.IncomingCall.GetFrom()) + " to " + name(d.IncomingCall.GetTo())
	}
	return ""
}

// commandWords are what a client asked for, and how it was answered.
func commandWords(c *callgatev1.CommandEvent) string {
	said := enumWords(c.GetAction(), "ACTION_")
	if who := names(c.GetTargets()); who != "" {
		said += " " + who
	}
	if c.GetTransferee() != nil {
		said += ", handing over " + name(c.GetTransferee())
	}
	answered := "without an answer"
	if c.UpstreamStatus != nil {
		answered = fmt.Sprintf("answered %d", c.GetUpstreamStatus())
	}
	return fmt.Sprintf("%s; %s after %v", said, answered, c.GetDuration().AsDuration().Round(time.Millisecond))
}

func partiesWords(participants []*callgatev1.CallParticipant) string {
	if len(participants) == 0 {
		return "nobody is left"
	}
	said := make([]string, len(participants))
	for i, p := range participants {
		said[i] = name(p.GetIdentifier())
		if p.GetIsMuted() {
			said[i] += " (muted)"
		}
		if p.GetIsOnHold() {
			said[i] += " (on hold)"
		}
	}
	return strings.Join(said, ", ")
}

// eventLine is one event in one line.
func eventLine(ev *callgatev1.CallEvent) string {
	call := ev.GetCallConnectionId()
	if call == "" {
		call = "-"
	}
	line := fmt.Sprintf("%s  %-28s  %s", clock(ev.GetReceiveTime().AsTime()), typeWords(ev), call)
	for _, more := range []string{resultWords(ev.GetResult()), detailWords(ev)} {
		if more != "" {
			line += "  " + more
		}
	}
	return line
}
