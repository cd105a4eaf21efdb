package eventstream

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	// maxGroupMailbox bounds the questions that wait; further ones are lost, and
	// asked again.
	maxGroupMailbox = 1024
	// groupBatch is how many questions and events are dealt with before what follows
	// from them is sent and written.
	groupBatch = 256
	// groupSweep is how often an owner looks whether somebody is gone.
	groupSweep = 250 * time.Millisecond
	// groupRewrite is the pause after a write that failed.
	groupRewrite = 200 * time.Millisecond
)

// groupOwner moves one group: its goroutine runs the group's machine, and everything
// that takes time is done beside it.
type groupOwner struct {
	groups  *Groups
	key     string
	id      string
	config  *logv1.GroupConfig
	machine *groupMachine
	logger  *slog.Logger
	metrics *groupGauges

	ctx      context.Context
	cancel   context.CancelFunc
	sub      *nats.Subscription
	mailbox  chan *nats.Msg
	items    chan groupItem // from the log
	done     chan func()    // what work that was done beside has brought
	beside   int            // how much of that is under way
	peers    map[string]*groupPeer
	waiters  []groupWaiter
	awaited  set[string] // members of the owner before, until
	awaiting time.Time
	after    uint64 // read on behind

	revision uint64
	writing  bool      // the state is being written, or deleted
	deletion *nats.Msg // that was asked for
	renewed  time.Time // when the last write began that succeeded
	rewrite  time.Time // not before, after one that failed
	needed   time.Time // when somebody asked something last, or was a member
	draining bool
	over     groupEnd
}

// groupEnd is why an owner ends.
type groupEnd int

const (
	goesOn    groupEnd = iota
	letsGo             // others may have the group
	overtaken          // another has it
	deleted
)

// groupItem is what the log brings: an event, a hole, or else that nothing was left
// out up to a position.
type groupItem struct {
	event  *Event
	hole   *span
	passed uint64
}

// groupPeer is where a member is.
type groupPeer struct {
	token, inbox string
	sent, pinged uint64 // pushes, and how many those were at the last ping
	seen         time.Time
	push         *logv1.GroupPush // to be sent
	size         int              // of its events, in bytes
}

// groupWaiter is a question that goes on once a version of the state is written.
type groupWaiter struct {
	version uint64
	msg     *nats.Msg
	then    func()
}

// run moves the group until it has a reason to end.
func (o *groupOwner) run() {
	defer o.cancel()
	o.metrics = o.groups.metrics.of(o.config.GetName())
	defer o.metrics.forget()
	o.aside(func(ctx context.Context) func() {
		o.readLog(ctx)
		return func() {}
	})
	timer := time.NewTimer(groupSweep)
	defer timer.Stop()
	sweep := time.Now().Add(groupSweep)
	draining := o.groups.hub.draining
	for o.over == goesOn {
		select {
		case msg := <-o.mailbox:
			o.handle(msg)
		case item := <-o.wanted():
			o.take(item)
		case apply := <-o.done:
			o.beside--
			apply()
		case <-timer.C:
		case <-draining:
			draining, o.draining = nil, true
		case <-o.ctx.Done():
			o.end(letsGo)
		}
		o.takeMore()
		now := time.Now()
		if !now.Before(sweep) {
			o.sweep(now)
			sweep = now.Add(groupSweep)
		}
		o.machine.tick(now)
		if o.mayGiveOut(now) {
			o.giveOut(now)
		}
		o.flush()
		o.answer()
		if o.deletion != nil && !o.writing {
			o.remove()
		}
		if !o.writing && !now.Before(o.rewrite) && (o.machine.changed() || now.Sub(o.renewed) >= o.groups.times.renew) {
			o.write(now)
		}
		timer.Reset(time.Until(o.wake(sweep)))
	}
	o.finish()
}

// wanted are the items that there is room for: nil while there is none.
func (o *groupOwner) wanted() <-chan groupItem {
	if !o.machine.room() {
		return nil
	}
	return o.items
}

// takeMore takes what is there already, so that it shares one write.
func (o *groupOwner) takeMore() {
	for range groupBatch {
		select {
		case msg := <-o.mailbox:
			o.handle(msg)
		case item := <-o.wanted():
			o.take(item)
		default:
			return
		}
	}
}

