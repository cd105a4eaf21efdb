package console_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/callgate/callgate/console"
)

// listener serves the page as the gateway does.
func listener(t *testing.T, config console.Config) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	if err := console.Register(mux, config); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv
}

// get asks as browsers do, or without taking anything packed.
func get(t *testing.T, url, encoding, etag string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", encoding)
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" && resp.StatusCode == http.StatusOK {
		if body, err = gzip.NewReader(resp.Body); err != nil {
			t.Fatal(err)
		}
	}
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(content)
}

func TestFiles(t *testing.T) {
	srv := listener(t, console.Config{})
	for path, want := range map[string]struct{ mediaType, holds string }{
		"/":                    {"text/html; charset=utf-8", `src="/console/console.js"`},
		"/events":              {"text/html; charset=utf-8", `src="/console/console.js"`},
		"/calls/8%3Aacs%2Fa":   {"text/html; charset=utf-8", `src="/console/console.js"`},
		"/docs":                {"text/html; charset=utf-8", `src="/console/docs.js"`},
		"/console/console.js":  {"text/javascript; charset=utf-8", "/v1/events:stream"},
		"/console/console.css": {"text/css; charset=utf-8", "prefers-color-scheme"},
		"/console/docs.js":     {"text/javascript; charset=utf-8", "/openapi.json"},
		"/console/docs.css":    {"text/css; charset=utf-8", ".swagger-ui"},
		"/console/icon.svg":    {"image/svg+xml", "<svg"},
		"/console/licences.md": {"text/plain; charset=utf-8", "MIT License"},
		"/console/config.json": {"application/json", `"version"`},
	} {
		t.Run(path, func(t *testing.T) {
			packed, content := get(t, srv.URL+path, "gzip, deflate, br", "")
			if packed.StatusCode != http.StatusOK || packed.Header.Get("Content-Type") != want.mediaType {
				t.Errorf("%s of type %q", packed.Status, packed.Header.Get("Content-Type"))
			}
			if !strings.Contains(content, want.holds) {
				t.Errorf("it does not hold %q", want.holds)
			}
			plain, same := get(t, srv.URL+path, "identity", "")
			if plain.Header.Get("Content-Encoding") != "" || same != content {
				t.Error("it is not the same without compression")
			}
			for name, value := range map[string]string{
				"X-Content-Type-Options":       "nosniff",
				"Referrer-Policy":              "no-referrer",
				"Cross-Origin-Opener-Policy":   "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := packed.Header.Get(name); got != value {
					t.Errorf("%s is %q", name, got)
				}
			}
			policy := packed.Header.Get("Content-Security-Policy")
			if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
				t.Errorf("the policy is %q", policy)
			}
			if cache := packed.Header.Get("Cache-Control"); cache != "no-cache" && cache != "no-store" {
				t.Errorf("Cache-Control is %q", cache)
			}
		})
	}
}

func TestFileThatTheBrowserHas(t *testing.T) {
	srv := listener(t, console.Config{})
	for _, encoding := range []string{"gzip", "identity"} {
		first, _ := get(t, srv.URL+"/console/console.js", encoding, "")
		again, body := get(t, srv.URL+"/console/console.js", encoding, first.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s: %s with %d bytes", encoding, again.Status, len(body))
		}
	}
}

func TestWhatThereIsNot(t *testing.T) {
	srv := listener(t, console.Config{})
	for _, path := range []string{"/console/", "/console/index.html", "/console/none.js", "/calls/", "/none", "/emulator/control/v1/calls"} {
		if resp, _ := get(t, srv.URL+path, "gzip", ""); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

// TestPagesHoldNothingInline: the policy would keep it from running.
func TestPagesHoldNothingInline(t *testing.T) {
	srv := listener(t, console.Config{})
	for _, path := range []string{"/", "/docs"} {
		_, page := get(t, srv.URL+path, "gzip", "")
		for _, inline := range []string{"<script>", "<style", "style=", "onclick", "http://", "https://"} {
			if strings.Contains(page, inline) {
				t.Errorf("%s has %s", path, inline)
			}
		}
	}
}

// TestPageIsSmall holds the page to what it promises to weigh.
func TestPageIsSmall(t *testing.T) {
	srv := listener(t, console.Config{})
	total := int64(0)
	for _, path := range []string{"/", "/console/console.js", "/console/console.css"} {
		resp, _ := get(t, srv.URL+path, "gzip", "")
		total += resp.ContentLength
	}
	if total <= 0 || total > 100_000 {
		t.Errorf("the page weighs %d bytes", total)
	}
}

func TestEmulatorIsReachedOnTheSameListener(t *testing.T) {
	control := http.NewServeMux()
	control.HandleFunc("GET /control/v1/calls", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "calls") })
	control.HandleFunc("GET /calling/secret", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "not for the page") })
	control.HandleFunc("POST /control/v1/incomingCalls", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	})
	srv := listener(t, console.Config{Version: "v1", Emulator: &console.Emulator{
		Control:    control,
		Behaviours: []console.Behaviour{{Suffix: "0486", Name: "busy", Meaning: "is busy"}},
	}})
	if _, body := get(t, srv.URL+"/emulator/control/v1/calls", "gzip", ""); body != "calls" {
		t.Errorf("the control API answered %q", body)
	}
	if resp, _ := get(t, srv.URL+"/emulator/calling/secret", "gzip", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("beside the control API: %s", resp.Status)
	}
	resp, err := http.Post(srv.URL+"/emulator/control/v1/incomingCalls", "application/json", strings.NewReader(strings.Repeat("x", 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body: %s", resp.Status)
	}
	_, body := get(t, srv.URL+"/console/config.json", "gzip", "")
	var told struct {
		Version  string
		Emulator struct{ Behaviours []console.Behaviour }
	}
	if err := json.Unmarshal([]byte(body), &told); err != nil || told.Version != "v1" || len(told.Emulator.Behaviours) != 1 || told.Emulator.Behaviours[0].Name != "busy" {
		t.Errorf("the page is told %s (%v)", body, err)
	}
}
