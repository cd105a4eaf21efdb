package eventstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"
	"google.golang.org/protobuf/proto"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
)

// ErrGroupNotFound is returned when there is no such group, or not any more.
var ErrGroupNotFound = errors.New("there is no such group")

// GroupSettingsError is returned to one who joins a group that was made otherwise.
type GroupSettingsError struct {
	// Differences say what the group has and what was asked for.
	Differences error
}

func (e *GroupSettingsError) Error() string {
	return "the group was made otherwise: " + e.Differences.Error()
}

// groupSubject is where the owner of a group is asked.
const groupSubject = "callgate.groups."

// groupTimes are the times by which gateways agree on who owns a group.
type groupTimes struct {
	// An owner writes its state every renew, and stops giving out once it could not
	// for stop. A state that was not written for lease has no owner any more; the
	// difference is for two clocks of unequal speed, and a slow write.
	renew, stop, lease time.Duration
	// A member says every ping that it is there, and is gone after silence.
	ping, silence time.Duration
	// A new owner waits so long for the members of the one before.
	grace time.Duration
	// An owner whom nobody needs lets go after idle.
	idle time.Duration
	// A question is repeated for patience while no owner answers.
	patience time.Duration
}

var defaultGroupTimes = groupTimes{
	renew: time.Second, stop: 3500 * time.Millisecond, lease: 5 * time.Second,
	ping: time.Second, silence: 4 * time.Second, grace: 3 * time.Second,
	idle: 10 * time.Second, patience: 15 * time.Second,
}

const (
	// groupTry bounds one question: a write that waits for a leader has its time.
	groupTry   = 5 * time.Second
	groupPause = 50 * time.Millisecond
)

// GroupsOptions are the settings of Groups.
type GroupsOptions struct {
	// Visible tells which events a service may know of; all, when it is nil or
	// returns nil.
	Visible func(service string, sees Visibility) func(*Event) bool
	// Logger is told what goes wrong; slog.Default() when nil.
	Logger *slog.Logger
	// Registerer receives the metrics; none when nil.
	Registerer prometheus.Registerer
}

// Groups are the shared subscriptions of a log. Each group has one owner at a time,
// among all gateways of the log: that reads the log, decides who gets what, and
// writes the group's state. Members, wherever they are, and everybody else ask it;
// when there is none, whoever asks becomes it.
//
// The owner's right is the revision of the state: one that was overtaken cannot
// write, and so neither acknowledge nor let any call go on.
type Groups struct {
	hub     *Hub
	log     *Log
	store   *groupStore
	logger  *slog.Logger
	visible func(string, Visibility) func(*Event) bool
	metrics *groupMetrics
	times   groupTimes
	// alone tells that no other gateway has this log, so that a state whose owner is
	// not here has none.
	alone bool

	ctx     context.Context // of the owners
	stop    context.CancelFunc
	running sync.WaitGroup
	owning  singleflight.Group

	mu     sync.Mutex
	owners map[string]*groupOwner
	seen   map[string]seenState
	closed bool
}

// seenState is a state that somebody else owns: since when it is as it is.
type seenState struct {
	revision uint64
	since    time.Time
}

// NewGroups are the groups of hub's log. Those of an embedded log are opened, or room
// is made for them, when one is used first.
func NewGroups(ctx context.Context, hub *Hub, o GroupsOptions) (*Groups, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Visible == nil {
		o.Visible = func(string, Visibility) func(*Event) bool { return nil }
	}
	store, err := openGroupStore(ctx, hub.log)
	if err != nil {
		return nil, err
	}
	g := &Groups{
		hub: hub, log: hub.log, store: store, logger: o.Logger, visible: o.Visible, metrics: newGroupMetrics(o.Registerer),
		times: defaultGroupTimes, alone: !hub.log.external,
		owners: make(map[string]*groupOwner), seen: make(map[string]seenState),
	}
	g.ctx, g.stop = context.WithCancel(context.Background())
	return g, nil
}

