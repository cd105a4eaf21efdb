package emulator

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
)

// Short names for the kinds, as the tests' tables have them.
const (
	latency       = emulatorv1.FaultKind_FAULT_KIND_LATENCY
	throttle      = emulatorv1.FaultKind_FAULT_KIND_THROTTLE
	fail          = emulatorv1.FaultKind_FAULT_KIND_FAIL
	resetBefore   = emulatorv1.FaultKind_FAULT_KIND_RESET_BEFORE
	resetAfter    = emulatorv1.FaultKind_FAULT_KIND_RESET_AFTER
	hangBefore    = emulatorv1.FaultKind_FAULT_KIND_HANG_BEFORE
	hangAfter     = emulatorv1.FaultKind_FAULT_KIND_HANG_AFTER
	earlyCallback = emulatorv1.FaultKind_FAULT_KIND_EARLY_CALLBACK
)

// inject adds a fault and returns its id.
func (h *harness) inject(f *emulatorv1.Fault) string {
	h.t.Helper()
	resp, err := h.emulator.Control().InjectFault(context.Background(), &emulatorv1.InjectFaultRequest{Fault: f})
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.GetFaultId()
}

func (h *harness) strikes() map[string]uint32 {
	h.t.Helper()
	resp, err := h.emulator.Control().ClearFaults(context.Background(), &emulatorv1.ClearFaultsRequest{})
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.GetStrikes()
}

func (h *harness) receivedRequests() []*emulatorv1.ReceivedRequest {
	h.t.Helper()
	resp, err := h.emulator.Control().ListReceivedRequests(context.Background(), &emulatorv1.ListReceivedRequestsRequest{})
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.GetRequests()
}

// calls is how many there are.
func (h *harness) calls() int {
	h.t.Helper()
	resp, err := h.emulator.Control().ListCalls(context.Background(), &emulatorv1.ListCallsRequest{})
	if err != nil {
		h.t.Fatal(err)
	}
	return len(resp.GetCalls())
}

// try creates a call that is expected to go wrong. Status 0: there was no answer
// before ctx ended.
func (h *harness) try(ctx context.Context, headers ...string) (status int, header http.Header) {
	h.t.Helper()
	body := jsonText(h.t, h.createBody(alice))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url+"/calling/callConnections?api-version="+apiVersion, strings.NewReader(body))
	if err != nil {
		h.t.Error(err)
		return 0, nil
	}
	sign(req, []byte(body), DefaultAccessKey, time.Now())
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return 0, nil
	}
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header
}

// struck waits until a fault has struck the first request, and with performed
// until that had its effect.
func (h *harness) struck(performed bool) {
	h.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		all := h.receivedRequests()
		if len(all) > 0 && len(all[0].GetFaultIds()) > 0 && (!performed || all[0].GetEffect() == emulatorv1.Effect_EFFECT_PERFORMED) {
			return
		}
		if time.Now().After(deadline) {
			h.t.Errorf("no fault struck: %v", all)
			return
		}
		h.unsigned(OpenIDConfigurationPath) // gives way, as a client would
	}
}

