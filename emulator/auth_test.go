package emulator

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// The requests of the official JavaScript SDK, captured, carry signatures made
// with the key base64("secretkey").
func TestSignaturesOfTheOfficialSDKAreAccepted(t *testing.T) {
	raw, err := os.ReadFile("testdata/exchanges/50-requests-js-sdk-1.6.0-loopback.json")
	if err != nil {
		t.Fatal(err)
	}
	var capture struct {
		Requests []struct {
			Method, Path, BodyText string
			Headers                map[string]string
		}
	}
	if err := json.Unmarshal(raw, &capture); err != nil {
		t.Fatal(err)
	}
	if len(capture.Requests) != 17 {
		t.Fatalf("%d requests, want 17", len(capture.Requests))
	}
	for _, c := range capture.Requests {
		t.Run(c.Method+" "+c.Path, func(t *testing.T) {
			sent, err := http.ParseTime(c.Headers["x-ms-date"])
			if err != nil {
				t.Fatal(err)
			}
			v := verifier{key: []byte("secretkey"), now: func() time.Time { return sent.Add(4 * time.Minute) }}
			r := httptest.NewRequest(c.Method, c.Path, strings.NewReader(c.BodyText))
			r.Host = c.Headers["host"]
			for name, value := range c.Headers {
				r.Header.Set(name, value)
			}
			if err := v.verify(r, []byte(c.BodyText)); err != nil {
				t.Error(err)
			}
			if err := v.verify(r, []byte(c.BodyText+" ")); err == nil {
				t.Error("another body passed")
			}
			if _, err := parseRoute(r.Method, r.URL.EscapedPath(), ""); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestQueryMayBeSignedInEitherSpelling(t *testing.T) {
	const target = "/calling/callConnections/c/participants?api-version=2026-03-12&next=a%20b~%2A"
	for _, signed := range []string{target, "/calling/callConnections/c/participants?api-version=2026-03-12&next=a+b%7E*"} {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		signedRequest := &http.Request{Method: r.Method, URL: r.URL, Header: http.Header{}, Host: r.Host}
		path, query, _ := strings.Cut(signed, "?")
		u := *r.URL
		u.Path, u.RawPath, u.RawQuery, u.Host = path, "", query, r.Host
		signedRequest.URL = &u
		sign(signedRequest, nil, DefaultAccessKey, time.Now())
		r.Header = signedRequest.Header
		key, err := base64.StdEncoding.DecodeString(DefaultAccessKey)
		if err != nil {
			t.Fatal(err)
		}
		if err := (verifier{key: key, now: time.Now}).verify(r, nil); err != nil {
			t.Errorf("signed as %s: %v", signed, err)
		}
	}
}

func TestRequestsThatAreNotTrusted(t *testing.T) {
	h := start(t, Options{})
	target := h.url + "/calling/callConnections/c?api-version=" + apiVersion
	cases := []struct {
		name   string
		change func(*http.Request)
	}{
		{"unsigned", func(r *http.Request) { r.Header.Del("Authorization") }},
		{"a bearer token nobody allowed", func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }},
		{"another key", func(r *http.Request) { sign(r, nil, base64.StdEncoding.EncodeToString([]byte("other")), time.Now()) }},
		{"a clock five minutes slow", func(r *http.Request) { sign(r, nil, DefaultAccessKey, time.Now().Add(-6*time.Minute)) }},
		{"a clock five minutes fast", func(r *http.Request) { sign(r, nil, DefaultAccessKey, time.Now().Add(6*time.Minute)) }},
		{"no date", func(r *http.Request) { r.Header.Del("x-ms-date") }},
		{"another path than signed", func(r *http.Request) { r.URL.Path += "x" }},
		{"another body than hashed", func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(bytes.NewReader([]byte("{}"))), 2 }},
		{"a signature that is not base64", func(r *http.Request) { r.Header.Set("Authorization", hmacPrefix+"!") }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h.t = t
			req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, target, nil)
			if err != nil {
				t.Fatal(err)
			}
			sign(req, nil, DefaultAccessKey, time.Now())
			c.change(req)
			resp := h.roundTrip(req).want(401)
			if resp.at("error", "code") != "7509" || resp.header.Get("X-Azure-Ref") == "" {
				t.Errorf("%v %s", resp.header, resp.raw)
			}
		})
	}
}

func TestBearerTokensWhereAllowed(t *testing.T) {
	h := start(t, Options{AllowBearer: true})
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, h.url+"/calling/callConnections/c?api-version="+apiVersion, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer anything")
	h.roundTrip(req).want(404)
}

func TestOptionsThatCannotWork(t *testing.T) {
	_, err := New(Options{
		AccessKey: "!", ResourceID: "x", PublicURL: "here", EventGridEndpoints: []string{"/grid"}, EventGridSchema: "x",
		TimeScale: -1, ParticipantsPageSize: -1,
	})
	for _, name := range []string{"AccessKey", "ResourceID", "PublicURL", "EventGridEndpoints[0]", "EventGridSchema", "TimeScale", "ParticipantsPageSize"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not mention %s: %v", name, err)
		}
	}
}

func TestConnectionString(t *testing.T) {
	if got := ConnectionString("http://127.0.0.1:8082", "a2V5"); got != "endpoint=http://127.0.0.1:8082/;accesskey=a2V5" {
		t.Error(got)
	}
}
