package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
)

// TestDownloadOverHTTP: a recording is fetched as any file is.
func TestDownloadOverHTTP(t *testing.T) {
	sound := bytes.Repeat([]byte("0123456789"), 20_000)
	ranges := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "audio/wav")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(sound))
	}
	inChunks := func(w http.ResponseWriter, _ *http.Request) { // says no length, and knows no ranges
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write(sound)
	}
	breaksOff := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(sound)))
		_, _ = w.Write(sound[:150_000])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	var serve http.HandlerFunc
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r) }))
	t.Cleanup(up.Close)
	g := startWith(t, func(name string) string {
		return map[string]string{
			"CALLGATE_CONNECTION_STRING": "endpoint=" + up.URL + ";accesskey=c2VjcmV0a2V5", "CALLGATE_CALLBACK_BASE_URL": "https://gw.example",
		}[name]
	})
	location := url.QueryEscape(up.URL + "/v1/objects/0/content")
	for name, test := range map[string]struct {
		serve        http.HandlerFunc
		method       string
		query        string // {here} is where the file is
		header       string // Range
		status       int
		body         []byte // nil for none, or an error's
		contentRange string
		code         codes.Code
	}{
		"whole":                                {ranges, "GET", "contentLocation={here}", "", 200, sound, "", 0},
		"its head":                             {ranges, "HEAD", "contentLocation={here}", "", 200, nil, "", 0},
		"from an offset on":                    {ranges, "GET", "contentLocation={here}", "bytes=150000-", 206, sound[150_000:], "bytes 150000-199999/200000", 0},
		"a stretch":                            {ranges, "GET", "contentLocation={here}", "bytes=5-14", 206, sound[5:15], "bytes 5-14/200000", 0},
		"the first byte":                       {ranges, "GET", "contentLocation={here}", "bytes=0-0", 206, sound[:1], "bytes 0-0/200000", 0},
		"a stretch over the end":               {ranges, "GET", "contentLocation={here}", "bytes=199990-300000", 206, sound[199_990:], "bytes 199990-199999/200000", 0},
		"behind the end":                       {ranges, "GET", "contentLocation={here}", "bytes=200000-", 416, nil, "", codes.OutOfRange},
		"a range without end":                  {ranges, "GET", "contentLocation={here}", "bytes=0-9223372036854775807", 200, sound, "", 0},
		"several ranges, which are ignored":    {ranges, "GET", "contentLocation={here}", "bytes=0-1,5-6", 200, sound, "", 0},
		"a range from the end, ignored too":    {ranges, "GET", "contentLocation={here}", "bytes=-5", 200, sound, "", 0},
		"a range the wrong way round":          {ranges, "GET", "contentLocation={here}", "bytes=6-5", 200, sound, "", 0},
		"a range of something else":            {ranges, "GET", "contentLocation={here}", "lines=6-", 200, sound, "", 0},
		"an offset and a length, in the query": {ranges, "GET", "contentLocation={here}&offset=5&length=10", "", 200, sound[5:15], "", 0},
		"of who says no length":                {inChunks, "GET", "contentLocation={here}", "", 200, sound, "", 0},
		"a part, of who says no length":        {inChunks, "GET", "contentLocation={here}", "bytes=5-14", 200, sound, "", 0},
		"of nothing known":                     {ranges, "GET", "", "", 404, nil, "", codes.NotFound},
		"of another host":                      {ranges, "GET", "contentLocation=https%3A%2F%2Fevil.example%2F", "", 400, nil, "", codes.InvalidArgument},
		"with a word that there is not":        {ranges, "GET", "contentLocation={here}&offset=x", "", 400, nil, "", codes.InvalidArgument},
		"that breaks off":                      {breaksOff, "GET", "contentLocation={here}", "", 200, nil, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			serve = test.serve
			query := string(bytes.ReplaceAll([]byte(test.query), []byte("{here}"), []byte(location)))
			req, err := http.NewRequestWithContext(t.Context(), test.method, g.httpURL+"/v1/recordings/r/content?"+query, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Range", test.header)
			resp, err := g.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != test.status || resp.Header.Get("Content-Range") != test.contentRange {
				t.Errorf("%s, Content-Range %q: %.200s", resp.Status, resp.Header.Get("Content-Range"), body)
			}
			switch {
			case name == "that breaks off":
				if !errors.Is(err, io.ErrUnexpectedEOF) || len(body) > 150_000 {
					t.Errorf("%d bytes, then %v", len(body), err)
				}
			case err != nil:
				t.Error(err)
			case test.code != 0:
				var told spb.Status
				if err := protojson.Unmarshal(body, &told); err != nil || status.FromProto(&told).Code() != test.code {
					t.Errorf("told %s, %v", body, err)
				}
			case !bytes.Equal(body, test.body):
				t.Errorf("%d bytes, want %d", len(body), len(test.body))
			}
			if test.method == "HEAD" && resp.ContentLength != int64(len(sound)) {
				t.Errorf("its length is said to be %d", resp.ContentLength)
			}
		})
	}
}
