package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	resource  = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	topic     = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/CommunicationServices/c"
	callback  = `[{"id":"genuine","source":"calling/callConnections/c","type":"Microsoft.Communication.CallConnected","specversion":"1.0","data":{"callConnectionId":"c"}}]`
	gridCall  = `[{"id":"genuine","topic":"` + topic + `","subject":"s","eventType":"Microsoft.Communication.IncomingCall","eventTime":"2026-11-25T00:00:00Z","dataVersion":"1.0","data":{}}]`
	handshake = `[{"id":"h","topic":"` + topic + `","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d38b6"}}]`
)

// azure is who signs callbacks, and a stranger who would like to.
type azure struct {
	server        *httptest.Server
	key, stranger jose.JSONWebKey
	lured         atomic.Int64 // requests to where only a forger's words lead
}

func newAzure(t *testing.T) *azure {
	t.Helper()
	a := &azure{}
	for _, into := range []*jose.JSONWebKey{&a.key, &a.stranger} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		*into = jose.JSONWebKey{Key: key, KeyID: "1", Algorithm: "RS256", Use: "sig"}
	}
	a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/config":
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": eventstream.DefaultIssuer, "jwks_uri": a.server.URL + "/keys"})
		case "/keys":
			_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{a.key.Public()}})
		default:
			a.lured.Add(1)
			_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{a.stranger.Public()}})
		}
	}))
	t.Cleanup(a.server.Close)
	return a
}

// claims are those of a good token, changed.
func (a *azure) claims(change func(map[string]any)) map[string]any {
	now := time.Now()
	c := map[string]any{
		"iss": eventstream.DefaultIssuer, "aud": resource,
		"nbf": now.Unix(), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	if change != nil {
		change(c)
	}
	return c
}

func jwt(t *testing.T, algorithm jose.SignatureAlgorithm, key any, claims any, header map[jose.HeaderKey]any) string {
	t.Helper()
	opts := (&jose.SignerOptions{ExtraHeaders: header}).WithType("JWT")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, opts)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// keyNamed is the key under another name, or none.
func keyNamed(key jose.JSONWebKey, id string) jose.JSONWebKey {
	key.KeyID = id
	return key
}

// forged is one request that must not be let in.
type forged struct {
	name, method, target, body string
	change                     func(*http.Request)
	want                       int
}

// TestForgedAndMalformedCallbacks: all are refused with exactly this status, say
// nothing about why, and leave nothing behind; a genuine one gets through after
// them all, once.
func TestForgedAndMalformedCallbacks(t *testing.T) {
	a := newAzure(t)
	key := bytes.Repeat([]byte{7}, 32)
	file := filepath.Join(t.TempDir(), "callback.key")
	if err := os.WriteFile(file, []byte(base64.StdEncoding.EncodeToString(key)), 0o600); err != nil {
		t.Fatal(err)
	}
	g := startWith(t, env("CALLGATE_CONNECTION_STRING", connection),
		"--callback-base-url=https://gw.example", "--openid-config-url="+a.server.URL+"/config", "--resource-id="+resource,
		"--callback-key-file="+file, "--event-grid-topics="+topic)
	g.callbackURL = "http://" + g.callbackAddr()
	tokens, err := eventstream.NewTokens(key)
	if err != nil {
		t.Fatal(err)
	}
	good := jwt(t, jose.RS256, a.key, a.claims(nil), nil)

	before := g.position(t)
	cases := slices.Concat(forgedAddresses(t, tokens), a.forgedTokens(t, tokens, good), malformedBodies(tokens), forgedGrid(a, tokens))
	if len(cases) < 90 {
		t.Errorf("only %d cases", len(cases))
	}
	var refusal http.Header
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), tc.method, g.callbackURL+tc.target, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			if strings.HasPrefix(tc.target, "/callbacks") {
				req.Header.Set("Authorization", "Bearer "+good)
			}
			if tc.change != nil {
				tc.change(req)
			}
			resp, err := g.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			said, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != tc.want || err != nil || len(said) > 0 {
				t.Errorf("answer %s %q, %v, want %d", resp.Status, said, err, tc.want)
			}
			if resp.StatusCode == http.StatusUnauthorized {
				resp.Header.Del("Date")
				if refusal == nil {
					refusal = resp.Header
				}
				if !maps.EqualFunc(refusal, resp.Header, slices.Equal) {
					t.Errorf("its headers tell it apart: %v, %v", resp.Header, refusal)
				}
			}
			if now := g.position(t); now != before {
				t.Errorf("the log has moved from %s to %s", before, now)
				before = now
			}
		})
	}
	for name, raw := range malformedHTTP(tokens, good) {
		t.Run(name, func(t *testing.T) {
			if got := g.raw(t, raw); got != http.StatusBadRequest {
				t.Errorf("answer %d", got)
			}
			if now := g.position(t); now != before {
				t.Errorf("the log has moved from %s to %s", before, now)
				before = now
			}
		})
	}
	if n := a.lured.Load(); n != 0 {
		t.Errorf("%d requests were made to addresses that forgers named", n)
	}

	t.Run("a genuine one, and its replays", func(t *testing.T) {
		target := eventstream.CallbackPath + tokens.Callback("")
		events := g.stream(t, &callgatev1.StreamEventsRequest{})
		for range 3 {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.callbackURL+target, strings.NewReader(callback))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+good)
			resp, err := g.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("answer %s", resp.Status)
			}
		}
		post(t, g.callbackURL+eventstream.EventGridPath+"?key="+tokens.EventGrid(), strings.Replace(gridCall, "genuine", "last", 1))
		events.find(t, callgatev1.CallEventType_CALL_EVENT_TYPE_INCOMING_CALL, func(e *callgatev1.CallEvent) bool { return e.GetId() == "last" })
		if all := events.all(); len(all) != 2 || all[0].GetId() != "genuine" {
			t.Errorf("%d events came: %v", len(all), all)
		}
	})
}

