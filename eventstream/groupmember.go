package eventstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// maxGroupPushes bounds the pushes that wait to be read. Each has an event that
// counts against the member's limit, or goes with one that had.
const maxGroupPushes = 4096

// GroupMember is one stream's part in a group. What comes out of it is the group's
// to acknowledge, with Ack.
//
// Next is for one goroutine at a time; Close may be called from any.
type GroupMember struct {
	groups *Groups
	key    string
	id     string
	config *logv1.GroupConfig
	limit  int
	// startCursor is the group's position at the start.
	startCursor, earliestCursor string
	interval                    time.Duration
	timer                       *time.Timer
	ageing                      *time.Timer
	aged                        chan struct{}
	drained                     atomic.Bool // the gateway has ended it
	retention                   Retention

	inbox    *nats.Subscription
	pushes   chan *nats.Msg
	token    string // of the joining that counts
	received uint64 // pushes since

	mu       sync.Mutex
	items    []groupGift // to be given out
	holds    set[uint64] // what the owner has not said to be settled
	position uint64
	err      error         // why nothing more comes
	wake     chan struct{} // of capacity 1: something has changed

	closeOnce sync.Once
	ctx       context.Context // until Close
	cancel    context.CancelFunc
	stopped   chan struct{}
}

// groupGift is an item with its position.
type groupGift struct {
	seq  uint64
	item Item
}

func (g *Groups) newMember(ctx context.Context, key string, config *logv1.GroupConfig, o JoinOptions) (*GroupMember, error) {
	m := &GroupMember{
		groups: g, key: key, id: uuid.NewString(), config: config, limit: o.MaxUnacknowledged, interval: o.HeartbeatInterval,
		pushes: make(chan *nats.Msg, maxGroupPushes), holds: make(set[uint64]), wake: make(chan struct{}, 1), stopped: make(chan struct{}),
		aged: make(chan struct{}),
	}
	if m.limit == 0 {
		m.limit = DefaultMaxUnacknowledged
	}
	if m.interval == 0 {
		m.interval = DefaultHeartbeatInterval
	}
	var err error
	if m.inbox, err = g.log.conn.ChanSubscribe(g.log.conn.NewInbox(), m.pushes); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLogUnavailable, err)
	}
	if err := m.join(ctx); err != nil {
		return nil, errors.Join(err, m.inbox.Unsubscribe())
	}
	state, err := g.log.state(ctx)
	if err != nil {
		m.leave(false)
		return nil, errors.Join(err, m.inbox.Unsubscribe())
	}
	m.retention = g.log.retention(state)
	m.startCursor, m.earliestCursor = g.log.cursor(m.position), g.log.cursor(max(state.FirstSeq, 1)-1)
	m.timer = time.NewTimer(m.interval)
	if age, ages := g.hub.someAge(); ages {
		m.ageing = time.AfterFunc(age, func() { close(m.aged) })
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	g.hub.metrics.subscriptions.Inc()
	go m.run()
	return m, nil
}

// join makes it a member, or again one, and tells what it has.
func (m *GroupMember) join(ctx context.Context) error {
	m.token, m.received = uuid.NewString(), 0
	m.mu.Lock()
	holds := slices.Sorted(maps.Keys(m.holds))
	m.mu.Unlock()
	reply, err := m.groups.ask(ctx, m.key, &logv1.GroupRequest{Request: &logv1.GroupRequest_Join_{Join: &logv1.GroupRequest_Join{
		Member: m.id, Token: m.token, Inbox: m.inbox.Subject, Limit: int32(m.limit), Holds: holds,
	}}})
	if err != nil {
		return err
	}
	m.advance(reply.GetPosition())
	return nil
}

func (m *GroupMember) advance(position uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.position = max(m.position, position)
}

