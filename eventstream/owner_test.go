package eventstream

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

func TestTokensNameAnOwner(t *testing.T) {
	tokens, err := NewTokens([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	// Made by a version that knew no owners: a random part and its signature.
	random := []byte("0123456789ABCDEF")
	early := base64.RawURLEncoding.EncodeToString(tokenSign(random, tokens.current()[0], purposeCallback, random, ""))
	shops := tokens.Callback("shop")
	raw, err := base64.RawURLEncoding.DecodeString(shops)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	for name, test := range map[string]struct {
		token, owner string
		good         bool
	}{
		"an owner's":                 {shops, "shop", true},
		"nobody's":                   {tokens.Callback(""), "", true},
		"of an earlier version":      {early, "", true},
		"with another owner":         {encode(append(raw[:len(raw)-4:len(raw)-4], "bank"...)), "", false},
		"with more of an owner":      {encode(append(raw[:len(raw):len(raw)], "s"...)), "", false},
		"with less":                  {encode(raw[:len(raw)-1]), "", false},
		"without":                    {encode(raw[:len(raw)-4]), "", false},
		"an early one with an owner": {early + encode([]byte("shop")), "", false},
		"of a long owner":            {tokens.Callback(strings.Repeat("s", maxOwner)), strings.Repeat("s", maxOwner), true},
		"of one that is too long":    {tokens.Callback(strings.Repeat("s", maxOwner+1)), "", false},
		"with a line end":            {shops[:10] + "\n" + shops[10:], "", false},
	} {
		t.Run(name, func(t *testing.T) {
			if owner, good := tokens.VerifyCallback(test.token); owner != test.owner || good != test.good {
				t.Errorf("%q, %v", owner, good)
			}
		})
	}
}

// owned is record with an owner.
func owned(owner, id, call string, t callgatev1.CallEventType) *logv1.Record {
	rec := record(id, call, t)
	rec.Owner = owner
	return rec
}

func TestOwner(t *testing.T) {
	log := openLog(t, LogOptions{})
	mustAppend(t, log,
		owned("shop", "1", "a", typeCallConnected), owned("bank", "2", "b", typeCallConnected), owned("bank", "3", "a", typeCallDisconnected),
		record("4", "c", typeCallConnected), owned("shop", "5", "c", typeCallDisconnected), record("6", "d", typeCallConnected))
	for call, want := range map[string]string{"a": "shop", "b": "bank", "c": "shop", "d": "", "e": ""} {
		if got, err := log.Owner(testContext(t), call); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", call, got, err, want)
		}
	}
}

// TestSubscriptionShowsWhatIsVisible, of what it reads from the log and of what
// comes then, with and without calls in its filter.
func TestSubscriptionShowsWhatIsVisible(t *testing.T) {
	for name, filter := range map[string]*callgatev1.EventFilter{"all calls": nil, "by call": byCall("a", "b")} {
		t.Run(name, func(t *testing.T) {
			log := openLog(t, LogOptions{})
			hub := newHub(t, log, HubOptions{})
			mustAppend(t, log, owned("shop", "shop 1", "a", typeCallConnected), owned("bank", "bank 1", "b", typeCallConnected))
			sub := subscribe(t, hub, SubscribeOptions{
				Filter: filter, Start: StartEarliest(), Visible: func(e *Event) bool { return e.Owner == "shop" },
			})
			wantEvents(t, sub, "shop 1")
			mustAppend(t, log, owned("bank", "bank 2", "b", typeCallDisconnected), owned("shop", "shop 2", "a", typeCallDisconnected))
			wantEvents(t, sub, "shop 2")
			if last := hub.Position(); sub.Position() != last {
				t.Errorf("position %s, want %s", sub.Position(), last)
			}
		})
	}
}

func TestUntilCallsEndKnowsTheVisibleEndOnly(t *testing.T) {
	log := openLog(t, LogOptions{})
	hub := newHub(t, log, HubOptions{})
	mustAppend(t, log, owned("bank", "before", "b", typeCallDisconnected))
	sub := subscribe(t, hub, SubscribeOptions{
		Filter: byCall("a", "b"), UntilCallEnds: true, Visible: func(e *Event) bool { return e.Owner == "shop" },
	})
	mustAppend(t, log, owned("bank", "meanwhile", "b", typeCallDisconnected), owned("shop", "own", "a", typeCallDisconnected))
	wantEvents(t, sub, "own")
	if len(sub.open) != 1 {
		t.Errorf("it waits for %v", sub.open)
	}
	mustAppend(t, log, owned("shop", "own too", "b", typeCallDisconnected))
	wantEvents(t, sub, "own too")
	if item, err := nextOrError(t, sub); !errors.Is(err, io.EOF) {
		t.Errorf("then %+v, %v", item, err)
	}
}

// TestCallbacksAreTheirOwners: what comes to an address of somebody's is his.
func TestCallbacksAreTheirOwners(t *testing.T) {
	d := newDoor(t)
	if w := d.post(t, connectedCallback, nil); w.Code != http.StatusOK {
		t.Fatalf("status %d", w.Code)
	}
	other := strings.ReplaceAll(connectedCallback, `"id":"`, `"id":"other-`)
	toShop := func(r *http.Request) { r.URL.Path = CallbackPath + d.tokens.Callback("shop") }
	if w := d.post(t, other, toShop); w.Code != http.StatusOK {
		t.Fatalf("status %d", w.Code)
	}
	page, err := d.log.read(testContext(t), 0, "", 10)
	if err != nil || len(page.events) != 2 || page.events[0].Owner != "" || page.events[1].Owner != "shop" {
		t.Errorf("%+v, %v", page.events, err)
	}
}

// TestLastingSubscriptionsDoNotAge, as others do.
func TestLastingSubscriptionsDoNotAge(t *testing.T) {
	log := openLog(t, LogOptions{})
	hub := newHub(t, log, HubOptions{SubscriptionAge: time.Millisecond})
	lasting := subscribe(t, hub, SubscribeOptions{Lasting: true})
	other := subscribe(t, hub, SubscribeOptions{})
	if item, err := nextOrError(t, other); err != nil || item.Draining == nil {
		t.Fatalf("%+v, %v", item, err)
	}
	mustAppend(t, log, record("1", "c", typeCallConnected))
	wantEvents(t, lasting, "1")
}
