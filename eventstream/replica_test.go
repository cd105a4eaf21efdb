package eventstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callgate/callgate/eventstream/natscluster"
	"github.com/callgate/callgate/eventstream/promises"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// chaosSeconds, in the environment, is for how long TestReplicasOverACluster makes
// trouble; 10 when it is not set.
const chaosSeconds = "CALLGATE_TEST_CHAOS_SECONDS"

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
	log, err := OpenLog(ctx, LogOptions{NATS: r.cluster.natsOptions(r.i), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	hub, err := NewHub(ctx, log, HubOptions{RingSize: 64})
	if err != nil {
		return errors.Join(err, log.Close())
	}
	groups, err := NewGroups(ctx, hub, GroupsOptions{Logger: slog.New(slog.DiscardHandler)})
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
	log, hub := r.parts()
	hub.Drain()
	r.shared().Close()
	hub.Close()
	return log.Close()
}

func (r *replica) shared() *Groups {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.groups
}

func (r *replica) parts() (*Log, *Hub) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log, r.hub
}

// chaos is a run of two replicas over one cluster.
type chaos struct {
	replicas []*replica
	calls    []string
	refused  atomic.Int64
	acked    atomic.Int64
	resumed  atomic.Int64
}

// TestReplicasOverACluster: events come to either of two replicas, some 200 a
// second, while NATS servers, their leader and the replicas are stopped and
// started again. What was acknowledged comes exactly once, in order, to everybody
// who resumes, and at least once, in order by call, to the members of a group.
func TestReplicasOverACluster(t *testing.T) {
	t.Parallel()
	trouble := 10 * time.Second
	if text := os.Getenv(chaosSeconds); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		trouble = time.Duration(seconds) * time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), trouble+90*time.Second)
	defer cancel()
	cluster := newCluster(t)
	c := &chaos{calls: []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}}
	for i := range 2 {
		r := &replica{cluster: cluster, i: i}
		c.replicas = append(c.replicas, r)
		if err := r.start(ctx); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		}()
	}

	writing, stopWriting := context.WithCancel(ctx)
	var writers, readers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() { c.write(ctx, writing, w) })
	}
	filters := []*callgatev1.EventFilter{nil, byCall("a"), byCall("b", "c"), nil, byCall("c")}
	recordings := make([]promises.Recording, len(filters))
	for i, wanted := range filters {
		recordings[i].Position = CursorPosition
		readers.Go(func() {
			if err := c.read(ctx, rand.New(rand.NewPCG(1, uint64(i))), wanted, &recordings[i]); err != nil {
				t.Errorf("reader %d: %v", i, err)
			}
		})
	}
	group := c.startGroup(ctx, t)
	for round, deadline := 0, time.Now().Add(trouble); time.Now().Before(deadline) && ctx.Err() == nil; round++ {
		if err := c.harm(ctx, cluster, round); err != nil {
			t.Errorf("round %d: %v", round, err)
			break
		}
	}
	stopWriting()
	writers.Wait()
	log, _ := c.replicas[0].parts()
	for _, call := range c.calls { // the sign for readers to end
		if err := c.append(ctx, 0, call, endOf(call)); err != nil {
			t.Fatal(err)
		}
	}
	readers.Wait()
	group.finish(ctx)

	all, err := everything(ctx, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d events acknowledged, %d attempts refused, %d subscriptions resumed", c.acked.Load(), c.refused.Load(), c.resumed.Load())
	if got := int64(len(all)); got != c.acked.Load() {
		t.Errorf("the log has %d events; %d were acknowledged", got, c.acked.Load())
	}
	for i, recording := range recordings {
		wanted := newFilter(filters[i])
		if err := promises.Check(recording, all, wanted.matches); err != nil {
			t.Errorf("reader %d: %v", i, err)
		}
	}
	group.check(all)
}

func endOf(call string) string { return "end " + call }

