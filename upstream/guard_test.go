package upstream_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callgate/callgate/upstream"
)

// TestSickUpstreamIsLeftAlone: after enough failures nothing is sent for a
// while, and the caller is told for how long.
func TestSickUpstreamIsLeftAlone(t *testing.T) {
	sick := serve(t, answer(503, ""))
	client := newClient(t, sick.url, func(opts *upstream.Options) { opts.Tries = 1 })
	for range 100 {
		_, err := client.GetCall(t.Context(), "c")
		e := upstreamError(t, err)
		if !errors.Is(err, upstream.ErrCircuitOpen) {
			continue
		}
		before := len(sick.received())
		if before < 20 {
			t.Errorf("given up after %d failures", before)
		}
		if e.RetryAfter <= 0 || e.RetryAfter > 10*time.Second || e.MayHaveActed() || !e.Repeatable {
			t.Errorf("error %+v", e)
		}
		if _, err := client.CreateCall(t.Context(), upstream.NewRepeat(time.Now()), &upstream.CreateCallRequest{}); !errors.Is(err, upstream.ErrCircuitOpen) {
			t.Errorf("the next: %v", err)
		}
		if after := len(sick.received()); after != before {
			t.Errorf("%d requests got through", after-before)
		}
		return
	}
	t.Error("100 failures, and still it is asked")
}

// TestRetriesHaveABudget: what all requests may repeat together is bounded.
func TestRetriesHaveABudget(t *testing.T) {
	sick := serve(t, answer(429, ""))
	client := newClient(t, sick.url, func(opts *upstream.Options) { opts.Tries, opts.RetryRate = 4, 1 })
	const requests = 20
	for range requests {
		_, err := client.GetCall(t.Context(), "c")
		_ = upstreamError(t, err)
	}
	if n := len(sick.received()); n < requests || n > requests+10 {
		t.Errorf("%d requests were sent %d times: 5 repetitions were saved up, and one comes by a second", requests, n)
	}
}

// TestRefusalsAreAnswers: an upstream that refuses is not sick.
func TestRefusalsAreAnswers(t *testing.T) {
	service := serve(t, answer(404, notFound))
	client := newClient(t, service.url, nil)
	for range 100 {
		if _, err := client.GetCall(t.Context(), "c"); errors.Is(err, upstream.ErrCircuitOpen) {
			t.Fatal("refusals opened the circuit")
		}
	}
}

// TestRotatedKey: when the primary key is refused, the secondary is tried, and
// kept; new keys take the place of both.
func TestRotatedKey(t *testing.T) {
	keyOf := func(text string) upstream.AccessKey {
		key, err := upstream.ParseAccessKey(text)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	const first, second, third = "Zmlyc3Q=", "c2VjcmV0a2V5", "dGhpcmQ=" // the service takes the second
	service := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !signedBy(r, secret) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"callConnectionId":"c"}`))
	})
	var log bytes.Buffer
	client := newClient(t, service.url, func(opts *upstream.Options) {
		opts.AccessKey, opts.SecondaryAccessKey = keyOf(first), keyOf(second)
		opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	create := func() error {
		_, err := client.CreateCall(t.Context(), upstream.NewRepeat(time.Now()), &upstream.CreateCallRequest{CallbackURI: "https://a.example"})
		return err
	}
	for range 3 {
		if err := create(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(service.received()); n != 4 {
		t.Errorf("%d requests, want 4: the refused key is tried once", n)
	}
	for _, r := range service.received() {
		if !strings.Contains(r.body, "https://a.example") {
			t.Errorf("a try was sent with the body %q", r.body)
		}
	}
	if !strings.Contains(log.String(), "secondary") || strings.Contains(log.String(), second) {
		t.Errorf("the log says %s", &log)
	}
	if err := client.SetAccessKeys(keyOf(third), upstream.AccessKey{}); err != nil {
		t.Fatal(err)
	}
	if e := upstreamError(t, create()); e.StatusCode != http.StatusUnauthorized {
		t.Errorf("with the new key: %v", e)
	}
	if err := client.SetAccessKeys(keyOf(second), keyOf(third)); err != nil {
		t.Fatal(err)
	}
	if err := create(); err != nil {
		t.Errorf("with the right key again: %v", err)
	}
}

// TestClocksThatDisagree: it is said once, and told with the refusal.
func TestClocksThatDisagree(t *testing.T) {
	service := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusUnauthorized)
	})
	var log bytes.Buffer
	client := newClient(t, service.url, func(opts *upstream.Options) { opts.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for range 3 {
		_, err := client.GetCall(t.Context(), "c")
		if e := upstreamError(t, err); e.ClockSkew < 59*time.Minute || e.ClockSkew > 61*time.Minute {
			t.Errorf("skew %v", e.ClockSkew)
		}
	}
	if n := strings.Count(log.String(), "disagree"); n != 1 {
		t.Errorf("said %d times: %s", n, &log)
	}
}