// forgedAddresses have a token of Azure's, but not one of ours.
func forgedAddresses(t *testing.T, tokens *eventstream.Tokens) []forged {
	t.Helper()
	foreign, err := eventstream.NewTokens(bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	token := tokens.Callback("")
	for !strings.ContainsAny(token[1:60], "-_") {
		token = tokens.Callback("")
	}
	unauthorized := map[string]string{
		"no token in the address":           "",
		"a token that is made up":           "c2VjcmV0",
		"a token of another key":            foreign.Callback(""),
		"a token for Event Grid":            tokens.EventGrid(),
		"a token, cut off":                  token[:len(token)-1],
		"a token, cut off in front":         token[1:],
		"a token and more":                  token + "A",
		"a token twice":                     token + token,
		"a token with other random bytes":   flip(token, 0),
		"a token with another signature":    flip(token, 30),
		"a token with bits that are unused": token[:len(token)-1] + string(token[len(token)-1]+1),
		"a token of zeros":                  strings.Repeat("A", len(token)),
		"a token with padding":              token + "=",
		"a token with a line end":           token[:20] + "%0A" + token[20:],
		"a token with a line end, as long":  token[:20] + "%0A" + token[21:],
		"a token with a NUL":                token[:20] + "%00" + token[20:],
		"a token in the other alphabet":     strings.NewReplacer("-", "%2B", "_", "%2F").Replace(token),
		"a token in capitals":               strings.ToUpper(token),
		"a token and a path":                token + "/more",
		"a token behind a way around":       "../callbacks/" + token,
		"a token in the query":              "?token=" + token,
		"no token but a space":              "%20",
		"a very long token":                 strings.Repeat("A", 8000),
	}
	var cases []forged
	for name, at := range unauthorized {
		cases = append(cases, forged{name, http.MethodPost, eventstream.CallbackPath + at, callback, nil, http.StatusUnauthorized})
	}
	for name, target := range map[string]string{
		"another path": "/callback/" + token, "no path": "/", "two slashes": "//callbacks/" + token,
		"the path in capitals": "/CALLBACKS/" + token, "the path without end": "/callbacks", "another path with metrics": "/metrics", "the REST API": "/v1/calls",
	} {
		cases = append(cases, forged{name, http.MethodPost, target, callback, nil, http.StatusNotFound})
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, http.MethodTrace} {
		cases = append(cases, forged{method + " instead of POST", method, eventstream.CallbackPath + token, callback, nil, http.StatusNotFound})
	}
	return cases
}

// flip changes one character of a token.
func flip(token string, i int) string {
	with := "A"
	if token[i] == 'A' {
		with = "B"
	}
	return token[:i] + with + token[i+1:]
}

// forgedTokens have an address of ours, but no good token of Azure's.
func (a *azure) forgedTokens(t *testing.T, tokens *eventstream.Tokens, good string) []forged {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(a.key.Public().Key)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	parts := strings.Split(good, ".")
	signed := func(change func(map[string]any)) string { return jwt(t, jose.RS256, a.key, a.claims(change), nil) }
	with := func(name string, value any) string {
		return signed(func(c map[string]any) { c[name] = value })
	}
	without := func(name string) string { return signed(func(c map[string]any) { delete(c, name) }) }
	by := func(key jose.JSONWebKey, header map[jose.HeaderKey]any) string {
		return jwt(t, jose.RS256, key, a.claims(nil), header)
	}
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	bearers := map[string]string{
		"an empty token":                        "",
		"a token that is none":                  "a.b.c",
		"a token of one part":                   parts[1],
		"a token of two parts":                  parts[0] + "." + parts[1],
		"a token of five parts":                 good + ".x.y",
		"a token in JSON":                       `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"two tokens":                            good + " " + good,
		"a token with a comma":                  good + "," + good,
		"a token that is not signed":            encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + ".",
		"a token that is not signed, otherwise": encode([]byte(`{"alg":"NoNe","kid":"1"}`)) + "." + parts[1] + "." + parts[2],
		"a token without algorithm":             encode([]byte(`{"kid":"1"}`)) + "." + parts[1] + "." + parts[2],
		"HS256 with the public key":             jwt(t, jose.HS256, jose.JSONWebKey{Key: der, KeyID: "1"}, a.claims(nil), nil),
		"HS256 with the public key, in PEM": jwt(t, jose.HS256, jose.JSONWebKey{
			Key: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), KeyID: "1",
		}, a.claims(nil), nil),
		"RS512 instead of RS256":               jwt(t, jose.RS512, jose.JSONWebKey{Key: a.key.Key, KeyID: "1"}, a.claims(nil), nil),
		"PS256 instead of RS256":               jwt(t, jose.PS256, jose.JSONWebKey{Key: a.key.Key, KeyID: "1"}, a.claims(nil), nil),
		"ES256 with a curve of one's own":      jwt(t, jose.ES256, jose.JSONWebKey{Key: curve, KeyID: "1"}, a.claims(nil), nil),
		"a stranger's key":                     by(a.stranger, nil),
		"a stranger's key without name":        by(keyNamed(a.stranger, ""), nil),
		"a stranger's key, unknown":            by(keyNamed(a.stranger, "2"), nil),
		"a key by a path":                      by(keyNamed(a.stranger, "../../keys"), nil),
		"a key that it brings along":           by(a.stranger, map[jose.HeaderKey]any{"jwk": a.stranger.Public()}),
		"a key from where it says":             by(a.stranger, map[jose.HeaderKey]any{"jku": a.server.URL + "/lure"}),
		"a certificate from there":             by(a.stranger, map[jose.HeaderKey]any{"x5u": a.server.URL + "/lure"}),
		"something critical, unknown":          by(a.key, map[jose.HeaderKey]any{"crit": []string{"x"}, "x": 1}),
		"expired":                              with("exp", ago(2*time.Minute)),
		"expired long ago":                     with("exp", 1),
		"expired before all time":              with("exp", -1e18),
		"an end beyond all time":               with("exp", 1e300),
		"an end in words":                      with("exp", "tomorrow"),
		"no end":                               without("exp"),
		"an end of zero":                       with("exp", 0),
		"not valid yet":                        with("nbf", time.Now().Add(2*time.Minute).Unix()),
		"a beginning beyond all time":          with("nbf", 1e300),
		"a beginning in words":                 with("nbf", "yesterday"),
		"another audience":                     with("aud", "6ba7b810-9dad-11d1-80b4-00c04fd430c9"),
		"an audience that begins alike":        with("aud", resource+"0"),
		"an audience in capitals":              with("aud", strings.ToUpper(resource)),
		"other audiences":                      with("aud", []string{"a", "b"}),
		"an audience that is a number":         with("aud", 1),
		"an empty audience":                    with("aud", []string{}),
		"no audience":                          without("aud"),
		"another issuer":                       with("iss", "https://evil.example"),
		"an issuer with a slash more":          with("iss", eventstream.DefaultIssuer+"/"),
		"an issuer without TLS":                with("iss", strings.Replace(eventstream.DefaultIssuer, "https", "http", 1)),
		"no issuer":                            without("iss"),
		"claims that are a list":               jwt(t, jose.RS256, a.key, []string{"x"}, nil),
		"claims that are nothing":              jwt(t, jose.RS256, a.key, nil, nil),
		"other claims, the signature of these": parts[0] + "." + encode([]byte(`{"iss":"`+eventstream.DefaultIssuer+`","aud":"`+resource+`","exp":99999999999}`)) + "." + parts[2],
		"no signature":                         parts[0] + "." + parts[1] + ".",
		"a signature, cut off":                 good[:len(good)-4],
		"a signature of zeros":                 parts[0] + "." + parts[1] + "." + encode(make([]byte, 256)),
		"a signature, changed":                 parts[0] + "." + parts[1] + "." + flip(parts[2], 9),
	}
	target := eventstream.CallbackPath + tokens.Callback("")
	var cases []forged
	add := func(name string, change func(*http.Request)) {
		cases = append(cases, forged{name, http.MethodPost, target, callback, change, http.StatusUnauthorized})
	}
	for name, bearer := range bearers {
		add(name, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+bearer) })
	}
	for name, credentials := range map[string][]string{
		"no credentials": nil, "empty credentials": {""}, "only a scheme": {"Bearer"}, "a token without scheme": {good}, "another scheme": {"Basic " + good},
		"two credentials": {"Bearer " + good, "Bearer " + good}, "good credentials behind bad": {"Bearer x", "Bearer " + good}, "a tab": {"Bearer\t" + good},
	} {
		add(name, func(r *http.Request) { r.Header["Authorization"] = credentials })
	}
	add("a token in another header", func(r *http.Request) {
		r.Header.Del("Authorization")
		r.Header.Set("X-Authorization", "Bearer "+good)
	})
	return cases
}

// malformedBodies come from whom they should, and are no events.
func malformedBodies(tokens *eventstream.Tokens) []forged {
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(zip, callback)
	_ = zip.Close()
	event := strings.Trim(callback, "[]")
	instead := func(old, with string) string { return strings.Replace(callback, old, with, 1) }
	target := eventstream.CallbackPath + tokens.Callback("")
	var cases []forged
	for name, body := range map[string]string{
		"nothing":                     "",
		"only space":                  " \n",
		"no JSON":                     "CallConnected",
		"broken JSON":                 callback[:len(callback)-2],
		"JSON and more":               callback + "x",
		"JSON twice":                  callback + callback,
		"a word":                      `"CallConnected"`,
		"a number":                    "42",
		"null":                        "null",
		"a list of nulls":             "[null]",
		"a list of lists":             "[[" + event + "]]",
		"not UTF-8":                   instead("genuine", "\xff\xfe"),
		"UTF-16":                      "\xff\xfe[\x00]\x00",
		"a byte order mark":           "\xef\xbb\xbf" + callback,
		"no id":                       instead(`"id":"genuine",`, ""),
		"an empty id":                 instead("genuine", ""),
		"an id that is a number":      instead(`"genuine"`, "1"),
		"no source":                   instead(`"source":"calling/callConnections/c",`, ""),
		"no type":                     instead(`"type":"Microsoft.Communication.CallConnected",`, ""),
		"a time that is none":         instead(`"id"`, `"time":"yesterday","id"`),
		"a time beyond all time":      instead(`"id"`, `"time":"9999-12-31T23:59:59.999-23:59","id"`),
		"the second of two is broken": "[" + event + `,{"id":"2"}]`,
		"nested too deep":             instead(`"callConnectionId"`, `"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`,"callConnectionId"`),
		"nested without end":          strings.Repeat("[", 100_000),
		"zipped":                      zipped.String(),
		"a form":                      "id=genuine&source=c&type=x",
		"XML":                         "<event/>",
	} {
		cases = append(cases, forged{"body: " + name, http.MethodPost, target, body, nil, http.StatusBadRequest})
	}
	large := "[" + strings.Repeat(" ", 1<<20) + "]"
	return append(cases,
		forged{"body: too large", http.MethodPost, target, large, nil, http.StatusRequestEntityTooLarge},
		forged{"body: too large, in chunks", http.MethodPost, target, large, func(r *http.Request) { r.ContentLength = -1 }, http.StatusRequestEntityTooLarge},
	)
}

