package client

import (
	"context"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// GroupHandler deals with one event, or one gap, that a group gave to this member.
// Nil says that it has been dealt with; an error, that it has to be given out again,
// to this member or another.
//
// Events of one call come one after the other, those of different calls at the same
// time. ctx ends when another member may be given the event, and when Consume's
// does.
type GroupHandler func(ctx context.Context, resp *callgatev1.StreamEventsResponse) error

const (
	defaultUnacknowledged = 100
	// maxAcks is how many acknowledgements share one request.
	maxAcks    = 1000
	ackTimeout = 10 * time.Second
	lastTries  = 3 // of what is acknowledged while Consume is to end
	// maxNote bounds what is said of an event that failed; the gateway takes 1,000.
	maxNote = 1000
	// Pauses before an event that failed is given out again: they double with each
	// failure.
	minRetry = time.Second
	maxRetry = time.Minute
)

// Consume joins the group of req, and hands its events and gaps to handle, for as
// long as ctx lasts, over any number of connections and gateways. What handle has
// dealt with is acknowledged; what it fails at is rejected, with the error's text as
// the note, and comes again after a pause that grows with each failure, until the
// group gives it up as a dead letter. At most req's max_unacknowledged events are
// handled at a time; with 1, one after the other.
//
// Every event is handled at least once, by one member of the group. It may be
// handled again where the acknowledgement was lost or late; handle has to bear that.
//
// When ctx ends, no more events are taken, the handlers that run are waited for, and
// what they have dealt with is still acknowledged. It returns ctx's error, or that
// which no repetition mends: a request that is not valid or not allowed, settings
// that are not the group's, or a group that was deleted.
func Consume(ctx context.Context, conn grpc.ClientConnInterface, req *callgatev1.StreamEventsRequest, handle GroupHandler) error {
	limit := int(req.GetMaxUnacknowledged())
	if limit == 0 {
		limit = defaultUnacknowledged
	}
	// The stream outlives ctx, so that what is being handled stays this member's.
	streaming, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	handling, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(streaming, cancel)()
	c := &consumer{
		events: callgatev1.NewEventsClient(conn), group: req.GetGroup(), handle: handle, ctx: handling,
		slots: make(chan struct{}, limit), dealt: make(chan string, maxAcks), fail: stop,
		busy: make(map[string]bool), calls: make(map[string][]*callgatev1.StreamEventsResponse),
	}
	var streams, acks sync.WaitGroup
	var err error
	streams.Go(func() {
		err = Stream(streaming, conn, req, c.take)
		stop(err)
	})
	acks.Go(func() { c.acknowledge(streaming) })
	select {
	case <-ctx.Done():
	case <-streaming.Done():
	}
	c.close()
	close(c.dealt)
	acks.Wait()
	stop(nil)
	streams.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if cause := context.Cause(streaming); cause != nil {
		return cause
	}
	return err
}

// consumer hands events to handlers.
type consumer struct {
	events callgatev1.EventsClient
	group  string
	handle GroupHandler
	ctx    context.Context
	slots  chan struct{} // one for each handler that runs
	dealt  chan string   // cursors to be acknowledged
	fail   context.CancelCauseFunc

	working sync.WaitGroup
	mu      sync.Mutex
	ackWait time.Duration
	busy    map[string]bool // by cursor: being handled or acknowledged
	calls   map[string][]*callgatev1.StreamEventsResponse
	closed  bool
}

// take has a response handled, if it is to be.
func (c *consumer) take(resp *callgatev1.StreamEventsResponse) error {
	if wait := resp.GetStarted().GetGroup().GetAckWait(); wait != nil {
		c.mu.Lock()
		c.ackWait = wait.AsDuration()
		c.mu.Unlock()
	}
	cursor, call := what(resp)
	if cursor == "" {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.busy[cursor] { // it is on its way
		return nil
	}
	c.busy[cursor] = true
	queue, running := c.calls[call]
	c.calls[call] = append(queue, resp)
	if running {
		return nil
	}
	c.working.Add(1)
	c.mu.Unlock()
	c.slots <- struct{}{}
	c.mu.Lock()
	go c.work(call)
	return nil
}

// what is the cursor by which an event or a gap is acknowledged, and what it comes
// after the other with; both are empty for anything else.
func what(resp *callgatev1.StreamEventsResponse) (cursor, call string) {
	if gap := resp.GetGap(); gap != nil {
		return gap.GetToCursor(), "gap " + gap.GetToCursor()
	}
	event := resp.GetEvent()
	for _, id := range []string{event.GetCallConnectionId(), event.GetServerCallId(), event.GetCorrelationId()} {
		if id != "" {
			return event.GetCursor(), id
		}
	}
	return event.GetCursor(), event.GetCursor()
}

// work handles what there is of a call.
func (c *consumer) work(call string) {
	defer c.working.Done()
	defer func() { <-c.slots }()
	for {
		c.mu.Lock()
		queue := c.calls[call]
		if len(queue) == 0 {
			delete(c.calls, call)
			c.mu.Unlock()
			return
		}
		c.calls[call] = queue[1:]
		ctx, cancel := context.WithTimeout(c.ctx, c.ackWait)
		c.mu.Unlock()
		err := c.handle(ctx, queue[0])
		cancel()
		cursor, _ := what(queue[0])
		if err == nil {
			c.dealt <- cursor
			continue
		}
		c.reject(cursor, queue[0].GetDelivery().GetAttempt(), err)
		c.forget(cursor)
	}
}

func (c *consumer) forget(cursors ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cursor := range cursors {
		delete(c.busy, cursor)
	}
}

// reject says that an event could not be dealt with. Where that does not get
// through, ack_wait says it.
func (c *consumer) reject(cursor string, attempt int32, because error) {
	note := because.Error()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), ackTimeout)
	defer cancel()
	_, err := c.events.NackEvents(ctx, &callgatev1.NackEventsRequest{
		Group: c.group, Cursors: []string{cursor}, Note: strings.ToValidUTF8(note[:min(len(note), maxNote)], ""),
		Delay: durationpb.New(min(minRetry<<min(max(attempt-1, 0), 10), maxRetry)),
	})
	if final(err) {
		c.fail(err)
	}
}

// acknowledge acknowledges what has been dealt with, as much at a time as there is,
// until all is.
func (c *consumer) acknowledge(ctx context.Context) {
	for cursor := range c.dealt {
		cursors := []string{cursor}
		for more := true; more && len(cursors) < maxAcks; {
			select {
			case cursor, open := <-c.dealt:
				if more = open; open {
					cursors = append(cursors, cursor)
				}
			default:
				more = false
			}
		}
		c.acknowledgeThese(ctx, cursors)
		c.forget(cursors...)
	}
}

func (c *consumer) acknowledgeThese(ctx context.Context, cursors []string) {
	pause := pauses()
	for tries := uint(1); ; tries++ {
		trying, cancel := context.WithTimeout(ctx, ackTimeout)
		_, err := c.events.AckEvents(trying, &callgatev1.AckEventsRequest{Group: c.group, Cursors: cursors})
		cancel()
		if final(err) {
			c.fail(err)
		}
		// Consume does not wait for more once its ctx has ended: they come again then.
		if err == nil || ctx.Err() != nil || (c.ctx.Err() != nil && tries >= lastTries) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause(ctx, tries)):
		}
	}
}

// close takes no more, and waits for the handlers that run.
func (c *consumer) close() {
	c.mu.Lock()
	c.closed = true
	for call := range c.calls {
		c.calls[call] = nil // but for those that run
	}
	c.mu.Unlock()
	c.working.Wait()
}
