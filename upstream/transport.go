package upstream

import (
	"crypto/tls"
	"net/http"
	"sync"
	"time"
)

// connectionAge is for how long connections are used: the upstream's address may
// change, and a connection that is always busy would never learn of it.
const connectionAge = 5 * time.Minute

// freshTransport keeps connections to its one host, and makes new ones, to the
// address that the host has then, when they have grown old. It follows no redirect:
// the API has none, and a signed request must go nowhere else.
type freshTransport struct {
	age  time.Duration
	now  func() time.Time
	make func() *http.Transport

	mu      sync.Mutex
	current *http.Transport
	made    time.Time
}

func defaultTransport() *freshTransport {
	sessions := tls.NewLRUClientSessionCache(64)
	return &freshTransport{age: connectionAge, now: time.Now, make: func() *http.Transport {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConns = 256
		transport.MaxIdleConnsPerHost = 256
		transport.DisableCompression = true // answers are small, and the upstream is near
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: sessions}
		return transport
	}}
}

// Do implements policy.Transporter.
func (t *freshTransport) Do(req *http.Request) (*http.Response, error) {
	return t.transport().RoundTrip(req)
}

func (t *freshTransport) transport() *http.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.now(); t.current == nil || now.Sub(t.made) >= t.age {
		if t.current != nil {
			t.current.CloseIdleConnections() // those in use follow when they have been idle for a while
		}
		t.current, t.made = t.make(), now
	}
	return t.current
}

// CloseIdleConnections closes the connections that no request is using.
func (t *freshTransport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current != nil {
		t.current.CloseIdleConnections()
	}
}
