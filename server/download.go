package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const contentPath = "/v1/recordings/{recording_id}/content"

// registerDownload serves the file of a recording as a file: where the generated
// front would write each piece as JSON.
func (r *rest) registerDownload(mux *runtime.ServeMux, recordings callgatev1.RecordingsClient) error {
	d := &download{rest: r, mux: mux, recordings: recordings}
	return errors.Join(mux.HandlePath(http.MethodGet, contentPath, d.serve), mux.HandlePath(http.MethodHead, contentPath, d.serve))
}

type download struct {
	rest       *rest
	mux        *runtime.ServeMux
	recordings callgatev1.RecordingsClient
}

func (d *download) serve(w http.ResponseWriter, r *http.Request, path map[string]string) {
	_, json := runtime.MarshalerForRequest(d.mux, r)
	ctx, err := runtime.AnnotateContext(r.Context(), d.mux, r, callgatev1.Recordings_DownloadRecording_FullMethodName, runtime.WithHTTPPathPattern(contentPath))
	if err != nil {
		d.rest.fail(r.Context(), d.mux, json, w, r, err)
		return
	}
	req := &callgatev1.DownloadRecordingRequest{}
	if err := runtime.PopulateQueryParameters(req, r.URL.Query(), utilities.NewDoubleArray(nil)); err != nil {
		d.rest.fail(ctx, d.mux, json, w, r, status.Error(codes.InvalidArgument, err.Error()))
		return
	}
	req.RecordingId = path["recording_id"]
	offset, length, partly := oneRange(r.Header)
	if partly {
		req.Offset, req.Length = offset, length
	}
	stream, content, err := d.open(ctx, req)
	if err == nil && partly && content.Length == nil {
		// A part must say where it ends: without that, only the whole can be given.
		partly, req.Offset, req.Length = false, 0, 0
		stream, content, err = d.open(ctx, req)
	}
	switch {
	case status.Code(err) == codes.OutOfRange:
		writeStatus(w, json, http.StatusRequestedRangeNotSatisfiable, status.Convert(err))
		return
	case err != nil:
		d.rest.fail(ctx, d.mux, json, w, r, err)
		return
	}
	head(w, content, partly)
	if r.Method != http.MethodHead {
		copyPieces(w, stream)
	}
}

// open begins a download. It ends with ctx.
func (d *download) open(ctx context.Context, req *callgatev1.DownloadRecordingRequest) (callgatev1.Recordings_DownloadRecordingClient, *callgatev1.RecordingContent, error) {
	stream, err := d.recordings.DownloadRecording(ctx, req)
	if err != nil {
		return nil, nil, err
	}
	first, err := stream.Recv()
	return stream, first.GetContent(), err
}

// copyPieces writes what comes, and cuts the connection when it ends too soon:
// whoever gets less than the whole must not take it for the whole.
func copyPieces(w http.ResponseWriter, stream callgatev1.Recordings_DownloadRecordingClient) {
	for {
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			_, err = w.Write(resp.GetData()) // in bounded time: see boundWrites
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// head writes what is known before the first byte.
func head(w http.ResponseWriter, content *callgatev1.RecordingContent, partly bool) {
	header := w.Header()
	header.Set("Content-Type", content.GetContentType())
	header.Set("Accept-Ranges", "bytes")
	header.Set("X-Content-Type-Options", "nosniff")
	if content.Length != nil {
		header.Set("Content-Length", strconv.FormatInt(content.GetLength(), 10))
	}
	if !partly {
		return
	}
	total := "*"
	if content.TotalLength != nil {
		total = strconv.FormatInt(content.GetTotalLength(), 10)
	}
	header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%s", content.GetOffset(), content.GetOffset()+content.GetLength()-1, total))
	w.WriteHeader(http.StatusPartialContent)
}

// maxOffsetBits hold what the contract allows as an offset and a length.
const maxOffsetBits = 50

// oneRange reads a Range header of "bytes=100-" or "bytes=100-199". Anything else,
// such as several ranges, one that is counted from the end, or one under a
// condition, is no range: the answer is then the whole, as HTTP allows.
func oneRange(header http.Header) (offset, length int64, is bool) {
	span, isBytes := strings.CutPrefix(header.Get("Range"), "bytes=")
	from, to, isSpan := strings.Cut(span, "-")
	first, err := strconv.ParseUint(from, 10, maxOffsetBits)
	if !isBytes || !isSpan || err != nil || header.Get("If-Range") != "" {
		return 0, 0, false
	}
	if to == "" {
		return int64(first), 0, true
	}
	last, err := strconv.ParseUint(to, 10, maxOffsetBits)
	if err != nil || last < first {
		return 0, 0, false
	}
	return int64(first), int64(last-first) + 1, true
}
