package eventstream

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"golang.org/x/time/rate"

	"github.com/callgate/callgate/catalogue"
	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	// CallbackPath is where Call Automation posts events, followed by a token of
	// Tokens.Callback.
	CallbackPath = "/callbacks/"
	// EventGridPath is where Event Grid posts events, with the query key=<token of
	// Tokens.EventGrid>.
	EventGridPath = "/eventgrid"
)

const (
	// maxBody bounds a callback, in bytes. Event Grid sends at most 1 MiB.
	maxBody = 1 << 20
	// appendTimeout bounds the wait for the log; Event Grid gives up after 30 s.
	appendTimeout = 15 * time.Second
	// unwantedBody is how long the rest of a refused body may take.
	unwantedBody = time.Second
	// retryAfter is what a sender is told to wait, in seconds.
	retryAfter = "2"
	// Refusals a second, and at once, that are warned of.
	refusalsLogged = 5
	refusalsBurst  = 50
)

var errTooMany = errors.New("too many requests of one source at once")

// verdict is what became of a request: a value of the metric's label.
type verdict string

const (
	verdictStored          verdict = "stored"
	verdictHandshake       verdict = "handshake"
	verdictBadToken        verdict = "bad_token"
	verdictBadSignature    verdict = "bad_signature"
	verdictKeysUnavailable verdict = "keys_unavailable"
	verdictTooLarge        verdict = "too_large"
	verdictIncomplete      verdict = "incomplete"
	verdictMalformed       verdict = "malformed"
	verdictLogUnavailable  verdict = "log_unavailable"
	verdictForeignTopic    verdict = "foreign_topic"
	verdictTooMany         verdict = "too_many"
)

// statuses are the answers. None has a body that says more.
var statuses = map[verdict]int{
	verdictStored:          http.StatusOK,
	verdictHandshake:       http.StatusOK,
	verdictBadToken:        http.StatusUnauthorized,
	verdictBadSignature:    http.StatusUnauthorized,
	verdictKeysUnavailable: http.StatusServiceUnavailable,
	verdictTooLarge:        http.StatusRequestEntityTooLarge,
	verdictIncomplete:      http.StatusBadRequest,
	verdictMalformed:       http.StatusBadRequest,
	verdictLogUnavailable:  http.StatusServiceUnavailable,
	verdictForeignTopic:    http.StatusForbidden,
	verdictTooMany:         http.StatusServiceUnavailable,
}

// ReceiverOptions are the settings of a Receiver.
type ReceiverOptions struct {
	// Log takes the events; required.
	Log *Log
	// Tokens checks the tokens in the addresses; required.
	Tokens *Tokens
	// Verifier checks the signed tokens of callbacks. Nil: the token in the address
	// is enough.
	Verifier *Verifier
	// EventGrid says what is let in from there.
	EventGrid EventGridOptions
	// PerSource is how many requests of one source address are served at once; 0
	// for any number. Behind a proxy all come from one.
	PerSource int
	// Catalogue explains the results of events; nil: they are not explained.
	Catalogue *catalogue.Catalogue
	// Logger is told of what is refused; slog.Default() when nil.
	Logger *slog.Logger
	// Registerer receives the metrics; none when nil.
	Registerer prometheus.Registerer
	// TracerProvider takes a span of each callback; none when nil.
	TracerProvider trace.TracerProvider
	// Cause is the trace of the request that an event comes from, where it is known;
	// nil: none is.
	Cause func(*callgatev1.CallEvent) (trace.SpanContext, bool)
	// Now is the clock that receive times come from; time.Now when nil.
	Now func() time.Time
}

// Receiver is the handler that faces the internet. It serves POST
// /callbacks/{token}, POST and OPTIONS /eventgrid, and knows nothing else.
//
// A batch is authenticated, read, decoded as a whole and appended to the log
// before the answer is 200. 401: not authenticated, nothing stored. 403: of an
// Event Grid topic that is not to be let in. 413 and 400: too large or malformed,
// nothing stored. 503 with Retry-After: the log or the keys are unavailable, or
// too many of one source come at once; send it again, what was stored already is
// not stored twice.
type Receiver struct {
	options  ReceiverOptions
	sources  *sourceLimit
	refusals *rate.Limiter // of log lines
	received *prometheus.CounterVec
	events   receivedMetrics
	tracer   trace.Tracer
	// unexplained counts results that the catalogue does not know.
	unexplained prometheus.Counter
}

// NewReceiver makes a Receiver.
func NewReceiver(o ReceiverOptions) *Receiver {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.TracerProvider == nil {
		o.TracerProvider = noop.NewTracerProvider()
	}
	rc := &Receiver{
		options:  o,
		sources:  newSourceLimit(o.PerSource),
		refusals: rate.NewLimiter(refusalsLogged, refusalsBurst),
		events:   newReceivedMetrics(o.Registerer),
		tracer:   o.TracerProvider.Tracer(tracerName),
		received: promauto.With(o.Registerer).NewCounterVec(prometheus.CounterOpts{
			Name: "callgate_callbacks_total",
			Help: "Requests of the upstream, by endpoint (callbacks, eventgrid) and by what became of them.",
		}, []string{"endpoint", "verdict"}),
		unexplained: promauto.With(o.Registerer).NewCounter(prometheus.CounterOpts{
			Name: "callgate_unexplained_results_total",
			Help: "Results of events, other than successes, that the error catalogue does not know.",
		}),
	}
	for v := range statuses {
		for _, endpoint := range []string{"callbacks", "eventgrid"} {
			rc.received.WithLabelValues(endpoint, string(v)) // from 0 on
		}
	}
	return rc
}

