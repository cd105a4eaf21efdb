package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/callgate/callgate/eventstream"
	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	"github.com/callgate/callgate/upstream"
)

// doctorCmd checks a deployment.
type doctorCmd struct {
	Config
}

// finding is what one check found: an error says what would fail, and what to
// do about it.
type finding struct {
	what, good string
	err        error
}

var errUnwell = errors.New("something would fail")

// Run checks everything, whatever it finds on the way.
func (c *doctorCmd) Run(ctx context.Context, p process) error {
	if err := c.readSecrets(p.getenv); err != nil {
		return err
	}
	findings := []finding{{"configuration", "is whole", c.validate()}}
	if c.emulated() {
		findings = append(findings, finding{"upstream", "is the emulator: nothing to reach", nil})
	} else if findings[0].err == nil {
		findings = append(findings, c.checkUpstream(ctx), c.checkCallbacks(ctx, http.DefaultClient), c.checkKeys(ctx))
	}
	if findings[0].err == nil {
		findings = append(findings, c.checkClients(ctx)...)
	}
	findings = append(findings, c.checkLog(ctx))

	unwell := false
	for _, f := range findings {
		if f.err != nil {
			unwell = true
			fmt.Fprintf(p.stdout, "FAIL  %s: %v\n", f.what, f.err)
			continue
		}
		fmt.Fprintf(p.stdout, "ok    %s %s\n", f.what, f.good)
	}
	if unwell {
		return errUnwell
	}
	return nil
}

// checkTimeout bounds each check.
const checkTimeout = 10 * time.Second

// checkUpstream asks for a call that cannot be: an upstream that says so has
// accepted endpoint, credential and api-version.
func (c *doctorCmd) checkUpstream(ctx context.Context) finding {
	f := finding{what: "upstream", good: "answers, and accepts the credential and api-version " + c.APIVersion}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	client, err := c.upstreamClient(nil, slog.New(slog.DiscardHandler), nil, nil)
	if err != nil {
		f.err = err
		return f
	}
	defer client.CloseIdleConnections()
	_, err = client.GetCall(ctx, uuid.NewString())
	var e *upstream.Error
	switch {
	case err == nil || errors.Is(err, upstream.ErrCallNotFound):
	case !errors.As(err, &e):
		f.err = err
	case e.StatusCode == http.StatusUnauthorized && e.ClockSkew.Abs() > time.Minute:
		f.err = fmt.Errorf("refuses the signature, and its clock is %v ahead of this machine's: set the clock", e.ClockSkew)
	case e.StatusCode == http.StatusUnauthorized:
		f.err = errors.New("refuses the credential: was the key rotated?")
	case e.StatusCode == http.StatusNotFound:
		f.err = fmt.Errorf("does not know Call Automation %s: check --endpoint and --api-version", c.APIVersion)
	case e.StatusCode == 0:
		f.err = fmt.Errorf("cannot be reached: %w", e.Err)
	default:
		f.err = e
	}
	return f
}

// checkCallbacks goes out and comes back in by the public address, with the
// handshake of Event Grid: what answers it right has the same key, and is this
// gateway. Where none is running, the listener is opened for the while.
func (c *doctorCmd) checkCallbacks(ctx context.Context, client *http.Client) finding {
	f := finding{what: "callbacks", good: "reach this gateway at " + c.CallbackBaseURL + ", and the Event Grid handshake is answered"}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	tokens, err := c.tokens()
	if err != nil {
		f.err = err
		return f
	}
	if stop, err := c.listenForCallbacks(ctx, tokens); err == nil {
		defer stop()
	}

	const origin = "eventgrid.azure.net"
	req, err := http.NewRequestWithContext(ctx, http.MethodOptions, c.callbackBase(nil)+eventstream.EventGridPath+"?key="+tokens.EventGrid(), nil)
	if err != nil {
		f.err = err
		return f
	}
	req.Header.Set("WebHook-Request-Origin", origin)
	resp, err := client.Do(req)
	if err != nil {
		f.err = fmt.Errorf("%s cannot be reached: %w", c.CallbackBaseURL, withoutAddress(err))
		return f
	}
	_ = resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusUnauthorized && c.entraForEventGrid():
		f.good = "reach a gateway at " + c.CallbackBaseURL + ", which wants a token of Entra ID (that only Event Grid has)"
	case resp.StatusCode == http.StatusUnauthorized:
		f.err = fmt.Errorf("%s leads to a gateway that has another callback key", c.CallbackBaseURL)
	case resp.StatusCode != http.StatusOK || resp.Header.Get("WebHook-Allowed-Origin") == "":
		f.err = fmt.Errorf("%s leads to something else, which answers %s", c.CallbackBaseURL, resp.Status)
	}
	return f
}

