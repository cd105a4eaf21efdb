package eventstream

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	tenant  = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	webhook = "api://callgate"
)

// newEntra is a tenant on loopback, and a verifier of what it makes.
func newEntra(t *testing.T) (verifier *Verifier, token func(change func(map[string]any)) string) {
	t.Helper()
	opts := EntraOptions(EntraAuthority, tenant, []string{"the-app", webhook}, 0)
	a, key := newAuthority(t), rsaKey("1")
	a.set(func(a *authority) { a.keys, a.issuer = []jose.JSONWebKey{key}, opts.Issuer })
	opts.ConfigURL, opts.HTTPClient, opts.Now = a.server.URL+"/config", a.server.Client(), func() time.Time { return receivedAt }
	return NewVerifier(opts), func(change func(map[string]any)) string {
		return sign(t, jose.RS256, key, claims(func(c map[string]any) {
			c["iss"], c["aud"], c["azp"] = opts.Issuer, webhook, EventGridApplication
			if change != nil {
				change(c)
			}
		}))
	}
}

func TestEntraTokens(t *testing.T) {
	for name, test := range map[string]struct {
		change func(map[string]any)
		good   bool
	}{
		"of version 2":          {nil, true},
		"for the app by its id": {func(c map[string]any) { c["aud"] = "the-app" }, true},
		"of version 1": {func(c map[string]any) {
			c["iss"] = "https://sts.windows.net/" + tenant + "/"
			c["appid"] = c["azp"]
			delete(c, "azp")
		}, true},
		"of another tenant":      {func(c map[string]any) { c["iss"] = EntraAuthority + "/another/v2.0" }, false},
		"of another tenant's v1": {func(c map[string]any) { c["iss"] = "https://sts.windows.net/another/" }, false},
		"for another app":        {func(c map[string]any) { c["aud"] = "api://other" }, false},
		"asked for by another":   {func(c map[string]any) { c["azp"] = "61460096-a0cc-4f65-8cec-b61cc24e646c" }, false},
		"asked for by nobody":    {func(c map[string]any) { delete(c, "azp") }, false},
		"by both, azp another's": {func(c map[string]any) { c["appid"] = c["azp"]; c["azp"] = "other" }, false},
		"a callback's":           {func(c map[string]any) { c["iss"] = DefaultIssuer }, false},
		"expired":                {func(c map[string]any) { c["exp"] = receivedAt.Add(-time.Hour).Unix() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			verifier, token := newEntra(t)
			err := verifier.Verify(testContext(t), token(test.change))
			if test.good && err != nil || !test.good && !errors.Is(err, ErrTokenInvalid) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestEventGridBehindEntra: what is let in when the webhook is protected by Entra
// ID, alone and beside the key.
func TestEventGridBehindEntra(t *testing.T) {
	event := string(captured(t)["IncomingCall.eventgrid"])
	validation := string(captured(t)["SubscriptionValidationEvent"])
	origin := map[string]string{"WebHook-Request-Origin": "eventgrid.azure.net"}
	for name, test := range map[string]struct {
		withoutKey, key, token bool
		want                   int
	}{
		"both, where both are needed":     {false, true, true, http.StatusOK},
		"the key alone":                   {false, true, false, http.StatusUnauthorized},
		"the token alone":                 {false, false, true, http.StatusUnauthorized},
		"the token, where it is enough":   {true, false, true, http.StatusOK},
		"the key, where it is no use":     {true, true, false, http.StatusUnauthorized},
		"neither":                         {true, false, false, http.StatusUnauthorized},
		"both, where the token is enough": {true, true, true, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			verifier, token := newEntra(t)
			d.options.EventGrid = EventGridOptions{Verifier: verifier, WithoutKey: test.withoutKey}
			key, header := "none", map[string]string{}
			if test.key {
				key = ""
			}
			if test.token {
				header["Authorization"] = "Bearer " + token(nil)
			}
			for _, body := range []string{event, validation} {
				if w := d.deliver(http.MethodPost, key, body, header); w.Code != test.want {
					t.Errorf("answer %d, want %d", w.Code, test.want)
				}
			}
			header["WebHook-Request-Origin"] = origin["WebHook-Request-Origin"]
			if w := d.deliver(http.MethodOptions, key, "", header); w.Code != test.want {
				t.Errorf("answer to OPTIONS %d, want %d", w.Code, test.want)
			}
			if n := d.stored(t); n != 0 && test.want != http.StatusOK {
				t.Errorf("%d events stored", n)
			}
		})
	}
	t.Run("without key and without verifier, nobody", func(t *testing.T) {
		d := newDoor(t)
		d.options.EventGrid = EventGridOptions{WithoutKey: true}
		if w := d.deliver(http.MethodPost, "", event, nil); w.Code != http.StatusUnauthorized {
			t.Errorf("answer %d", w.Code)
		}
	})
}

func TestEventGridTopics(t *testing.T) {
	const (
		ours       = "/subscriptions/{subscription-id}/resourceGroups/{group-name}/providers/Microsoft.Communication/CommunicationServices/{communication-services-resource-name}"
		validators = "/subscriptions/xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	)
	events := captured(t)
	for name, test := range map[string]struct {
		topics []string
		body   string
		want   int
	}{
		"an event of any topic":               {nil, "IncomingCall.eventgrid", http.StatusOK},
		"an event of ours, in other letters":  {[]string{validators, ours}, "IncomingCall.eventgrid", http.StatusOK},
		"a CloudEvent of ours":                {[]string{ours}, "IncomingCall.cloudevents", http.StatusOK},
		"an event of another":                 {[]string{validators}, "IncomingCall.eventgrid", http.StatusForbidden},
		"a CloudEvent of another":             {[]string{validators}, "IncomingCall.cloudevents", http.StatusForbidden},
		"a handshake of any topic":            {nil, "SubscriptionValidationEvent", http.StatusOK},
		"a handshake of ours":                 {[]string{validators}, "SubscriptionValidationEvent", http.StatusOK},
		"a handshake of another":              {[]string{ours}, "SubscriptionValidationEvent", http.StatusForbidden},
		"a callback, which has no such topic": {[]string{ours}, "CallConnected", http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			d.options.EventGrid.Topics = test.topics
			w := d.deliver(http.MethodPost, "", string(events[test.body]), nil)
			if w.Code != test.want || w.Code != http.StatusOK && w.Body.Len() != 0 {
				t.Errorf("answer %d %q, want %d", w.Code, w.Body, test.want)
			}
			if n := d.stored(t); n != 0 && test.want != http.StatusOK {
				t.Errorf("%d events stored", n)
			}
		})
	}
}