func TestEveryFaultOfRequests(t *testing.T) {
	cases := []struct {
		name       string
		fault      *emulatorv1.Fault
		status     int
		calls      int
		retryAfter string
	}{
		{"latency", &emulatorv1.Fault{Kind: latency, Delay: durationpb.New(20 * time.Second)}, 201, 1, ""},
		{"throttled", &emulatorv1.Fault{Kind: throttle, RetryAfterSeconds: 7}, 429, 0, "7"},
		{"throttled for the usual pause", &emulatorv1.Fault{Kind: throttle}, 429, 0, "1"},
		{"unavailable", &emulatorv1.Fault{Kind: fail}, 503, 0, ""},
		{"internal error", &emulatorv1.Fault{Kind: fail, Status: 500}, 500, 0, ""},
		{"reset before the action", &emulatorv1.Fault{Kind: resetBefore}, 0, 0, ""},
		{"reset after the action", &emulatorv1.Fault{Kind: resetAfter}, 0, 1, ""},
		{"hanging before the action", &emulatorv1.Fault{Kind: hangBefore}, 0, 0, ""},
		{"hanging after the action", &emulatorv1.Fault{Kind: hangAfter}, 0, 1, ""},
		{"a callback before the answer", &emulatorv1.Fault{Kind: earlyCallback}, 201, 1, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := start(t, Options{})
			c.fault.Count = 1
			id := h.inject(c.fault)
			began := time.Now()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if kind := c.fault.GetKind(); kind == hangBefore || kind == hangAfter {
				var giving sync.WaitGroup
				defer giving.Wait()
				giving.Go(func() {
					h.struck(kind == hangAfter)
					cancel()
				})
			}
			got, header := h.try(ctx)
			if got != c.status || header.Get("Retry-After") != c.retryAfter || h.calls() != c.calls {
				t.Errorf("status %d, Retry-After %q, %d calls", got, header.Get("Retry-After"), h.calls())
			}
			if took := time.Since(began); c.fault.GetKind() == latency && took < 200*time.Millisecond {
				t.Errorf("answered after %s", took)
			}
			received := h.receivedRequests()[0]
			performed := received.GetEffect() == emulatorv1.Effect_EFFECT_PERFORMED
			if performed != (c.calls == 1) || int(received.GetStatus()) != c.status || !slices.Equal(received.GetFaultIds(), []string{id}) {
				t.Errorf("received %v", received)
			}
			if got, _ := h.try(context.Background()); got != http.StatusCreated {
				t.Errorf("status %d once the fault is used up", got)
			}
			if n := h.strikes()[id]; n != 1 {
				t.Errorf("%d strikes", n)
			}
		})
	}
}

func TestEveryKindOfFaultHasATest(t *testing.T) {
	tested := []emulatorv1.FaultKind{latency, throttle, fail, resetBefore, resetAfter, hangBefore, hangAfter, earlyCallback}
	for _, c := range callbackFaultCases() {
		tested = append(tested, c.fault.GetKind())
	}
	for n, name := range emulatorv1.FaultKind_name {
		if n != 0 && !slices.Contains(tested, emulatorv1.FaultKind(n)) {
			t.Errorf("no test for %s", name)
		}
	}
}

func TestCallbackBeforeTheAnswer(t *testing.T) {
	h := start(t, Options{})
	h.inject(&emulatorv1.Fault{Kind: earlyCallback, Count: 1})
	id := h.create(alice)
	h.app.mu.Lock()
	defer h.app.mu.Unlock()
	if events := of(id, h.app.got); len(events) == 0 {
		t.Error("the answer came first")
	}
}

func TestActionWhoseAnswerIsLostIsRepeatedWithoutActingTwice(t *testing.T) {
	h := start(t, Options{})
	h.inject(&emulatorv1.Fault{Kind: resetAfter, Count: 1})
	pair := []string{"Repeatability-Request-ID", "0b9f2f5e-7c54-4a0f-9d0b-1f7f0e5a2c11", "Repeatability-First-Sent", time.Now().UTC().Format(http.TimeFormat)}
	if first, _ := h.try(context.Background(), pair...); first != 0 {
		t.Errorf("status %d, want none", first)
	}
	if second, _ := h.try(context.Background(), pair...); second != http.StatusCreated || h.calls() != 1 {
		t.Errorf("status %d, %d calls", second, h.calls())
	}
	var effects []emulatorv1.Effect
	for _, r := range h.receivedRequests() {
		effects = append(effects, r.GetEffect())
	}
	if !slices.Equal(effects, []emulatorv1.Effect{emulatorv1.Effect_EFFECT_PERFORMED, emulatorv1.Effect_EFFECT_REPEATED}) {
		t.Errorf("effects %v", effects)
	}
}