// run takes what is pushed, and keeps up the membership, until Close or for as long
// as there is an owner.
func (m *GroupMember) run() {
	defer close(m.stopped)
	ticker := time.NewTicker(m.groups.times.ping)
	defer ticker.Stop()
	for {
		var again bool
		select {
		case <-m.ctx.Done():
			return
		case msg := <-m.pushes:
			again = m.take(msg)
		case <-ticker.C:
			again = !m.ping()
		}
		if !again {
			continue
		}
		if m.groups.hub.drained.Load() { // the stream is about to end
			return
		}
		if m.failed() == nil {
			m.fail(m.join(m.ctx))
		}
		if m.failed() != nil {
			return
		}
	}
}

// take deals with a push, and tells whether to join again.
func (m *GroupMember) take(msg *nats.Msg) (again bool) {
	push := &logv1.GroupPush{}
	if err := proto.Unmarshal(msg.Data, push); err != nil || push.GetToken() != m.token {
		return false // of an owner before
	}
	if push.GetNumber() != m.received+1 {
		return true // something was lost
	}
	m.received++
	var gifts []groupGift
	for _, d := range push.GetDeliveries() {
		item, err := m.item(d)
		if err != nil {
			m.fail(err)
			return true
		}
		gifts = append(gifts, groupGift{d.GetSeq(), item})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, seq := range push.GetSettled() {
		delete(m.holds, seq)
		m.items = slices.DeleteFunc(m.items, func(g groupGift) bool { return g.seq == seq })
	}
	for _, gift := range gifts {
		m.holds[gift.seq] = struct{}{}
	}
	m.items = append(m.items, gifts...)
	m.position = max(m.position, push.GetPosition())
	m.notify()
	switch push.GetEnd() {
	case logv1.GroupPush_END_DELETED:
		m.err = ErrGroupNotFound
		return true
	case logv1.GroupPush_END_MOVED:
		return true
	}
	return false
}

func (m *GroupMember) item(d *logv1.GroupPush_Delivery) (Item, error) {
	log := m.groups.log
	if hole := d.GetHole(); hole != nil {
		return Item{
			Gap:     &Gap{From: log.cursor(hole.GetFrom()), To: log.cursor(d.GetSeq()), Reason: hole.GetReason()},
			Attempt: int(d.GetAttempt()),
		}, nil
	}
	ev, err := newEvent(log.id, d.GetSeq(), d.GetRecord())
	return Item{Event: ev, Attempt: int(d.GetAttempt())}, err
}

// ping says that it is there, and tells whether it still is a member.
func (m *GroupMember) ping() bool {
	raw, err := proto.Marshal(&logv1.GroupRequest{Request: &logv1.GroupRequest_Ping_{Ping: &logv1.GroupRequest_Ping{
		Member: m.id, Token: m.token, Received: m.received,
	}}})
	if err != nil {
		return true
	}
	ctx, cancel := context.WithTimeout(m.ctx, m.groups.times.ping)
	defer cancel()
	msg, err := m.groups.log.conn.RequestWithContext(ctx, groupSubject+m.key, raw)
	if err != nil {
		return !errors.Is(err, nats.ErrNoResponders) // else it is asked again soon
	}
	reply := &logv1.GroupReply{}
	if proto.Unmarshal(msg.Data, reply) != nil || reply.GetStatus() != logv1.GroupReply_STATUS_OK {
		return false
	}
	m.advance(reply.GetPosition())
	return true
}

// notify wakes Next.
func (m *GroupMember) notify() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// fail ends what comes with an error, if there is one.
func (m *GroupMember) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil && m.err == nil {
		m.err = err
		m.notify()
	}
}

func (m *GroupMember) failed() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// Started returns the group's position when it was joined, and the cursor behind
// which the log keeps everything.
func (m *GroupMember) Started() (cursor, earliest string) { return m.startCursor, m.earliestCursor }

// Retention is what the log keeps, as it was when the group was joined.
func (m *GroupMember) Retention() Retention { return m.retention }

// Position is the group's.
func (m *GroupMember) Position() string { return m.cursor() }