// withoutAddress is a failed request's cause: the request's address holds a
// secret.
func withoutAddress(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// listenForCallbacks answers handshakes where the gateway would; it fails when
// the gateway does.
func (c *doctorCmd) listenForCallbacks(ctx context.Context, tokens *eventstream.Tokens) (stop func(), err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.CallbackAddr)
	if err != nil {
		return nil, err
	}
	logger := slog.New(slog.DiscardHandler)
	log, err := eventstream.OpenLog(ctx, eventstream.LogOptions{Logger: logger})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	server := &http.Server{
		Handler:           eventstream.NewReceiver(eventstream.ReceiverOptions{Log: log, Tokens: tokens, EventGrid: c.eventGrid(), Logger: logger}),
		ReadHeaderTimeout: checkTimeout,
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(listener) }() // ended by stop
	return func() {
		_ = server.Close()
		<-served
		_ = log.Close()
	}, nil
}

func (c *doctorCmd) checkKeys(ctx context.Context) finding {
	f := finding{what: "callback signatures", good: "can be checked: the OpenID configuration was fetched"}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := c.verifier(nil).Fetch(ctx)
	if entra := c.eventGrid().Verifier; entra != nil {
		err = errors.Join(err, entra.Fetch(ctx))
	}
	if err != nil {
		f.err = fmt.Errorf("%w: callbacks would be answered with 503", err)
	} else if c.ResourceID == "" {
		f.good += " (but --resource-id is not set, so whom they are for is not)"
	}
	return f
}

// checkLog writes as the gateway would; it does not disturb one that
// is running.
func (c *doctorCmd) checkLog(ctx context.Context) finding {
	f := finding{what: "event log", good: "can be opened, written and read in " + c.DataDir + ", and is synced before an event is acknowledged"}
	switch {
	case c.externalLog():
		f.good = "can be opened, written and read at " + c.logPlace()
	case c.DataDir == memory:
		f.good = "is in memory: events are gone with the process"
	case c.LogSync == "interval":
		f.good = "can be opened, written and read in " + c.DataDir + ", but the loss of power may take the last second"
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	log, hub, err := c.openLog(ctx, slog.New(slog.DiscardHandler), nil)
	if errors.Is(err, eventstream.ErrLogInUse) {
		f.good = "is in use by a running gateway: see its /readyz"
		return f
	}
	if err != nil {
		f.err = err
		return f
	}
	f.err = errors.Join(c.tryWriting(ctx, log), tryGroups(ctx, hub), log.Check(ctx))
	hub.Close()
	f.err = errors.Join(f.err, log.Close())
	return f
}

// tryGroups reads what is kept of groups.
func tryGroups(ctx context.Context, hub *eventstream.Hub) error {
	groups, err := eventstream.NewGroups(ctx, hub, eventstream.GroupsOptions{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer groups.Close()
	_, _, err = groups.List(ctx, "", "", 1)
	return err
}

// tryWriting writes where nobody sees it: a record of a request, and not an event.
func (c *doctorCmd) tryWriting(ctx context.Context, log *eventstream.Log) error {
	requests, err := log.Requests(ctx, c.RequestMemory)
	if err != nil {
		return err
	}
	key := "doctor-" + uuid.NewString()
	revision, _, err := requests.Create(ctx, key, &logv1.Request{})
	if err != nil {
		return fmt.Errorf("cannot be written: %w", err)
	}
	return requests.Forget(ctx, key, revision)
}
