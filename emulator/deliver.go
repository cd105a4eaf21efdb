package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// maxQueued events wait for delivery on one connection or Event Grid endpoint.
	// A receiver that is further behind loses the newest ones; they are counted
	// as Dropped.
	maxQueued = 1024
	// maxPosts deliveries are on the wire at once.
	maxPosts = 256
	// postTimeout is how long a receiver may take for its answer, in real time.
	// The service's own is not documented.
	postTimeout = 5 * time.Second
)

// callback is one event on its way to an application; several when a fault sends
// them in one body.
type callback struct {
	name        string // of the first event
	uri         string
	events      []cloudEvent
	flaw        flaw // of its token
	rotatesKeys bool // before it is posted
}

// Stats counts what became of the events for callbacks and Event Grid endpoints.
type Stats struct {
	Delivered uint64 // answered with 2xx
	Retries   uint64 // deliveries repeated
	GaveUp    uint64 // refused, or still failing after the last retry
	Dropped   uint64 // never tried: the receiver was too far behind
}

// courier posts events.
type courier struct {
	client   *http.Client
	own      bool // the client is ours to close
	options  Options
	log      *slog.Logger
	slots    chan struct{}
	counters struct{ delivered, retries, gaveUp, dropped atomic.Uint64 }
}

func newCourier(options Options) *courier {
	d := &courier{client: options.HTTPClient, options: options, log: options.Logger, slots: make(chan struct{}, maxPosts)}
	if d.client == nil {
		d.own = true
		d.client = &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: maxPosts, IdleConnTimeout: 90 * time.Second},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return d
}

func (d *courier) close() {
	if d.own {
		d.client.CloseIdleConnections()
	}
}

// Stats are the counts since the emulator started.
func (e *Emulator) Stats() Stats {
	n := &e.courier.counters
	return Stats{Delivered: n.delivered.Load(), Retries: n.retries.Load(), GaveUp: n.gaveUp.Load(), Dropped: n.dropped.Load()}
}

// outbox is what a connection, or a recorder, has to tell its application: posted
// one at a time, in order.
type outbox struct {
	world *world
	id    string // call connection id, which the events carry

	queue      []callback
	queued     uint64 // callbacks so far
	held       int    // requests whose response must go out before events
	delivering bool
	closed     bool // takes no more
	watchers   []watcher
	aside      *callback // that the next one overtakes
	asideTimer *timer
	batch      *batch // that waits to be full
}

// deliver queues cb behind earlier events, if no fault interferes. It waits for
// nobody.
func (o *outbox) deliver(cb callback) {
	if o.closed || o.world.ended {
		return
	}
	o.misdeliver(cb, o.world.faults.onCallback(cb.name, o.id))
}

// enqueue puts cb into the queue, and after it what it has overtaken.
func (o *outbox) enqueue(cb callback) {
	if len(o.queue) >= maxQueued {
		o.world.emulator.courier.counters.dropped.Add(1)
		o.world.emulator.log.Warn("callback dropped: the receiver is too far behind",
			"call_connection_id", o.id, "event", cb.name)
		return
	}
	o.queue = append(o.queue, cb)
	o.queued++
	o.flushAside()
	o.startDelivery()
}

// startDelivery runs the delivery of the queue unless it runs already or a
// response has to go out first.
func (o *outbox) startDelivery() {
	if o.delivering || o.held > 0 || len(o.queue) == 0 {
		return
	}
	o.delivering = true
	o.world.start(o.deliverQueue)
}

// deliverQueue posts the events one at a time, in order, until there are none. It
// is called without the lock.
func (o *outbox) deliverQueue() {
	for {
		o.world.mu.Lock()
		if o.world.ended || o.held > 0 || len(o.queue) == 0 {
			o.delivering = false
			o.world.mu.Unlock()
			return
		}
		number, next := o.queued-uint64(len(o.queue)), o.queue[0]
		o.queue = o.queue[1:]
		o.world.mu.Unlock()
		o.world.emulator.deliverCallback(o.world.ctx, o.id, next)
		o.tellWatchers(number)
	}
}