// Membership is what was joined.
func (m *GroupMember) Membership() *callgatev1.GroupMembership {
	return &callgatev1.GroupMembership{
		MemberId: m.id, AckWait: durationpb.New(m.config.GetAckWait().AsDuration()),
		MaxDeliveries: m.config.GetMaxDeliveries(), MaxUnacknowledged: int32(m.limit),
	}
}

// Next waits for the next item. It returns io.EOF when the member was drained, has
// grown old or was closed; ctx's error when that ends first; ErrGroupNotFound when the group was
// deleted, and ErrLogUnavailable when no owner could be found: it is a member no
// more.
func (m *GroupMember) Next(ctx context.Context) (Item, error) {
	m.timer.Reset(m.interval)
	for {
		select {
		case <-ctx.Done():
			return Item{}, ctx.Err()
		case <-m.ctx.Done():
			return Item{}, io.EOF
		case <-m.groups.hub.draining:
			return m.drain()
		case <-m.aged:
			return m.drain()
		default:
		}
		if item, ok, err := m.pending(); ok || err != nil {
			return item, err
		}
		select {
		case <-m.wake:
		case <-ctx.Done():
		case <-m.ctx.Done():
		case <-m.groups.hub.draining:
		case <-m.aged:
		case <-m.timer.C:
			return Item{Heartbeat: &Heartbeat{Cursor: m.cursor(), Time: m.groups.hub.now()}}, nil
		}
	}
}

func (m *GroupMember) pending() (Item, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.items) == 0 {
		return Item{}, false, m.err
	}
	item := m.items[0].item
	m.items = m.items[1:]
	return item, true, nil
}

func (m *GroupMember) cursor() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.groups.log.cursor(m.position)
}

func (m *GroupMember) drain() (Item, error) {
	if m.drained.Swap(true) {
		return Item{}, io.EOF
	}
	return Item{Draining: &Draining{Cursor: m.cursor()}}, nil
}

// leave tells the owner that the stream has ended. Is it lost, the owner will miss
// the pings.
func (m *GroupMember) leave(byClient bool) {
	leave := &logv1.GroupRequest_Leave{Member: m.id, Token: m.token, ByClient: byClient}
	m.mu.Lock()
	sent := maps.Clone(m.holds)
	for _, gift := range m.items {
		delete(sent, gift.seq)
	}
	m.mu.Unlock()
	leave.Sent = slices.Sorted(maps.Keys(sent))
	raw, err := proto.Marshal(&logv1.GroupRequest{Request: &logv1.GroupRequest_Leave_{Leave: leave}})
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), m.groups.times.ping)
		defer cancel()
		_, err = m.groups.log.conn.RequestWithContext(ctx, groupSubject+m.key, raw)
	}
	if err != nil && !errors.Is(err, nats.ErrNoResponders) { // no owner, no members
		m.groups.logger.Warn("a member could not leave its group", "error", err)
	}
}

// Close ends the membership: what was given out and not acknowledged goes to
// others.
func (m *GroupMember) Close() {
	m.closeOnce.Do(func() {
		m.cancel()
		<-m.stopped
		m.timer.Stop()
		if m.ageing != nil {
			m.ageing.Stop()
		}
		m.leave(m.failed() == nil && !m.drained.Load() && !m.groups.hub.drained.Load())
		_ = m.inbox.Unsubscribe() // fails only with a connection that is closed
		m.groups.hub.metrics.subscriptions.Dec()
	})
}

// Encoded is the Event as it is sent, with what a group says of it.
func (i Item) Encoded(includeData bool) *Encoded {
	shared := i.Event.Encoded(includeData)
	if i.Attempt == 0 {
		return shared
	}
	// Messages may be joined: what the group says stands behind the event.
	delivery, _ := proto.Marshal(&callgatev1.StreamEventsResponse{Delivery: &callgatev1.EventDelivery{Attempt: int32(i.Attempt)}})
	return &Encoded{buffers: append(slices.Clone(shared.buffers), mem.SliceBuffer(delivery))}
}
