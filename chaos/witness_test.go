package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// acknowledgements are the events whose delivery the gateway answered with 2xx,
// as the emulator saw it.
type acknowledgements struct {
	transport *http.Transport

	mu  sync.Mutex
	ids map[string]string // event id to type
}

func newAcknowledgements() *acknowledgements {
	return &acknowledgements{transport: &http.Transport{MaxIdleConnsPerHost: 16}, ids: make(map[string]string)}
}

func (a *acknowledgements) client() *http.Client { return &http.Client{Transport: a} }

// RoundTrip implements http.RoundTripper.
func (a *acknowledgements) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	sent := req.Clone(req.Context())
	sent.Body = io.NopCloser(bytes.NewReader(body))
	resp, err := a.transport.RoundTrip(sent)
	if err != nil || resp.StatusCode/100 != 2 || req.Header.Get("Aeg-Event-Type") == "SubscriptionValidation" {
		return resp, err
	}
	var events []struct{ ID, Type, EventType string }
	if err := json.Unmarshal(body, &events); err != nil {
		return nil, fmt.Errorf("the emulator sent %s: %w", body, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range events {
		a.ids[e.ID] = e.Type + e.EventType
	}
	return resp, nil
}

func (a *acknowledgements) snapshot() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.ids)
}

// streamed are the events that a subscriber of the gateway got, and how often.
type streamed struct {
	mu      sync.Mutex
	times   map[string]int
	changed chan struct{} // closed and replaced with each event
	err     error         // that ended the stream
}

func newStreamed() *streamed {
	return &streamed{times: make(map[string]int), changed: make(chan struct{})}
}

// follow subscribes, and collects until the stream ends.
func (s *streamed) follow(ctx context.Context, client callgatev1.EventsClient, running *sync.WaitGroup) error {
	stream, err := client.StreamEvents(ctx, &callgatev1.StreamEventsRequest{})
	if err != nil {
		return err
	}
	if first, err := stream.Recv(); err != nil || first.GetStarted() == nil {
		return fmt.Errorf("the stream began with %v, %w", first, err)
	}
	running.Go(func() {
		for {
			resp, err := stream.Recv()
			if err == nil && resp.GetGap() != nil {
				err = fmt.Errorf("the stream has a gap: %v", resp.GetGap())
			}
			s.note(resp.GetEvent().GetId(), err)
			if err != nil {
				return
			}
		}
	})
	return nil
}

func (s *streamed) note(id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != "" {
		s.times[id]++
	}
	s.err = err
	close(s.changed)
	s.changed = make(chan struct{})
}

// check waits until every acknowledged event has come, and reports what is lost
// or came more than once.
func (s *streamed) check(acknowledged map[string]string, patience time.Duration) error {
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		missing, err, changed := s.missing(acknowledged), s.err, s.changed
		for id, n := range s.times {
			if n > 1 {
				err = fmt.Errorf("event %s came %d times", id, n)
			}
		}
		s.mu.Unlock()
		if err != nil || len(missing) == 0 {
			return err
		}
		select {
		case <-changed:
		case <-deadline:
			return fmt.Errorf("lost after they were acknowledged: %v", missing)
		}
	}
}

func (s *streamed) missing(acknowledged map[string]string) (types []string) {
	for id, eventType := range acknowledged {
		if s.times[id] == 0 {
			types = append(types, eventType+" "+id)
		}
	}
	return types
}
