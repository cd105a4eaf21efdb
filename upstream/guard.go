package upstream

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"golang.org/x/time/rate"
)

var (
	// ErrCircuitOpen is wrapped by an Error that was not sent, because so much of
	// what was sent lately failed: the upstream is left alone for a while.
	ErrCircuitOpen = errors.New("the upstream failed too often lately, and is left alone for a while")
	// ErrOverloaded is wrapped by an Error that was not sent, because as much is on
	// its way already as the upstream deals with in time.
	ErrOverloaded = errors.New("too many requests are on their way to the upstream")
)

const (
	// The circuit opens when half of at least failureSample tries within
	// failurePeriod got no answer or a 5xx, and is tried again after openFor.
	failureRate   = 0.5
	failureSample = 20
	failurePeriod = 10 * time.Second
	openFor       = 5 * time.Second
	// closeAfter is how many good answers close it again.
	closeAfter = 3

	// How much may be on its way at once: it adapts within these bounds to how
	// long the upstream takes.
	minConcurrency     = 64
	initialConcurrency = 256
	maxConcurrency     = 2048
	// maxQueueing is how long a request may wait for its turn before it is
	// refused.
	maxQueueing = time.Second

	// defaultRetryRate is how many tries a second, of all requests together, may
	// be repetitions; retrySeconds is how much of that may be saved up.
	defaultRetryRate = 20
	retrySeconds     = 5
)

// guard keeps a sick upstream from being hammered, and answers early where a
// request would only wait.
type guard struct {
	breaker circuitbreaker.CircuitBreaker[any]
	limiter adaptivelimiter.AdaptiveLimiter[any]
	retries *rate.Limiter
}

func newGuard(retryRate float64) *guard {
	return &guard{
		breaker: circuitbreaker.NewBuilder[any]().
			WithFailureRateThreshold(failureRate, failureSample, failurePeriod).
			WithDelay(openFor).
			WithSuccessThreshold(closeAfter).
			Build(),
		limiter: adaptivelimiter.NewBuilder[any]().
			WithLimits(minConcurrency, maxConcurrency, initialConcurrency).
			Build(),
		retries: rate.NewLimiter(rate.Limit(retryRate), max(1, int(retryRate*retrySeconds))),
	}
}

// Do implements policy.Policy, for each try.
func (g *guard) Do(req *policy.Request) (*http.Response, error) {
	ctx := req.Raw().Context()
	permit, err := g.limiter.AcquirePermitWithMaxWait(ctx, maxQueueing)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &heldBackError{err: ErrOverloaded, until: maxQueueing}
	}
	if !g.breaker.TryAcquirePermit() {
		permit.Drop()
		return nil, &heldBackError{err: ErrCircuitOpen, until: max(g.breaker.RemainingDelay(), time.Second)}
	}
	resp, err := req.Next()
	if status := statusOf(resp, err); status >= http.StatusInternalServerError || status == 0 && !errors.Is(ctx.Err(), context.Canceled) {
		g.breaker.RecordFailure()
	} else {
		g.breaker.RecordSuccess() // a refusal is an answer, and who cancels says nothing of the upstream
	}
	if err != nil {
		permit.Drop()
	} else {
		permit.Record()
	}
	return resp, err
}

// heldBackError is a try that the guard did not let through.
type heldBackError struct {
	err   error
	until time.Duration
}

func (e *heldBackError) Error() string { return e.err.Error() }

func (e *heldBackError) Unwrap() error { return e.err }

// NonRetriable tells azcore that trying again at once is no use.
func (*heldBackError) NonRetriable() {}
