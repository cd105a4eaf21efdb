package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// consumption is Consume that runs beside the test, and what it handled.
type consumption struct {
	mu      sync.Mutex
	handled []string
	running map[string]bool
	problem error
	ended   chan error
	stop    context.CancelFunc
}

func consume(tb testing.TB, conn *grpc.ClientConn, req *callgatev1.StreamEventsRequest, handle GroupHandler) *consumption {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	c := &consumption{running: make(map[string]bool), ended: make(chan error, 1), stop: cancel}
	req = proto.CloneOf(req)
	req.Group, req.Start = "g", &callgatev1.StreamEventsRequest_Earliest{Earliest: true}
	go func() {
		c.ended <- Consume(ctx, conn, req, func(ctx context.Context, resp *callgatev1.StreamEventsResponse) error {
			c.begins(resp, true)
			err := handle(ctx, resp)
			c.begins(resp, false)
			if err == nil {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.handled = append(c.handled, resp.GetEvent().GetId())
			}
			return err
		})
		close(c.ended)
	}()
	tb.Cleanup(func() {
		cancel()
		for range c.ended { // until it has ended
		}
	})
	return c
}

// begins notes that a call's event is being handled, or not any more.
func (c *consumption) begins(resp *callgatev1.StreamEventsResponse, is bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call := resp.GetEvent().GetCallConnectionId()
	if c.running[call] == is {
		c.problem = fmt.Errorf("two events of %q are handled at a time", call)
	}
	c.running[call] = is
}

// wants waits until events of a call have been handled in order, each at least once.
func (c *consumption) wants(t *testing.T, call string, n int) {
	t.Helper()
	eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.problem != nil {
			t.Fatal(c.problem)
		}
		next := 0
		for _, id := range c.handled {
			if id == fmt.Sprintf("%s-%d", call, next) {
				next++
			}
		}
		return next >= n
	})
}

func well(context.Context, *callgatev1.StreamEventsResponse) error { return nil }

func TestConsumeGoesOnOverRestarts(t *testing.T) {
	for end, ending := range map[string]func(*gateway, testing.TB){"stops": (*gateway).stop, "is killed": (*gateway).kill} {
		t.Run("the gateway "+end, func(t *testing.T) {
			g := newGateway(t)
			c := consume(t, g.dial(t), &callgatev1.StreamEventsRequest{}, well)
			for round := range 3 {
				g.happen(t, "a", 10*round, 10)
				g.happen(t, "b", 10*round, 10)
				c.wants(t, "a", 10*round+5)
				ending(g, t)
				g.start(t)
			}
			c.wants(t, "a", 30)
			c.wants(t, "b", 30)
			g.acknowledged(t)
		})
	}
}

// acknowledged waits until nothing is left that the group has to deal with.
func (g *gateway) acknowledged(t *testing.T) {
	t.Helper()
	eventually(t, func() bool {
		group, err := g.groups.Get(t.Context(), eventstream.GroupName{Name: "g"})
		if err != nil {
			t.Fatal(err)
		}
		return group.GetPending() == 0 && group.GetUnread() == 0
	})
}

func TestConsumersShareAGroup(t *testing.T) {
	g := newGateway(t)
	one := consume(t, g.dial(t), &callgatev1.StreamEventsRequest{}, well)
	two := consume(t, g.dial(t), &callgatev1.StreamEventsRequest{}, well)
	const calls = 40
	eventually(t, func() bool {
		group, err := g.groups.Get(t.Context(), eventstream.GroupName{Name: "g"})
		return err == nil && len(group.GetMembers()) == 2
	})
	for i := range calls {
		g.happen(t, fmt.Sprint("call", i), 0, 3)
	}
	count := func(c *consumption) int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.handled)
	}
	eventually(t, func() bool { return count(one)+count(two) == 3*calls })
	if count(one) == 0 || count(two) == 0 {
		t.Errorf("one handled %d, two %d", count(one), count(two))
	}
}

func TestWhatCannotBeHandledComesAgainAndIsGivenUp(t *testing.T) {
	g := newGateway(t)
	c := consume(t, g.dial(t), &callgatev1.StreamEventsRequest{MaxDeliveries: proto.Int32(2)}, func(_ context.Context, resp *callgatev1.StreamEventsResponse) error {
		if resp.GetEvent().GetId() == "a-0" {
			return errors.New("not this one")
		}
		return nil
	})
	g.happen(t, "a", 0, 2)
	g.happen(t, "b", 0, 1)
	c.wants(t, "b", 1)
	eventually(t, func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.handled) == 2 })
	letters, _, err := g.groups.ListDeadLetters(t.Context(), eventstream.GroupName{Name: "g"}, eventstream.Visibility{AllCalls: true}, "", 10, false)
	if err != nil || len(letters) != 1 || letters[0].GetNote() != "not this one" || letters[0].GetEvent().GetId() != "a-0" {
		t.Errorf("dead letters %v, %v", letters, err)
	}
}

