package upstream_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callgate/callgate/upstream"
)

func checkNotSent(t *testing.T, service *service, err error) {
	t.Helper()
	e := upstreamError(t, err)
	if !errors.Is(err, upstream.ErrInvalidRequest) || e.MayHaveActed() || !e.Repeatable {
		t.Errorf("error is %+v, want an invalid request that was not sent", e)
	}
	if n := len(service.received()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

var (
	repeat = upstream.Repeat{ID: "c541626a-485a-4121-8376-caedc331df71", FirstSent: time.Date(2026, 11, 23, 15, 40, 57, 0, time.UTC)}
	once   = upstream.Repeat{} // an action that the upstream would not know for the same
)

const notFound = `{"error":{"code":"8522","message":"Call not found.","target":"4:+14255550123"}}`

// What is tried again, how often, and what the failure says of the effect.
func TestTries(t *testing.T) {
	created := answer(201, connectionJSON)
	type outcome struct {
		tries        int
		status       int // of the Error; -1 for success
		repeatable   bool
		mayHaveActed bool
	}
	ok := func(tries int) outcome { return outcome{tries: tries, status: -1} }
	tests := map[string]struct {
		repeat upstream.Repeat
		script []http.HandlerFunc
		want   outcome
	}{
		"success":                                 {repeat, []http.HandlerFunc{created}, ok(1)},
		"503, then success":                       {repeat, []http.HandlerFunc{answer(503, ""), created}, ok(2)},
		"408, 500, 502, then success":             {repeat, []http.HandlerFunc{answer(408, ""), answer(500, ""), answer(502, ""), created}, ok(4)},
		"504, then success":                       {repeat, []http.HandlerFunc{answer(504, ""), created}, ok(2)},
		"throttled, then success":                 {repeat, []http.HandlerFunc{answer(429, "", "retry-after-ms", "3"), created}, ok(2)},
		"connection reset, then success":          {repeat, []http.HandlerFunc{reset, created}, ok(2)},
		"answer broken off, then success":         {repeat, []http.HandlerFunc{breakOff(201), created}, ok(2)},
		"503 all along":                           {repeat, []http.HandlerFunc{answer(503, "")}, outcome{4, 503, true, true}},
		"connection reset all along":              {repeat, []http.HandlerFunc{reset}, outcome{4, 0, true, true}},
		"answer broken off all along":             {repeat, []http.HandlerFunc{breakOff(201)}, outcome{4, 201, true, true}},
		"throttled all along":                     {repeat, []http.HandlerFunc{answer(429, "")}, outcome{4, 429, true, false}},
		"400":                                     {repeat, []http.HandlerFunc{answer(400, "")}, outcome{1, 400, true, false}},
		"401":                                     {repeat, []http.HandlerFunc{answer(401, "")}, outcome{1, 401, true, false}},
		"403":                                     {repeat, []http.HandlerFunc{answer(403, "")}, outcome{1, 403, true, false}},
		"404":                                     {repeat, []http.HandlerFunc{answer(404, notFound)}, outcome{1, 404, true, false}},
		"409":                                     {repeat, []http.HandlerFunc{answer(409, "")}, outcome{1, 409, true, false}},
		"501":                                     {repeat, []http.HandlerFunc{answer(501, "")}, outcome{1, 501, true, true}},
		"another success than the contract's":     {repeat, []http.HandlerFunc{answer(202, connectionJSON)}, outcome{1, 202, true, true}},
		"success that is no JSON":                 {repeat, []http.HandlerFunc{answer(201, "<html>")}, outcome{1, 201, true, true}},
		"success of other types":                  {repeat, []http.HandlerFunc{answer(201, `{"targets":{}}`)}, outcome{1, 201, true, true}},
		"success without a body":                  {repeat, []http.HandlerFunc{answer(201, "")}, outcome{1, 201, true, true}},
		"success that is too long":                {repeat, []http.HandlerFunc{answer(201, `"`+strings.Repeat("x", 1<<20)+`"`)}, outcome{1, 201, true, true}},
		"refusal that is too long":                {repeat, []http.HandlerFunc{answer(403, strings.Repeat("x", 1<<20+1))}, outcome{1, 403, true, false}},
		"lost answer, then refused":               {repeat, []http.HandlerFunc{reset, answer(404, notFound)}, outcome{2, 404, true, true}},
		"lost answer, then throttled all along":   {repeat, []http.HandlerFunc{reset, answer(429, "")}, outcome{4, 429, true, true}},
		"not repeatable: 503":                     {once, []http.HandlerFunc{answer(503, "")}, outcome{1, 503, false, true}},
		"not repeatable: connection reset":        {once, []http.HandlerFunc{reset}, outcome{1, 0, false, true}},
		"not repeatable: answer broken off":       {once, []http.HandlerFunc{breakOff(201)}, outcome{1, 201, false, true}},
		"not repeatable: success that is no JSON": {once, []http.HandlerFunc{answer(201, "<html>")}, outcome{1, 201, false, true}},
		"not repeatable: 404":                     {once, []http.HandlerFunc{answer(404, notFound)}, outcome{1, 404, true, false}},
		"not repeatable: throttled, which did nothing": {once, []http.HandlerFunc{answer(429, ""), created}, ok(2)},
		"not repeatable: throttled, then reset":        {once, []http.HandlerFunc{answer(429, ""), reset}, outcome{2, 0, false, true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := serve(t, test.script...)
			call, err := newClient(t, service.url, nil).CreateCall(t.Context(), test.repeat, &upstream.CreateCallRequest{
				Targets: []upstream.CommunicationIdentifierModel{{RawID: phone}}, CallbackURI: "https://app/cb",
			})
			tries := service.received()
			got := outcome{tries: len(tries), status: -1}
			if err != nil {
				e := upstreamError(t, err)
				got = outcome{len(tries), e.StatusCode, e.Repeatable, e.MayHaveActed()}
				if e.Operation != "createCall" || e.RequestID != tries[0].header.Get("x-ms-client-request-id") {
					t.Errorf("error is %+v", e)
				}
			} else if call.CallConnectionID != "c1" {
				t.Errorf("call is %+v", call)
			}
			if got != test.want {
				t.Errorf("outcome is %+v, want %+v", got, test.want)
			}
			for _, try := range tries {
				checkSigned(t, try)
				for _, name := range []string{"Repeatability-Request-ID", "Repeatability-First-Sent", "x-ms-client-request-id"} {
					if try.header.Get(name) != tries[0].header.Get(name) {
						t.Errorf("%s changed to %q", name, try.header.Get(name))
					}
				}
				if try.header.Get("Repeatability-Request-ID") != test.repeat.ID || try.body != tries[0].body {
					t.Errorf("tried with %v %s", try.header, try.body)
				}
			}
		})
	}
}

func TestReadsAndHangUpsAreTriedAgain(t *testing.T) {
	for name, act := range map[string]func(*upstream.Client) error{
		"GetCall":    func(c *upstream.Client) error { _, err := c.GetCall(t.Context(), callID); return err },
		"HangUpCall": func(c *upstream.Client) error { return c.HangUpCall(t.Context(), callID) },
	} {
		t.Run(name, func(t *testing.T) {
			service := serve(t, reset)
			e := upstreamError(t, act(newClient(t, service.url, nil)))
			if len(service.received()) != 4 || !e.Repeatable {
				t.Errorf("%d tries, %+v", len(service.received()), e)
			}
		})
	}
}

func TestTriesIsASetting(t *testing.T) {
	service := serve(t, answer(503, ""))
	_, err := newClient(t, service.url, func(opts *upstream.Options) { opts.Tries = 1 }).GetCall(t.Context(), callID)
	if n := len(service.received()); n != 1 || upstreamError(t, err).StatusCode != 503 {
		t.Errorf("%d tries, %v", n, err)
	}
}

func TestWhatTheUpstreamSaysOfAFailure(t *testing.T) {
	service := serve(t, answer(404, notFound, "X-Microsoft-Skype-Chain-ID", "chain", "X-Azure-Ref", "ref", "Retry-After", "7"))
	_, err := newClient(t, service.url, nil).GetCall(t.Context(), callID)
	got := *upstreamError(t, err)
	if got.Code != "8522" || got.Message != "Call not found." || got.Target != phone || got.ChainID != "chain" || got.AzureRef != "ref" || got.RetryAfter != 7*time.Second {
		t.Errorf("error is %+v", got)
	}
	if want := "getCall: status 404, code 8522"; err.Error() != want {
		t.Errorf("error reads %q, want %q", err, want)
	}
}

func TestNoConnection(t *testing.T) {
	client := newClient(t, nobody, nil)
	for name, repeat := range map[string]upstream.Repeat{"repeatable": repeat, "not repeatable": once} {
		t.Run(name, func(t *testing.T) {
			_, err := client.CreateCall(t.Context(), repeat, &upstream.CreateCallRequest{})
			e := upstreamError(t, err)
			if e.StatusCode != 0 || !e.Repeatable || e.MayHaveActed() {
				t.Errorf("error is %+v, want one that nothing was sent", e)
			}
		})
	}
}

// A request whose answer was lost may have acted, also when no connection comes
// about after it.
func TestLostAnswerThenNoConnection(t *testing.T) {
	var gone http.HandlerFunc
	service := serve(t, func(w http.ResponseWriter, r *http.Request) { gone(w, r) })
	var transport *http.Client
	gone = func(w http.ResponseWriter, r *http.Request) {
		service.mu.Lock()
		service.url = nobody
		service.mu.Unlock()
		reset(w, r)
	}
	transport = movingTo(t, service)
	_, err := newClient(t, "http://example.test", func(opts *upstream.Options) { opts.Transport = transport }).CreateCall(t.Context(), repeat, &upstream.CreateCallRequest{})
	e := upstreamError(t, err)
	if len(service.received()) != 1 || !strings.Contains(err.Error(), "refused") {
		t.Fatalf("%d requests arrived, and the last try ended in %v", len(service.received()), err)
	}
	if !e.MayHaveActed() || !e.Repeatable {
		t.Errorf("error is %+v, want one of a request that may have acted", e)
	}
}

func TestErrorsNameNobody(t *testing.T) {
	for name, endpoint := range map[string]string{
		"no connection":     nobody,
		"no answer":         serve(t, reset).url,
		"refused":           serve(t, answer(404, notFound)).url,
		"broken off":        serve(t, breakOff(200)).url,
		"undecodable":       serve(t, answer(200, `{"identifier":"4:+14255550123"}`)).url,
		"not even a status": serve(t, hijackedGarbage).url,
		"longer than a try": serve(t, hang).url,
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, endpoint, func(opts *upstream.Options) { opts.Tries, opts.TryTimeout = 1, quiet })
			_, err := client.GetParticipant(t.Context(), "secret-call", phone)
			_ = upstreamError(t, err)
			for _, secret := range []string{"4255550123", "secret-call"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("error reads %q", err)
				}
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := serve(t, answer(201, connectionJSON))
	service := serve(t, answer(307, "", "Location", elsewhere.url+"/calling/callConnections"))
	_, err := newClient(t, service.url, nil).CreateCall(t.Context(), repeat, &upstream.CreateCallRequest{})
	if e := upstreamError(t, err); e.StatusCode != 307 {
		t.Errorf("error is %+v", e)
	}
	if len(elsewhere.received()) != 0 {
		t.Error("the redirect was followed")
	}
}

func TestOneTrysTimeIsNotTheCallers(t *testing.T) {
	t.Parallel() // it waits more than it works
	service := serve(t, hang)
	client := newClient(t, service.url, func(opts *upstream.Options) { opts.Tries, opts.TryTimeout = 2, quiet })
	_, err := client.CreateCall(t.Context(), repeat, &upstream.CreateCallRequest{})
	e := upstreamError(t, err)
	if errors.Is(err, context.DeadlineExceeded) || e.StatusCode != 0 || !e.Repeatable || !e.MayHaveActed() {
		t.Errorf("error is %+v", e)
	}
	if n := len(service.received()); n != 2 {
		t.Errorf("%d tries", n)
	}
}

func TestTheCallersDeadlinePasses(t *testing.T) {
	for name, test := range map[string]struct {
		repeat     upstream.Repeat
		repeatable bool
	}{"repeatable": {repeat, true}, "not repeatable": {once, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits more than it works
			service := serve(t, hang)
			ctx, cancel := context.WithTimeout(t.Context(), quiet)
			defer cancel()
			_, err := newClient(t, service.url, nil).CreateCall(ctx, test.repeat, &upstream.CreateCallRequest{})
			e := upstreamError(t, err)
			if !errors.Is(err, context.DeadlineExceeded) || e.Repeatable != test.repeatable || !e.MayHaveActed() || e.StatusCode != 0 {
				t.Errorf("error is %+v", e)
			}
			if n := len(service.received()); n != 1 {
				t.Errorf("%d tries", n)
			}
		})
	}
	t.Run("before anything was sent", func(t *testing.T) {
		service := serve(t, hang)
		ctx, cancel := context.WithDeadline(t.Context(), time.Now())
		defer cancel()
		_, err := newClient(t, service.url, nil).CreateCall(ctx, once, &upstream.CreateCallRequest{})
		e := upstreamError(t, err)
		if !errors.Is(err, context.DeadlineExceeded) || !e.Repeatable || e.MayHaveActed() || len(service.received()) != 0 {
			t.Errorf("error is %+v", e)
		}
	})
}

func TestTheCallerCancels(t *testing.T) {
	for name, repeat := range map[string]upstream.Repeat{"repeatable": repeat, "not repeatable": once} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			service := serve(t, func(w http.ResponseWriter, r *http.Request) {
				cancel()
				hang(w, r)
			})
			_, err := newClient(t, service.url, nil).CreateCall(ctx, repeat, &upstream.CreateCallRequest{})
			var e *upstream.Error
			if !errors.Is(err, context.Canceled) || errors.As(err, &e) {
				t.Errorf("error is %v (%T)", err, err)
			}
			if n := len(service.received()); n != 1 {
				t.Errorf("%d tries", n)
			}
		})
	}
}

func hijackedGarbage(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = conn.Write([]byte("HTTP/1.1 abc\r\n\r\n"))
	_ = conn.Close()
}
