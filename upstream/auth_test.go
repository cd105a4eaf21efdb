package upstream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/callgate/callgate/upstream"
)

const encodedKey = "c2VjcmV0a2V5" // base64 of secret, or no request would be signed right

func TestConnectionStrings(t *testing.T) {
	tests := map[string]struct {
		s        string
		endpoint string // empty for an error
	}{
		"as the portal shows it":         {"endpoint=https://r.communication.azure.com/;accesskey=" + encodedKey, "https://r.communication.azure.com/"},
		"in other case":                  {"Endpoint=https://r.communication.azure.com;AccessKey=" + encodedKey, "https://r.communication.azure.com"},
		"with white space and semicolon": {" endpoint=http://127.0.0.1:8082;accesskey=" + encodedKey + ";\n", "http://127.0.0.1:8082"},
		"empty":                          {"", ""},
		"no key":                         {"endpoint=https://r.communication.azure.com/", ""},
		"an empty key":                   {"endpoint=https://r.communication.azure.com/;accesskey=", ""},
		"a key that is not base64":       {"endpoint=https://r.communication.azure.com/;accesskey=" + encodedKey + "!", ""},
		"the parts swapped":              {"accesskey=" + encodedKey + ";endpoint=https://r.communication.azure.com/", ""},
		"an unknown part":                {"endpoint=https://r.communication.azure.com/;x=y;accesskey=" + encodedKey, ""},
		"an endpoint with a path":        {"endpoint=https://r.communication.azure.com/x;accesskey=" + encodedKey, ""},
		"an endpoint without a scheme":   {"endpoint=r.communication.azure.com;accesskey=" + encodedKey, ""},
		"no endpoint":                    {"endpoint=;accesskey=" + encodedKey, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			endpoint, key, err := upstream.ParseConnectionString(test.s)
			if test.endpoint == "" {
				if err == nil || strings.Contains(err.Error(), encodedKey) {
					t.Errorf("error is %v", err)
				}
				return
			}
			if err != nil || endpoint != test.endpoint {
				t.Fatalf("endpoint is %q, %v", endpoint, err)
			}
			if _, err := upstream.New(upstream.Options{Endpoint: endpoint, AccessKey: key}); err != nil {
				t.Error(err)
			}
		})
	}
}

// Whatever it is given, it does not fail by panic, its errors repeat nothing,
// and what it takes makes a client.
func FuzzParseConnectionString(f *testing.F) {
	f.Add("https://r.communication.azure.com/", encodedKey)
	f.Add("https://r.communication.azure.com/;accesskey=YQ==", encodedKey)
	f.Add("//", "=")
	f.Add("https://[::1]:99999", "YQ==")
	f.Fuzz(func(t *testing.T, endpoint, key string) {
		parsed, accessKey, err := upstream.ParseConnectionString("endpoint=" + endpoint + ";accesskey=" + key)
		if err != nil {
			for _, part := range []string{endpoint, key} {
				if part = strings.TrimSpace(part); len(part) > 12 && !strings.Contains("https://example.communication.azure.com", part) && strings.Contains(err.Error(), part) {
					t.Fatalf("error repeats %q: %v", part, err)
				}
			}
			return
		}
		if _, err := upstream.New(upstream.Options{Endpoint: parsed, AccessKey: accessKey}); err != nil {
			t.Fatalf("%q was taken, and then not: %v", parsed, err)
		}
	})
}

func TestAccessKeysDoNotPrint(t *testing.T) {
	key := accessKey(t)
	type config struct {
		Key    upstream.AccessKey
		hidden upstream.AccessKey
	}
	shown := ""
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c"} {
		shown += fmt.Sprintf(verb+" "+verb+" "+verb+"\n", key, &key, config{key, key})
	}
	raw, err := json.Marshal(config{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "key", key, "config", config{key, key})
	shown += string(raw) + log.String()
	numbers := strings.Trim(fmt.Sprintf("%v", []byte(secret)), "[]") // as fmt shows bytes
	for _, form := range []string{secret, encodedKey, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), numbers, fmt.Sprintf("%#v", []byte(secret))[7:20]} {
		if strings.Contains(shown, form) {
			t.Errorf("it prints as %q in %s", form, shown)
		}
	}
	if fmt.Sprint(key) != "***" || !strings.Contains(string(raw), `"***"`) {
		t.Errorf("it prints as %v, %s", key, raw)
	}
}

