package emulator

import (
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	// DefaultAccessKey signs requests to an emulator whose Options name no other
	// key. It is public by nature: base64 of "callgate-emulator-access-key".
	DefaultAccessKey = "Y2FsbGdhdGUtZW11bGF0b3ItYWNjZXNzLWtleQ=="
	// DefaultResourceID is the immutable resource id of the emulated resource: the
	// audience of the tokens on its callbacks.
	DefaultResourceID = "c0ffee00-ca11-4a7e-8e5f-0123456789ab"

	defaultParticipantsPageSize = 100
)

// Schema is the envelope in which Event Grid delivers.
type Schema string

const (
	// EventGridSchema is an array of Event Grid events, the service's default.
	EventGridSchema Schema = "EventGridSchema"
	// CloudEventSchema is one CloudEvents 1.0 object for each delivery.
	CloudEventSchema Schema = "CloudEventSchemaV1_0"
)

// Options configure an Emulator. The zero value is a working one.
type Options struct {
	// AccessKey is the base64 key that requests are signed with. Empty:
	// DefaultAccessKey.
	AccessKey string
	// AllowBearer accepts every "Authorization: Bearer" request unexamined, for
	// clients that use Entra ID. Otherwise only signed requests are accepted.
	AllowBearer bool
	// ResourceID is the audience of the tokens on callbacks, a GUID. Empty:
	// DefaultResourceID.
	ResourceID string
	// PublicURL is the emulator's own base URL, used for jwks_uri and nextLink.
	// Empty: taken from each request's Host.
	PublicURL string
	// EventGridEndpoints are the webhooks subscribed to the resource's Event Grid
	// topic. Each passes the validation handshake before its first event.
	EventGridEndpoints []string
	// EventGridSchema is the envelope of those deliveries. Empty: EventGridSchema.
	EventGridSchema Schema
	// TimeScale divides every simulated duration: at 100 a call that rings for
	// 30 s is missed after 300 ms. Zero: 1, real time. Network time-outs, tokens
	// and the Repeatability window stay in real time.
	TimeScale float64
	// ParticipantsPageSize is the most participants in one page. Zero: 100. (The
	// service's own page size is not known.)
	ParticipantsPageSize int
	// Seed makes the seeds of faults that have none of their own: with the same
	// one, the same faults strike the same requests and callbacks.
	Seed uint64
	// Logger receives what went wrong with deliveries. Nil: nothing is logged.
	Logger *slog.Logger
	// HTTPClient delivers callbacks and Event Grid events. Nil: one of our own
	// that follows no redirects.
	HTTPClient *http.Client
	// Now tells the time for signatures, tokens and event times. Nil: time.Now.
	// Simulated durations do not follow it.
	Now func() time.Time

	signingKey func() (*rsa.PrivateKey, error) // nil: a new key
}

// withDefaults fills what was left empty and reports every option that cannot
// work, joined.
func (o Options) withDefaults() (Options, []byte, error) {
	if o.AccessKey == "" {
		o.AccessKey = DefaultAccessKey
	}
	if o.ResourceID == "" {
		o.ResourceID = DefaultResourceID
	}
	if o.EventGridSchema == "" {
		o.EventGridSchema = EventGridSchema
	}
	if o.TimeScale == 0 {
		o.TimeScale = 1
	}
	if o.ParticipantsPageSize == 0 {
		o.ParticipantsPageSize = defaultParticipantsPageSize
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.signingKey == nil {
		o.signingKey = generateKey
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")

	key, keyErr := base64.StdEncoding.DecodeString(o.AccessKey)
	problems := []error{o.check()}
	if keyErr != nil || len(key) == 0 {
		problems = append(problems, errors.New("AccessKey is not base64"))
	}
	return o, key, errors.Join(problems...)
}

func (o Options) check() error {
	var problems []error
	if _, err := uuid.Parse(o.ResourceID); err != nil {
		problems = append(problems, errors.New("ResourceID is not a GUID"))
	}
	if o.EventGridSchema != EventGridSchema && o.EventGridSchema != CloudEventSchema {
		problems = append(problems, fmt.Errorf("unknown EventGridSchema %q", o.EventGridSchema))
	}
	if o.TimeScale < 0 {
		problems = append(problems, errors.New("TimeScale is negative"))
	}
	if o.ParticipantsPageSize < 0 {
		problems = append(problems, errors.New("ParticipantsPageSize is negative"))
	}
	if o.PublicURL != "" && !isHTTPURL(o.PublicURL) {
		problems = append(problems, errors.New("PublicURL is not an absolute http or https URL"))
	}
	for i, endpoint := range o.EventGridEndpoints {
		if !isHTTPURL(endpoint) {
			problems = append(problems, fmt.Errorf("EventGridEndpoints[%d] is not an absolute http or https URL", i))
		}
	}
	return errors.Join(problems...)
}

func isHTTPURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// ConnectionString is what a client is configured with to reach an emulator at
// endpoint.
func ConnectionString(endpoint, accessKey string) string {
	return "endpoint=" + strings.TrimRight(endpoint, "/") + "/;accesskey=" + accessKey
}
