package upstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"golang.org/x/time/rate"
)

// maxRetryDelay bounds a pause between two tries. An answer that asks for a
// longer one is returned.
const maxRetryDelay = time.Minute

// retrying is the policy that sends a request again: one that was not answered, or
// was answered with a passing trouble; but not when the pause would outlast the
// caller, who gets the answer there is, and one that could act twice only when it
// cannot have acted.
type retrying struct {
	tries   int           // at most
	timeout time.Duration // of one try; 0: none
	delay   time.Duration // before the first repetition
	leave   *rate.Limiter // of repetitions
}

// Do implements policy.Policy.
func (r retrying) Do(req *policy.Request) (*http.Response, error) {
	var s *sending
	req.OperationValue(&s)
	ctx := req.Raw().Context()
	for tries := 1; ; tries++ {
		resp, err := r.try(req, tries)
		if tries == r.tries || !s.mayBeSentAgain(resp, err) {
			return resp, err
		}
		pause := r.pause(resp, tries)
		if pause > maxRetryDelay || outlasts(ctx, pause) || !r.leave.Allow() {
			return resp, err
		}
		select { // there is nothing to close: only what is not sent again can be unread
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// try sends the request. A repetition has headers of its own: the transport may
// still be reading those of a try which has timed out.
func (r retrying) try(req *policy.Request, tries int) (*http.Response, error) {
	ctx := req.Raw().Context()
	if r.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.timeout)
		defer cancel()
	}
	req = req.WithContext(ctx)
	if tries > 1 {
		req.Raw().Header = req.Raw().Header.Clone()
	}
	return req.Next()
}

// mayBeSentAgain says whether what came of a try can be mended by another.
func (s *sending) mayBeSentAgain(resp *http.Response, err error) bool {
	if _, is := errors.AsType[final](err); is || err == nil && !passing(resp.StatusCode) {
		return false
	}
	return s.repeatable || !s.acted
}

// final is what azcore's and azidentity's errors are when another try is no use, and
// ours.
type final interface {
	error
	NonRetriable()
}

func outlasts(ctx context.Context, pause time.Duration) bool {
	if ctx.Err() != nil {
		return true
	}
	deadline, has := ctx.Deadline()
	return has && !time.Now().Add(pause).Before(deadline)
}

// passing says whether the same request may fare better later.
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// pause is what the answer asks for, or else (2^tries-1) times the delay, and 0.8 to
// 1.3 times that by chance.
func (r retrying) pause(resp *http.Response, tries int) time.Duration {
	if asked := retryAfter(resp); asked > 0 {
		return asked
	}
	backoff := float64(int64(1)<<min(tries, 30)-1) * (0.8 + rand.Float64()/2) * float64(r.delay) //nolint:gosec // nobody gains by guessing it
	return time.Duration(min(backoff, float64(maxRetryDelay)))
}

// longestRetryAfter is the longest pause that is told; more is no pause but an
// outage, and could overflow.
const longestRetryAfter = 24 * time.Hour

// retryAfter is the pause that an answer (nil for none) asks for: in milliseconds, in seconds, or until a time.
func retryAfter(resp *http.Response) time.Duration {
	if resp == nil {
		return 0
	}
	for _, header := range [...]struct {
		name string
		unit time.Duration
	}{{"retry-after-ms", time.Millisecond}, {"x-ms-retry-after-ms", time.Millisecond}, {"Retry-After", time.Second}} {
		if n, err := strconv.Atoi(resp.Header.Get(header.name)); err == nil && n > 0 {
			return min(time.Duration(min(n, int(longestRetryAfter/time.Millisecond)))*header.unit, longestRetryAfter)
		}
	}
	if at, err := http.ParseTime(resp.Header.Get("Retry-After")); err == nil {
		return min(max(0, time.Until(at)), longestRetryAfter)
	}
	return 0
}