// TestConsumeEndsGracefully: what is being handled when it is to end is finished and
// acknowledged.
func TestConsumeEndsGracefully(t *testing.T) {
	g := newGateway(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	c := consume(t, g.dial(t), &callgatev1.StreamEventsRequest{}, func(ctx context.Context, _ *callgatev1.StreamEventsResponse) error {
		close(begun)
		<-ctx.Done() // it is told
		<-finish
		return nil
	})
	g.happen(t, "a", 0, 1)
	<-begun
	c.stop()
	close(finish)
	if err := <-c.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	c.wants(t, "a", 1)
	g.acknowledged(t)
}

func TestHandlerIsToldWhenItIsLate(t *testing.T) {
	g := newGateway(t)
	late := make(chan error, 100)
	c := consume(t, g.dial(t), &callgatev1.StreamEventsRequest{AckWait: durationpb.New(time.Second)}, func(ctx context.Context, resp *callgatev1.StreamEventsResponse) error {
		if resp.GetDelivery().GetAttempt() == 1 {
			<-ctx.Done()
			late <- ctx.Err()
			return ctx.Err()
		}
		return nil
	})
	g.happen(t, "a", 0, 1)
	if err := <-late; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the handler's context ended with %v", err)
	}
	c.wants(t, "a", 1)
}

func TestConsumeSurfacesGaps(t *testing.T) {
	g := newGateway(t)
	first := consume(t, g.dial(t), &callgatev1.StreamEventsRequest{}, well)
	g.happen(t, "a", 0, 1)
	first.wants(t, "a", 1)
	first.stop()
	if err := <-first.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	g.happen(t, "a", 1, 5)
	g.kill(t)
	g.maxAge = 100 * time.Millisecond // all that is there becomes too old
	g.start(t)
	eventually(t, func() bool {
		earliest, _, err := g.log.Bounds(t.Context())
		position, _ := eventstream.CursorPosition(earliest)
		return err == nil && position == 6
	})
	gaps := make(chan *callgatev1.StreamGap, 10)
	consume(t, g.dial(t), &callgatev1.StreamEventsRequest{}, func(_ context.Context, resp *callgatev1.StreamEventsResponse) error {
		gaps <- resp.GetGap()
		return nil
	})
	from, _ := eventstream.CursorPosition((<-gaps).GetFromCursor())
	if from != 1 {
		t.Errorf("the gap is from %d", from)
	}
	g.acknowledged(t)
}

func TestConsumeEnds(t *testing.T) {
	for name, test := range map[string]struct {
		req    *callgatev1.StreamEventsRequest
		before func(*testing.T, *gateway)
		while  func(*testing.T, *gateway)
		code   codes.Code
	}{
		"with a request that is not valid": {&callgatev1.StreamEventsRequest{UntilCallEnds: true}, nil, nil, codes.InvalidArgument},
		"with settings that are not the group's": {&callgatev1.StreamEventsRequest{MaxDeliveries: proto.Int32(7)}, func(t *testing.T, g *gateway) {
			m, err := g.groups.Join(t.Context(), eventstream.JoinOptions{Group: eventstream.GroupName{Name: "g"}})
			if err != nil {
				t.Fatal(err)
			}
			m.Close()
		}, nil, codes.FailedPrecondition},
		"with its group": {&callgatev1.StreamEventsRequest{}, nil, func(t *testing.T, g *gateway) {
			eventually(t, func() bool {
				group, err := g.groups.Get(t.Context(), eventstream.GroupName{Name: "g"})
				return err == nil && len(group.GetMembers()) == 1
			})
			if err := g.groups.Delete(t.Context(), eventstream.GroupName{Name: "g"}); err != nil {
				t.Error(err)
			}
		}, codes.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			if test.before != nil {
				test.before(t, g)
			}
			c := consume(t, g.dial(t), test.req, well)
			if test.while != nil {
				test.while(t, g)
			}
			if err := <-c.ended; status.Code(err) != test.code {
				t.Errorf("error %v, want %v", err, test.code)
			}
		})
	}
}
