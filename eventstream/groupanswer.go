package eventstream

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// maxPushBytes is how much is enough for one push; one event may be more.
const maxPushBytes = 256 << 10

// handle deals with one question.
func (o *groupOwner) handle(msg *nats.Msg) {
	req := &logv1.GroupRequest{}
	if err := proto.Unmarshal(msg.Data, req); err != nil {
		o.logger.Warn("a question that cannot be read", "error", err)
		return
	}
	now := time.Now()
	o.needed = now
	switch r := req.GetRequest().(type) {
	case *logv1.GroupRequest_Join_:
		o.join(now, msg, r.Join)
	case *logv1.GroupRequest_Leave_:
		o.leave(now, r.Leave)
		o.reply(msg, &logv1.GroupReply{Status: logv1.GroupReply_STATUS_OK})
	case *logv1.GroupRequest_Ping_:
		o.reply(msg, o.ping(now, r.Ping))
	case *logv1.GroupRequest_Ack_:
		n, ok := o.machine.ack(r.Ack.GetSeqs())
		if !ok {
			o.reply(msg, &logv1.GroupReply{Status: logv1.GroupReply_STATUS_FULL})
			return
		}
		o.answerLater(msg, n)
	case *logv1.GroupRequest_Nack_:
		n := o.machine.nack(now, r.Nack.GetSeqs(), r.Nack.GetDelay().AsDuration(), r.Nack.GetNote())
		o.afterClosing(msg, r.Nack.GetSeqs(), func() { o.answerLater(msg, n) })
	case *logv1.GroupRequest_Describe_:
		o.reply(msg, o.description())
	case *logv1.GroupRequest_Replay_:
		o.replay(msg, r.Replay.GetSeqs())
	case *logv1.GroupRequest_Forget_:
		o.forget(msg, r.Forget.GetSeqs())
	case *logv1.GroupRequest_Delete_:
		o.deletion = msg
	}
}

func (o *groupOwner) join(now time.Time, msg *nats.Msg, r *logv1.GroupRequest_Join) {
	if o.draining {
		o.reply(msg, &logv1.GroupReply{Status: logv1.GroupReply_STATUS_MOVED})
		if !o.groups.alone {
			o.end(letsGo)
		}
		return
	}
	delete(o.awaited, r.GetMember())
	o.peers[r.GetMember()] = &groupPeer{token: r.GetToken(), inbox: r.GetInbox(), seen: now}
	o.machine.join(now, r.GetMember(), int(r.GetLimit()), r.GetHolds())
	o.answerLater(msg, 0)
}

func (o *groupOwner) leave(now time.Time, r *logv1.GroupRequest_Leave) {
	delete(o.awaited, r.GetMember())
	if peer := o.peers[r.GetMember()]; peer == nil || peer.token != r.GetToken() {
		return
	}
	cause := callgatev1.DeadLetter_CAUSE_UNSPECIFIED
	if r.GetByClient() {
		cause = callgatev1.DeadLetter_CAUSE_MEMBER_LEFT
	}
	o.machine.leave(now, r.GetMember(), cause, r.GetSent()...)
	delete(o.peers, r.GetMember())
}

// ping notes that a member is there. One that did not get what was pushed before
// its last ping has to join again, and to say what it has.
func (o *groupOwner) ping(now time.Time, r *logv1.GroupRequest_Ping) *logv1.GroupReply {
	peer := o.peers[r.GetMember()]
	switch {
	case peer == nil || peer.token != r.GetToken():
		return &logv1.GroupReply{Status: logv1.GroupReply_STATUS_NOT_MEMBER}
	case r.GetReceived() < peer.pinged:
		o.lose(now, r.GetMember())
		return &logv1.GroupReply{Status: logv1.GroupReply_STATUS_NOT_MEMBER}
	}
	peer.seen, peer.pinged = now, peer.sent
	return &logv1.GroupReply{Status: logv1.GroupReply_STATUS_OK, Position: o.machine.position()}
}

// replay gives dead letters out again, once they are loaded.
func (o *groupOwner) replay(msg *nats.Msg, seqs []uint64) {
	o.aside(func(ctx context.Context) func() {
		events, err := o.loadLetters(ctx, seqs)
		return func() {
			if err != nil {
				o.logger.Warn("dead letters could not be read", "error", err)
				return // it is asked again
			}
			o.afterClosing(msg, seqs, func() { o.answerLater(msg, o.machine.replay(events)) })
		}
	})
}

// afterClosing goes on with a question once those of seqs that are just being given
// up are on the list of dead letters.
func (o *groupOwner) afterClosing(msg *nats.Msg, seqs []uint64, then func()) {
	if !o.machine.closes(seqs) {
		then()
		return
	}
	o.waiters = append(o.waiters, groupWaiter{o.machine.version, msg, func() { o.afterClosing(msg, seqs, then) }})
}