func TestOptions(t *testing.T) {
	key := accessKey(t)
	const endpoint = "https://r.communication.azure.com"
	tests := map[string]struct {
		opts upstream.Options
		ok   bool
	}{
		"an access key":                        {upstream.Options{Endpoint: endpoint, AccessKey: key}, true},
		"an access key, over plain HTTP":       {upstream.Options{Endpoint: "http://127.0.0.1:8082/", AccessKey: key}, true},
		"an Entra credential":                  {upstream.Options{Endpoint: endpoint, TokenCredential: &credential{}}, true},
		"an Entra credential, over plain HTTP": {upstream.Options{Endpoint: "http://127.0.0.1:8082", TokenCredential: &credential{}}, false},
		"neither":                              {upstream.Options{Endpoint: endpoint}, false},
		"both":                                 {upstream.Options{Endpoint: endpoint, AccessKey: key, TokenCredential: &credential{}}, false},
		"no endpoint":                          {upstream.Options{AccessKey: key}, false},
		"an endpoint with a query":             {upstream.Options{Endpoint: endpoint + "?x=y", AccessKey: key}, false},
		"an endpoint with a user":              {upstream.Options{Endpoint: "https://u:p@r.communication.azure.com", AccessKey: key}, false},
		"an endpoint of another scheme":        {upstream.Options{Endpoint: "ftp://r.communication.azure.com", AccessKey: key}, false},
		"a connection string as the endpoint":  {upstream.Options{Endpoint: "https://r.communication.azure.com;accesskey=" + encodedKey, AccessKey: key}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := upstream.New(test.opts)
			if (err == nil) != test.ok {
				t.Errorf("error is %v", err)
			}
			if err != nil && strings.Contains(err.Error(), encodedKey) {
				t.Errorf("error repeats the key: %v", err)
			}
		})
	}
}

// The host is signed as the upstream sees it.
func TestSignedHost(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://Example.test":     "example.test",
		"http://example.test:80/": "example.test",
		"http://example.test:81":  "example.test:81",
	} {
		service := serve(t, answer(200, connectionJSON))
		client := newClient(t, endpoint, func(opts *upstream.Options) { opts.Transport = dialling(t, service.url) })
		if _, err := client.GetCall(t.Context(), callID); err != nil {
			t.Fatal(err)
		}
		if got := service.received()[0]; got.host != want {
			t.Errorf("%s: host is %s, want %s", endpoint, got.host, want)
		}
		checkSigned(t, service.received()[0])
	}
}

// credential is an Entra credential that gives one token, or fails.
type credential struct {
	err   error
	asked []policy.TokenRequestOptions
}

// GetToken implements azcore.TokenCredential.
func (c *credential) GetToken(_ context.Context, opts policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.asked = append(c.asked, opts)
	return azcore.AccessToken{Token: "a-token", ExpiresOn: time.Now().Add(time.Hour)}, c.err
}

func TestEntraCredential(t *testing.T) {
	service := &service{script: []http.HandlerFunc{answer(503, ""), answer(200, connectionJSON)}}
	server := httptest.NewTLSServer(service)
	defer server.Close()
	given := &credential{}
	client := newClient(t, server.URL, func(opts *upstream.Options) {
		opts.AccessKey, opts.TokenCredential, opts.Transport = upstream.AccessKey{}, given, server.Client()
	})
	for range 2 {
		if _, err := client.GetCall(t.Context(), callID); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range service.received() {
		if got := r.header.Get("Authorization"); got != "Bearer a-token" {
			t.Errorf("Authorization is %q", got)
		}
	}
	if len(given.asked) != 1 || given.asked[0].Scopes[0] != "https://communication.azure.com//.default" {
		t.Errorf("the credential was asked for %+v", given.asked)
	}
}

func TestEntraCredentialFails(t *testing.T) {
	service := &service{script: []http.HandlerFunc{answer(200, connectionJSON)}}
	server := httptest.NewTLSServer(service)
	defer server.Close()
	cause := errors.New("no identity here")
	client := newClient(t, server.URL, func(opts *upstream.Options) {
		opts.AccessKey, opts.TokenCredential, opts.Transport = upstream.AccessKey{}, &credential{err: cause}, server.Client()
	})
	_, err := client.CreateCall(t.Context(), once, &upstream.CreateCallRequest{})
	if e := upstreamError(t, err); !errors.Is(err, cause) || e.MayHaveActed() || len(service.received()) != 0 {
		t.Errorf("error is %+v", e)
	}
}

func TestRefusedCredentialIsNotTriedAgain(t *testing.T) {
	service := &service{script: []http.HandlerFunc{answer(401, "")}}
	server := httptest.NewTLSServer(service)
	defer server.Close()
	client := newClient(t, server.URL, func(opts *upstream.Options) {
		opts.AccessKey, opts.TokenCredential, opts.Transport = upstream.AccessKey{}, &credential{}, server.Client()
	})
	_, err := client.GetCall(t.Context(), callID)
	if e := upstreamError(t, err); e.StatusCode != 401 || len(service.received()) != 1 {
		t.Errorf("%d tries, %+v", len(service.received()), e)
	}
}
