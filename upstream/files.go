package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/google/uuid"
)

// fileHosts are whose subdomains keep the files of recordings. A request to one is
// proved by the resource's own key or token, so it must go nowhere else.
var fileHosts = []string{".asm.skype.com", ".asyncgw.teams.microsoft.com", ".ams.gov.teams.microsoft.us"}

// filePaths are where the resource's own host has files, if it has any: an
// emulator does. The rest of it is an API that must not be reached this way.
var filePaths = []string{"/v1/objects/", "/recording/"}

// hostHeader names the resource, whose host a request for a file is signed for.
const hostHeader = "X-Ms-Host"

// Unsaid is a length that the upstream does not tell.
const Unsaid = -1

// File is one file of a recording, as it comes. It must be closed.
type File struct {
	// ContentType is what the upstream calls it.
	ContentType string
	// Offset is where in the file the bytes begin that can be read; Length is how
	// many there are, Total how many the whole file has.
	Offset, Length, Total int64

	body io.ReadCloser
	op   operation
	ctx  context.Context // of the caller
}

// DownloadFile reads a file of a recording from the location that an event gave:
// GET, 200 or 206. It brings the bytes from offset on, at most length, 0 for all.
// The location must be the upstream's own: ErrInvalidRequest.
func (c *Client) DownloadFile(ctx context.Context, location string, offset, length int64) (_ *File, err error) {
	op := operation{
		name: "downloadRecording", method: http.MethodGet, about: aFile, want: http.StatusOK, orWant: http.StatusPartialContent, requestID: uuid.NewString(),
	}
	ctx, end := c.observer.begin(ctx, op)
	defer func() { end(err) }()
	s := &sending{operation: op.name}
	req, err := c.newFileRequest(ctx, op, s, location)
	if err != nil {
		return nil, err
	}
	req.Raw().Header.Set("Accept-Encoding", "identity") // lengths and ranges are the file's own
	if offset > 0 || length > 0 {
		last := ""
		if length > 0 {
			last = strconv.FormatInt(offset+length-1, 10)
		}
		req.Raw().Header.Set("Range", fmt.Sprintf("bytes=%d-%s", offset, last))
	}
	resp, err := c.files.Do(req) //nolint:bodyclose // File.Close closes it
	if err != nil {
		return nil, op.failed(ctx, s, err)
	}
	if !op.succeeded(resp.StatusCode) {
		body, err := runtime.Payload(resp) // in memory already
		return nil, op.refused(s, resp, body, err)
	}
	f := &File{ContentType: resp.Header.Get("Content-Type"), Length: resp.ContentLength, Total: Unsaid, body: resp.Body, op: op, ctx: ctx}
	if err := f.place(resp, offset, length); err != nil {
		f.Close()
		return nil, op.refused(s, resp, nil, err)
	}
	return f, nil
}

// place finds out which part of the file an answer brings, and leaves out of it
// what was not asked for: an upstream may send all in answer to a range.
func (f *File) place(resp *http.Response, offset, length int64) error {
	if resp.StatusCode == http.StatusPartialContent {
		first, total, err := contentRange(resp.Header.Get("Content-Range"))
		if err != nil || first != offset {
			return errors.New("the upstream sent another part of the file than it was asked for")
		}
		f.Offset, f.Total = first, total
	} else {
		f.Offset, f.Total = offset, f.Length
		if offset > 0 && f.Total >= 0 && offset >= f.Total {
			return ErrBehindEnd
		}
		if _, err := io.CopyN(io.Discard, f.body, offset); errors.Is(err, io.EOF) {
			return ErrBehindEnd
		} else if err != nil {
			return err
		}
		if f.Length >= 0 {
			f.Length -= offset
		}
	}
	if length > 0 && (f.Length < 0 || f.Length > length) {
		if f.Total >= 0 {
			f.Length = min(length, f.Total-f.Offset)
		}
		f.body = &limited{Reader: io.LimitReader(f.body, length), Closer: f.body}
	}
	return nil
}

// limited is the beginning of something that must be closed.
type limited struct {
	io.Reader
	io.Closer
}

// Read implements io.Reader. A failure is an *Error, but the caller's own
// cancellation.
func (f *File) Read(p []byte) (int, error) {
	n, err := f.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s := &sending{sent: true}
		err = f.op.failed(f.ctx, s, err)
	}
	return n, err
}

// Close lets go of the connection.
func (f *File) Close() { _ = f.body.Close() } // there is nothing left to lose

// DeleteFile deletes a file of a recording, and what belongs to it, from the
// location that an event gave: DELETE, 200. Deleting twice does no more than
// deleting once.
func (c *Client) DeleteFile(ctx context.Context, location string) (err error) {
	op := operation{
		name: "deleteRecording", method: http.MethodDelete, about: aFile, want: http.StatusOK, orWant: http.StatusNoContent, requestID: uuid.NewString(),
	}
	ctx, end := c.observer.begin(ctx, op)
	defer func() { end(err) }()
	s := &sending{operation: op.name}
	req, err := c.newFileRequest(ctx, op, s, location)
	if err != nil {
		return err
	}
	return op.send(ctx, c.files, req, s, nil)
}

func (c *Client) newFileRequest(ctx context.Context, op operation, s *sending, location string) (*policy.Request, error) {
	target, err := c.fileURL(location)
	if err != nil {
		return nil, invalid(op.name, err.Error())
	}
	Answer{RequestID: op.requestID}.note(ctx)
	op.path = target.String()
	options := c.retryOptions(ctx, op, s)
	options.TryTimeout = 0 // it would cut a long file: see patience
	req, err := c.newRequest(policy.WithRetryOptions(ctx, options), op, s)
	if err != nil {
		return nil, err
	}
	req.Raw().Header.Set(hostHeader, c.endpoint.Host)
	return req, nil
}

// fileURL takes only what leads to the upstream's own files.
func (c *Client) fileURL(location string) (*url.URL, error) {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("the file's location is no URL")
	}
	if u.Scheme == c.endpoint.Scheme && strings.EqualFold(u.Host, c.endpoint.Host) {
		for _, path := range filePaths {
			if strings.HasPrefix(u.EscapedPath(), path) && !stepsOut(u) {
				return u, nil
			}
		}
		return nil, errors.New("the file's location leads to something else than a file")
	}
	for _, host := range fileHosts {
		if u.Scheme == "https" && (u.Port() == "" || u.Port() == "443") && strings.HasSuffix(strings.ToLower(u.Hostname()), host) {
			return u, nil
		}
	}
	return nil, errors.New("the file's location leads to another host than the upstream's")
}

// stepsOut says whether a path means another one than it begins as.
func stepsOut(u *url.URL) bool {
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return strings.Contains(u.Path, `\`)
}

// contentRange reads "bytes 100-199/1234"; total is Unsaid for "*".
func contentRange(s string) (first, total int64, err error) {
	unit, rest, _ := strings.Cut(s, " ")
	span, whole, _ := strings.Cut(rest, "/")
	from, to, is := strings.Cut(span, "-")
	if unit != "bytes" || !is || to == "" {
		return 0, 0, errors.New("no range of bytes")
	}
	if first, err = strconv.ParseInt(from, 10, 64); err != nil {
		return 0, 0, err
	}
	if whole == "*" {
		return first, Unsaid, nil
	}
	if total, err = strconv.ParseInt(whole, 10, 64); err == nil && total <= first {
		err = errors.New("a range behind the end")
	}
	return first, total, err
}