func (o *groupOwner) wake(sweep time.Time) time.Time {
	if alarm := o.machine.alarm; !alarm.IsZero() && alarm.Before(sweep) {
		return alarm
	}
	return sweep
}

// end has run end, for the first reason.
func (o *groupOwner) end(why groupEnd) {
	if o.over == goesOn {
		o.over = why
	}
}

// aside does work that takes time, and then applies what came of it.
func (o *groupOwner) aside(work func(context.Context) (apply func())) {
	o.beside++
	go func() { o.done <- work(o.ctx) }()
}

func (o *groupOwner) take(item groupItem) {
	switch {
	case item.event != nil:
		o.machine.read(item.event)
	case item.hole != nil:
		o.machine.missing(*item.hole)
	default:
		o.machine.passed(item.passed)
	}
}

// readLog brings the log's events, until ctx ends or the gateway stops.
func (o *groupOwner) readLog(ctx context.Context) {
	sees := Visibility{AllCalls: o.config.GetAllCalls(), Incoming: o.config.GetIncoming()}
	sub := o.groups.hub.follow(SubscribeOptions{
		Filter: o.config.GetFilter(), Commands: o.config.GetIncludeCommands(), Visible: o.groups.visible(o.config.GetService(), sees),
		HeartbeatInterval: o.groups.times.renew, Lasting: true,
	}, o.after)
	defer sub.Close()
	for {
		item, err := sub.Next(ctx)
		if err != nil && !errors.Is(err, ErrLogUnavailable) {
			return
		}
		var got groupItem
		switch {
		case err != nil:
			select {
			case <-ctx.Done():
				return
			case <-time.After(maxTailPause):
			}
			continue
		case item.Event != nil:
			got.event = item.Event
			if from := o.config.GetNotBefore(); from != nil && item.Event.CallEvent.GetReceiveTime().AsTime().Before(from.AsTime()) {
				got = groupItem{passed: item.Event.Seq}
			}
		case item.Gap != nil:
			got.hole = &span{from: position(item.Gap.From), to: position(item.Gap.To), reason: item.Gap.Reason}
		case item.Heartbeat != nil:
			got.passed = position(item.Heartbeat.Cursor)
		default:
			return // draining
		}
		select {
		case o.items <- got:
		case <-ctx.Done():
			return
		}
	}
}

// position is that of a cursor which was made here.
func position(cursor string) uint64 {
	seq, _ := CursorPosition(cursor)
	return seq
}

// follow brings what a group takes, from a position on that the log may no longer
// have: it then begins with a gap.
func (h *Hub) follow(o SubscribeOptions, after uint64) *Subscription {
	s := newSubscription(h, o)
	s.pos = after
	s.join()
	return s
}

// sweep does what is due now and then.
func (o *groupOwner) sweep(now time.Time) {
	for id, peer := range o.peers {
		if now.Sub(peer.seen) > o.groups.times.silence {
			o.logger.Warn("a member of the group is gone without a word", "member", id)
			o.lose(now, id)
		}
	}
	if len(o.peers) > 0 {
		o.needed = now
	}
	// A member that is left once the gateway stops is at another, which can go on.
	if now.Sub(o.needed) > o.groups.times.idle || (o.draining && !o.groups.alone && len(o.peers) > 0) {
		o.end(letsGo)
	}
	o.metrics.set(o.machine, len(o.peers))
}

// lose takes a member off that did not leave: what it had is none of the events'
// failures.
func (o *groupOwner) lose(now time.Time, id string) {
	o.machine.leave(now, id, callgatev1.DeadLetter_CAUSE_UNSPECIFIED)
	delete(o.peers, id)
}

// mayGiveOut tells whether this is surely the owner, and nobody has what is to be
// given out: the members of the owner before have said what they have, or had time
// to.
func (o *groupOwner) mayGiveOut(now time.Time) bool {
	return !o.draining && o.over == goesOn && now.Sub(o.renewed) < o.groups.times.stop &&
		(len(o.awaited) == 0 || !now.Before(o.awaiting))
}