// forgedGrid is what does not come from Event Grid, or not from our topic.
func forgedGrid(a *azure, tokens *eventstream.Tokens) []forged {
	key := tokens.EventGrid()
	good := eventstream.EventGridPath + "?key=" + key
	lure := strings.Replace(handshake, `"validationCode":"512d38b6"`, `"validationUrl":"`+a.server.URL+`/lure"`, 1)
	elsewhere := func(body string) string {
		return strings.Replace(body, "CommunicationServices/c", "CommunicationServices/other", 1)
	}
	origin := func(r *http.Request) { r.Header.Set("WebHook-Request-Origin", "eventgrid.azure.net") }
	validation := func(r *http.Request) { r.Header.Set("Aeg-Event-Type", "SubscriptionValidation") }
	const post, options, unauthorized = http.MethodPost, http.MethodOptions, http.StatusUnauthorized
	return []forged{
		{"grid: no key", post, eventstream.EventGridPath, gridCall, nil, unauthorized},
		{"grid: an empty key", post, eventstream.EventGridPath + "?key=", gridCall, nil, unauthorized},
		{"grid: a key that is made up", post, eventstream.EventGridPath + "?key=x", gridCall, nil, unauthorized},
		{"grid: a callback's token", post, eventstream.EventGridPath + "?key=" + tokens.Callback(""), gridCall, nil, unauthorized},
		{"grid: two keys", post, good + "&key=x", gridCall, nil, unauthorized},
		{"grid: a good key behind a bad one", post, eventstream.EventGridPath + "?key=x&key=" + key, gridCall, nil, unauthorized},
		{"grid: a changed key", post, eventstream.EventGridPath + "?key=" + flip(key, 3), gridCall, nil, unauthorized},
		{"grid: a key in capitals", post, eventstream.EventGridPath + "?KEY=" + key, gridCall, nil, unauthorized},
		{"grid: a key in a header", post, eventstream.EventGridPath, gridCall, func(r *http.Request) { r.Header.Set("Aeg-Sas-Key", key) }, unauthorized},
		{"grid: a key in the path", post, eventstream.EventGridPath + "/" + key, gridCall, nil, http.StatusNotFound},
		{"grid: a handshake without key", post, eventstream.EventGridPath, handshake, validation, unauthorized},
		{"grid: OPTIONS without key", options, eventstream.EventGridPath, "", origin, unauthorized},
		{"grid: OPTIONS that ask nothing", options, good, "", nil, http.StatusBadRequest},
		{"grid: GET", http.MethodGet, good, "", nil, http.StatusNotFound},
		{"grid: another topic", post, good, elsewhere(gridCall), nil, http.StatusForbidden},
		{"grid: another topic, among ours", post, good, strings.TrimSuffix(gridCall, "]") + "," + strings.TrimPrefix(elsewhere(gridCall), "["), nil, http.StatusForbidden},
		{"grid: a handshake of another topic", post, good, elsewhere(handshake), validation, http.StatusForbidden},
		{"grid: a callback", post, good, callback, nil, http.StatusForbidden},
		{"grid: a handshake without code", post, good, lure, validation, http.StatusBadRequest},
		{"grid: a handshake that is none", post, good, "{", validation, http.StatusBadRequest},
		{"grid: broken JSON", post, good, gridCall[1:], nil, http.StatusBadRequest},
		{"grid: too large", post, good, strings.Repeat(" ", 1<<20+1), nil, http.StatusRequestEntityTooLarge},
	}
}

