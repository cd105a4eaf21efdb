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

// MediaCommands are what is said and heard in a call.
type MediaCommands struct {
	Connection    `embed:""`
	Play          playMedia             `cmd:"" help:"Play files, or say texts."`
	Recognize     recognizeInput        `cmd:"" help:"Ask a party for tones, speech or a choice."`
	SendTones     sendTones             `cmd:"" name:"send-tones" help:"Press keys for a phone."`
	ReportTones   reportTonesCommands   `cmd:"" name:"report-tones" help:"Have every tone told that a party presses."`
	Hold          holdParty             `cmd:"" help:"Put a party on hold."`
	Unhold        unholdParty           `cmd:"" help:"Take a party off hold."`
	Streaming     streamingCommands     `cmd:"" help:"Send a call's audio to a WebSocket."`
	Transcription transcriptionCommands `cmd:"" help:"Send what is said, as text, to a WebSocket."`
	Cancel        cancelMedia           `cmd:"" help:"Stop all that is played and recognized."`
}

// EventCommands read the event log.
type EventCommands struct {
	Connection `embed:""`
	Tail       tailEvents     `cmd:"" help:"Follow events, over lost connections too, until interrupted."`
	List       listEvents     `cmd:"" help:"Show the events of one call so far."`
	Wait       waitForOutcome `cmd:"" help:"Wait for the outcome of an action, from its receipt."`
}

// GroupCommands look after groups: streams that share the events of one.
type GroupCommands struct {
	Connection  `embed:""`
	List        listGroups         `cmd:"" help:"Show which groups there are."`
	Get         getGroup           `cmd:"" help:"Show how far a group is, and who has joined it."`
	Delete      deleteGroup        `cmd:"" help:"Forget a group, its position and its dead letters."`
	DeadLetters deadLetterCommands `cmd:"" name:"dead-letters" help:"See and decide about events that a group gave up."`
	Ack         ackEvents          `cmd:"" help:"Acknowledge events of a group."`
	Nack        nackEvents         `cmd:"" help:"Reject events of a group, which gives them out again."`
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