// forget takes dead letters off the list: those that are given out again with the
// state, the others beside.
func (o *groupOwner) forget(msg *nats.Msg, seqs []uint64) {
	n, others := o.machine.forget(seqs)
	o.aside(func(ctx context.Context) func() {
		for _, seq := range others {
			found, err := o.groups.store.raise(ctx, letterSubject(o.key, o.config.GetIncarnation(), seq))
			if err != nil {
				o.logger.Warn("a dead letter could not be deleted", "error", err)
				return func() {} // it is asked again
			}
			if found {
				n++
			}
		}
		return func() { o.answerLater(msg, n) }
	})
}

// remove deletes the group, while its state is not being written.
func (o *groupOwner) remove() {
	msg := o.deletion
	o.deletion, o.writing = nil, true
	o.aside(func(ctx context.Context) func() {
		err := o.groups.store.remove(ctx, o.key)
		return func() {
			if o.writing = false; err != nil {
				o.logger.Warn("the group could not be deleted", "error", err)
				return // it is asked again
			}
			o.end(deleted)
			o.reply(msg, &logv1.GroupReply{Status: logv1.GroupReply_STATUS_OK})
		}
	})
}

func (o *groupOwner) description() *logv1.GroupReply {
	m := o.machine
	reply := &logv1.GroupReply{
		Status: logv1.GroupReply_STATUS_OK, Position: m.position(), ReadPosition: m.through,
	}
	for _, e := range m.entries {
		if e.replay {
			reply.Replaying = append(reply.Replaying, e.seq)
		}
		if e.settled > 0 {
			continue
		}
		reply.Pending++
		if e.holder != nil {
			reply.Unacknowledged++
		}
	}
	for _, member := range m.sorted {
		reply.Members = append(reply.Members, &callgatev1.GroupMember{
			MemberId: member.id, Unacknowledged: int32(len(member.held)), MaxUnacknowledged: int32(member.limit), Stalled: member.stalled,
		})
	}
	return reply
}

// answerLater answers once the state is written as it is now.
func (o *groupOwner) answerLater(msg *nats.Msg, n int) {
	o.waiters = append(o.waiters, groupWaiter{o.machine.version, msg, func() {
		o.reply(msg, &logv1.GroupReply{Status: logv1.GroupReply_STATUS_OK, Count: int32(n), Position: o.machine.position()})
	}})
}

// answer answers those whose version is written.
func (o *groupOwner) answer() {
	waiters := o.waiters
	o.waiters = nil
	for _, w := range waiters {
		if w.version <= o.machine.written {
			w.then()
		} else {
			o.waiters = append(o.waiters, w)
		}
	}
}

// reply answers; an answer that is lost is asked for again.
func (o *groupOwner) reply(msg *nats.Msg, reply *logv1.GroupReply) {
	if msg.Reply == "" {
		return
	}
	raw, err := proto.Marshal(reply)
	if err == nil {
		err = msg.Respond(raw)
	}
	if err != nil {
		o.logger.Warn("an answer could not be sent", "error", err)
	}
}

// giveOut has deliveries pushed.
func (o *groupOwner) giveOut(now time.Time) {
	for _, d := range o.machine.deliver(now) {
		peer, e := o.peers[d.member], d.entry
		delivery := &logv1.GroupPush_Delivery{Seq: e.seq, Attempt: int32(e.failures) + 1}
		if e.hole != nil {
			delivery.Hole = &logv1.Hole{From: e.hole.from, Reason: e.hole.reason}
		} else {
			delivery.Record = e.event.record
		}
		if peer.size > 0 && peer.size+len(delivery.GetRecord()) > maxPushBytes {
			o.send(peer)
		}
		push := peer.pushed()
		push.Deliveries = append(push.Deliveries, delivery)
		peer.size += len(delivery.GetRecord())
	}
}

// pushed is the push that is being filled.
func (p *groupPeer) pushed() *logv1.GroupPush {
	if p.push == nil {
		p.push = &logv1.GroupPush{Token: p.token}
	}
	return p.push
}

// flush sends what is to be pushed.
func (o *groupOwner) flush() {
	for _, f := range o.machine.freed {
		if peer := o.peers[f.member]; peer != nil {
			peer.pushed().Settled = append(peer.pushed().Settled, f.seq)
		}
	}
	o.machine.freed = nil
	for _, peer := range o.peers {
		if peer.push != nil {
			o.send(peer)
		}
	}
}

// send pushes to a member. What is lost on the way, its next pings tell.
func (o *groupOwner) send(peer *groupPeer) {
	push := peer.push
	peer.push, peer.size = nil, 0
	peer.sent++
	push.Number, push.Position = peer.sent, o.machine.position()
	raw, err := proto.Marshal(push)
	if err == nil {
		err = o.groups.log.conn.Publish(peer.inbox, raw)
	}
	if err != nil {
		o.logger.Warn("a member could not be sent something", "error", err)
	}
}
