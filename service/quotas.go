package service

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/callgate/callgate/access"
	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	// maxClients bounds of how many principals and services the gateway counts: it
	// forgets first whom it has not heard of for longest.
	maxClients = 10_000
	// maxEnded is of how many calls it is known that they have ended, so that an
	// event that comes late does not bring them back.
	maxEnded = 1 << 16
	// longestCall is after how long a call is taken to have ended whose end nobody
	// has told.
	longestCall = 24 * time.Hour
	// whenACallEnds is what a client is told to wait that has too many calls.
	whenACallEnds = 5 * time.Second
	// followPause is how long the log is left alone when it cannot be read.
	followPause = time.Second
)

// quotas count what clients dial: the phones that each principal calls, in this
// process, and the calls that each service has open, of which the log tells to all
// replicas alike.
type quotas struct {
	mu    sync.Mutex
	rates *lru.Cache[string, *rate.Limiter]        // by principal
	open  *lru.Cache[string, map[string]time.Time] // by owner: since when, by call
	sent  map[string]int                           // by owner: calls being made
	ended *lru.Cache[string, struct{}]             // by call
	now   func() time.Time
}

func newQuotas() *quotas {
	// Their only failure is a size of nothing.
	rates, _ := lru.New[string, *rate.Limiter](maxClients)
	open, _ := lru.New[string, map[string]time.Time](maxClients)
	ended, _ := lru.New[string, struct{}](maxEnded)
	return &quotas{rates: rates, open: open, sent: map[string]int{}, ended: ended, now: time.Now}
}

// dial takes n phones out of what a principal may call in a minute, all of it at
// once if need be.
func (q *quotas) dial(principal string, perMinute, n int) error {
	if perMinute == 0 || n == 0 {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	limiter, known := q.rates.Get(principal)
	if !known || limiter.Burst() != perMinute {
		limiter = rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)
		q.rates.Add(principal, limiter)
	}
	reservation := limiter.ReserveN(now, n)
	if !reservation.OK() {
		return &refusal{reason: "CALL_RATE_EXCEEDED"} // more than there ever is
	}
	if wait := reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
		return &refusal{reason: "CALL_RATE_EXCEEDED", retryAfter: wait}
	}
	return nil
}

// begin takes one call out of the limit that an owner may have open. done must be
// called with the connection that came of it; empty for none.
func (q *quotas) begin(owner string, limit int) (done func(callConnectionID string), err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	calls, _ := q.open.Get(owner)
	if limit > 0 && len(calls)+q.sent[owner] >= limit {
		for call, since := range calls {
			if q.now().Sub(since) > longestCall {
				delete(calls, call)
			}
		}
		if len(calls)+q.sent[owner] >= limit {
			return nil, &refusal{reason: "TOO_MANY_CALLS", retryAfter: whenACallEnds}
		}
	}
	q.sent[owner]++
	return func(callConnectionID string) {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.sent[owner]--; q.sent[owner] == 0 {
			delete(q.sent, owner)
		}
		if callConnectionID != "" {
			q.begun(owner, callConnectionID)
		}
	}, nil
}

// begun counts a call, unless it has ended already.
func (q *quotas) begun(owner, callConnectionID string) {
	if q.ended.Contains(callConnectionID) {
		return
	}
	calls, known := q.open.Get(owner)
	if !known {
		calls = map[string]time.Time{}
		q.open.Add(owner, calls)
	}
	if _, counted := calls[callConnectionID]; !counted && len(calls) < access.MaxConcurrentCalls {
		calls[callConnectionID] = q.now()
	}
}

// see learns from an event that a call is there, or has ended. Not every event with
// a connection is of a call: a recorder has one of its own. Commands that were
// accepted tell too, of calls whose events are sent elsewhere.
func (q *quotas) see(e *eventstream.Event) {
	call := e.CallEvent.GetCallConnectionId()
	q.mu.Lock()
	defer q.mu.Unlock()
	switch e.CallEvent.GetType() {
	case callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED, callgatev1.CallEventType_CALL_EVENT_TYPE_PARTICIPANTS_UPDATED:
		q.begun(e.Owner, call)
	case callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_DISCONNECTED, callgatev1.CallEventType_CALL_EVENT_TYPE_CREATE_CALL_FAILED,
		callgatev1.CallEventType_CALL_EVENT_TYPE_ANSWER_FAILED, callgatev1.CallEventType_CALL_EVENT_TYPE_CONNECT_FAILED:
		q.over(e.Owner, call)
	case callgatev1.CallEventType_CALL_EVENT_TYPE_COMMAND_ACCEPTED:
		switch action := callgatev1.Action(callgatev1.Action_value[e.CallEvent.GetCommand().GetAction()]); {
		case opens[action]:
			q.begun(e.Owner, call)
		case action == callgatev1.Action_ACTION_HANG_UP_CALL:
			q.over(e.Owner, call)
		}
	}
}

// over counts a call no more.
func (q *quotas) over(owner, callConnectionID string) {
	q.ended.Add(callConnectionID, struct{}{})
	if calls, known := q.open.Get(owner); known {
		if delete(calls, callConnectionID); len(calls) == 0 {
			q.open.Remove(owner)
		}
	}
}

// Follow counts the calls by what hub tells of them, from now until ctx ends or
// the gateway drains. Calls that are open already count when they are next heard
// of.
func (g *Gate) Follow(ctx context.Context, hub *eventstream.Hub) error {
	sub, err := hub.Subscribe(ctx, eventstream.SubscribeOptions{
		HeartbeatInterval: longestCall,
		Commands:          true,
		Lasting:           true,
		Visible:           func(e *eventstream.Event) bool { return e.Owner != "" && e.CallEvent.GetCallConnectionId() != "" },
	})
	if err != nil {
		return err
	}
	defer sub.Close()
	for {
		item, err := sub.Next(ctx)
		switch {
		case errors.Is(err, io.EOF) || ctx.Err() != nil:
			return nil
		case err != nil:
			select {
			case <-ctx.Done():
			case <-time.After(followPause):
			}
		case item.Event != nil:
			g.quotas.see(item.Event)
		}
	}
}
