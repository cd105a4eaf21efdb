package eventstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callgate/callgate/eventstream/natscluster"
	"github.com/callgate/callgate/eventstream/promises"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// replica is what a gateway has of the log; it can be started again.
type replica struct {
	cluster *natsCluster
	i       int
	mu      sync.Mutex
	log     *Log
	hub     *Hub
	groups  *Groups
}

func (r *replica) start(ctx context.Context) error {
	quiet := slog.New(slog.DiscardHandler)
	log, err := OpenLog(ctx, LogOptions{NATS: r.cluster.natsOptions(r.i), Logger: quiet})
	if err != nil {
		return err
	}
	hub, err := NewHub(ctx, log, HubOptions{RingSize: 64})
	if err != nil {
		return errors.Join(err, log.Close())
	}
	groups, err := NewGroups(ctx, hub, GroupsOptions{Logger: quiet})
	if err != nil {
		hub.Close()
		return errors.Join(err, log.Close())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log, r.hub, r.groups = log, hub, groups
	return nil
}

func (r *replica) stop() error {
	log, hub, groups := r.parts()
	hub.Drain()
	groups.Close()
	hub.Close()
	return log.Close()
}

func (r *replica) parts() (*Log, *Hub, *Groups) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log, r.hub, r.groups
}

func (r *replica) shared() *Groups {
	_, _, groups := r.parts()
	return groups
}

// replicas are two of them over one cluster.
type replicas struct {
	cluster *natsCluster
	all     [2]*replica
	acked   atomic.Int64
}

// TestReplicasShareAGroup: events of twelve calls come to either of two replicas,
// some 100 a second, while NATS servers, their leader and the replicas are stopped
// and started again, and owners of the group die. The members of the group handle
// what was acknowledged at least once, in order by call.
func TestReplicasShareAGroup(t *testing.T) {
	t.Parallel()
	const trouble = 10 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), trouble+2*time.Minute)
	defer cancel()
	c := &replicas{cluster: newCluster(t)}
	for i := range c.all {
		c.all[i] = &replica{cluster: c.cluster, i: i}
		if err := c.all[i].start(ctx); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := c.all[i].stop(); err != nil {
				t.Error(err)
			}
		}()
	}
	writing, stopWriting := context.WithCancel(ctx)
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() { c.write(ctx, writing, w) })
	}
	group := c.startGroup(ctx, t)
	for round, deadline := 0, time.Now().Add(trouble); time.Now().Before(deadline) && ctx.Err() == nil; round++ {
		if err := c.harm(ctx, round); err != nil {
			t.Errorf("round %d: %v", round, err)
			break
		}
	}
	stopWriting()
	writers.Wait()
	group.finish(ctx)
	log, _, _ := c.all[0].parts()
	all, err := everything(ctx, log)
	if err != nil {
		t.Fatal(err)
	}
	if got := int64(len(all)); got != c.acked.Load() {
		t.Errorf("the log has %d events; %d were acknowledged", got, c.acked.Load())
	}
	group.check(all)
}

// write appends 50 events a second, each to whichever replica, until one says that
// it has it.
func (c *replicas) write(ctx, writing context.Context, w int) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-writing.Done():
			return
		case <-ticker.C:
		}
		for to := i; ; to++ {
			log, _, _ := c.all[to%len(c.all)].parts()
			if log.Append(ctx, record(fmt.Sprintf("%d-%d", w, i), fmt.Sprint("call", i%12), typeParticipantsUpdated)) == nil {
				c.acked.Add(1)
				break
			}
			if pauseForChaos(ctx); ctx.Err() != nil {
				return
			}
		}
	}
}

// harm makes one kind of trouble and mends it.
func (c *replicas) harm(ctx context.Context, round int) error {
	leader := c.cluster.Leader(streamName)
	switch round % 4 {
	case 0: // one that follows
		return c.stopAndStart(ctx, (leader+1)%natscluster.Nodes)
	case 1:
		return c.stopAndStart(ctx, leader)
	default: // a replica, and the group's owner with it
		r := c.all[round%len(c.all)]
		if o := r.shared().owner(chaosGroup.key()); o != nil && round%4 == 2 {
			o.die()
		}
		return errors.Join(r.stop(), r.start(ctx))
	}
}

// stopAndStart stops a node, lets the others run without it, and starts it.
func (c *replicas) stopAndStart(ctx context.Context, node int) error {
	whole := func() bool { return c.cluster.Whole(streamName) }
	if node < 0 {
		return until(ctx, whole)
	}
	c.cluster.StopNode(node)
	if err := until(ctx, func() bool { return c.cluster.Leader(streamName) >= 0 }); err != nil {
		return err
	}
	if err := c.cluster.StartNode(node); err != nil {
		return err
	}
	return until(ctx, whole)
}

func until(ctx context.Context, holds func() bool) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}

