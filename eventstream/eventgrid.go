package eventstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// Headers of Event Grid, and of the CloudEvents webhook scheme.
const (
	eventTypeHeader     = "Aeg-Event-Type"
	requestOriginHeader = "WebHook-Request-Origin"
	allowedOriginHeader = "WebHook-Allowed-Origin"
	allowedRateHeader   = "WebHook-Allowed-Rate"
)

const (
	subscriptionValidation      = "SubscriptionValidation"
	subscriptionValidationEvent = "Microsoft.EventGrid.SubscriptionValidationEvent"
)

// EventGridOptions say what is let in from Event Grid. The zero value: all that
// has a good key.
type EventGridOptions struct {
	// Verifier checks the signed tokens of a webhook that is protected by Entra ID;
	// see EntraOptions. Nil: there are none.
	Verifier *Verifier
	// WithoutKey lets in what has a signed token, and no key in the address. It
	// needs a Verifier.
	WithoutKey bool
	// Topics are the resource ids of the topics whose subscriptions are confirmed
	// and whose events are let in, in any case of letters; empty: of all.
	Topics []string
}

var errForeignTopic = errors.New("a topic that is not to be let in")

// admit authenticates a delivery or a handshake.
func (rc *Receiver) admit(r *http.Request) (verdict, error) {
	o := rc.options.EventGrid
	if keys := r.URL.Query()["key"]; !o.WithoutKey && (len(keys) != 1 || !rc.options.Tokens.VerifyEventGrid(keys[0])) {
		return verdictBadToken, errors.New("bad key")
	}
	if o.WithoutKey && o.Verifier == nil {
		return verdictBadToken, errors.New("nothing lets anybody in")
	}
	return verify(r, o.Verifier)
}

// ofTopic tells whether what comes from topic is to be let in.
func (o EventGridOptions) ofTopic(topic string) bool {
	return len(o.Topics) == 0 || slices.ContainsFunc(o.Topics, func(t string) bool { return strings.EqualFold(t, topic) })
}

// eventGrid serves one delivery of Event Grid, in either schema, or the handshake
// of the Event Grid schema.
func (rc *Receiver) eventGrid(w http.ResponseWriter, r *http.Request) (verdict, error) {
	if v, err := rc.admit(r); err != nil {
		return v, err
	}
	body, v, err := readBody(w, r)
	if err != nil {
		return v, err
	}
	if strings.EqualFold(r.Header.Get(eventTypeHeader), subscriptionValidation) ||
		bytes.Contains(body, []byte(subscriptionValidationEvent)) {
		topic, code, err := validation(body)
		switch {
		case err != nil:
			return verdictMalformed, err
		case code != "" && !rc.options.EventGrid.ofTopic(topic):
			return verdictForeignTopic, errForeignTopic
		case code != "":
			return verdictHandshake, answerValidation(w, code)
		}
	}
	records, err := DecodeEvents(body, callgatev1.CallEventSource_CALL_EVENT_SOURCE_EVENT_GRID, rc.options.Now())
	if err != nil {
		return verdictMalformed, err
	}
	for _, record := range records {
		if !rc.options.EventGrid.ofTopic(record.GetEvent().GetEventSource()) {
			return verdictForeignTopic, errForeignTopic
		}
	}
	return rc.store(r.Context(), records)
}

// validation is whose events Event Grid asks us to take, and the code that it
// wants back to know that we do; no code when the body is another event. The
// validationUrl that comes with it is not fetched: a sender must not make us call
// addresses.
func validation(body []byte) (topic, code string, err error) {
	envelopes, err := splitBatch(body)
	if err != nil {
		return "", "", err
	}
	if len(envelopes) != 1 || !strings.EqualFold(envelopes[0].EventType, subscriptionValidationEvent) {
		return "", "", nil
	}
	var data struct {
		Code string `json:"validationCode"`
	}
	if err := json.Unmarshal(envelopes[0].Data, &data); err != nil || data.Code == "" {
		return "", "", errors.New("a subscription validation without validation code")
	}
	return envelopes[0].Topic, data.Code, nil
}

func answerValidation(w http.ResponseWriter, code string) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]string{"validationResponse": code})
}

// eventGridOptions serves the handshake of the CloudEvents schema: whoever holds
// the key may send, at any rate. It names no topic: the events themselves do.
func (rc *Receiver) eventGridOptions(w http.ResponseWriter, r *http.Request) (verdict, error) {
	if v, err := rc.admit(r); err != nil {
		return v, err
	}
	origin := r.Header.Get(requestOriginHeader)
	if origin == "" {
		return verdictMalformed, errors.New("a handshake without " + requestOriginHeader)
	}
	w.Header().Set("Allow", http.MethodPost)
	w.Header().Set(allowedOriginHeader, origin)
	w.Header().Set(allowedRateHeader, "*")
	w.WriteHeader(http.StatusOK)
	return verdictHandshake, nil
}
