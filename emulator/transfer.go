package emulator

import (
	"github.com/callgate/callgate/upstream"
)

// transfer is one party of a call being connected to a target instead.
type transfer struct {
	connection *connection // of the application that asked
	moved      *party
	target     *party
	operation  operation
	next       *conversation // the call between the two
}

// start dials the target in a call of its own.
func (t *transfer) start(from identifier, custom *upstream.CustomCallingContext) {
	c, w := t.connection, t.connection.world
	c.state = upstream.CallStateTransferring
	switch {
	case t.target.behaviour.refusesTransfer, t.moved.application != nil:
		// An application cannot be the moved party.
		w.after(usualFailure, func() { t.failed(transferRefused().of(t.target.id.RawID)) })
		return
	case t.target.behaviour.dropsTransfer:
		w.after(usualAnswer, t.dropped)
		return
	}
	t.next = w.newConversation()
	t.next.dial(call{
		party: t.target, from: from, displayName: t.moved.displayName, custom: custom,
		ringFor: ringTimeout, timedOut: notAnswered(t.target.id.RawID),
		answered: t.accepted, failed: t.failed,
	})
}

// possible tells whether both ends of the old call are still there.
func (t *transfer) possible() bool {
	return !t.connection.ended() && t.connection.conversation.find(t.moved.id.RawID) == t.moved
}

func (t *transfer) accepted() {
	if !t.possible() {
		t.abandon()
		return
	}
	c, old := t.connection, t.connection.conversation
	c.state = upstream.CallStateTransferAccepted
	c.emit("CallTransferAccepted", t.operation, eventData{
		TransferTarget: &t.target.id, Transferee: &t.moved.id, ResultInformation: transferAccepted().information(),
	})
	alone := !old.group
	old.drop(t.moved, transferAccepted())
	if alone {
		old.end(endedByAPI())
	} else {
		c.state = upstream.CallStateConnected
		old.settle(hungUp(t.moved.id.RawID))
	}
	t.next.begin()
	t.next.join(t.moved)
	t.next.join(t.target)
	t.next.participantsChanged()
	t.next.checkAbandoned()
}

// failed leaves the call as it was.
func (t *transfer) failed(result outcome) {
	t.abandon()
	if !t.possible() {
		return
	}
	c := t.connection
	c.state = upstream.CallStateConnected
	c.emit("CallTransferFailed", t.operation, eventData{ResultInformation: result.information()})
}

// dropped is the moved party hanging up on the way: a call of two is just gone,
// in a group the transfer fails.
func (t *transfer) dropped() {
	if !t.possible() {
		return
	}
	if t.connection.conversation.group {
		t.failed(cancelledByCaller().of(t.moved.id.RawID))
	}
	t.connection.conversation.leaves(t.moved, hungUp(t.moved.id.RawID))
}

// abandon ends the call that the transfer was to make.
func (t *transfer) abandon() {
	if t.next != nil {
		t.next.end(cancelledByCaller())
	}
}
