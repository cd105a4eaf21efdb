package eventstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// maxFetched bounds an OpenID configuration and a key set, in bytes.
const maxFetched = 256 << 10

// fetch gets a small document.
func fetch(ctx context.Context, client *http.Client, address string) (body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: status %d", address, resp.StatusCode)
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxFetched+1))
	if err == nil && len(body) > maxFetched {
		err = fmt.Errorf("GET %s: more than %d bytes", address, maxFetched)
	}
	return body, err
}

// keyFetcher is the transport of the key set: it fetches at most once in
// fetchPause, and makes every failure an ErrKeysUnavailable, so that a key that
// is not there can be told from keys that are not.
type keyFetcher struct {
	client *http.Client
	now    func() time.Time

	mu       sync.Mutex
	fetched  bool
	tryAfter time.Time
	body     []byte
	err      error
}

// RoundTrip implements http.RoundTripper for GET requests.
func (f *keyFetcher) RoundTrip(req *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); !f.fetched || !now.Before(f.tryAfter) {
		f.fetched, f.tryAfter = true, now.Add(fetchPause)
		f.body, f.err = f.fetchKeys(req)
	}
	if f.err != nil {
		return nil, f.err
	}
	return &http.Response{
		Status:        http.StatusText(http.StatusOK),
		StatusCode:    http.StatusOK,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(bytes.NewReader(f.body)),
		ContentLength: int64(len(f.body)),
		Request:       req,
	}, nil
}

func (f *keyFetcher) fetchKeys(req *http.Request) ([]byte, error) {
	ctx, cancel := context.WithTimeout(req.Context(), fetchTimeout)
	defer cancel()
	body, err := fetch(ctx, f.client, req.URL.String())
	if err == nil {
		var keys struct {
			Keys []json.RawMessage `json:"keys"`
		}
		if json.Unmarshal(body, &keys) != nil || len(keys.Keys) == 0 {
			err = errors.New("no key set")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeysUnavailable, err)
	}
	return body, nil
}
