package eventstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// Of a group that is made without these.
const (
	DefaultAckWait           = 30 * time.Second
	DefaultMaxDeliveries     = 5
	DefaultMaxUnacknowledged = 100
)

// Visibility is which calls' events a client may know of.
type Visibility struct {
	// AllCalls are those of every service; else of its own.
	AllCalls bool
	// Incoming are the parties whose incoming calls it sees where it does not see all.
	Incoming []string
}

// errOtherVisibility says that a group has events that a client may not know of, or
// lacks some that it may.
var errOtherVisibility = errors.New("visible calls: it was made by a client that sees others")

// is tells whether a group has been made with this visibility.
func (v Visibility) is(c *logv1.GroupConfig) bool {
	return v.AllCalls == c.GetAllCalls() && (v.AllCalls || slices.Equal(sortedSet(v.Incoming), c.GetIncoming()))
}

// JoinOptions say which group to join and how.
type JoinOptions struct {
	Group GroupName
	// Sees is what the member may know of. Fixed with the group.
	Sees Visibility
	// Filter is fixed with the group; nil is all.
	Filter *callgatev1.EventFilter
	// Commands are given out too. Fixed with the group.
	Commands bool
	// Start is where a group that is made begins.
	Start Start
	// AckWait and MaxDeliveries are fixed with the group. 0: as it has them, or the
	// default.
	AckWait       time.Duration
	MaxDeliveries int
	// MaxUnacknowledged is how many events the member may have;
	// DefaultMaxUnacknowledged when 0.
	MaxUnacknowledged int
	// HeartbeatInterval is how long Next waits before it gives a heartbeat;
	// DefaultHeartbeatInterval when 0.
	HeartbeatInterval time.Duration
}

// Join makes a member of a group, and the group where there is none. It must be
// closed. Errors: *GroupSettingsError, those of Start where the group is made, and
// ErrLogUnavailable.
func (g *Groups) Join(ctx context.Context, o JoinOptions) (*GroupMember, error) {
	if g.hub.drained.Load() {
		return nil, ErrDraining
	}
	key := o.Group.key()
	for {
		config, err := g.findOrMake(ctx, key, o)
		if err != nil {
			return nil, err
		}
		if err := compareGroup(config, o); err != nil {
			return nil, err
		}
		member, err := g.newMember(ctx, key, config, o)
		if !errors.Is(err, ErrGroupNotFound) { // deleted in between
			return member, err
		}
	}
}

func (g *Groups) findOrMake(ctx context.Context, key string, o JoinOptions) (*logv1.GroupConfig, error) {
	config, err := g.store.config(ctx, key)
	if !errors.Is(err, ErrGroupNotFound) {
		return config, err
	}
	s := newSubscription(g.hub, SubscribeOptions{})
	if err := s.begin(ctx, o.Start); err != nil {
		return nil, err
	}
	config = &logv1.GroupConfig{
		Name: o.Group.Name, Service: o.Group.Service, AllCalls: o.Sees.AllCalls, Incoming: sortedSet(o.Sees.Incoming), Filter: canonical(o.Filter), IncludeCommands: o.Commands,
		AckWait: durationpb.New(DefaultAckWait), MaxDeliveries: DefaultMaxDeliveries,
		Start: g.log.cursor(s.start), Incarnation: uuid.NewString(), CreateTime: timestamppb.New(g.hub.now()),
	}
	if o.AckWait != 0 {
		config.AckWait = durationpb.New(o.AckWait)
	}
	if o.MaxDeliveries != 0 {
		config.MaxDeliveries = int32(o.MaxDeliveries)
	}
	if s.gap != nil { // it is the group's to be told of
		config.Start = g.log.cursor(s.gap.from)
	}
	if !s.notBefore.IsZero() {
		config.NotBefore = timestamppb.New(s.notBefore)
	}
	return g.store.create(ctx, key, config)
}

// canonical is f in the one way that all filters are written that mean the same.
func canonical(f *callgatev1.EventFilter) *callgatev1.EventFilter {
	c := &callgatev1.EventFilter{
		CallConnectionIds: sortedSet(f.GetCallConnectionIds()),
		ServerCallIds:     sortedSet(f.GetServerCallIds()),
		CorrelationIds:    sortedSet(f.GetCorrelationIds()),
		Types:             sortedSet(f.GetTypes()),
		TypeNames:         sortedSet(f.GetTypeNames()),
		OperationContexts: sortedSet(f.GetOperationContexts()),
	}
	if proto.Size(c) == 0 {
		return nil
	}
	return c
}

func sortedSet[T ~string | ~int32](values []T) []T {
	values = slices.Clone(values)
	slices.Sort(values)
	return slices.Compact(values)
}

// compareGroup names everything in which a group is not as asked for.
func compareGroup(c *logv1.GroupConfig, o JoinOptions) error {
	var errs []error
	if !o.Sees.is(c) {
		errs = append(errs, errOtherVisibility)
	}
	if !proto.Equal(c.GetFilter(), canonical(o.Filter)) {
		errs = append(errs, errors.New("filter: it has another"))
	}
	if has := c.GetIncludeCommands(); o.Commands != has {
		errs = append(errs, fmt.Errorf("include_commands: it has %v, not %v", has, o.Commands))
	}
	if has := c.GetAckWait().AsDuration(); o.AckWait != 0 && o.AckWait != has {
		errs = append(errs, fmt.Errorf("ack_wait: it has %v, not %v", has, o.AckWait))
	}
	if has := int(c.GetMaxDeliveries()); o.MaxDeliveries != 0 && o.MaxDeliveries != has {
		errs = append(errs, fmt.Errorf("max_deliveries: it has %d, not %d", has, o.MaxDeliveries))
	}
	if errs != nil {
		return &GroupSettingsError{Differences: errors.Join(errs...)}
	}
	return nil
}