func TestHangingRequestIsCutOff(t *testing.T) {
	cases := []struct {
		name string
		end  func(h *harness, leave func())
	}{
		{"when the faults are cleared", func(h *harness, _ func()) { h.strikes() }},
		{"when the emulator is reset", func(h *harness, _ func()) { h.emulator.Reset() }},
		{"when the emulator is closed", func(h *harness, _ func()) { h.emulator.Close() }},
		{"when the client has left", func(_ *harness, leave func()) { leave() }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := start(t, Options{})
			h.inject(&emulatorv1.Fault{Kind: hangBefore})
			ctx, leave := context.WithCancel(context.Background())
			defer leave()
			done := make(chan int)
			go func() { got, _ := h.try(ctx); done <- got }()
			h.struck(false)
			c.end(h, leave)
			if got := <-done; got != 0 {
				t.Errorf("status %d", got)
			}
		})
	}
}

func TestFaultStrikesOnlyWhatItIsFor(t *testing.T) {
	h := start(t, Options{})
	first, second := h.connected(alice), h.connected(bob)
	h.inject(&emulatorv1.Fault{Kind: fail, Operation: "getCall", CallConnectionId: first, Skip: 1, Count: 2})
	get := func(id string) int { return h.request("GET", h.path(id, ""), nil).status }
	got := []int{get(second), get(first), get(first), get(first), get(first), h.request("GET", h.path(first, "/participants"), nil).status}
	if want := []int{200, 200, 503, 503, 200, 200}; !slices.Equal(got, want) {
		t.Errorf("statuses %v, want %v", got, want)
	}
	h.inject(&emulatorv1.Fault{Kind: fail})
	if bad := h.send("GET", h.path(first, "")+"?api-version=1", nil).status; bad != 404 {
		t.Errorf("status %d: a request that is not in order is no match", bad)
	}
}

func TestSameSeedGivesTheSameRun(t *testing.T) {
	run := func(options Options, seed uint64) string {
		h := start(t, options)
		h.inject(&emulatorv1.Fault{Kind: fail, Probability: 0.5, Seed: seed})
		var fates strings.Builder
		for range 64 {
			fates.WriteByte("01"[min(1, h.request("GET", h.path("x", ""), nil).status/500)])
		}
		return fates.String()
	}
	a, b, c := run(Options{}, 7), run(Options{}, 7), run(Options{}, 8)
	if a != b || a == c {
		t.Errorf("seed 7: %s and %s; seed 8: %s", a, b, c)
	}
	if n := strings.Count(a, "1"); n < 16 || n > 48 {
		t.Errorf("%d of 64 were struck at a probability of one half", n)
	}
	d, e, f := run(Options{Seed: 1}, 0), run(Options{Seed: 1}, 0), run(Options{Seed: 2}, 0)
	if d != e || d == f {
		t.Errorf("the emulator's seed 1: %s and %s; 2: %s", d, e, f)
	}
}

func TestJitterFollowsTheSeed(t *testing.T) {
	durations := func(seed uint64) (found []time.Duration) {
		s := newFaults()
		if _, err := s.inject(&emulatorv1.Fault{Kind: latency, Delay: durationpb.New(time.Second), Jitter: durationpb.New(time.Second), Seed: seed}, 0); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			for _, strike := range s.onRequest("getCall", "") {
				found = append(found, strike.duration())
			}
		}
		return found
	}
	a := durations(3)
	if !slices.Equal(a, durations(3)) || slices.Equal(a, durations(4)) {
		t.Error("the seed does not decide")
	}
	if slices.Min(a) < time.Second || slices.Max(a) >= 2*time.Second || slices.Min(a) == slices.Max(a) {
		t.Errorf("durations %v", a)
	}
}

