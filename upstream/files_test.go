package upstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callgate/callgate/upstream"
)

const filePath = "/v1/objects/0-eus-d1-801b/content/audio"

// sound is a file of 100,000 bytes, no two stretches of which are alike.
var sound = func() []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < 100_000; i++ {
		fmt.Fprintf(&b, "%d ", i)
	}
	return b.Bytes()[:100_000]
}()

// serveFile serves sound, whole or by range.
func serveFile(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "audio/wav")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(sound))
}

// withoutRanges takes every request for one for all.
func withoutRanges(w http.ResponseWriter, r *http.Request) {
	r.Header.Del("Range")
	serveFile(w, r)
}

// inChunks says no length.
func inChunks(w http.ResponseWriter, _ *http.Request) {
	_ = http.NewResponseController(w).Flush()
	_, _ = w.Write(sound)
}

func TestDownloadFile(t *testing.T) {
	size := int64(len(sound))
	for name, test := range map[string]struct {
		serve          http.HandlerFunc
		offset, length int64
		wantRange      string
		want           []byte
		wantLength     int64
		wantTotal      int64
	}{
		"all of it":                              {serveFile, 0, 0, "", sound, size, size},
		"from an offset on":                      {serveFile, 70_000, 0, "bytes=70000-", sound[70_000:], 30_000, size},
		"a stretch":                              {serveFile, 70_000, 10, "bytes=70000-70009", sound[70_000:70_010], 10, size},
		"the beginning":                          {serveFile, 0, 10, "bytes=0-9", sound[:10], 10, size},
		"a stretch over the end":                 {serveFile, 99_990, 50, "bytes=99990-100039", sound[99_990:], 10, size},
		"an offset, of who knows no ranges":      {withoutRanges, 70_000, 0, "bytes=70000-", sound[70_000:], 30_000, size},
		"a stretch, of who knows no ranges":      {withoutRanges, 70_000, 10, "bytes=70000-70009", sound[70_000:70_010], 10, size},
		"all of it, of who says no length":       {inChunks, 0, 0, "", sound, upstream.Unsaid, upstream.Unsaid},
		"a stretch, of who says no length":       {inChunks, 70_000, 10, "bytes=70000-70009", sound[70_000:70_010], upstream.Unsaid, upstream.Unsaid},
		"a stretch at the end, without a length": {inChunks, 99_990, 50, "bytes=99990-100039", sound[99_990:], upstream.Unsaid, upstream.Unsaid},
	} {
		t.Run(name, func(t *testing.T) {
			service := serve(t, test.serve)
			file, err := newClient(t, service.url, nil).DownloadFile(t.Context(), service.url+filePath, test.offset, test.length)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			got, err := io.ReadAll(file)
			if err != nil || !bytes.Equal(got, test.want) {
				t.Errorf("%d bytes, %v, want %d", len(got), err, len(test.want))
			}
			if file.Offset != test.offset || file.Length != test.wantLength || file.Total != test.wantTotal {
				t.Errorf("it is said to be %d bytes from %d, of %d", file.Length, file.Offset, file.Total)
			}
			r := service.received()[0]
			if r.method != http.MethodGet || r.target != filePath || r.header.Get("Range") != test.wantRange || r.header.Get("x-ms-host") != r.host {
				t.Errorf("sent %s %s %v", r.method, r.target, r.header)
			}
			checkSigned(t, r)
		})
	}
}

func TestDownloadFileThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		script []http.HandlerFunc
		offset int64
		is     error // nil for any
		status int
		tries  int
	}{
		"it is not there":                     {[]http.HandlerFunc{answer(404, "")}, 0, upstream.ErrFileNotFound, 404, 1},
		"it is not given":                     {[]http.HandlerFunc{answer(401, "")}, 0, upstream.ErrFileRefused, 401, 1},
		"it ends before":                      {[]http.HandlerFunc{serveFile}, 100_000, upstream.ErrBehindEnd, 416, 1},
		"it ends before, without ranges":      {[]http.HandlerFunc{withoutRanges}, 100_000, upstream.ErrBehindEnd, 200, 1},
		"it ends before, without a length":    {[]http.HandlerFunc{inChunks}, 100_001, upstream.ErrBehindEnd, 200, 1},
		"another part comes":                  {[]http.HandlerFunc{answer(206, "x", "Content-Range", "bytes 0-0/5")}, 3, nil, 206, 1},
		"a part comes that says not which":    {[]http.HandlerFunc{answer(206, "x")}, 3, nil, 206, 1},
		"the host is disturbed":               {[]http.HandlerFunc{answer(503, "")}, 0, nil, 503, 4},
		"no answer comes":                     {[]http.HandlerFunc{hang}, 0, nil, 0, 4},
		"it is elsewhere, which is not asked": {[]http.HandlerFunc{answer(302, "", "Location", "https://evil.example/")}, 0, nil, 302, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := serve(t, test.script...)
			client := newClient(t, service.url, func(opts *upstream.Options) { opts.TryTimeout = quiet })
			_, err := client.DownloadFile(t.Context(), service.url+filePath, test.offset, 0)
			e := upstreamError(t, err)
			if e.StatusCode != test.status || !e.Repeatable || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("error is %+v", e)
			}
			if n := len(service.received()); n != test.tries {
				t.Errorf("%d tries", n)
			}
		})
	}
}

// What breaks off, or falls silent, on the way is no end of the file.
func TestFileThatBreaksOff(t *testing.T) {
	beginning := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", strconv.Itoa(len(sound)))
		_, _ = w.Write(sound[:50_000])
		_ = http.NewResponseController(w).Flush()
	}
	for name, handler := range map[string]http.HandlerFunc{
		"broken off":   func(w http.ResponseWriter, _ *http.Request) { beginning(w); panic(http.ErrAbortHandler) },
		"fallen quiet": func(w http.ResponseWriter, r *http.Request) { beginning(w); hang(w, r) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits more than it works
			service := serve(t, handler)
			client := newClient(t, service.url, func(opts *upstream.Options) { opts.TryTimeout = quiet })
			file, err := client.DownloadFile(t.Context(), service.url+filePath, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			got, err := io.ReadAll(file)
			if e := upstreamError(t, err); len(got) != 50_000 || !e.Repeatable || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%d bytes, then %+v", len(got), e)
			}
		})
	}
}

// A file may take longer than one try, as long as something comes.
func TestLongFile(t *testing.T) {
	t.Parallel() // it waits more than it works
	service := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for i := range 6 {
			_, _ = w.Write(sound[i*10 : i*10+10])
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(quiet / 4):
			case <-r.Context().Done():
				return
			}
		}
	})
	client := newClient(t, service.url, func(opts *upstream.Options) { opts.TryTimeout = quiet })
	file, err := client.DownloadFile(t.Context(), service.url+filePath, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, sound[:60]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestFileTheCallerLeaves(t *testing.T) {
	left := make(chan struct{})
	service := serve(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(left)
		for r.Context().Err() == nil {
			if _, err := w.Write(sound); err != nil {
				return
			}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	file, err := newClient(t, service.url, nil).DownloadFile(ctx, service.url+filePath, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, file, 1<<20); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = io.Copy(io.Discard, file)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	file.Close()
	<-left
}

func TestDeleteFile(t *testing.T) {
	for name, test := range map[string]struct {
		script []http.HandlerFunc
		is     error
		tries  int
	}{
		"deleted":                       {[]http.HandlerFunc{answer(200, "")}, nil, 1},
		"gone already":                  {[]http.HandlerFunc{answer(404, "")}, upstream.ErrFileNotFound, 1},
		"not given":                     {[]http.HandlerFunc{answer(401, "")}, upstream.ErrFileRefused, 1},
		"after the first was cut off":   {[]http.HandlerFunc{reset, answer(200, "")}, nil, 2},
		"after the first was disturbed": {[]http.HandlerFunc{answer(503, ""), answer(200, "")}, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			service := serve(t, test.script...)
			if err := newClient(t, service.url, nil).DeleteFile(t.Context(), service.url+"/v1/objects/0-eus"); !errors.Is(err, test.is) {
				t.Errorf("error %v", err)
			}
			if n := len(service.received()); n != test.tries {
				t.Errorf("%d tries", n)
			}
			for _, r := range service.received() {
				checkSigned(t, r)
				if r.method != http.MethodDelete || r.target != "/v1/objects/0-eus" {
					t.Errorf("sent %s %s", r.method, r.target)
				}
			}
		})
	}
}

// recorder is a transport that goes nowhere.
type recorder struct{ requests []*http.Request }

// Do implements policy.Transporter.
func (r *recorder) Do(req *http.Request) (*http.Response, error) {
	r.requests = append(r.requests, req)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), Request: req}, nil
}

