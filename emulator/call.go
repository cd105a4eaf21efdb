package emulator

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/callgate/callgate/upstream"
)

// conversation is one call: the parties in it and the connections that
// applications hold to it.
type conversation struct {
	world         *world
	number        uint64
	serverCallID  string
	correlationID string
	groupCallID   string // of a call made by its group call locator
	roomID        string // of a room's call
	group         bool   // outlives its members: several targets, someone added, a meeting
	answered      bool
	over          bool
	parties       []*party
	connections   []*connection
	legs          []*leg        // parties being called
	ringing       *incomingCall // of a simulated caller that nobody answered yet
	recordings    []*recording  // that are not over
	grid          gridCall
	abandoned     *timer
}

// party is someone in a call: simulated, or an application.
type party struct {
	id          identifier
	number      uint64 // order of joining
	displayName string
	muted       bool
	held        bool // by hold
	playedTo    int  // plays to it alone, which the service shows as being on hold
	behaviour   Behaviour
	application *connection // nil: simulated
	hangUp      *timer
	gridID      string // participantId in calling events
	announced   bool   // in calling events
}

func (p *party) isOnHold() bool { return p.held || p.playedTo > 0 }

// abandonedAfter ends calls that no application is connected to any more, which
// nobody could see but ListCalls.
const abandonedAfter = 10 * time.Minute

func (w *world) newConversation() *conversation {
	v := &conversation{
		world: w, number: w.nextNumber(), serverCallID: newServerCallID(), correlationID: uuid.NewString(),
	}
	w.conversations[v.serverCallID] = v
	return v
}

func (w *world) newParty(id identifier) *party {
	return &party{id: id, number: w.nextNumber(), behaviour: behaviourOf(id.RawID), gridID: uuid.NewString()}
}

// join puts p into the call. The events are the caller's.
func (v *conversation) join(p *party) {
	p.number = v.world.nextNumber()
	v.parties = append(v.parties, p)
	for _, r := range v.recordings {
		r.hears(p)
	}
	v.talks(p)
	v.gridJoined(p)
}

// talks starts what a simulated party does once it is connected.
func (v *conversation) talks(p *party) {
	if p.application != nil || p.behaviour.hangsUpAfter == 0 {
		return
	}
	p.hangUp = v.world.after(p.behaviour.hangsUpAfter, func() {
		result := hungUp(p.id.RawID)
		if p.behaviour.hangsUpWith != nil {
			result = p.behaviour.hangsUpWith().of(p.id.RawID)
		}
		v.leaves(p, result)
	})
}

// find is the party with that raw id, or nil.
func (v *conversation) find(rawID string) *party {
	for _, p := range v.parties {
		if p.id.RawID == rawID {
			return p
		}
	}
	return nil
}

// others are the parties beside c's own.
func (v *conversation) others(c *connection) []*party {
	return slices.DeleteFunc(slices.Clone(v.parties), func(p *party) bool { return p == c.self })
}

// leaves takes p out of the call, for whatever reason result gives. An
// application that leaves loses its connection. A call of two ends with it.
func (v *conversation) leaves(p *party, result outcome) {
	v.drop(p, result)
	v.settle(result)
}

// drop is leaves without the consequences for the rest.
func (v *conversation) drop(p *party, result outcome) {
	i := slices.Index(v.parties, p)
	if i < 0 {
		return
	}
	v.parties = slices.Delete(v.parties, i, i+1)
	p.hangUp.stop()
	p.held = false
	for _, c := range v.connections {
		c.media.partyLeft(p)
	}
	v.gridLeft(p)
	if p.application != nil {
		p.application.end(result)
	}
}

// settle is called when parties have left: it ends a call that is over for the
// rest, or tells them.
func (v *conversation) settle(result outcome) {
	switch {
	case v.over:
	case len(v.parties) == 0, !v.group && len(v.parties) < 2:
		v.end(result)
	default:
		v.participantsChanged()
		v.checkAbandoned()
	}
}

func (v *conversation) participantsChanged() {
	for _, c := range v.connections {
		if c.established() {
			c.emitParticipantsUpdated()
		}
	}
}

// end is the end of the call for everyone who is still there.
func (v *conversation) end(result outcome) {
	if v.over {
		return
	}
	v.over = true
	v.abandoned.stop()
	for _, l := range slices.Clone(v.legs) {
		l.withdraw()
	}
	if v.ringing != nil {
		v.ringing.withdraw()
	}
	for _, r := range slices.Clone(v.recordings) {
		r.stop(callEnded)
	}
	for _, c := range slices.Clone(v.connections) {
		if c.established() {
			c.end(result)
		} else {
			c.fail(result)
		}
	}
	for _, p := range v.parties {
		p.hangUp.stop()
		v.gridLeft(p)
	}
	v.gridEnded()
	v.parties = nil
	delete(v.world.conversations, v.serverCallID)
	delete(v.world.meetings, meeting{v.groupCallID, v.roomID})
}

// checkAbandoned gives a call that lost its last application some time to be
// connected to again.
func (v *conversation) checkAbandoned() {
	v.abandoned.stop()
	if len(v.connections) == 0 && v.answered {
		v.abandoned = v.world.after(abandonedAfter, func() { v.end(endedByAPI()) })
	}
}

// identifiers are the models of ids, for responses.
func identifiers(ids []identifier) []upstream.CommunicationIdentifierModel {
	models := make([]upstream.CommunicationIdentifierModel, 0, len(ids))
	for _, id := range ids {
		models = append(models, id.model())
	}
	return models
}
