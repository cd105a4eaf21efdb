package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	gridTopic = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/callgate/providers/" +
		"Microsoft.Communication/CommunicationServices/emulator"
	gridOrigin          = "eventgrid.azure.net"
	gridContentType     = "application/json; charset=utf-8"
	gridCloudEventsType = "application/cloudevents+json; charset=utf-8"

	incomingCallLifetime = time.Minute     // an older ring is useless
	handshakePause       = 5 * time.Second // the service's
)

// gridEvent is one event of the resource's topic.
type gridEvent struct {
	forgotten func() bool // by a reset: then nothing is delivered any more
	id        string
	eventType string
	subject   string
	time      time.Time
	data      any
}

// eventGrid delivers the resource's events to the endpoints subscribed to them,
// each with a queue and a goroutine of its own.
type eventGrid struct {
	endpoints []*gridEndpoint
}

type gridEndpoint struct {
	uri       string
	schema    Schema
	courier   *courier
	options   Options
	log       *slog.Logger
	queue     chan gridEvent
	validated bool // of the goroutine alone
}

func newEventGrid(ctx context.Context, options Options, d *courier, goroutine *sync.WaitGroup) *eventGrid {
	g := &eventGrid{}
	for _, uri := range options.EventGridEndpoints {
		endpoint := &gridEndpoint{
			uri: uri, schema: options.EventGridSchema, courier: d, options: options, log: options.Logger,
			queue: make(chan gridEvent, maxQueued),
		}
		g.endpoints = append(g.endpoints, endpoint)
		goroutine.Go(func() { endpoint.run(ctx) })
	}
	return g
}

// raise queues an event for every endpoint. It waits for nobody: an endpoint that
// is too far behind loses it.
func (w *world) raise(eventType, subject string, data any) {
	if w.ended {
		return
	}
	event := gridEvent{
		forgotten: func() bool { return w.ctx.Err() != nil }, id: uuid.NewString(), eventType: eventPrefix + eventType, subject: subject,
		time: w.emulator.options.Now(), data: data,
	}
	for _, endpoint := range w.emulator.eventGrid.endpoints {
		select {
		case endpoint.queue <- event:
		default:
			endpoint.courier.counters.dropped.Add(1)
			endpoint.log.Warn("Event Grid event dropped: the endpoint is too far behind", "to", originOf(endpoint.uri), "event", event.eventType)
		}
	}
}

// run delivers one event at a time, in order, until ctx ends.
func (p *gridEndpoint) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-p.queue:
			if event.forgotten() {
				continue
			}
			if err := p.deliver(ctx, event); err != nil && ctx.Err() == nil && !event.forgotten() {
				p.log.Warn("Event Grid event given up", "to", originOf(p.uri), "event", event.eventType, "error", err)
			}
		}
	}
}

// deliver makes sure of the handshake, then posts. IncomingCall is tried twice
// within a minute, as the service is best configured for it; other events five times.
func (p *gridEndpoint) deliver(ctx context.Context, event gridEvent) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	backoff := []time.Duration{2 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second}
	if event.eventType == eventPrefix+"IncomingCall" {
		backoff = backoff[:1]
		var expire context.CancelFunc
		ctx, expire = context.WithTimeout(ctx, incomingCallLifetime)
		defer expire()
	}
	body, contentType, err := p.encode(event)
	if err != nil {
		return err
	}
	return p.courier.retry(ctx, backoff, func() error {
		if event.forgotten() {
			cancel()
			return ctx.Err()
		}
		if err := p.validate(ctx); err != nil {
			return err
		}
		_, err := p.courier.send(ctx, http.MethodPost, p.uri,
			http.Header{"Content-Type": {contentType}, "Aeg-Event-Type": {"Notification"}}, body)
		return err
	})
}

// validate does the handshake of the schema, once for each endpoint; a failed one
// is attempted again after 5 s.
func (p *gridEndpoint) validate(ctx context.Context) error {
	if p.validated {
		return nil
	}
	handshake := p.handshakeEventGrid
	if p.schema == CloudEventSchema {
		handshake = p.handshakeCloudEvents
	}
	err := handshake(ctx)
	if err != nil && pause(ctx, p.options.scaled(handshakePause)) {
		err = handshake(ctx)
	}
	p.validated = err == nil
	return err
}

// handshakeEventGrid posts a SubscriptionValidationEvent; 200 with its code
// passes. There is no validationUrl: nobody validates an emulator by hand.
func (p *gridEndpoint) handshakeEventGrid(ctx context.Context) error {
	code := uuid.NewString()
	body, err := json.Marshal([]any{eventGridEvent{
		ID: uuid.NewString(), Topic: gridTopic, Data: map[string]string{"validationCode": code},
		EventType:   "Microsoft.EventGrid.SubscriptionValidationEvent",
		DataVersion: "1", MetadataVersion: "1", EventTime: formatTime(p.options.Now(), gridEventTime),
	}})
	if err != nil {
		return err
	}
	got, err := p.courier.send(ctx, http.MethodPost, p.uri,
		http.Header{"Content-Type": {gridContentType}, "Aeg-Event-Type": {"SubscriptionValidation"}}, body)
	if err != nil {
		return err
	}
	var response struct {
		ValidationResponse string `json:"validationResponse"`
	}
	if got.status != http.StatusOK || json.Unmarshal(got.body, &response) != nil || response.ValidationResponse != code {
		return errors.New("the endpoint did not answer the validation code")
	}
	return nil
}

// handshakeCloudEvents asks for leave with OPTIONS.
func (p *gridEndpoint) handshakeCloudEvents(ctx context.Context) error {
	got, err := p.courier.send(ctx, http.MethodOptions, p.uri, http.Header{"Webhook-Request-Origin": {gridOrigin}}, nil)
	if err != nil {
		return err
	}
	if allowed := got.header.Get("WebHook-Allowed-Origin"); allowed != "*" && allowed != gridOrigin {
		return errors.New("the endpoint did not allow the origin")
	}
	return nil
}

// eventGridEvent is the envelope of the Event Grid schema.
type eventGridEvent struct {
	ID              string `json:"id"`
	Topic           string `json:"topic"`
	Subject         string `json:"subject"`
	Data            any    `json:"data"`
	EventType       string `json:"eventType"`
	DataVersion     string `json:"dataVersion"`
	MetadataVersion string `json:"metadataVersion"`
	EventTime       string `json:"eventTime"`
}

// gridCloudEvent is the envelope of the CloudEvents schema.
type gridCloudEvent struct {
	ID          string `json:"id"`
	Source      string `json:"source"`
	Subject     string `json:"subject"`
	Type        string `json:"type"`
	Time        string `json:"time"`
	SpecVersion string `json:"specversion"`
	Data        any    `json:"data"`
}

// encode is the body of a delivery: an array in the Event Grid schema, one object
// in the CloudEvents schema.
func (p *gridEndpoint) encode(event gridEvent) (body []byte, contentType string, err error) {
	at := formatTime(event.time, gridEventTime)
	if p.schema == CloudEventSchema {
		body, err = json.Marshal(gridCloudEvent{
			ID: event.id, Source: gridTopic, Subject: event.subject, Type: event.eventType, Time: at, SpecVersion: "1.0", Data: event.data,
		})
		return body, gridCloudEventsType, err
	}
	body, err = json.Marshal([]any{eventGridEvent{
		ID: event.id, Topic: gridTopic, Subject: event.subject, Data: event.data, EventType: event.eventType,
		DataVersion: "1.0", MetadataVersion: "1", EventTime: at,
	}})
	return body, gridContentType, err
}