// ServeHTTP implements http.Handler.
func (rc *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	leave, ok := rc.sources.enter(r.RemoteAddr)
	if !ok {
		rc.answer(w, r, "any", func(*http.Request) (verdict, error) { return verdictTooMany, errTooMany })
		return
	}
	defer leave()
	token, isCallback := strings.CutPrefix(r.URL.Path, CallbackPath)
	switch {
	case isCallback && r.Method == http.MethodPost:
		rc.answer(w, r, "callbacks", func(r *http.Request) (verdict, error) { return rc.callback(w, r, token) })
	case r.URL.Path == EventGridPath && r.Method == http.MethodPost:
		rc.answer(w, r, "eventgrid", func(r *http.Request) (verdict, error) { return rc.eventGrid(w, r) })
	case r.URL.Path == EventGridPath && r.Method == http.MethodOptions:
		rc.answer(w, r, "eventgrid", func(r *http.Request) (verdict, error) { return rc.eventGridOptions(w, r) })
	default:
		refuse(w, http.StatusNotFound)
	}
}

// refuse waits no longer for a body that nobody wants: the server, which would
// read it to keep the connection, hangs up instead.
func refuse(w http.ResponseWriter, status int) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(unwantedBody)) // not settable only under test recorders
	w.WriteHeader(status)
}

// answer lets serve do the work and sends the status of its verdict, unless it
// was a handshake, which has an answer of its own.
func (rc *Receiver) answer(w http.ResponseWriter, r *http.Request, endpoint string, serve func(*http.Request) (verdict, error)) {
	v, err := rc.traced(r, endpoint, serve)
	rc.received.WithLabelValues(endpoint, string(v)).Inc()
	if err != nil {
		level := slog.LevelWarn
		if v == verdictBadToken || v == verdictTooMany || !rc.refusals.Allow() {
			level = slog.LevelDebug // anybody on the internet can cause it; the metric counts all
		}
		rc.options.Logger.Log(r.Context(), level, "callback refused", "endpoint", endpoint, "verdict", string(v), "error", err)
	}
	if v == verdictHandshake {
		return
	}
	switch status := statuses[v]; status {
	case http.StatusOK:
		w.WriteHeader(status)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
		refuse(w, status)
	default:
		refuse(w, status)
	}
}

// callback serves one batch of Call Automation.
func (rc *Receiver) callback(w http.ResponseWriter, r *http.Request, token string) (verdict, error) {
	owner, good := rc.options.Tokens.VerifyCallback(token)
	if !good {
		return verdictBadToken, errors.New("bad token")
	}
	if v, err := verify(r, rc.options.Verifier); err != nil {
		return v, err
	}
	body, v, err := readBody(w, r)
	if err != nil {
		return v, err
	}
	records, err := DecodeEvents(body, callgatev1.CallEventSource_CALL_EVENT_SOURCE_UPSTREAM, rc.options.Now())
	if err != nil {
		return verdictMalformed, err
	}
	for _, record := range records {
		record.Owner = owner
	}
	return rc.store(r.Context(), records)
}

// verify checks the request's signed token; a nil verifier is content.
func verify(r *http.Request, verifier *Verifier) (verdict, error) {
	if verifier == nil {
		return "", nil
	}
	err := verifier.Verify(r.Context(), bearer(r))
	if errors.Is(err, ErrKeysUnavailable) {
		return verdictKeysUnavailable, err
	}
	return verdictBadSignature, err
}

// bearer is the request's bearer token; empty, which is no valid one, for none
// and for several.
func bearer(r *http.Request) string {
	credentials := r.Header.Values("Authorization")
	if len(credentials) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(credentials[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, verdict, error) {
	// Of the size that is announced, and the room in which the end is looked for.
	body := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength, 0), maxBody)+bytes.MinRead))
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, verdictTooLarge, err
	case err != nil:
		return nil, verdictIncomplete, err
	}
	// The server's time for reading is over; what follows has one of its own.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // not settable only under test recorders
	return body.Bytes(), "", nil
}

// store appends a batch.
func (rc *Receiver) store(ctx context.Context, records []*logv1.Record) (verdict, error) {
	rc.explain(records)
	rc.link(ctx, records)
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	if err := rc.options.Log.Append(ctx, records...); err != nil {
		return verdictLogUnavailable, err
	}
	rc.events.count(records)
	if rc.options.Logger.Enabled(ctx, slog.LevelDebug) {
		for _, record := range records {
			rc.options.Logger.DebugContext(ctx, "event stored",
				"call_connection_id", record.GetEvent().GetCallConnectionId(),
				"type", record.GetEvent().GetTypeName(), "id", record.GetEvent().GetId())
		}
	}
	return verdictStored, nil
}

// explain adds to results what they come to.
func (rc *Receiver) explain(records []*logv1.Record) {
	if rc.options.Catalogue == nil {
		return
	}
	for _, record := range records {
		result := record.GetEvent().GetResult()
		if result == nil {
			continue
		}
		entry := rc.options.Catalogue.Result(result.GetCode(), result.GetSubCode(), result.GetSip().GetCode(), result.GetQ850().GetCode())
		switch {
		case entry != nil:
			result.Reason, result.Hint = entry.Reason, entry.Meaning+" "+entry.Do
		case result.GetCode() < 200 || result.GetCode() > 299:
			rc.unexplained.Inc()
		}
	}
}