// A request for a file is proved by the resource's own key: it goes to the
// upstream's hosts, and on the resource's to nothing but files.
func TestLocationsOfFiles(t *testing.T) {
	const endpoint = "https://res.communication.azure.com"
	for name, test := range map[string]struct {
		location string
		allowed  bool
	}{
		"Skype's storage":                                 {"https://us-storage.asm.skype.com/v1/objects/0-eus/content/video", true},
		"Skype's storage, shouted":                        {"https://US-STORAGE.ASM.SKYPE.COM/v1/objects/0-eus", true},
		"Teams' storage":                                  {"https://eu-prod.asyncgw.teams.microsoft.com/v1/objects/0/views/original", true},
		"the government's":                                {"https://x.ams.gov.teams.microsoft.us/v1/objects/0", true},
		"with the port that https implies":                {"https://x.asm.skype.com:443/v1/objects/0", true},
		"with a query":                                    {"https://x.asm.skype.com/v1/objects/0?sv=1", true},
		"the resource's own host":                         {endpoint + "/recording/download/0-eus", true},
		"the resource's own host, as the emulator has it": {endpoint + "/v1/objects/0/content", true},
		"a call on the resource's own host":               {endpoint + "/calling/callConnections/c", false},
		"a user on the resource's own host":               {endpoint + "/identities/8:acs:r_u", false},
		"a way out of the files":                          {endpoint + "/v1/objects/../../calling/callConnections/c", false},
		"an escaped way out":                              {endpoint + "/v1/objects/%2e%2e/%2e%2e/calling/callConnections/c", false},
		"a way out with an escaped slash":                 {endpoint + "/v1/objects/..%2f..%2fcalling/callConnections/c", false},
		"the resource's own host, in the open":            {"http://res.communication.azure.com/v1/objects/0", false},
		"another host":                                    {"https://evil.example/v1/objects/0", false},
		"a host that only ends alike":                     {"https://evilasm.skype.com/v1/objects/0", false},
		"a host that only begins alike":                   {"https://x.asm.skype.com.evil.example/v1/objects/0", false},
		"the suffix itself":                               {"https://asm.skype.com/v1/objects/0", false},
		"a user before the host":                          {"https://x.asm.skype.com@evil.example/v1/objects/0", false},
		"credentials":                                     {"https://me:pw@x.asm.skype.com/v1/objects/0", false},
		"another port":                                    {"https://x.asm.skype.com:8443/v1/objects/0", false},
		"in the open":                                     {"http://x.asm.skype.com/v1/objects/0", false},
		"this machine":                                    {"http://127.0.0.1/v1/objects/0", false},
		"the machine's metadata":                          {"http://169.254.169.254/metadata", false},
		"a file of this machine":                          {"file:///etc/passwd", false},
		"a backslash before the host":                     {`https://evil.example\.asm.skype.com/v1/objects/0`, false},
		"no host":                                         {"/v1/objects/0", false},
		"nothing":                                         {"", false},
		"no URL":                                          {"https://[::1", false},
	} {
		t.Run(name, func(t *testing.T) {
			transport := &recorder{}
			client := newClient(t, endpoint, func(opts *upstream.Options) { opts.Transport = transport })
			_, err := client.DownloadFile(t.Context(), test.location, 0, 0)
			deleted := client.DeleteFile(t.Context(), test.location)
			if !test.allowed {
				if !errors.Is(err, upstream.ErrInvalidRequest) || !errors.Is(deleted, upstream.ErrInvalidRequest) || len(transport.requests) != 0 {
					t.Errorf("%v, %v; %d requests", err, deleted, len(transport.requests))
				}
				return
			}
			if err != nil || deleted != nil || len(transport.requests) != 2 {
				t.Fatalf("%v, %v; %d requests", err, deleted, len(transport.requests))
			}
			for _, r := range transport.requests {
				if r.URL.String() != test.location || r.Header.Get("x-ms-host") != "res.communication.azure.com" {
					t.Errorf("asked %s of %s", r.URL, r.Header.Get("x-ms-host"))
				}
				want := signature(secret, r.Method, r.URL.EscapedPath(), "res.communication.azure.com", r.Header)
				if got := r.Header.Get("Authorization"); got != want {
					t.Errorf("signed %s, want %s", got, want)
				}
			}
		})
	}
}

