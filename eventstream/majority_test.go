package eventstream

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestLogWithoutMajority: without most of its servers the log refuses in bounded
// time, says why, and is back by itself when they are.
func TestLogWithoutMajority(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	log := openLog(t, LogOptions{NATS: cluster.natsOptions(0)})
	hub := newHub(t, log, HubOptions{})
	sub := subscribe(t, hub, SubscribeOptions{Filter: byCall("c")})
	appendMany(t, log, "c", 0, 3)
	wantEvents(t, sub, ids("c", 0, 3)...)
	cluster.StopNode(0)
	cluster.StopNode(1)

	start := time.Now()
	err := log.Append(context.Background(), record("c-3", "c", typeParticipantsUpdated))
	if took := time.Since(start); !errors.Is(err, ErrLogUnavailable) || took > 2*ackTimeout {
		t.Errorf("Append: %v after %v", err, took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := log.Check(ctx); !errors.Is(err, ErrLogUnavailable) {
		t.Errorf("Check: %v", err)
	}
	if err := errors.Join(cluster.StartNode(0), cluster.StartNode(1)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "appending", func() bool {
		return log.Append(t.Context(), record("c-3", "c", typeParticipantsUpdated)) == nil
	})
	if err := log.Check(testContext(t)); err != nil {
		t.Errorf("Check: %v", err)
	}
	item, err := nextOrError(t, sub)
	if err != nil || item.Event == nil || item.Event.CallEvent.GetId() != "c-3" {
		t.Errorf("then %+v, %v", item, err)
	}
}
