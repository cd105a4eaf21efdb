package eventstream

import (
	"context"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// Ack says that a group has dealt with events, and returns once that is durable, and
// of how many it is news. Errors: ErrGroupNotFound, those of a cursor, and
// ErrLogUnavailable, after which it may be called again.
func (g *Groups) Ack(ctx context.Context, name GroupName, cursors []string) (int, error) {
	seqs, err := g.positions(ctx, cursors)
	if err != nil {
		return 0, err
	}
	reply, err := g.ask(ctx, name.key(), &logv1.GroupRequest{Request: &logv1.GroupRequest_Ack_{Ack: &logv1.GroupRequest_Ack{Seqs: seqs}}})
	return int(reply.GetCount()), err
}

// Nack says that a group could not deal with events, which members have: they are
// given out again after a delay. It returns how many those are. Errors: as of Ack.
func (g *Groups) Nack(ctx context.Context, name GroupName, cursors []string, delay time.Duration, note string) (int, error) {
	seqs, err := g.positions(ctx, cursors)
	if err != nil {
		return 0, err
	}
	reply, err := g.ask(ctx, name.key(), &logv1.GroupRequest{Request: &logv1.GroupRequest_Nack_{Nack: &logv1.GroupRequest_Nack{
		Seqs: seqs, Delay: durationpb.New(delay), Note: note,
	}}})
	return int(reply.GetCount()), err
}

// positions reads cursors of events that were given out. The log need not have
// them any more, but it must have had them.
func (g *Groups) positions(ctx context.Context, cursors []string) (seqs []uint64, err error) {
	highest := uint64(0)
	for _, cursor := range cursors {
		seq, err := decodeCursor(g.log.id, cursor)
		if err != nil {
			return nil, err
		}
		seqs, highest = append(seqs, seq), max(highest, seq)
	}
	if highest <= g.log.known.Load() {
		return seqs, nil
	}
	switch _, last, err := g.log.boundsAt(ctx, highest); {
	case err != nil:
		return nil, err
	case last < highest:
		return nil, ErrCursorAhead
	}
	return seqs, nil
}

// Get describes a group.
func (g *Groups) Get(ctx context.Context, name GroupName) (*callgatev1.Group, error) {
	key := name.key()
	config, err := g.store.config(ctx, key)
	if err != nil {
		return nil, err
	}
	reply, err := g.ask(ctx, key, &logv1.GroupRequest{Request: &logv1.GroupRequest_Describe_{}})
	if err != nil {
		return nil, err
	}
	letters, err := g.store.countLetters(ctx, key, config.GetIncarnation())
	if err != nil {
		return nil, err
	}
	_, last, _, err := g.log.bounds(ctx)
	if err != nil {
		return nil, err
	}
	group := groupOf(config)
	group.Position, group.ReadPosition = g.log.cursor(reply.GetPosition()), g.log.cursor(reply.GetReadPosition())
	group.Pending, group.Unacknowledged, group.Members = reply.GetPending(), reply.GetUnacknowledged(), reply.GetMembers()
	group.Unread, group.DeadLetters = int64(max(last, reply.GetReadPosition())-reply.GetReadPosition()), letters
	return group, nil
}

// groupOf is what is fixed of a group.
func groupOf(c *logv1.GroupConfig) *callgatev1.Group {
	return &callgatev1.Group{
		Group: c.GetName(), Filter: c.GetFilter(), AckWait: c.GetAckWait(), MaxDeliveries: c.GetMaxDeliveries(), CreateTime: c.GetCreateTime(),
		IncludeCommands: c.GetIncludeCommands(),
	}
}

// List lists a service's groups, by name, at most limit. pageToken is empty for the
// first page and nextToken of the page before for any other.
func (g *Groups) List(ctx context.Context, service, pageToken string, limit int) (groups []*callgatev1.Group, nextToken string, err error) {
	configs, more, err := g.store.list(ctx, service, pageToken, limit)
	if err != nil {
		return nil, "", err
	}
	for _, c := range configs {
		groups = append(groups, groupOf(c))
	}
	if more {
		nextToken = configs[len(configs)-1].GetName()
	}
	return groups, nextToken, nil
}

// Delete ends a group.
func (g *Groups) Delete(ctx context.Context, name GroupName) error {
	_, err := g.ask(ctx, name.key(), &logv1.GroupRequest{Request: &logv1.GroupRequest_Delete_{}})
	return err
}

// ListDeadLetters lists what a group gave up, the longest dead first, at most limit,
// for a client that sees what the group does; else it returns a *GroupSettingsError.
func (g *Groups) ListDeadLetters(ctx context.Context, name GroupName, sees Visibility, pageToken string, limit int, includeData bool) (letters []*callgatev1.DeadLetter, nextToken string, err error) {
	key := name.key()
	config, err := g.store.config(ctx, key)
	if err != nil {
		return nil, "", err
	}
	if !sees.is(config) {
		return nil, "", &GroupSettingsError{Differences: errOtherVisibility}
	}
	after := uint64(0)
	if pageToken != "" {
		if after, err = strconv.ParseUint(pageToken, 10, 64); err != nil {
			return nil, "", ErrCursorInvalid
		}
	}
	reply, err := g.ask(ctx, key, &logv1.GroupRequest{Request: &logv1.GroupRequest_Describe_{}})
	if err != nil {
		return nil, "", err
	}
	replaying := setOf(reply.GetReplaying())
	records, last, more, err := g.store.listLetters(ctx, key, config.GetIncarnation(), after, limit)
	if err != nil {
		return nil, "", err
	}
	for _, record := range records {
		ev, err := newEvent(g.log.id, record.GetSeq(), record.GetRecord())
		if err != nil {
			return nil, "", err
		}
		letter := &callgatev1.DeadLetter{
			Event: ev.CallEvent, Deliveries: record.GetDeliveries(), Cause: record.GetCause(), Note: record.GetNote(),
			Time: record.GetTime(), Replaying: replaying.has(record.GetSeq()),
		}
		if includeData {
			letter.Event = ev.WithData()
		}
		letters = append(letters, letter)
	}
	if more {
		nextToken = strconv.FormatUint(last, 10)
	}
	return letters, nextToken, nil
}

// ReplayDeadLetters gives dead letters to the group again, and returns how many are
// now that were not before: those of the cursors, or as many as may be at a time of
// all.
func (g *Groups) ReplayDeadLetters(ctx context.Context, name GroupName, cursors []string, all bool) (int, error) {
	return g.onLetters(ctx, name, cursors, all, func(seqs []uint64) *logv1.GroupRequest {
		return &logv1.GroupRequest{Request: &logv1.GroupRequest_Replay_{Replay: &logv1.GroupRequest_Replay{Seqs: seqs}}}
	})
}

// DeleteDeadLetters takes dead letters off the list, and returns how many.
func (g *Groups) DeleteDeadLetters(ctx context.Context, name GroupName, cursors []string, all bool) (int, error) {
	return g.onLetters(ctx, name, cursors, all, func(seqs []uint64) *logv1.GroupRequest {
		return &logv1.GroupRequest{Request: &logv1.GroupRequest_Forget_{Forget: &logv1.GroupRequest_Forget{Seqs: seqs}}}
	})
}

func (g *Groups) onLetters(ctx context.Context, name GroupName, cursors []string, all bool, request func([]uint64) *logv1.GroupRequest) (int, error) {
	key := name.key()
	config, err := g.store.config(ctx, key)
	if err != nil {
		return 0, err
	}
	seqs, err := g.positions(ctx, cursors)
	if err != nil {
		return 0, err
	}
	if all {
		records, _, _, err := g.store.listLetters(ctx, key, config.GetIncarnation(), 0, maxGroupReplays)
		if err != nil {
			return 0, err
		}
		for _, record := range records {
			seqs = append(seqs, record.GetSeq())
		}
	}
	reply, err := g.ask(ctx, key, request(seqs))
	return int(reply.GetCount()), err
}
