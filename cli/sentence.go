package cli

import (
	"slices"
	"strings"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// sentences say what an event means; one with more to say ends with a colon.
var sentences = map[callgatev1.CallEventType]string{
	callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_ACCEPTED:                 "A client asked, and the upstream accepted:",
	callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_REJECTED:                 "A client asked, and was refused:",
	callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_FAILED:                   "A client asked, and it may or may not have happened:",
	callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED:                   "The connection is established.",
	callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_DISCONNECTED:                "The connection is over.",
	callgatev1.CallEventType_CALL_EVENT_TYPE_CREATE_CALL_FAILED:               "The call was not answered, or could not be placed.",
	callgatev1.CallEventType_CALL_EVENT_TYPE_ANSWER_FAILED:                    "The answered call could not be set up.",
	callgatev1.CallEventType_CALL_EVENT_TYPE_CONNECT_FAILED:                   "Connecting to the running call failed.",
	callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_TRANSFER_ACCEPTED:           "The transfer's target took the call:",
	callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_TRANSFER_FAILED:             "The transfer did not happen.",
	callgatev1.CallEventType_CALL_EVENT_TYPE_ADD_PARTICIPANT_SUCCEEDED:        "An invited party answered:",
	callgatev1.CallEventType_CALL_EVENT_TYPE_ADD_PARTICIPANT_FAILED:           "An invited party did not join:",
	callgatev1.CallEventType_CALL_EVENT_TYPE_REMOVE_PARTICIPANT_SUCCEEDED:     "A party was removed:",
	callgatev1.CallEventType_CALL_EVENT_TYPE_REMOVE_PARTICIPANT_FAILED:        "A party could not be removed:",
	callgatev1.CallEventType_CALL_EVENT_TYPE_MOVE_PARTICIPANT_SUCCEEDED:       "A party came from another call:",
	callgatev1.CallEventType_CALL_EVENT_TYPE_MOVE_PARTICIPANT_FAILED:          "A party could not be moved here:",
	callgatev1.CallEventType_CALL_EVENT_TYPE_CANCEL_ADD_PARTICIPANT_SUCCEEDED: "An invitation was withdrawn:",
	callgatev1.CallEventType_CALL_EVENT_TYPE_CANCEL_ADD_PARTICIPANT_FAILED:    "An invitation could not be withdrawn any more:",
}

// sentence is an event in words.
func (s *story) sentence(ev *callgatev1.CallEvent) string {
	if updated := ev.GetParticipantsUpdated(); updated != nil {
		return s.inside.update(updated.GetParticipants())
	}
	said, known := sentences[ev.GetType()]
	detail := detailWords(ev)
	switch {
	case !known && detail == "":
		return typeWords(ev)
	case !known:
		return typeWords(ev) + ": " + detail
	case strings.HasSuffix(said, ":") && detail != "":
		return said + " " + detail
	}
	return strings.TrimSuffix(said, ":")
}

// crowd is who is in a call, and in which state.
type crowd map[string]string

// update takes in who is there now, and tells what has changed.
func (c crowd) update(participants []*callgatev1.CallParticipant) string {
	var changes []string
	now := crowd{}
	for _, p := range participants {
		who, state := name(p.GetIdentifier()), participantState(p)
		now[who] = state
		before, was := c[who]
		switch {
		case !was:
			changes = append(changes, who+" is "+state)
		case before != state:
			changes = append(changes, who+" is now "+state)
		}
	}
	for who := range c {
		if _, is := now[who]; !is {
			changes = append(changes, who+" has left")
			delete(c, who)
		}
	}
	for who, state := range now {
		c[who] = state
	}
	if len(changes) == 0 {
		return "Who is in the call was told again; nothing has changed."
	}
	slices.Sort(changes)
	return strings.Join(changes, "; ") + "."
}
