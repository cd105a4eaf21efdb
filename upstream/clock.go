package upstream

import (
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

const (
	// tolerableSkew is by how much the clocks may differ without a word. The
	// upstream's own tolerance is not documented.
	tolerableSkew = time.Minute
	// skewSilence is how long nothing more is said once it was.
	skewSilence = 10 * time.Minute
)

// clock compares the upstream's clock with ours: when they drift apart, the
// upstream refuses signatures, and nothing in its refusal says why.
type clock struct {
	logger *slog.Logger
	now    func() time.Time
	// When they were compared, and when something was said, in Unix seconds.
	compared, said atomic.Int64
}

// Do implements policy.Policy.
func (c *clock) Do(req *policy.Request) (*http.Response, error) {
	resp, err := req.Next()
	if err != nil {
		return resp, err
	}
	now := c.now()
	if second := now.Unix(); c.compared.Swap(second) == second {
		return resp, nil // once a second is enough
	}
	skew := skewOf(resp, now)
	if last := c.said.Load(); skew.Abs() > tolerableSkew && now.Sub(time.Unix(last, 0)) > skewSilence && c.said.CompareAndSwap(last, now.Unix()) {
		c.logger.Warn("this machine's clock and the upstream's disagree: signed requests will be refused", "upstream_ahead_by", skew.String())
	}
	return resp, nil
}

// skewOf is by how much the clock of who answered is ahead of now, to the
// second; 0 where the answer has no date.
func skewOf(resp *http.Response, now time.Time) time.Duration {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0
	}
	return date.Sub(now).Truncate(time.Second)
}
