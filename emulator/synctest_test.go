package emulator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inbox is a webhook without a network.
type inbox struct {
	mu    sync.Mutex
	types []string
	times []time.Time
	got   []received
}

// RoundTrip implements http.RoundTripper.
func (i *inbox) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var events []map[string]any
	if err := json.Unmarshal(body, &events); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, event := range events {
		name := strings.TrimPrefix(at(event, "type"), eventPrefix)
		i.types = append(i.types, name)
		i.times = append(i.times, time.Now())
		data, _ := event["data"].(map[string]any)
		i.got = append(i.got, received{raw: body, name: name, event: event, data: data})
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
}

// events are all that arrived.
func (i *inbox) events() []received {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.got)
}

func (i *inbox) received() (types []string, times []time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.types), slices.Clone(i.times)
}

// TestFakeClock: in a bubble of testing/synctest the emulator's people take as
// long as in life, and nobody waits.
func TestFakeClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		webhook := &inbox{}
		e, err := New(Options{HTTPClient: &http.Client{Transport: webhook}})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()

		body := `{"targets":[{"rawId":"4:+14255550408","phoneNumber":{"value":"+14255550408"}}],` +
			`"sourceCallerIdNumber":{"value":"+18005550100"},"callbackUri":"https://app.example/callback"}`
		req := httptest.NewRequest(http.MethodPost, "http://emulator.example/calling/callConnections?api-version=2026-03-12", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		sign(req, []byte(body), DefaultAccessKey, time.Now())
		answer := httptest.NewRecorder()
		e.Handler().ServeHTTP(answer, req)
		if answer.Code != http.StatusCreated {
			t.Fatalf("status %d: %s", answer.Code, answer.Body)
		}

		began := time.Now()
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if types, _ := webhook.received(); len(types) != 0 {
			t.Fatalf("after 29 s: %v", types)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		types, times := webhook.received()
		if !slices.Equal(types, []string{"CreateCallFailed", "CallDisconnected"}) {
			t.Fatalf("after 31 s: %v", types)
		}
		if rang := times[0].Sub(began); rang < 30*time.Second || rang > 31*time.Second {
			t.Errorf("it rang for %v", rang)
		}
	})
}
