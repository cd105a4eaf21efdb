package emulator

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

func TestCallbackTokensVerifyAgainstTheServedKeys(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	config := h.unsigned(OpenIDConfigurationPath)
	if config.at("issuer") != Issuer || config.at("jwks_uri") != h.url+JWKSPath {
		t.Errorf("configuration: %s", config.raw)
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(h.unsigned(JWKSPath).raw, &keys); err != nil {
		t.Fatal(err)
	}
	if len(keys.Keys) != 1 || !keys.Keys[0].IsPublic() {
		t.Fatalf("keys: %+v", keys)
	}
	seen := map[string]bool{}
	for _, r := range h.app.sequence(id, "CallConnected", "ParticipantsUpdated") {
		token, _ := strings.CutPrefix(r.header.Get("Authorization"), "Bearer ")
		parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			t.Fatal(err)
		}
		var claims jwt.Claims
		if err := parsed.Claims(keys.Key(parsed.Headers[0].KeyID)[0], &claims); err != nil {
			t.Fatal(err)
		}
		err = claims.ValidateWithLeeway(jwt.Expected{Issuer: Issuer, AnyAudience: jwt.Audience{DefaultResourceID}, Time: time.Now()}, time.Second)
		if err != nil {
			t.Error(err)
		}
		if life := claims.Expiry.Time().Sub(claims.IssuedAt.Time()); life != 5*time.Minute {
			t.Errorf("valid for %s", life)
		}
		if seen[at(r.event, "id")] {
			t.Error("two events have the same id")
		}
		seen[at(r.event, "id")] = true
		if got := r.header.Get("Content-Type"); got != "application/json; charset=utf-8" {
			t.Errorf("content type %q", got)
		}
	}
}

// unsigned gets something that needs no signature.
func (h *harness) unsigned(path string) response {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodGet, h.url+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.roundTrip(req).want(200)
}

func TestCallbackIsRepeatedWhileTheReceiverFails(t *testing.T) {
	h := start(t, Options{})
	tries := map[string]int{}
	h.app.refuse = func(r received) int {
		tries[r.name]++
		switch {
		case r.name == "CallConnected" && tries[r.name] == 1:
			return http.StatusServiceUnavailable
		case r.name == "CallConnected" && tries[r.name] == 2:
			return http.StatusTooManyRequests
		}
		return 0
	}
	h.connected(alice) // in order all the same
	h.stats(func(s Stats) bool { return s.Retries == 2 && s.GaveUp == 0 })
}

func TestCallbackIsGivenUp(t *testing.T) {
	cases := []struct {
		name    string
		status  int
		retries uint64
	}{
		{"at once when it is refused", http.StatusUnauthorized, 0},
		{"after a minute of failures", http.StatusInternalServerError, 6},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			logged := &lockedBuffer{}
			h := start(t, Options{TimeScale: 1000, Logger: slog.New(slog.NewTextHandler(logged, nil))})
			h.app.refuse = func(r received) int {
				if r.name == "CallConnected" {
					return c.status
				}
				return 0
			}
			id := h.create(phone)
			h.app.sequence(id, "ParticipantsUpdated")
			h.stats(func(s Stats) bool { return s.GaveUp == 1 && s.Retries == c.retries })
			text := logged.String()
			if !strings.Contains(text, id) || !strings.Contains(text, h.app.url) {
				t.Errorf("log: %s", text)
			}
			for _, secret := range []string{"secret", "+14255550123", callerID, "Bearer"} {
				if strings.Contains(text, secret) {
					t.Errorf("the log holds %q: %s", secret, text)
				}
			}
		})
	}
}

func TestReceiverThatIsNotThere(t *testing.T) {
	logged := &lockedBuffer{}
	h := start(t, Options{TimeScale: 1000, Logger: slog.New(slog.NewTextHandler(logged, nil))})
	body := h.createBody(alice)
	body["callbackUri"] = "http://127.0.0.1:1/callback?token=secret"
	h.request("POST", "/calling/callConnections", body).want(201)
	h.stats(func(s Stats) bool { return s.GaveUp == 2 })
	if text := logged.String(); strings.Contains(text, "secret") {
		t.Errorf("the log holds the token: %s", text)
	}
}

// stats waits until the counters are as ok wants them.
func (h *harness) stats(ok func(Stats) bool) {
	h.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(h.emulator.Stats()); {
		if time.Now().After(deadline) {
			h.t.Fatalf("%+v", h.emulator.Stats())
		}
		h.unsigned(OpenIDConfigurationPath) // gives way, as a client would
	}
}

type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

func TestReceiverThatIsTooFarBehindLosesEvents(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(phone) // for which Event Grid has nothing to deliver
	release := make(chan struct{})
	h.app.refuse = func(received) int { <-release; return 0 }
	w := h.emulator.currentWorld()
	w.mu.Lock()
	for range maxQueued + 10 {
		w.connections[id].emitParticipantsUpdated()
	}
	w.mu.Unlock()
	close(release)
	h.stats(func(s Stats) bool { return s.Dropped > 0 && s.Delivered+s.Dropped == 2+maxQueued+10 })
}

func TestCloseEndsWhatIsGoingOn(t *testing.T) {
	h := start(t, Options{TimeScale: 1})
	h.app.refuse = func(received) int { return http.StatusServiceUnavailable }
	h.create(userEnding("0200"))
	h.create(phoneEnding("0408"))
	h.control("POST", "/control/v1/incomingCalls", object{"from": alice, "to": bob}).want(200)
	h.emulator.Close() // goleak tells what is left
	h.emulator.Close()
	if code := h.request("GET", h.path("x", ""), nil).want(503).at("error", "code"); code != codeUnavailable {
		t.Errorf("code %s", code)
	}
	h.control("GET", "/control/v1/calls", nil).want(503)
}

func TestResetForgetsEverythingWithoutAnEvent(t *testing.T) {
	h := start(t, Options{TimeScale: unhurried})
	id := h.connected(alice)
	in := h.ring(alice, bob)
	h.control("POST", "/control/v1:reset", object{}).want(200)
	h.request("GET", h.path(id, ""), nil).want(404)
	h.answer(in).want(404)
	h.noCalls()
	h.app.sequence(id, "CallConnected", "ParticipantsUpdated")
	h.connected(alice)
}
