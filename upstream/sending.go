package upstream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// maxResponse bounds an answer, in bytes. A page of 350 participants, the most a
// call can have, takes some 100 kB.
const maxResponse = 1 << 20

// sending is one operation on its way: what every try sends, and what the tries
// so far may have done.
type sending struct {
	operation string
	body      []byte // nil for none
	// Whether the current try asked for a connection, and found one. (The request for
	// a token, which has the same context, comes before the try.)
	wanted, connected atomic.Bool
	sent              bool // a try found a connection
	// A try may have acted. The last answer alone cannot tell: a refusal says
	// nothing of an earlier try whose answer was lost.
	acted bool
}

// watched has net/http tell s of connections.
func (s *sending) watched(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { s.wanted.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { s.connected.Store(true) },
	})
}

// try is the last policy: it sends each try of a request. What azcore has behind it
// is for logs and traces that callgate has of its own.
type try struct {
	*observer
	transport policy.Transporter
}

// Do implements policy.Policy.
func (t try) Do(req *policy.Request) (*http.Response, error) {
	raw := req.Raw()
	if err := raw.Context().Err(); err != nil {
		return nil, err // too late to send anything
	}
	var s *sending
	req.OperationValue(&s)
	if s.body != nil {
		// A reader of its own: the transport may still be reading that of a
		// try which has timed out.
		raw.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(s.body)), nil }
		raw.Body, _ = raw.GetBody()
	}
	s.wanted.Store(false)
	s.connected.Store(false)
	resp, err := t.transport.Do(raw)
	t.tried(s.operation, statusOf(resp, err))
	if err != nil && s.wanted.Load() && !s.connected.Load() {
		return nil, err // no connection came about: nothing was sent
	}
	s.sent = true
	s.acted = s.acted || mayHaveActed(statusOf(resp, err))
	return resp, err
}

// statusOf is the status of an answer, complete or not; 0 for none.
func statusOf(resp *http.Response, err error) int {
	if broken, is := errors.AsType[*brokenAnswerError](err); is {
		return broken.resp.StatusCode
	}
	if resp == nil {
		return 0
	}
	return resp.StatusCode
}

// mayHaveActed says whether a request so answered may have had its effect. A
// refusal has none.
func mayHaveActed(status int) bool {
	return status < 400 || status >= 500 || status == http.StatusRequestTimeout
}

// readingTransport takes in the whole of an answer, so that one which breaks off
// can be asked for again, and one which is too long is not kept.
type readingTransport struct {
	policy.Transporter
}

// Do implements policy.Transporter.
func (t readingTransport) Do(req *http.Request) (*http.Response, error) {
	resp, err := t.Transporter.Do(req)
	if err != nil {
		return nil, err
	}
	return t.read(resp)
}

func (readingTransport) read(resp *http.Response) (*http.Response, error) {
	resp.Body = &limited{Reader: io.LimitReader(resp.Body, maxResponse+1), Closer: resp.Body}
	body, err := runtime.Payload(resp) // which closes it, and lets azcore know that it is read
	if err == nil && len(body) > maxResponse {
		err = tooLongError{}
	}
	if err != nil {
		return nil, &brokenAnswerError{resp: resp, err: err}
	}
	return resp, nil
}

// fileTransport leaves a file to be read as it comes.
type fileTransport struct {
	readingTransport
}

// Do implements policy.Transporter.
func (t fileTransport) Do(req *http.Request) (*http.Response, error) {
	resp, err := t.Transporter.Do(req)
	if err != nil || req.Method == http.MethodGet && (resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusPartialContent) {
		return resp, err
	}
	return t.read(resp)
}

// brokenAnswerError is an answer of which only the head is known.
type brokenAnswerError struct {
	resp *http.Response
	err  error
}

func (e *brokenAnswerError) Error() string { return "read the answer: " + e.err.Error() }

func (e *brokenAnswerError) Unwrap() error { return e.err }

// tooLongError is an answer longer than maxResponse.
type tooLongError struct{}

func (tooLongError) Error() string { return "it is longer than 1 MiB" }

// NonRetriable tells azcore that the next answer would be as long.
func (tooLongError) NonRetriable() {}
