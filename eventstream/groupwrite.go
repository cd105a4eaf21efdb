package eventstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
)

// write writes the state as it is now, beside.
func (o *groupOwner) write(now time.Time) {
	snapshot, revision := o.machine.snapshot(), o.revision
	o.complete(snapshot.state)
	o.writing = true
	o.aside(func(context.Context) func() {
		ctx, cancel := context.WithTimeout(context.Background(), groupTry) // also when it is to end
		defer cancel()
		written, err := o.store(ctx, snapshot, revision, now)
		return func() {
			o.writing = false
			o.wrote(snapshot, written, err, now)
		}
	})
}

// complete adds to a state what the machine does not know.
func (o *groupOwner) complete(state *logv1.GroupState) {
	state.Incarnation, state.Owner = o.config.GetIncarnation(), o.id
}

// store writes a snapshot and returns the state's new revision.
func (o *groupOwner) store(ctx context.Context, s groupSnapshot, revision uint64, now time.Time) (uint64, error) {
	store := o.groups.store
	for _, e := range s.buried {
		if err := store.bury(ctx, letterSubject(o.key, o.config.GetIncarnation(), e.seq), e.deadLetter(now)); err != nil {
			return 0, fmt.Errorf("dead letter %d: %w", e.seq, err)
		}
	}
	for _, seq := range s.raised {
		if _, err := store.raise(ctx, letterSubject(o.key, o.config.GetIncarnation(), seq)); err != nil {
			return 0, fmt.Errorf("dead letter %d: %w", seq, err)
		}
	}
	written, err := store.write(ctx, stateKey(o.key), s.state, revision)
	if !errors.Is(err, errGroupTaken) {
		return written, err
	}
	// It may have been written here, by a write whose answer was lost.
	found := &logv1.GroupState{}
	revision, _, err = store.get(ctx, stateKey(o.key), found)
	if err != nil {
		return 0, err
	}
	if found.GetOwner() != o.id {
		return 0, errGroupTaken
	}
	return store.write(ctx, stateKey(o.key), s.state, revision)
}

func (o *groupOwner) wrote(s groupSnapshot, revision uint64, err error, began time.Time) {
	switch {
	case errors.Is(err, errGroupTaken):
		o.end(overtaken)
	case errors.Is(err, errLettersFull):
		o.logger.Error("no event can be given up", "error", err)
		o.machine.notBuried(time.Now())
	case err != nil:
		if o.rewrite.IsZero() { // once, and not for each try
			o.logger.Warn("the group's state could not be written", "error", err)
		}
		o.rewrite = time.Now().Add(groupRewrite)
	default:
		o.revision, o.renewed, o.rewrite = revision, began, time.Time{}
		o.machine.wrote(s.version)
		for _, e := range s.buried {
			o.logger.Warn("an event became a dead letter", "seq", e.seq, "deliveries", e.failures, "cause", e.cause.String(),
				"call_connection_id", e.event.CallEvent.GetCallConnectionId())
		}
		o.metrics.count(&o.machine.counts)
	}
}

// finish ends what is under way, lets go of the group, and tells everybody.
func (o *groupOwner) finish() {
	_ = o.sub.Unsubscribe() // fails only with a connection that is closed
	o.cancel()
	for o.beside > 0 {
		apply := <-o.done
		o.beside--
		apply()
	}
	if o.over == letsGo {
		ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
		defer cancel()
		snapshot := o.machine.snapshot()
		o.complete(snapshot.state)
		snapshot.state.Owner = ""
		if revision, err := o.store(ctx, snapshot, o.revision, time.Now()); err != nil {
			o.logger.Warn("the group could not be let go of, and lies still until its lease lapses", "error", err)
		} else {
			o.wrote(snapshot, revision, nil, time.Now())
			o.answer()
		}
	}
	why := logv1.GroupPush_END_MOVED
	if o.over == deleted {
		why = logv1.GroupPush_END_DELETED
	}
	for _, peer := range o.peers {
		peer.pushed().End = why
	}
	o.flush()
	for _, w := range o.waiters {
		o.reply(w.msg, &logv1.GroupReply{Status: logv1.GroupReply_STATUS_MOVED})
	}
	for {
		select {
		case msg := <-o.mailbox:
			o.reply(msg, &logv1.GroupReply{Status: logv1.GroupReply_STATUS_MOVED})
		default:
			return
		}
	}
}
