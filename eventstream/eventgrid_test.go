package eventstream

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// deliver does what Event Grid does; the key is a good one where none is given.
func (d *door) deliver(method, key, body string, header map[string]string) *httptest.ResponseRecorder {
	if key == "" {
		key = d.tokens.EventGrid()
	}
	r := httptest.NewRequest(method, EventGridPath+"?key="+key, strings.NewReader(body))
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func TestEventGridDeliveries(t *testing.T) {
	events := captured(t)
	for name, test := range map[string]struct {
		body   []byte
		header map[string]string
	}{
		"the Event Grid schema": {events["IncomingCall.eventgrid"], map[string]string{"aeg-event-type": "Notification", "Content-Type": "application/json"}},
		"CloudEvents":           {events["IncomingCall.cloudevents"], map[string]string{"Content-Type": "application/cloudevents+json"}},
		"a batch of CloudEvents": {
			[]byte("[" + string(events["IncomingCall.cloudevents"]) + "]"), map[string]string{"Content-Type": "application/cloudevents-batch+json"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			for range 2 {
				if w := d.deliver(http.MethodPost, "", string(test.body), test.header); w.Code != http.StatusOK {
					t.Fatalf("answer %d", w.Code)
				}
			}
			p, err := d.log.read(testContext(t), 0, "", 10)
			if err != nil || len(p.events) != 1 {
				t.Fatalf("%d events, %v", len(p.events), err)
			}
			ev := p.events[0].CallEvent
			if ev.GetSource() != callgatev1.CallEventSource_CALL_EVENT_SOURCE_EVENT_GRID ||
				ev.GetIncomingCall().GetCallerDisplayName() != "John Doe" || ev.GetServerCallId() == "" {
				t.Errorf("event is %v", ev)
			}
		})
	}
}

func TestEventGridHandshake(t *testing.T) {
	validation := string(captured(t)["SubscriptionValidationEvent"])
	const answer = `{"validationResponse":"512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}`
	for name, header := range map[string]map[string]string{
		"with its header":    {"aeg-event-type": "SubscriptionValidation"},
		"without its header": nil,
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			w := d.deliver(http.MethodPost, "", validation, header)
			if w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != answer || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("answer %d %q", w.Code, w.Body)
			}
			if n := d.stored(t); n != 0 {
				t.Errorf("%d events stored", n)
			}
			if n := d.counted("eventgrid", verdictHandshake); n != 1 {
				t.Errorf("%v counted", n)
			}
		})
	}
	t.Run("of CloudEvents", func(t *testing.T) {
		d := newDoor(t)
		w := d.deliver(http.MethodOptions, "", "", map[string]string{"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"})
		if w.Code != http.StatusOK || w.Header().Get("WebHook-Allowed-Origin") != "eventgrid.azure.net" || w.Header().Get("WebHook-Allowed-Rate") != "*" {
			t.Errorf("answer %d %v", w.Code, w.Header())
		}
	})
}

func TestEventGridRefused(t *testing.T) {
	good := string(captured(t)["IncomingCall.eventgrid"])
	validation := string(captured(t)["SubscriptionValidationEvent"])
	for name, test := range map[string]struct {
		method, key, body string
		header            map[string]string
		want              int
	}{
		"a bad key":                    {http.MethodPost, "x", good, nil, http.StatusUnauthorized},
		"a handshake with a bad key":   {http.MethodPost, "x", validation, nil, http.StatusUnauthorized},
		"an OPTIONS with a bad key":    {http.MethodOptions, "x", "", map[string]string{"WebHook-Request-Origin": "o"}, http.StatusUnauthorized},
		"an OPTIONS that asks nothing": {http.MethodOptions, "", "", nil, http.StatusBadRequest},
		"broken JSON":                  {http.MethodPost, "", good[1:], nil, http.StatusBadRequest},
		"a handshake of broken JSON":   {http.MethodPost, "", validation[1:], nil, http.StatusBadRequest},
		"a handshake without code":     {http.MethodPost, "", strings.Replace(validation, "validationCode", "x", 1), nil, http.StatusBadRequest},
		"a body beyond the bound":      {http.MethodPost, "", strings.Repeat(" ", maxBody+1), nil, http.StatusRequestEntityTooLarge},
		"a key of callbacks":           {http.MethodPost, "callback", good, nil, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			if test.key == "callback" {
				test.key = d.tokens.Callback("")
			}
			w := d.deliver(test.method, test.key, test.body, test.header)
			if w.Code != test.want || w.Body.Len() != 0 {
				t.Errorf("answer %d %q, want %d", w.Code, w.Body, test.want)
			}
			if n := d.stored(t); n != 0 {
				t.Errorf("%d events stored", n)
			}
		})
	}
	t.Run("the log is closed", func(t *testing.T) {
		d := newDoor(t)
		closeLog(t, d.log)
		if w := d.deliver(http.MethodPost, "", good, nil); w.Code != http.StatusServiceUnavailable {
			t.Errorf("answer %d", w.Code)
		}
	})
}
