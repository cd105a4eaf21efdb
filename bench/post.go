package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// poster sends over connections that are kept.
type poster struct{ client *http.Client }

func newPoster(connections int) *poster {
	return &poster{&http.Client{Transport: &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections}}}
}

func (p *poster) close() { p.client.CloseIdleConnections() }

func (p *poster) post(ctx context.Context, url, token string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, text)
	}
	return err
}

// paced calls do n times, so many a second whether those before are done or not,
// and waits for all. It returns the first error.
func paced(n, perSecond int, do func(i int) error) error {
	var group sync.WaitGroup
	var failed firstError
	begin := time.Now()
	for i := range n {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(perSecond))))
		group.Go(func() { failed.note(do(i)) })
	}
	group.Wait()
	return failed.err()
}

// saturated has workers call do, n times in all, as fast as it goes.
func saturated(n, workers int, do func(i int) error) error {
	var group sync.WaitGroup
	var failed firstError
	var next atomic.Int64
	for range workers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && failed.err() == nil; i = next.Add(1) - 1 {
				failed.note(do(int(i)))
			}
		})
	}
	group.Wait()
	return failed.err()
}

type firstError struct{ at atomic.Pointer[error] }

func (f *firstError) note(err error) {
	if err != nil {
		f.at.CompareAndSwap(nil, &err)
	}
}

func (f *firstError) err() error {
	if e := f.at.Load(); e != nil {
		return *e
	}
	return nil
}
