// Package upstream is a typed client of the Azure Communication Services Call
// Automation REST API: one method per operation.
package upstream

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	json "github.com/go-json-experiment/json/v1"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
)

const requestIDHeader = "X-Ms-Client-Request-Id"

// maxHeaders is how many headers a request has, and some more.
const maxHeaders = 12

// DefaultAPIVersion is the api-version that the wire models are of.
const DefaultAPIVersion = "2026-03-12"

// Options are the settings of a Client.
type Options struct {
	// Endpoint of the Communication Services resource, as in
	// "https://example.communication.azure.com". Required.
	Endpoint string
	// AccessKey signs requests; or TokenCredential has them carry an Entra
	// token. Exactly one is required.
	AccessKey       AccessKey
	TokenCredential azcore.TokenCredential
	// SecondaryAccessKey is tried when the upstream refuses AccessKey: while keys
	// are rotated. None if it is the zero value.
	SecondaryAccessKey AccessKey
	// TokenScope is what Entra tokens are asked for; that of the public cloud if
	// empty.
	TokenScope string
	// Logger is told when the keys change places and when the clocks disagree;
	// slog.Default() if nil.
	Logger *slog.Logger
	// APIVersion defaults to DefaultAPIVersion.
	APIVersion string
	// Tries is how often a request is sent at most, 4 if 0.
	Tries int
	// TryTimeout bounds one try, 10 s if 0. The caller's deadline bounds all.
	TryTimeout time.Duration
	// RetryDelay is the pause before the first retry where the upstream does not
	// name one, 500 ms if 0. It doubles with each.
	RetryDelay time.Duration
	// RetryRate is how many tries a second, of all requests together, may be
	// repetitions, 20 if 0: a sick upstream is not hammered by everybody trying
	// again. Up to 5 seconds' worth is saved up.
	RetryRate float64
	// Registerer receives the metrics; none when nil.
	Registerer prometheus.Registerer
	// TracerProvider takes a span of each operation; none when nil.
	TracerProvider trace.TracerProvider
	// Version is this program's own, for the User-Agent; "dev" if empty.
	Version string
	// Transport defaults to one that is tuned for a single host. It must not
	// follow redirects: a signed request must go nowhere else.
	Transport policy.Transporter
}

// Client sends requests to one Communication Services resource. It is safe for
// concurrent use.
type Client struct {
	endpoint  *url.URL    // scheme and host
	base      string      // the same as text
	query     string      // behind a path
	header    http.Header // of every request; its values are shared
	pipeline  runtime.Pipeline
	files     runtime.Pipeline    // of the files of recordings, which are on other hosts
	retry     policy.RetryOptions // of every operation; retryOptions adds what depends on it
	transport policy.Transporter
	guard     *guard
	keys      *keyRing // nil with an Entra credential
	observer  *observer
}

// New returns a client. Nothing is sent yet.
func New(opts Options) (*Client, error) {
	endpoint, err := parseEndpoint(opts.Endpoint)
	if err != nil {
		return nil, err
	}
	if opts.TokenCredential != nil && endpoint.Scheme != "https" {
		return nil, errors.New("an Entra credential needs an https endpoint")
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	auth, keys, err := authentication(opts)
	if err != nil {
		return nil, err
	}
	if opts.APIVersion == "" {
		opts.APIVersion = DefaultAPIVersion
	}
	if opts.Tries == 0 {
		opts.Tries = 4
	}
	if opts.TryTimeout == 0 {
		opts.TryTimeout = 10 * time.Second
	}
	if opts.RetryRate == 0 {
		opts.RetryRate = defaultRetryRate
	}
	if opts.RetryDelay == 0 {
		opts.RetryDelay = 500 * time.Millisecond
	}
	if opts.Transport == nil {
		opts.Transport = defaultTransport()
	}
	retry := policy.RetryOptions{
		MaxRetries:    int32(opts.Tries) - 1,
		TryTimeout:    opts.TryTimeout,
		RetryDelay:    opts.RetryDelay,
		MaxRetryDelay: maxRetryDelay,
	}
	if retry.MaxRetries == 0 {
		retry.MaxRetries = -1 // azcore's 0 is its default
	}
	guard := newGuard(opts.RetryRate)
	observer := newObserver(opts, guard)
	clock := &clock{logger: opts.Logger, now: time.Now}
	reading := readingTransport{opts.Transport}
	pipeline := func(perTry ...policy.Policy) runtime.Pipeline {
		return runtime.NewPipeline("callgate", "", runtime.PipelineOptions{PerRetry: perTry}, &policy.ClientOptions{
			Telemetry: policy.TelemetryOptions{Disabled: true}, // the User-Agent is ours
		})
	}
	return &Client{
		guard:    guard,
		keys:     keys,
		observer: observer,
		endpoint: endpoint,
		base:     endpoint.String(),
		query:    "?api-version=" + url.QueryEscape(opts.APIVersion),
		header: http.Header{
			"Accept":     {"application/json"},
			"User-Agent": {"callgate/" + cmp.Or(opts.Version, "dev")},
		},
		pipeline: pipeline(auth, guard, clock, try{observer, reading}),
		// The trouble of a file's host is not the resource's.
		files:     pipeline(auth, newGuard(opts.RetryRate), clock, patience(opts.TryTimeout), try{observer, fileTransport{reading}}),
		retry:     retry,
		transport: opts.Transport,
	}, nil
}

// CloseIdleConnections closes the connections that no request is using.
func (c *Client) CloseIdleConnections() {
	if transport, can := c.transport.(interface{ CloseIdleConnections() }); can {
		transport.CloseIdleConnections()
	}
}

// parseEndpoint takes scheme and host of a resource's address, and nothing that
// would be lost. Its error does not repeat the address, which may be a whole
// connection string.
func parseEndpoint(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsFunc(u.Host, notInHost) || u.Hostname() == "" ||
		u.Path != "" && u.Path != "/" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errors.New("the endpoint must be a URL such as https://example.communication.azure.com, and nothing behind the host")
	}
	// The host is signed as the upstream sees it: without the port that the
	// scheme implies.
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	return &url.URL{Scheme: u.Scheme, Host: host}, nil
}

