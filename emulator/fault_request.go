package emulator

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
)

// longestEarly is how long an answer waits for a callback that overtakes it.
const longestEarly = 10 * time.Second

// errCutOff: the client gets no answer but a broken connection.
var errCutOff = errors.New("cut off by a fault")

// misfortune is what the faults that strike a request do to it.
type misfortune struct {
	latency time.Duration
	fate    *strike // the one that answers instead, or cuts off; nil: none
	early   bool
	target  *connection   // named in the path; may be nil
	cleared chan struct{} // closed when the faults end
}

// misfortune finds and counts the faults that strike x.
func (x *exchange) misfortune() (m misfortune) {
	w := x.world
	w.mu.Lock()
	defer w.mu.Unlock()
	m.cleared = w.faults.cleared
	m.target = w.connections[x.route.callConnectionID]
	for _, s := range w.faults.onRequest(x.route.operation, x.route.callConnectionID) {
		x.received.FaultIds = append(x.received.FaultIds, s.id)
		switch s.GetKind() {
		case emulatorv1.FaultKind_FAULT_KIND_LATENCY:
			m.latency += s.duration()
		case emulatorv1.FaultKind_FAULT_KIND_EARLY_CALLBACK:
			m.early = true
		default:
			if m.fate == nil {
				m.fate = &s
			}
		}
	}
	return m
}

// before does what comes before the action; an error says that it must not be
// performed.
func (m misfortune) before(x *exchange, h http.Header) error {
	if m.latency > 0 {
		m.wait(x, x.world.emulator.options.scaled(m.latency))
	}
	if m.fate == nil {
		return nil
	}
	switch m.fate.GetKind() {
	case emulatorv1.FaultKind_FAULT_KIND_THROTTLE:
		h.Set("Retry-After", strconv.FormatUint(uint64(max(m.fate.GetRetryAfterSeconds(), 1)), 10))
		return &apiError{http.StatusTooManyRequests, codeThrottled, "Too many requests: a fault was injected."}
	case emulatorv1.FaultKind_FAULT_KIND_FAIL:
		if m.fate.GetStatus() == http.StatusInternalServerError {
			return &apiError{http.StatusInternalServerError, codeInternal, "An internal error occurred: a fault was injected."}
		}
		return &apiError{http.StatusServiceUnavailable, codeUnavailable, "The service is unavailable: a fault was injected."}
	case emulatorv1.FaultKind_FAULT_KIND_RESET_BEFORE:
		return errCutOff
	case emulatorv1.FaultKind_FAULT_KIND_HANG_BEFORE:
		m.hang(x)
		return errCutOff
	}
	return nil
}

// after does what comes after the action and before its answer.
func (m misfortune) after(x *exchange) error {
	if m.fate != nil {
		switch m.fate.GetKind() {
		case emulatorv1.FaultKind_FAULT_KIND_RESET_AFTER:
			return errCutOff
		case emulatorv1.FaultKind_FAULT_KIND_HANG_AFTER:
			x.release()
			m.hang(x)
			return errCutOff
		}
	}
	if m.early {
		m.letCallbackOvertake(x)
	}
	return nil
}

// wait lasts for d, unless the client, the world or the faults end before.
func (m misfortune) wait(x *exchange, d time.Duration) {
	ctx, cancel := context.WithTimeout(x.request.Context(), d)
	defer cancel()
	select {
	case <-ctx.Done():
	case <-x.world.ctx.Done():
	case <-m.cleared:
	}
}

func (m misfortune) hang(x *exchange) {
	select {
	case <-x.request.Context().Done():
	case <-x.world.ctx.Done():
	case <-m.cleared:
	}
}

// letCallbackOvertake returns once an event of a connection that x concerns was
// posted, and answered by its receiver: the first since x came.
func (m misfortune) letCallbackOvertake(x *exchange) {
	posted := make(chan struct{}, 1)
	x.world.mu.Lock()
	for _, o := range x.held {
		o.watchers = append(o.watchers, watcher{o.queuedBefore, posted})
	}
	if len(x.held) == 0 && m.target != nil {
		m.target.watchers = append(m.target.watchers, watcher{m.target.queued, posted})
	}
	x.world.mu.Unlock()
	x.release()

	ctx, cancel := context.WithTimeout(x.request.Context(), x.world.emulator.options.scaled(longestEarly))
	defer cancel()
	select {
	case <-posted:
	case <-ctx.Done():
	case <-x.world.ctx.Done():
	}
}

// cutOff resets the connection, over HTTP/2 the stream.
func cutOff(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // net/http's way of breaking off
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset, not an end of file
	}
	_ = conn.Close() // that is all there was to do with it
}
