package eventstream

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callgate/callgate/eventstream/promises"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

var chaosGroup = GroupName{Name: "chaos"}

// groupChaos is a group whose members come and go, reject, forget and stall, at
// replicas that do the same.
type groupChaos struct {
	*testing.T
	chaos     *chaos
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
func (c *chaos) startGroup(ctx context.Context, t *testing.T) *groupChaos {
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
	return g.chaos.replicas[random.IntN(len(g.chaos.replicas))].shared()
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
		group, err := g.chaos.replicas[0].shared().Get(ctx, chaosGroup)
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
		page, next, err := g.chaos.replicas[0].shared().ListDeadLetters(testContext(g.T), chaosGroup, token, 1000, false)
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
