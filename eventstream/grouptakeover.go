package eventstream

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
)

// newGroupOwner takes a group over: by writing its state.
func newGroupOwner(ctx context.Context, g *Groups, key string, config *logv1.GroupConfig, state *logv1.GroupState, revision uint64) (*groupOwner, error) {
	o := &groupOwner{
		groups: g, key: key, id: uuid.NewString(), config: config, logger: g.logger.With("group", config.GetName()),
		machine: newGroupMachine(config.GetAckWait().AsDuration(), int(config.GetMaxDeliveries())),
		mailbox: make(chan *nats.Msg, maxGroupMailbox), items: make(chan groupItem), done: make(chan func(), 16),
		peers: make(map[string]*groupPeer), awaited: make(set[string]), revision: revision,
	}
	letters, err := o.letters(ctx, state)
	if err != nil {
		return nil, err
	}
	o.after = o.machine.restore(state, letters)
	now := time.Now()
	if !g.alone {
		o.awaited, o.awaiting = setOf(state.GetMembers()), now.Add(g.times.grace)
	}
	snapshot := o.machine.snapshot()
	o.complete(snapshot.state)
	if o.revision, err = g.store.write(ctx, stateKey(key), snapshot.state, revision); err != nil {
		return nil, err
	}
	o.renewed, o.needed = now, now
	o.ctx, o.cancel = context.WithCancel(g.ctx)
	return o, nil
}

// letters are the dead letters that a state gives out again.
func (o *groupOwner) letters(ctx context.Context, state *logv1.GroupState) (map[uint64]*Event, error) {
	var seqs []uint64
	for _, n := range state.GetNoted() {
		if n.GetReplay() {
			seqs = append(seqs, n.GetSeq())
		}
	}
	events, err := o.loadLetters(ctx, seqs)
	if err != nil {
		return nil, err
	}
	found := make(map[uint64]*Event, len(events))
	for _, ev := range events {
		found[ev.Seq] = ev
	}
	return found, nil
}

// loadLetters are the events of dead letters; those that there are.
func (o *groupOwner) loadLetters(ctx context.Context, seqs []uint64) (events []*Event, err error) {
	for _, seq := range seqs {
		_, letter, err := o.groups.store.letter(ctx, leaderRequest{LastFor: letterSubject(o.key, o.config.GetIncarnation(), seq)})
		if err != nil {
			return nil, err
		}
		if letter == nil {
			continue
		}
		ev, err := newEvent(o.groups.log.id, letter.GetSeq(), letter.GetRecord())
		if err != nil {
			return nil, err
		}
		events = append(events, ev)
	}
	return events, nil
}

// listen begins to take questions.
func (o *groupOwner) listen() (err error) {
	o.sub, err = o.groups.log.conn.ChanSubscribe(groupSubject+o.key, o.mailbox)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLogUnavailable, err)
	}
	return nil
}