// Close lets go of the groups that are owned here, so that others take them over
// at once. It comes before that of the hub.
func (g *Groups) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.stop()
	g.running.Wait()
}

// ask puts a question to the owner of a group, or becomes it. What is asked may be
// asked again.
func (g *Groups) ask(ctx context.Context, key string, req *logv1.GroupRequest) (*logv1.GroupReply, error) {
	raw, err := proto.Marshal(req)
	if err != nil {
		return nil, err
	}
	patient, cancel := context.WithTimeout(ctx, g.times.patience)
	defer cancel()
	for {
		reply, err := g.askOnce(patient, key, raw)
		switch {
		case err == nil && (reply.GetStatus() == logv1.GroupReply_STATUS_OK || reply.GetStatus() == logv1.GroupReply_STATUS_NOT_MEMBER):
			return reply, nil
		case err == nil:
			err = fmt.Errorf("its group answers %v", reply.GetStatus())
		case errors.Is(err, nats.ErrNoResponders):
			_, err, _ = g.owning.Do(key, func() (any, error) { return nil, g.own(patient, key) })
			switch {
			case err == nil:
				continue
			case errors.Is(err, ErrGroupNotFound) || errors.Is(err, ErrCursorOtherLog) || errors.Is(err, ErrCursorAhead):
				return nil, err
			}
		}
		select {
		case <-patient.Done():
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("%w: %w", ErrLogUnavailable, err)
		case <-time.After(groupPause):
		}
	}
}

func (g *Groups) askOnce(ctx context.Context, key string, raw []byte) (*logv1.GroupReply, error) {
	ctx, cancel := context.WithTimeout(ctx, groupTry)
	defer cancel()
	msg, err := g.log.conn.RequestWithContext(ctx, groupSubject+key, raw)
	if err != nil {
		return nil, err
	}
	reply := &logv1.GroupReply{}
	return reply, proto.Unmarshal(msg.Data, reply)
}

var (
	errGroupHeld    = errors.New("the group has an owner that does not answer")
	errGroupsClosed = fmt.Errorf("%w: it is closed", ErrLogUnavailable)
)

// own makes this gateway the owner, if the group has none.
func (g *Groups) own(ctx context.Context, key string) error {
	if g.owner(key) != nil {
		return errGroupHeld // it is ending, or the connection was lost
	}
	config, err := g.store.config(ctx, key)
	if err != nil {
		return err
	}
	state := &logv1.GroupState{}
	revision, found, err := g.store.get(ctx, stateKey(key), state)
	if err != nil {
		return err
	}
	if !found || state.GetIncarnation() != config.GetIncarnation() {
		start, err := decodeCursor(g.log.id, config.GetStart())
		if err != nil {
			return err
		}
		state = &logv1.GroupState{Incarnation: config.GetIncarnation(), Through: start}
	}
	if state.GetOwner() != "" && !g.alone && !g.lapsed(key, revision) {
		return errGroupHeld
	}
	if _, last, err := g.log.boundsAt(ctx, state.GetThrough()); err != nil {
		return err
	} else if last < state.GetThrough() {
		return ErrCursorAhead
	}
	o, err := newGroupOwner(ctx, g, key, config, state, revision)
	if err != nil {
		return err
	}
	return g.start(o)
}

func (g *Groups) owner(key string) *groupOwner {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.owners[key]
}

// lapsed tells whether a state has been as it is for as long as a lease lasts, by
// this gateway's clock alone.
func (g *Groups) lapsed(key string, revision uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if seen := g.seen[key]; seen.revision == revision {
		return time.Since(seen.since) >= g.times.lease
	}
	g.seen[key] = seenState{revision, time.Now()}
	return false
}

// start runs an owner that has just written that it is it.
func (g *Groups) start(o *groupOwner) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.seen, o.key)
	if g.closed {
		return errGroupsClosed // its lease lapses
	}
	if err := o.listen(); err != nil {
		return err
	}
	g.owners[o.key] = o
	g.running.Go(func() {
		o.run()
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.owners, o.key)
	})
	return nil
}