// watcher is told when a callback was posted that was queued after the first so
// many.
type watcher struct {
	after uint64
	told  chan<- struct{}
}

// tellWatchers of a callback, by its number from 0. It is called without the lock.
func (o *outbox) tellWatchers(number uint64) {
	o.world.mu.Lock()
	defer o.world.mu.Unlock()
	o.watchers = slices.DeleteFunc(o.watchers, func(w watcher) bool {
		if number < w.after {
			return false
		}
		select {
		case w.told <- struct{}{}:
		default: // it knows already
		}
		return true
	})
}

// deliverCallback posts one event to its application, with a fresh token on each
// try.
func (e *Emulator) deliverCallback(ctx context.Context, callConnectionID string, cb callback) {
	body, err := json.Marshal(cb.events)
	if err != nil {
		e.log.Error("callback cannot be encoded", "call_connection_id", callConnectionID, "event", cb.name, "error", err)
		return
	}
	if cb.rotatesKeys {
		if err := e.signer.rotate(); err != nil {
			e.log.Error("signing key cannot be replaced", "error", err)
		}
	}
	err = e.courier.retry(ctx, callbackBackoff(), func() error {
		token, err := e.signer.token(ctx, cb.flaw)
		if err != nil {
			return err
		}
		header := http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Authorization": {"Bearer " + token}}
		_, err = e.courier.send(ctx, http.MethodPost, cb.uri, header, body)
		return err
	})
	if err != nil && ctx.Err() == nil {
		e.log.Warn("callback given up", "call_connection_id", callConnectionID, "event", cb.name, "to", originOf(cb.uri), "error", err)
	}
}

// callbackBackoff is a minute of retries. The service's own policy is unknown.
func callbackBackoff() []time.Duration {
	return []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 30 * time.Second}
}

// retry calls try until it succeeds, fails for good, or backoff is used up, and
// counts the result. The backoff scales with TimeScale.
func (d *courier) retry(ctx context.Context, backoff []time.Duration, try func() error) error {
	for {
		err := try()
		var refused *refusedError
		switch {
		case err == nil:
			d.counters.delivered.Add(1)
			return nil
		case ctx.Err() != nil:
			return err
		case errors.As(err, &refused) && !refused.temporary(), len(backoff) == 0:
			d.counters.gaveUp.Add(1)
			return err
		}
		if !pause(ctx, d.options.scaled(backoff[0])) {
			return err
		}
		backoff = backoff[1:]
		d.counters.retries.Add(1)
	}
}

// pause waits for d and reports whether ctx lasted that long.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// refusedError is an answer that is not a success.
type refusedError struct{ status int }

func (e *refusedError) Error() string { return fmt.Sprintf("answered %d", e.status) }

// temporary answers are worth another try.
func (e *refusedError) temporary() bool {
	return e.status >= 500 || e.status == http.StatusTooManyRequests
}

// answer is what a receiver said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// maxAnswer bounds what is read of it.
const maxAnswer = 64 << 10

// send makes one delivery and returns its 2xx answer. Every callback, Event Grid
// event and handshake goes through here. Errors name no URL: it may hold a secret.
func (d *courier) send(ctx context.Context, method, uri string, header http.Header, body []byte) (answer, error) {
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	uri = strings.ReplaceAll(uri, " ", "%20") // clients send such queries; a request line cannot
	req, err := http.NewRequestWithContext(ctx, method, uri, bytes.NewReader(body))
	if err != nil {
		return answer{}, errors.New("not a URL to deliver to")
	}
	req.Header = header
	resp, err := d.client.Do(req)
	if err != nil {
		if wrapped := new(url.Error); errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return answer{}, err
	}
	got, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	if resp.StatusCode/100 != 2 {
		return answer{}, &refusedError{resp.StatusCode}
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: got}, err
}

// originOf is the part of a URI that may be logged: no path or query, which hold
// tokens.
func originOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
