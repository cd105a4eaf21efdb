package cli

import (
	"context"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

type listParticipants struct {
	Call string `arg:"" help:"The call connection."`
}

// Run lists all participants, however many pages they take.
func (c *listParticipants) Run(ctx context.Context, p Process, conn *Connection) error {
	return ask(ctx, conn, p, func(ctx context.Context, g *gateway) (*callgatev1.ListParticipantsResponse, error) {
		all := &callgatev1.ListParticipantsResponse{}
		for token := ""; ; {
			page, err := g.participants.ListParticipants(ctx, &callgatev1.ListParticipantsRequest{CallConnectionId: c.Call, PageToken: token})
			if err != nil {
				return nil, err
			}
			all.Participants = append(all.Participants, page.GetParticipants()...)
			if token = page.GetNextPageToken(); token == "" {
				return all, nil
			}
		}
	}, func(all *callgatev1.ListParticipantsResponse) rows { return participantRows(all.GetParticipants()...) })
}

type getParticipant struct {
	Call        string `arg:"" help:"The call connection."`
	Participant party  `arg:"" help:"The party."`
}

// Run shows the participant.
func (c *getParticipant) Run(ctx context.Context, p Process, conn *Connection) error {
	return ask(ctx, conn, p, func(ctx context.Context, g *gateway) (*callgatev1.GetParticipantResponse, error) {
		return g.participants.GetParticipant(ctx, &callgatev1.GetParticipantRequest{CallConnectionId: c.Call, RawId: c.Participant.rawID()})
	}, func(resp *callgatev1.GetParticipantResponse) rows { return participantRows(resp.GetParticipant()) })
}

type addParticipant struct {
	Call              string         `arg:"" help:"The call connection."`
	Participant       party          `arg:"" help:"Who is invited."`
	CallerID          string         `name:"caller-id" placeholder:"+NUMBER" help:"Number of yours that phones are shown."`
	DisplayName       string         `help:"Name that users are shown."`
	InvitationTimeout *time.Duration `placeholder:"DURATION" help:"How long it may ring, whole seconds up to 3m."`
	headerFlags
	onCallFlags
}

// Run invites the participant.
func (c *addParticipant) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.AddParticipantRequest{
		CallConnectionId: c.Call, Participant: c.Participant.id, SourceCallerIdNumber: c.CallerID, SourceDisplayName: c.DisplayName,
		CustomCallingContext: c.callingContext(),
		RequestId:            c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	seconds, err := wholeSeconds("--invitation-timeout", c.InvitationTimeout)
	if err != nil {
		return err
	}
	req.InvitationTimeoutSeconds = seconds
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.AddParticipantResponse, error) {
		return g.participants.AddParticipant(ctx, req)
	}, nothing)
}

type cancelAdd struct {
	Call       string `arg:"" help:"The call connection."`
	Invitation string `arg:"" help:"The invitation, as adding the participant returned it."`
	onCallFlags
}

// Run withdraws the invitation.
func (c *cancelAdd) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.CancelAddParticipantRequest{
		CallConnectionId: c.Call, InvitationId: c.Invitation,
		RequestId: c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.CancelAddParticipantResponse, error) {
		return g.participants.CancelAddParticipant(ctx, req)
	}, nothing)
}

type removeParticipant struct {
	Call        string `arg:"" help:"The call connection."`
	Participant party  `arg:"" help:"Who is removed."`
	onCallFlags
}

// Run removes the participant.
func (c *removeParticipant) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.RemoveParticipantRequest{
		CallConnectionId: c.Call, Participant: c.Participant.id,
		RequestId: c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.RemoveParticipantResponse, error) {
		return g.participants.RemoveParticipant(ctx, req)
	}, nothing)
}

type muteParticipant struct {
	Call        string `arg:"" help:"The call connection."`
	Participant party  `arg:"" help:"The user who is muted."`
	actionFlags
	contextFlags
}

// Run mutes the participant.
func (c *muteParticipant) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.MuteParticipantRequest{
		CallConnectionId: c.Call, Participant: c.Participant.id,
		RequestId: c.requestID(), OperationContext: c.Context, ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, 0, func(ctx context.Context, g *gateway) (*callgatev1.MuteParticipantResponse, error) {
		return g.participants.MuteParticipant(ctx, req)
	}, nothing)
}

type moveParticipants struct {
	Call         string  `arg:"" help:"The call connection that they are to be in."`
	Participants []party `arg:"" help:"Who is fetched."`
	From         string  `required:"" placeholder:"CALL" help:"The call connection that they are in."`
	onCallFlags
}

// Run moves the participants.
func (c *moveParticipants) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.MoveParticipantsRequest{
		CallConnectionId: c.Call, Participants: identifiers(c.Participants), FromCallConnectionId: c.From,
		RequestId: c.requestID(), OperationContext: c.Context, OperationCallbackUri: c.CallbackURI, WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.MoveParticipantsResponse, error) {
		return g.participants.MoveParticipants(ctx, req)
	}, nothing)
}