// A refusal of a file says nothing of the key that signs calls.
func TestRefusedFileLeavesTheKeys(t *testing.T) {
	service := serve(t, answer(401, ""))
	second, err := upstream.ParseAccessKey("b3RoZXI=")
	if err != nil {
		t.Fatal(err)
	}
	client := newClient(t, service.url, func(opts *upstream.Options) { opts.SecondaryAccessKey = second })
	for range 2 {
		if _, err := client.DownloadFile(t.Context(), service.url+filePath, 0, 0); !errors.Is(err, upstream.ErrFileRefused) {
			t.Fatal(err)
		}
	}
	for _, r := range service.received() {
		checkSigned(t, r) // by the first key
	}
	if n := len(service.received()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// FuzzLocation: whatever a location is, a signed request goes to none but the
// upstream's hosts, and on the resource's own to nothing but files.
func FuzzLocation(f *testing.F) {
	const own = "res.communication.azure.com"
	for _, location := range []string{
		"https://x.asm.skype.com/v1/objects/0", "https://" + own + "/v1/objects/0", "https://" + own + "/v1/objects/%2e%2e/calling/", "https://evil.example/",
		"https://x.asm.skype.com:443@evil.example/", "//x.asm.skype.com/v1", "https:x.asm.skype.com", "https://x.asm.skype.com\\@evil.example/",
	} {
		f.Add(location)
	}
	key, err := upstream.ParseAccessKey(encodedKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, location string) {
		transport := &recorder{}
		client, err := upstream.New(upstream.Options{Endpoint: "https://" + own, AccessKey: key, Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		file, err := client.DownloadFile(t.Context(), location, 0, 0)
		if err == nil {
			file.Close()
		} else if !errors.Is(err, upstream.ErrInvalidRequest) {
			t.Errorf("%q: %v", location, err)
		}
		for _, r := range transport.requests {
			host := strings.ToLower(r.URL.Hostname())
			stored := strings.HasSuffix(host, ".asm.skype.com") || strings.HasSuffix(host, ".asyncgw.teams.microsoft.com") || strings.HasSuffix(host, ".ams.gov.teams.microsoft.us")
			clean := path.Clean(r.URL.Path)
			ours := host == own && (strings.HasPrefix(clean, "/v1/objects") || strings.HasPrefix(clean, "/recording"))
			if r.URL.Scheme != "https" || !stored && !ours || r.URL.Port() != "" && r.URL.Port() != "443" {
				t.Errorf("%q leads to %s", location, r.URL)
			}
		}
	})
}

// FuzzContentRange: whatever an answer says of its range, none but the right one is
// taken.
func FuzzContentRange(f *testing.F) {
	for _, header := range []string{"bytes 5-9/10", "bytes 5-9/*", "bytes */10", "bytes 5-", "bytes -5-9/10", "bytes 5-9/-1", "lines 5-9/10", "bytes 99999999999999999999-9/1", ""} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		answer := &http.Response{StatusCode: 206, Header: http.Header{"Content-Range": {header}}, ContentLength: -1, Body: io.NopCloser(strings.NewReader("56789"))}
		client := newClient(t, "https://example.test", func(opts *upstream.Options) { opts.Transport = answering{answer} })
		file, err := client.DownloadFile(t.Context(), "https://example.test/v1/objects/0", 5, 0)
		if err != nil {
			return
		}
		defer file.Close()
		if !strings.HasPrefix(header, "bytes ") || file.Offset != 5 || file.Total != upstream.Unsaid && file.Total <= 5 {
			t.Errorf("%q is taken for %d of %d", header, file.Offset, file.Total)
		}
	})
}

// answering is a transport that goes nowhere.
type answering struct{ resp *http.Response }

// Do implements policy.Transporter.
func (a answering) Do(req *http.Request) (*http.Response, error) {
	a.resp.Request = req
	return a.resp, nil
}
