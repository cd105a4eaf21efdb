package eventstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
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

// eventGrid serves one delivery of Event Grid, in either schema, or the handshake
// of the Event Grid schema.
func (rc *Receiver) eventGrid(w http.ResponseWriter, r *http.Request) (verdict, error) {
	if !rc.options.Tokens.VerifyEventGrid(r.URL.Query().Get("key")) {
		return verdictBadToken, errors.New("bad key")
	}
	body, v, err := readBody(w, r)
	if err != nil {
		return v, err
	}
	if strings.EqualFold(r.Header.Get(eventTypeHeader), subscriptionValidation) ||
		bytes.Contains(body, []byte(subscriptionValidationEvent)) {
		code, err := validationCode(body)
		if err != nil {
			return verdictMalformed, err
		}
		if code != "" {
			return verdictHandshake, answerValidation(w, code)
		}
	}
	return rc.store(r.Context(), body, callgatev1.CallEventSource_CALL_EVENT_SOURCE_EVENT_GRID, "")
}

// validationCode is what Event Grid wants back to know that the endpoint wants its
// events; empty when the body is another event. The validationUrl that comes with
// it is not fetched: a sender must not make us call addresses.
func validationCode(body []byte) (string, error) {
	envelopes, err := splitBatch(body)
	if err != nil {
		return "", err
	}
	if len(envelopes) != 1 || !strings.EqualFold(envelopes[0].EventType, subscriptionValidationEvent) {
		return "", nil
	}
	var data struct {
		Code string `json:"validationCode"`
	}
	if err := json.Unmarshal(envelopes[0].Data, &data); err != nil || data.Code == "" {
		return "", errors.New("a subscription validation without validation code")
	}
	return data.Code, nil
}

func answerValidation(w http.ResponseWriter, code string) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]string{"validationResponse": code})
}

// eventGridOptions serves the handshake of the CloudEvents schema: whoever holds
// the key may send, at any rate.
func (rc *Receiver) eventGridOptions(w http.ResponseWriter, r *http.Request) (verdict, error) {
	if !rc.options.Tokens.VerifyEventGrid(r.URL.Query().Get("key")) {
		return verdictBadToken, errors.New("bad key")
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
