package emulator

import (
	"slices"
	"time"

	"github.com/callgate/callgate/upstream"
)

// leg is a party being called. It ends once: answered, failed or withdrawn.
type leg struct {
	conversation *conversation
	party        *party
	invitationID string // of addParticipant
	answered     func()
	failed       func(outcome)
	timers       []*timer
	over         bool
	incoming     *incomingCall // where an application is being rung
	answeredBy   *connection   // the application that answered, perhaps not connected yet
}

// call describes a leg to dial.
type call struct {
	party        *party
	from         identifier // whom the called party sees
	displayName  string
	custom       *upstream.CustomCallingContext
	ringFor      time.Duration
	invitationID string
	// timedOut is the outcome when nobody answers within ringFor.
	timedOut outcome
	// answered is called with the party already in the call.
	answered func()
	failed   func(outcome)
}

// dial rings a party, which then acts as its behaviour says.
func (v *conversation) dial(d call) {
	l := &leg{conversation: v, party: d.party, invitationID: d.invitationID, answered: d.answered, failed: d.failed}
	v.legs = append(v.legs, l)
	w, b := v.world, d.party.behaviour
	switch {
	case b.ringsApplication:
		w.ring(ringing{
			conversation: v, leg: l, from: d.from, to: d.party.id, displayName: d.displayName, headers: headersOf(d.custom),
		})
	case b.fails != nil:
		l.timers = append(l.timers, w.after(usualFailure, func() { l.fail(b.fails()) }))
	case b.answers:
		l.timers = append(l.timers, w.after(b.answersAfter, l.answer))
	}
	l.timers = append(l.timers, w.after(d.ringFor, func() { l.fail(d.timedOut) }))
}

func (l *leg) answer() {
	if !l.over {
		l.withdraw()
		l.answered()
	}
}

func (l *leg) fail(result outcome) {
	if !l.over {
		l.withdraw()
		l.failed(result.of(l.party.id.RawID))
	}
}

// withdraw stops the ringing. Only an application that had just answered learns
// of it.
func (l *leg) withdraw() {
	l.over = true
	for _, t := range l.timers {
		t.stop()
	}
	if l.incoming != nil {
		l.incoming.withdraw()
	}
	if l.answeredBy != nil && !l.answeredBy.established() {
		l.answeredBy.fail(cancelledByCaller())
	}
	l.conversation.legs = slices.DeleteFunc(l.conversation.legs, func(other *leg) bool { return other == l })
}

// invitation is the pending leg of that invitation, or nil.
func (v *conversation) invitation(id string) *leg {
	for _, l := range v.legs {
		if l.invitationID == id {
			return l
		}
	}
	return nil
}
