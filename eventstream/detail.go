package eventstream

import (
	"math"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

type resultData struct {
	Code    optional[int32] `json:"code"`
	SubCode optional[int32] `json:"subCode"`
	Message string          `json:"message"`
	SIP     *diagnosticData `json:"sipDetails"`
	Q850    *diagnosticData `json:"q850Details"`
}

type diagnosticData struct {
	Code    optional[int32] `json:"code"`
	Message string          `json:"message"`
}

type participantData struct {
	Identifier *identifierData `json:"identifier"`
	IsMuted    optional[bool]  `json:"isMuted"`
	IsOnHold   optional[bool]  `json:"isOnHold"`
}

// partyData is a party with its role. Its identifier is a member of its own, or,
// in older events, its own members.
type partyData struct {
	identifierData
	Identifier *identifierData `json:"communicationIdentifier"`
	Role       string          `json:"role"`
}

type namedData struct {
	ID string `json:"id"`
}

func (r *resultData) toProto() *callgatev1.ResultInformation {
	if r == nil {
		return nil
	}
	return &callgatev1.ResultInformation{
		Code: r.Code.value, SubCode: r.SubCode.value, Message: r.Message, Sip: r.SIP.toProto(), Q850: r.Q850.toProto(),
	}
}

func (d *diagnosticData) toProto() *callgatev1.DiagnosticInfo {
	if d == nil {
		return nil
	}
	return &callgatev1.DiagnosticInfo{Code: d.Code.value, Message: d.Message}
}

func (d *eventData) participantsUpdated() *callgatev1.ParticipantsUpdated {
	updated := &callgatev1.ParticipantsUpdated{SequenceNumber: d.SequenceNumber.value}
	for _, p := range d.Participants {
		updated.Participants = append(updated.Participants, &callgatev1.CallParticipant{
			Identifier: p.Identifier.toProto(), IsMuted: p.IsMuted.value, IsOnHold: p.IsOnHold.value,
		})
	}
	return updated
}

func (d *eventData) participant() *callgatev1.ParticipantEvent {
	return &callgatev1.ParticipantEvent{Participant: d.Participant.toProto()}
}

func (d *eventData) moveParticipant() *callgatev1.MoveParticipantEvent {
	return &callgatev1.MoveParticipantEvent{Participant: d.Participant.toProto(), FromCallConnectionId: d.FromCall}
}

func (d *eventData) invitation() *callgatev1.InvitationEvent {
	return &callgatev1.InvitationEvent{InvitationId: d.InvitationID}
}

func (d *eventData) transferAccepted() *callgatev1.CallTransferAccepted {
	return &callgatev1.CallTransferAccepted{
		TransferTarget: d.TransferTarget.toProto(), Transferee: d.Transferee.toProto(),
	}
}

func (d *eventData) incomingCall() *callgatev1.IncomingCall {
	return &callgatev1.IncomingCall{
		To:                  d.To.toProto(),
		From:                d.From.toProto(),
		CallerDisplayName:   d.CallerDisplayName,
		IncomingCallContext: d.IncomingCallContext,
		CustomContext:       d.CustomContext.toProto(),
		OnBehalfOfCallee:    d.OnBehalfOfCallee.toProto(),
	}
}

func (d *eventData) lifecycle() *callgatev1.CallLifecycle {
	startedBy, startedByRole := d.StartedBy.toProto()
	user, userRole := d.User.toProto()
	duration := d.DurationOfCall.value
	if duration == nil {
		duration = d.CallDuration.value
	}
	return &callgatev1.CallLifecycle{
		StartedBy:      startedBy,
		StartedByRole:  startedByRole,
		GroupId:        d.Group.ID,
		RoomId:         d.Room.ID,
		IsTwoParty:     d.IsTwoParty.value,
		IsRoomsCall:    d.IsRoomsCall.value,
		DurationOfCall: secondsToProto(duration),
		User:           user,
		UserRole:       userRole,
		DisplayName:    d.DisplayName,
		ParticipantId:  d.ParticipantID,
	}
}

func (p *partyData) toProto() (id *callgatev1.CommunicationIdentifier, role string) {
	switch {
	case p == nil:
		return nil, ""
	case p.Identifier != nil:
		return p.Identifier.toProto(), p.Role
	default:
		return p.identifierData.toProto(), p.Role
	}
}

// secondsToProto is nil for what is absent, or no length of time.
func secondsToProto(seconds *float64) *durationpb.Duration {
	const longest = float64(math.MaxInt64 / int64(time.Second))
	if seconds == nil || *seconds < 0 || *seconds > longest {
		return nil
	}
	return durationpb.New(time.Duration(math.Round(*seconds * float64(time.Second))))
}
