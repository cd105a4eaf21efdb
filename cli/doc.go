// Package cli is the part of the command line that uses a running gateway: its
// commands are RPCs, in words on a terminal and in JSON elsewhere.
package cli

import (
	"context"
	"io"

	"google.golang.org/protobuf/proto"
)

// Process is what the commands have of the process they run in.
type Process struct {
	Getenv func(string) string
	In     io.Reader
	Out    io.Writer
	// Terminal says that Out is read by a person.
	Terminal bool
}

// CallCommands are what can be done with a call as a whole.
type CallCommands struct {
	Connection `embed:""`
	Create     createCall   `cmd:"" help:"Place a call."`
	Answer     answerCall   `cmd:"" help:"Answer a call that rings."`
	Reject     rejectCall   `cmd:"" help:"Turn away a call that rings."`
	Redirect   redirectCall `cmd:"" help:"Send a call that rings on to somebody else."`
	Connect    connectCall  `cmd:"" help:"Join a call that runs already."`
	Transfer   transferCall `cmd:"" help:"Hand a party over to somebody else."`
	Hangup     hangUpCall   `cmd:"" help:"Leave a call, or end it for everyone."`
	Get        getCall      `cmd:"" help:"Show a call as it is now."`
}

// ParticipantCommands are what can be done with the parties of a call.
type ParticipantCommands struct {
	Connection `embed:""`
	List       listParticipants  `cmd:"" help:"Show who is in a call."`
	Get        getParticipant    `cmd:"" help:"Show one party of a call."`
	Add        addParticipant    `cmd:"" help:"Invite somebody."`
	CancelAdd  cancelAdd         `cmd:"" name:"cancel-add" help:"Withdraw an invitation."`
	Remove     removeParticipant `cmd:"" help:"Remove a party."`
	Mute       muteParticipant   `cmd:"" help:"Mute a user; phones cannot be muted."`
	Move       moveParticipants  `cmd:"" help:"Fetch parties from another call."`
}

// EventCommands read the event log.
type EventCommands struct {
	Connection `embed:""`
	Tail       tailEvents     `cmd:"" help:"Follow events, over lost connections too, until interrupted."`
	List       listEvents     `cmd:"" help:"Show the events of one call so far."`
	Wait       waitForOutcome `cmd:"" help:"Wait for the outcome of an action, from its receipt."`
}

// CallsCommands tell about calls.
type CallsCommands struct {
	Connection `embed:""`
	Explain    explainCall `cmd:"" help:"Tell the story of one call in words, with causes and what to do about them."`
}

// response is what an RPC answers with.
type response interface{ proto.Message }

// rpc is one RPC, made over a gateway's connection.
type rpc[R response] func(context.Context, *gateway) (R, error)
