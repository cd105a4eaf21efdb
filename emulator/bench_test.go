package emulator

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkCreateCallAndDeliver measures calls per second, each with its signed request,
// its answer, and the two callbacks that follow, signed and delivered. Client,
// emulator and receiver share the processors that -cpu gives them.
func BenchmarkCreateCallAndDeliver(b *testing.B) {
	left := new(atomic.Int64)
	left.Store(2 * int64(b.N))
	delivered := make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if left.Add(-1) == 0 {
			close(delivered)
		}
	}))
	defer app.Close()
	e := Start(b, Options{TimeScale: 100})
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	body, err := json.Marshal(object{"targets": []object{rawID(alice)}, "callbackUri": app.URL, "operationContext": "bench"})
	if err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequest(http.MethodPost, e.URL+"/calling/callConnections?api-version="+apiVersion, bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			sign(req, body, DefaultAccessKey, time.Now())
			resp, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusCreated {
				b.Errorf("status %d", resp.StatusCode)
			}
		}
	})
	select {
	case <-delivered: // they belong to the measured time
	case <-time.After(time.Minute):
		b.Errorf("%d callbacks are missing: %+v", left.Load(), e.Stats())
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
