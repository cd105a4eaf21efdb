package upstream_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callgate/callgate/upstream"
)

// movingTo is a transport that dials wherever the service says it is, anew for
// each request.
func movingTo(t *testing.T, service *service) *http.Client {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		service.mu.Lock()
		addr := strings.TrimPrefix(service.url, "http://")
		service.mu.Unlock()
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// transport answers by script, without a network: in synthetic time.
type transport struct {
	statuses []int
	header   http.Header
	tries    int
}

// Do implements policy.Transporter.
func (s *transport) Do(req *http.Request) (*http.Response, error) {
	status := s.statuses[min(s.tries, len(s.statuses)-1)]
	s.tries++
	body := ""
	if status == http.StatusOK {
		body = connectionJSON
	}
	return &http.Response{StatusCode: status, Header: s.header.Clone(), Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
}

// The upstream's pause is kept; one that would outlast the caller is not waited
// for.
func TestPauses(t *testing.T) {
	const never = 0
	tests := map[string]struct {
		statuses []int
		header   string // "name: value"
		deadline time.Duration
		status   int // of the error; 0 for success
		elapsed  time.Duration
		after    time.Duration // the error's RetryAfter
	}{
		"a pause in seconds":                            {[]int{429, 200}, "Retry-After: 7", never, 0, 7 * time.Second, 0},
		"a pause in milliseconds":                       {[]int{429, 200}, "retry-after-ms: 250", never, 0, 250 * time.Millisecond, 0},
		"a pause until a time":                          {[]int{503, 200}, "Retry-After: Sat, 01 Jan 2000 00:00:20 GMT", never, 0, 20 * time.Second, 0},
		"a pause that fits the deadline":                {[]int{429, 200}, "Retry-After: 7", 8 * time.Second, 0, 7 * time.Second, 0},
		"a pause beyond the deadline":                   {[]int{429, 200}, "Retry-After: 7", 6 * time.Second, 429, 0, 7 * time.Second},
		"a second pause beyond the deadline":            {[]int{429, 429, 200}, "Retry-After: 7", 8 * time.Second, 429, 7 * time.Second, 7 * time.Second},
		"a pause that no caller would wait for":         {[]int{429, 200}, "Retry-After: 61", never, 429, 0, 61 * time.Second},
		"a pause of ages, told as a day":                {[]int{429, 200}, "Retry-After: 99999999999999", 9 * time.Second, 429, 0, 24 * time.Hour},
		"no pause asked for, and no time for our own":   {[]int{503, 200}, "", 100 * time.Millisecond, 503, 0, 0},
		"a refusal that asks for a pause, told at once": {[]int{403}, "Retry-After: 7", never, 403, 0, 7 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				script := &transport{statuses: test.statuses, header: http.Header{}}
				if name, value, is := strings.Cut(test.header, ": "); is {
					script.header.Set(name, value)
				}
				client := newClient(t, "https://example.test", func(opts *upstream.Options) { opts.Transport, opts.RetryDelay = script, 0 })
				ctx := t.Context()
				if test.deadline != never {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				began := time.Now()
				_, err := client.GetCall(ctx, callID)
				if got := time.Since(began); got != test.elapsed {
					t.Errorf("it took %v, want %v", got, test.elapsed)
				}
				if test.status == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if e := upstreamError(t, err); e.StatusCode != test.status || e.RetryAfter != test.after {
					t.Errorf("error is %+v, want status %d, RetryAfter %v", e, test.status, test.after)
				}
			})
		})
	}
}

// Without a pause of the upstream's, ours grows.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := &transport{statuses: []int{503, 503, 503, 200}, header: http.Header{}}
		client := newClient(t, "https://example.test", func(opts *upstream.Options) { opts.Transport, opts.RetryDelay = script, time.Second })
		began := time.Now()
		if _, err := client.GetCall(t.Context(), callID); err != nil {
			t.Fatal(err)
		}
		// 1, 3 and 7 seconds, each 0.8 to 1.3 times.
		if got := time.Since(began); got < 8800*time.Millisecond || got > 14300*time.Millisecond {
			t.Errorf("three pauses took %v", got)
		}
	})
}