// malformedHTTP is what is no request, although its parts are good.
func malformedHTTP(tokens *eventstream.Tokens, good string) map[string]string {
	request := func(headers, body string) string {
		return "POST " + eventstream.CallbackPath + tokens.Callback("") + " HTTP/1.1\r\nAuthorization: Bearer " + good + "\r\n" + headers + "\r\n" + body
	}
	length := "Content-Length: " + strconv.Itoa(len(callback)) + "\r\n"
	return map[string]string{
		"HTTP: no host":                          request(length, callback),
		"HTTP: two lengths":                      request("Host: x\r\n"+length+"Content-Length: 1\r\n", callback),
		"HTTP: a negative length":                request("Host: x\r\nContent-Length: -1\r\n", callback),
		"HTTP: a length in words":                request("Host: x\r\nContent-Length: all\r\n", callback),
		"HTTP: a space in a header's name":       request("Host: x\r\nContent-Length : 1\r\n"+length, callback),
		"HTTP: a header without end":             request("Host: x\r\n"+length+"X\r\n", callback),
		"HTTP: chunks that are none":             request("Host: x\r\nTransfer-Encoding: chunked\r\n", callback),
		"HTTP: a body that ends too early":       request("Host: x\r\nContent-Length: 9999\r\n", callback),
		"HTTP: another protocol":                 "POST /callbacks/x SIP/2.0\r\nHost: x\r\n\r\n",
		"HTTP: a line that is no request at all": "hello\r\n\r\n",
	}
}

// raw sends bytes to the callback listener, and returns the status of what comes
// back.
func (g *gateway) raw(t *testing.T, request string) int {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.callbackURL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// position is the end of the log.
func (g *gateway) position(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := callgatev1.NewEventsClient(g.conn).StreamEvents(ctx, &callgatev1.StreamEventsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return first.GetStarted().GetCursor()
}
