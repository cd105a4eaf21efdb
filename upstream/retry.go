package upstream

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// maxRetryDelay bounds a pause between two tries. An answer that asks for a
// longer one is returned.
const maxRetryDelay = time.Minute

// retryOptions decide what is sent again: what was not answered, or was answered
// with a passing trouble; but not when the pause would outlast the caller, who
// gets the answer there is, and a request that could act twice only when it
// cannot have acted.
func (c *Client) retryOptions(ctx context.Context, op operation, s *sending) policy.RetryOptions {
	retry := c.retry
	tries := 0
	retry.ShouldRetry = func(resp *http.Response, err error) bool {
		tries++
		if err == nil && !passing(resp.StatusCode) || !op.repeatable() && s.acted {
			return false
		}
		deadline, has := ctx.Deadline()
		if has && !time.Now().Add(c.longestPause(resp, tries)).Before(deadline) {
			return false
		}
		return tries > c.maxRetries() || c.guard.retries.Allow() // the last try needs no leave
	}
	return retry
}

func (c *Client) maxRetries() int { return max(0, int(c.retry.MaxRetries)) }

// passing says whether the same request may fare better later.
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// longestPause is how long azcore may wait after a number of tries: what the
// answer asks for, or else (2^tries-1) times the delay, and up to 1.3 times that
// by chance.
func (c *Client) longestPause(resp *http.Response, tries int) time.Duration {
	if asked := retryAfter(resp); asked > 0 {
		return asked
	}
	backoff := float64(int64(1)<<min(tries, 30)-1) * 1.3 * float64(c.retry.RetryDelay)
	return time.Duration(min(backoff, float64(maxRetryDelay)))
}

// longestRetryAfter is the longest pause that is told; more is no pause but an
// outage, and could overflow.
const longestRetryAfter = 24 * time.Hour

// retryAfter is the pause that an answer (nil for none) asks for, read as azcore
// reads it: in milliseconds, in seconds, or until a time.
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