func notInHost(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._:[]", r)
}

// Repeat names one action, so that the upstream acts once however often the
// request arrives (Repeatability-Request-ID and -First-Sent).
type Repeat struct {
	// ID is a UUID.
	ID string
	// FirstSent is when the request was first sent; it is part of the name.
	FirstSent time.Time
}

// NewRepeat names a new action.
func NewRepeat(now time.Time) Repeat {
	return Repeat{ID: uuid.NewString(), FirstSent: now}
}

// thing is what an operation needs to be there.
type thing int

const (
	aCall thing = iota
	aRecording
	aFile
)

// operation is one request: what the contract says of it, and its values.
type operation struct {
	name      string
	method    string
	path      string // percent-encoded; or a whole URL, which is then sent as it is
	about     thing
	repeat    Repeat // zero where the upstream does not make the operation repeatable
	body      any    // nil for none
	want      int    // the status of success
	orWant    int    // another; 0 for none
	requestID string // made by do
}

// repeatable says whether the request may be sent again once it may have
// arrived: because the upstream knows it for the same, or because doing it twice
// does no more than doing it once.
func (op operation) repeatable() bool {
	return op.repeat.ID != "" || op.method == http.MethodGet || op.method == http.MethodDelete
}

func (op operation) succeeded(status int) bool { return status == op.want || status == op.orWant }

// send sends the request until it is answered, and decodes the answer into out
// (nil where there is none).
func (c *Client) send(ctx context.Context, op operation, out any) error {
	Answer{RequestID: op.requestID}.note(ctx)
	s := &sending{operation: op.name}
	req, err := c.newRequest(policy.WithRetryOptions(ctx, c.retryOptions(ctx, op, s)), op, s)
	if err != nil {
		return err
	}
	return op.send(ctx, c.pipeline, req, s, out)
}

// send sends a request of op over a pipeline that reads answers whole.
func (op operation) send(ctx context.Context, pipeline runtime.Pipeline, req *policy.Request, s *sending, out any) error {
	resp, err := pipeline.Do(req) //nolint:bodyclose // readingTransport has read and closed it
	if broken, is := errors.AsType[*brokenAnswerError](err); is && out == nil && op.succeeded(broken.resp.StatusCode) {
		Answer{StatusCode: broken.resp.StatusCode, RequestID: op.requestID}.note(ctx)
		return nil // the status says all
	}
	if err != nil {
		return op.failed(ctx, s, err)
	}
	Answer{StatusCode: resp.StatusCode, RequestID: op.requestID}.note(ctx)
	body, err := runtime.Payload(resp) // in memory already: readingTransport read it
	if err != nil {
		return op.refused(s, resp, nil, err)
	}
	if !op.succeeded(resp.StatusCode) {
		return op.refused(s, resp, body, nil)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return op.refused(s, resp, nil, fmt.Errorf("decode the answer: %w", err))
	}
	return nil
}

func (c *Client) newRequest(ctx context.Context, op operation, s *sending) (*policy.Request, error) {
	target := op.path
	if strings.HasPrefix(target, "/") {
		for segment := range strings.SplitSeq(target[1:], "/") {
			if notASegment(segment) {
				return nil, invalid(op.name, "an id is empty, or steps out of the path")
			}
		}
		target = c.base + target + c.query
	}
	req, err := runtime.NewRequest(s.watched(ctx), op.method, target)
	if err != nil {
		return nil, invalid(op.name, withoutURL(err).Error())
	}
	header := make(http.Header, maxHeaders)
	req.Raw().Header = header
	maps.Copy(header, c.header)
	header.Set(requestIDHeader, op.requestID)
	if op.repeat.ID != "" {
		header.Set("Repeatability-Request-Id", op.repeat.ID)
		header.Set("Repeatability-First-Sent", op.repeat.FirstSent.UTC().Format(http.TimeFormat))
	}
	if op.body != nil {
		if s.body, err = json.Marshal(op.body); err != nil {
			return nil, invalid(op.name, err.Error())
		}
		header.Set("Content-Type", "application/json")
		req.Raw().ContentLength = int64(len(s.body)) // try has a reader of it for each try
	}
	hash := sha256.Sum256(s.body)
	header.Set(contentHashHeader, base64.StdEncoding.EncodeToString(hash[:]))
	req.SetOperationValue(s)
	return req, nil
}

// notASegment says whether an id made a path that means another one.
func notASegment(segment string) bool {
	return segment == "" || segment == "." || segment == ".." || segment[0] == ':'
}
