package emulator

import (
	"time"

	"github.com/callgate/callgate/upstream"
)

// gridIdentifier is a party as Event Grid's IncomingCall names it: kind first.
type gridIdentifier struct {
	Kind               upstream.CommunicationIdentifierKind        `json:"kind"`
	RawID              string                                      `json:"rawId"`
	CommunicationUser  *upstream.CommunicationUserIdentifierModel  `json:"communicationUser,omitempty"`
	PhoneNumber        *upstream.PhoneNumberIdentifierModel        `json:"phoneNumber,omitempty"`
	MicrosoftTeamsUser *upstream.MicrosoftTeamsUserIdentifierModel `json:"microsoftTeamsUser,omitempty"`
	MicrosoftTeamsApp  *upstream.MicrosoftTeamsAppIdentifierModel  `json:"microsoftTeamsApp,omitempty"`
	TeamsExtensionUser *upstream.TeamsExtensionUserIdentifierModel `json:"teamsExtensionUser,omitempty"`
}

func (id identifier) grid() gridIdentifier {
	return gridIdentifier{
		id.Kind, id.RawID, id.CommunicationUser, id.PhoneNumber, id.MicrosoftTeamsUser, id.MicrosoftTeamsApp, id.TeamsExtensionUser,
	}
}

type incomingCallData struct {
	To                  gridIdentifier `json:"to"`
	From                gridIdentifier `json:"from"`
	ServerCallID        string         `json:"serverCallId"`
	CallerDisplayName   string         `json:"callerDisplayName"`
	CustomContext       *customHeaders `json:"customContext,omitempty"`
	IncomingCallContext string         `json:"incomingCallContext"`
	CorrelationID       string         `json:"correlationId"`
}

func (w *world) raiseIncomingCall(in *incomingCall) {
	w.raise("IncomingCall", "/caller/"+in.from.RawID+"/recipient/"+in.to.RawID, incomingCallData{
		To: in.to.grid(), From: in.from.grid(), ServerCallID: in.conversation.serverCallID, CallerDisplayName: in.displayName,
		CustomContext: in.headers, IncomingCallContext: in.context, CorrelationID: in.conversation.correlationID,
	})
}

// gridCall is what the calling events need to remember of a call. The service
// raises them for VoIP users only: not for phones, and not for applications.
type gridCall struct {
	startedBy *gridParticipant
	started   bool
	startedAt time.Time
}

type gridParticipant struct {
	CommunicationIdentifier identifier `json:"communicationIdentifier"`
	Role                    string     `json:"role"`
}

type gridID struct {
	ID string `json:"id"`
}

// callingEventData is the data of CallStarted, CallEnded, CallParticipantAdded
// and CallParticipantRemoved, each with its own members left out of the others.
type callingEventData struct {
	DurationOfCall *float64         `json:"durationOfCall,omitempty"` // seconds
	User           *gridParticipant `json:"user,omitempty"`
	DisplayName    *string          `json:"displayName,omitempty"`
	ParticipantID  string           `json:"participantId,omitempty"`
	StartedBy      *gridParticipant `json:"startedBy"`
	ServerCallID   string           `json:"serverCallId"`
	Group          *gridID          `json:"group,omitempty"`
	Room           *gridID          `json:"room,omitempty"`
	IsTwoParty     bool             `json:"isTwoParty"`
	CorrelationID  string           `json:"correlationId"`
	IsRoomsCall    bool             `json:"isRoomsCall"`
}

func (v *conversation) callingEvent() callingEventData {
	data := callingEventData{
		StartedBy: v.grid.startedBy, ServerCallID: v.serverCallID, IsTwoParty: !v.group, CorrelationID: v.correlationID,
	}
	if v.roomID != "" {
		data.Room, data.IsRoomsCall = &gridID{v.roomID}, true
	}
	if v.groupCallID != "" {
		data.Group = &gridID{v.groupCallID}
	}
	return data
}

// begin is the moment at which a call is answered. Later ones change nothing.
func (v *conversation) begin() {
	if v.answered {
		return
	}
	v.answered = true
	for _, p := range v.parties {
		v.gridJoined(p)
	}
}

// gridJoined raises CallStarted with the first VoIP user of an answered call, and
// CallParticipantAdded with each.
func (v *conversation) gridJoined(p *party) {
	if !v.answered || p.application != nil || !p.id.isUser() || p.announced {
		return
	}
	p.announced = true
	who := &gridParticipant{CommunicationIdentifier: p.id}
	if !v.grid.started {
		v.grid = gridCall{startedBy: who, started: true, startedAt: v.world.emulator.options.Now()}
		v.world.raise("CallStarted", "call/"+v.serverCallID+"/startedBy/"+p.id.RawID, v.callingEvent())
	}
	v.raiseParticipant("CallParticipantAdded", p)
}

func (v *conversation) gridLeft(p *party) {
	if p.announced {
		v.raiseParticipant("CallParticipantRemoved", p)
	}
}

func (v *conversation) raiseParticipant(eventType string, p *party) {
	data := v.callingEvent()
	data.User = &gridParticipant{CommunicationIdentifier: p.id}
	data.DisplayName, data.ParticipantID = &p.displayName, p.gridID
	v.world.raise(eventType, "call/"+v.serverCallID+"/participant/"+p.id.RawID, data)
}

func (v *conversation) gridEnded() {
	if !v.grid.started {
		return
	}
	data := v.callingEvent()
	seconds := v.world.emulator.options.Now().Sub(v.grid.startedAt).Seconds()
	data.DurationOfCall = &seconds
	v.world.raise("CallEnded", "call/"+v.serverCallID, data)
}