func TestFaultThatCouldNeverStrikeIsRefused(t *testing.T) {
	cases := map[string]*emulatorv1.Fault{
		"no fault at all":                 nil,
		"no kind":                         {},
		"an unknown kind":                 {Kind: 999},
		"an operation nobody knows":       {Kind: fail, Operation: "dial"},
		"an event type on a request":      {Kind: fail, EventType: "CallConnected"},
		"an operation on a callback":      {Kind: emulatorv1.FaultKind_FAULT_KIND_LOSE, Operation: "createCall"},
		"a probability above one":         {Kind: fail, Probability: 1.1},
		"a negative probability":          {Kind: fail, Probability: -1},
		"a negative delay":                {Kind: latency, Delay: durationpb.New(-1)},
		"a jitter of a day":               {Kind: latency, Jitter: durationpb.New(24 * time.Hour)},
		"a status that is no failure":     {Kind: fail, Status: 200},
		"a batch of one":                  {Kind: emulatorv1.FaultKind_FAULT_KIND_BATCH, BatchSize: 1},
		"a Retry-After of a day":          {Kind: throttle, RetryAfterSeconds: 86400},
		"everything wrong, named at once": {Kind: fail, Status: 1, Probability: 2},
	}
	h := start(t, Options{})
	for name, f := range cases {
		_, err := h.emulator.Control().InjectFault(context.Background(), &emulatorv1.InjectFaultRequest{Fault: f})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	for range maxFaults {
		h.inject(&emulatorv1.Fault{Kind: fail})
	}
	_, err := h.emulator.Control().InjectFault(context.Background(), &emulatorv1.InjectFaultRequest{Fault: &emulatorv1.Fault{Kind: fail}})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("too many: %v", err)
	}
}

func TestControlAPIOfFaultsAndRequestsOverREST(t *testing.T) {
	h := start(t, Options{})
	id := h.control("POST", "/control/v1/faults", object{"kind": "FAULT_KIND_THROTTLE", "operation": "createCall", "count": 1}).want(200).at("faultId")
	h.request("POST", "/calling/callConnections", h.createBody(phone), "x-ms-client-request-id", "mine").want(429)
	h.request("GET", h.path("a%2Fb", ""), nil).want(404)
	h.send("GET", "/calling/nothing", nil).want(404)
	all, _ := h.control("GET", "/control/v1/requests", nil).want(200).body["requests"].([]any)
	if len(all) != 3 {
		t.Fatalf("requests %v", all)
	}
	if at(all[0], "operation") != "createCall" || at(all[0], "headers", "x-ms-client-request-id") != "mine" ||
		!strings.Contains(at(all[0], "body"), phone) || strings.Contains(jsonText(t, all), "Signature") {
		t.Errorf("first %v", all[0])
	}
	if at(all[1], "callConnectionId") != "a/b" || at(all[1], "target") != "/calling/callConnections/a%2Fb?api-version="+apiVersion {
		t.Errorf("second %v", all[1])
	}
	some, _ := h.control("GET", "/control/v1/requests?operation=getCall&afterNumber=1&callConnectionId=a/b", nil).want(200).body["requests"].([]any)
	if len(some) != 1 {
		t.Errorf("filtered %v", some)
	}
	page, _ := h.control("GET", "/control/v1/requests?limit=2", nil).want(200).body["requests"].([]any)
	if len(page) != 2 {
		t.Errorf("a page of two: %v", page)
	}
	cleared := h.control("DELETE", "/control/v1/faults", nil).want(200)
	if n, _ := cleared.body["strikes"].(map[string]any)[id].(float64); n != 1 {
		t.Errorf("strikes %s", cleared.raw)
	}
	h.control("POST", "/control/v1/faults", object{"kind": "FAULT_KIND_FAIL", "status": 404}).want(400)
	h.control("POST", "/control/v1:reset", object{}).want(200)
	if left := h.receivedRequests(); len(left) != 0 {
		t.Errorf("%d requests after a reset", len(left))
	}
}

func TestOldRequestsAreForgotten(t *testing.T) {
	var l receivedRequests
	r := &http.Request{Method: "GET", RequestURI: "/", Header: http.Header{}}
	for range maxReceived + 5 {
		l.add(r, time.Now(), nil)
	}
	resp := l.list(&emulatorv1.ListReceivedRequestsRequest{})
	if len(resp.GetRequests()) != maxReceived || resp.GetForgotten() != 5 || resp.GetRequests()[0].GetNumber() != 6 {
		t.Errorf("%d requests from number %d, %d forgotten", len(resp.GetRequests()), resp.GetRequests()[0].GetNumber(), resp.GetForgotten())
	}
}
