package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/callgate/callgate/client"
	"github.com/callgate/callgate/eventstream"
	"github.com/callgate/callgate/eventstream/promises"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	replicaGroup = "replicas"
	// cannotBeHandled ends the ids of events that no consumer can handle.
	cannotBeHandled = "777"
	consumers       = 2
	maxDeliveries   = 3
)

// groupWork is a group whose consumers work through all events.
type groupWork struct {
	groups    callgatev1.GroupsClient
	stop      context.CancelFunc
	consuming sync.WaitGroup
	mu        sync.Mutex
	recording promises.GroupRecording
}

func (r *replicas) consume(ctx context.Context, t *testing.T) *groupWork {
	ctx, stop := context.WithCancel(ctx)
	w := &groupWork{groups: callgatev1.NewGroupsClient(r.conn), stop: stop, recording: promises.GroupRecording{
		Position: eventstream.CursorPosition, Call: eventstream.CallKey, MaxDeliveries: maxDeliveries,
	}}
	for i := range consumers {
		w.consuming.Go(func() {
			err := client.Consume(ctx, r.conn, &callgatev1.StreamEventsRequest{
				Group: replicaGroup, Start: &callgatev1.StreamEventsRequest_Earliest{Earliest: true}, MaxDeliveries: proto.Int32(maxDeliveries),
			}, w.handle)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("consumer %d: %v", i, err)
			}
		})
	}
	return w
}

func (w *groupWork) handle(_ context.Context, resp *callgatev1.StreamEventsResponse) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recording.Steps = append(w.recording.Steps, promises.GroupStep{Given: resp})
	if strings.HasSuffix(resp.GetEvent().GetId(), cannotBeHandled) {
		return errors.New("this is one of those")
	}
	w.recording.Steps = append(w.recording.Steps, promises.GroupStep{Acknowledged: promises.Cursor(resp)})
	return nil
}

// finish waits until the group has dealt with everything, and returns what it gave
// up.
func (w *groupWork) finish(ctx context.Context, t *testing.T) []*callgatev1.DeadLetter {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := w.groups.GetGroup(ctx, &callgatev1.GetGroupRequest{Group: replicaGroup})
		if err == nil && got.GetGroup().GetPending() == 0 && got.GetGroup().GetUnread() == 0 {
			break
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the group does not come to its end: %v, %v", got, err)
		case <-tick.C:
		}
	}
	w.stop()
	w.consuming.Wait()
	dead, err := w.groups.ListDeadLetters(ctx, &callgatev1.ListDeadLettersRequest{Group: replicaGroup, PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return dead.GetDeadLetters()
}

// check holds what happened to what is promised to groups.
func (w *groupWork) check(t *testing.T, log promises.Log, dead []*callgatev1.DeadLetter) {
	t.Helper()
	if err := promises.CheckGroup(w.recording, log, dead, func(*callgatev1.CallEvent) bool { return true }); err != nil {
		t.Error(err)
	}
	hopeless := 0
	for _, ev := range log {
		if strings.HasSuffix(ev.GetId(), cannotBeHandled) {
			hopeless++
		}
	}
	t.Logf("the group was given %d events, acknowledged or rejected; %d are dead letters", len(w.recording.Steps), len(dead))
	if len(dead) < hopeless {
		t.Errorf("%d events are dead letters; %d could not be handled", len(dead), hopeless)
	}
}