// write appends 50 events a second, each until it is acknowledged.
func (c *chaos) write(ctx, writing context.Context, w int) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-writing.Done():
			return
		case <-ticker.C:
		}
		if c.append(ctx, w+i, c.calls[i%len(c.calls)], fmt.Sprintf("%d-%d", w, i)) != nil {
			return
		}
	}
}

// append sends an event as the upstream does: again, to whichever replica, until
// one says that it has it.
func (c *chaos) append(ctx context.Context, to int, call, id string) error {
	for ; ctx.Err() == nil; to++ {
		log, _ := c.replicas[to%len(c.replicas)].parts()
		if log.Append(ctx, record(id, call, typeParticipantsUpdated)) == nil {
			c.acked.Add(1)
			return nil
		}
		c.refused.Add(1)
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	return ctx.Err()
}

// read follows from the beginning, here and there, until all of its calls have
// ended. It resumes after every error, and leaves by itself at times.
func (c *chaos) read(ctx context.Context, random *rand.Rand, wanted *callgatev1.EventFilter, recording *promises.Recording) error {
	open, matcher := make(set[string]), newFilter(wanted)
	for _, call := range c.calls {
		if matcher.matches(&callgatev1.CallEvent{CallConnectionId: call}) {
			open[call] = struct{}{}
		}
	}
	start, after := StartEarliest(), ""
	for len(open) > 0 && ctx.Err() == nil {
		_, hub := c.replicas[random.IntN(len(c.replicas))].parts()
		sub, err := hub.Subscribe(ctx, SubscribeOptions{Filter: wanted, Start: start, HeartbeatInterval: 100 * time.Millisecond})
		if errors.Is(err, ErrLogUnavailable) {
			continue
		}
		if err != nil {
			return err // a cursor that was given out is always good
		}
		connection := promises.Connection{After: after, Responses: []*callgatev1.StreamEventsResponse{startedResponse(sub)}}
		for range 1 + random.IntN(500) {
			item, err := sub.Next(ctx)
			if err != nil {
				break // as the gateway ends the stream
			}
			connection.Responses = append(connection.Responses, response(item))
			delete(open, callOfEnd(item))
			if len(open) == 0 || item.Draining != nil {
				break
			}
		}
		sub.Close()
		after = promises.Cursor(connection.Responses[len(connection.Responses)-1])
		start = StartAfter(after)
		recording.Connections = append(recording.Connections, connection)
		c.resumed.Add(1)
	}
	return ctx.Err()
}

func callOfEnd(item Item) string {
	if ev := item.Event; ev != nil && ev.CallEvent.GetId() == endOf(ev.CallEvent.GetCallConnectionId()) {
		return ev.CallEvent.GetCallConnectionId()
	}
	return ""
}

// harm makes one kind of trouble and mends it.
func (c *chaos) harm(ctx context.Context, cluster *natsCluster, round int) error {
	leader := cluster.Leader(streamName)
	switch round % 4 {
	case 0: // one that follows
		return stopAndStart(ctx, cluster, (leader+1)%natscluster.Nodes)
	case 1:
		return stopAndStart(ctx, cluster, leader)
	case 2: // a replica
		r := c.replicas[round/4%len(c.replicas)]
		if o := r.shared().owner(chaosGroup.key()); o != nil && round%8 == 2 {
			o.die()
		}
		return errors.Join(r.stop(), r.start(ctx))
	default: // the leader of what is left
		return errors.Join(stopAndStart(ctx, cluster, (leader+2)%natscluster.Nodes), stopAndStart(ctx, cluster, cluster.Leader(streamName)))
	}
}

// stopAndStart stops a node, lets the others run without it, and starts it.
func stopAndStart(ctx context.Context, cluster *natsCluster, node int) error {
	if node < 0 {
		return until(ctx, func() bool { return cluster.Whole(streamName) })
	}
	cluster.StopNode(node)
	if err := until(ctx, func() bool { return cluster.Leader(streamName) >= 0 }); err != nil {
		return err
	}
	if err := cluster.StartNode(node); err != nil {
		return err
	}
	return until(ctx, func() bool { return cluster.Whole(streamName) })
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