// everything reads all of the log.
func everything(ctx context.Context, log *Log) (promises.Log, error) {
	var all promises.Log
	for after := uint64(0); ; {
		p, err := log.read(ctx, after, "", readRecords)
		if err != nil {
			return nil, err
		}
		for _, ev := range p.events {
			all = append(all, ev.CallEvent)
		}
		if after = p.through; !p.more {
			return all, nil
		}
	}
}

var chaosGroup = GroupName{Name: "chaos"}

// groupChaos is a group whose members come and go, reject, forget and stall, at
// replicas that do the same.
type groupChaos struct {
	*testing.T
	chaos     *replicas
	stop      context.CancelFunc
	members   sync.WaitGroup
	mu        sync.Mutex
	recording promises.GroupRecording
}

const (
	chaosMembers = 4
	chaosFails   = "7" // what every event ends in that no member can deal with
)

// startGroup has a group work through all events.
func (c *replicas) startGroup(ctx context.Context, t *testing.T) *groupChaos {
	ctx, stop := context.WithCancel(ctx)
	g := &groupChaos{T: t, chaos: c, stop: stop, recording: promises.GroupRecording{
		Position: CursorPosition, Call: CallKey, MaxDeliveries: DefaultMaxDeliveries,
	}}
	for i := range chaosMembers {
		g.members.Go(func() {
			for random := rand.New(rand.NewPCG(2, uint64(i))); ctx.Err() == nil; {
				g.join(ctx, random)
			}
		})
	}
	return g
}

// anywhere is the part of one of the replicas.
func (g *groupChaos) anywhere(random *rand.Rand) *Groups {
	return g.chaos.all[random.IntN(len(g.chaos.all))].shared()
}

// join is a member for a while.
func (g *groupChaos) join(ctx context.Context, random *rand.Rand) {
	m, err := g.anywhere(random).Join(ctx, JoinOptions{
		Group: chaosGroup, Start: StartEarliest(), AckWait: 2 * time.Second, MaxUnacknowledged: 1 + random.IntN(20),
		HeartbeatInterval: 100 * time.Millisecond,
	})
	if err != nil {
		pauseForChaos(ctx)
		return
	}
	defer m.Close()
	for range 1 + random.IntN(300) {
		item, err := m.Next(ctx)
		if err != nil || item.Draining != nil {
			return
		}
		if item.Heartbeat == nil {
			g.deal(ctx, random, item)
		}
	}
}

// deal does with an item what members do, and more.
func (g *groupChaos) deal(ctx context.Context, random *rand.Rand, item Item) {
	resp := response(item)
	resp.Delivery = &callgatev1.EventDelivery{Attempt: int32(item.Attempt)}
	g.step(promises.GroupStep{Given: resp})
	cursor := promises.Cursor(resp)
	switch fails := strings.HasSuffix(item.Event.CallEvent.GetId(), chaosFails); {
	case fails || random.IntN(40) == 0:
		_, _ = g.anywhere(random).Nack(ctx, chaosGroup, []string{cursor}, 0, "") // if it does not get through, it stalls
	case random.IntN(100) == 0: // it is forgotten
	default:
		g.step(promises.GroupStep{Acknowledged: cursor})
		for ctx.Err() == nil {
			if _, err := g.anywhere(random).Ack(ctx, chaosGroup, []string{cursor}); err == nil {
				return
			}
			pauseForChaos(ctx)
		}
	}
}

// pauseForChaos keeps whoever tries again from doing nothing else.
func pauseForChaos(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(50 * time.Millisecond):
	}
}

func (g *groupChaos) step(s promises.GroupStep) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.recording.Steps = append(g.recording.Steps, s)
}

// finish waits until the group has dealt with everything.
func (g *groupChaos) finish(ctx context.Context) {
	err := until(ctx, func() bool {
		group, err := g.chaos.all[0].shared().Get(ctx, chaosGroup)
		return err == nil && group.GetPending() == 0 && group.GetUnread() == 0
	})
	g.stop()
	g.members.Wait()
	if err != nil {
		g.Errorf("the group does not come to its end: %v", err)
	}
}

// check holds what happened to the promises.
func (g *groupChaos) check(all promises.Log) {
	var dead []*callgatev1.DeadLetter
	for token := ""; ; {
		page, next, err := g.chaos.all[0].shared().ListDeadLetters(testContext(g.T), chaosGroup, Visibility{}, token, 1000, false)
		if err != nil {
			g.Fatal(err)
		}
		dead = append(dead, page...)
		if token = next; token == "" {
			break
		}
	}
	if err := promises.CheckGroup(g.recording, all, dead, func(*callgatev1.CallEvent) bool { return true }); err != nil {
		g.Error(err)
	}
	fails := 0
	for _, ev := range all {
		if strings.HasSuffix(ev.GetId(), chaosFails) {
			fails++
		}
	}
	g.Logf("the group: %d steps, %d of %d events are dead letters, %d had to be", len(g.recording.Steps), len(dead), len(all), fails)
	if len(dead) < fails {
		g.Errorf("%d events are dead letters; %d could not be dealt with", len(dead), fails)
	}
}
