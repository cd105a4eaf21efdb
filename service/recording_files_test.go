package service_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// sound is a file of a megabyte, no two stretches of which are alike.
var sound = func() []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < 1<<20; i++ {
		fmt.Fprintf(&b, "%d ", i)
	}
	return b.Bytes()[:1<<20]
}()

// storage keeps the file of one recording.
func storage() *stub {
	return &stub{answer: func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			return
		}
		w.Header().Set("Content-Type", "audio/wav")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(sound))
	}}
}

// announce tells a gateway of the files of recording "r".
func (g *gateway) announce(t *testing.T, files ...*callgatev1.RecordingFile) {
	t.Helper()
	if err := g.log.Append(t.Context(), &logv1.Record{Event: &callgatev1.CallEvent{
		Id: "f", EventSource: "t", Type: callgatev1.CallEventType_CALL_EVENT_TYPE_RECORDING_FILE_STATUS_UPDATED, TypeName: "Microsoft.Communication.RecordingFileStatusUpdated",
		Detail: &callgatev1.CallEvent_RecordingFileStatusUpdated{RecordingFileStatusUpdated: &callgatev1.RecordingFileStatusUpdated{RecordingId: "r", Files: files}},
	}}); err != nil {
		t.Fatal(err)
	}
}

// download is all that a download brings.
func (g *gateway) download(ctx context.Context, req *callgatev1.DownloadRecordingRequest) (*callgatev1.RecordingContent, []byte, error) {
	stream, err := g.DownloadRecording(ctx, req)
	if err != nil {
		return nil, nil, err
	}
	first, err := stream.Recv()
	if err != nil {
		return nil, nil, err
	}
	var got []byte
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return first.GetContent(), got, nil
		}
		if err != nil {
			return first.GetContent(), got, err
		}
		if len(piece.GetData()) > 64<<10 || piece.GetContent() != nil {
			return nil, nil, fmt.Errorf("a piece of %d bytes, %v", len(piece.GetData()), piece.GetContent())
		}
		got = append(got, piece.GetData()...)
	}
}

func TestDownloadRecording(t *testing.T) {
	up := storage()
	server := httptest.NewServer(up)
	t.Cleanup(server.Close)
	g := newGatewayAt(t, server.URL)
	at := func(name string) string { return server.URL + "/v1/objects/" + name }
	g.announce(t,
		&callgatev1.RecordingFile{Index: proto.Int32(0), ContentLocation: at("0/content"), MetadataLocation: at("0/metadata"), DeleteLocation: at("0")},
		&callgatev1.RecordingFile{Index: proto.Int32(1), ContentLocation: at("1/content")},
		&callgatev1.RecordingFile{ContentLocation: "https://blobs.example/container/2.wav"})
	size := int64(len(sound))
	for name, test := range map[string]struct {
		req    *callgatev1.DownloadRecordingRequest
		target string
		want   []byte
		code   codes.Code
		reason string
	}{
		"the first file":      {&callgatev1.DownloadRecordingRequest{RecordingId: "r"}, "/v1/objects/0/content", sound, 0, ""},
		"the second file":     {&callgatev1.DownloadRecordingRequest{RecordingId: "r", ChunkIndex: 1}, "/v1/objects/1/content", sound, 0, ""},
		"from an offset on":   {&callgatev1.DownloadRecordingRequest{RecordingId: "r", Offset: 1000}, "/v1/objects/0/content", sound[1000:], 0, ""},
		"a stretch":           {&callgatev1.DownloadRecordingRequest{RecordingId: "r", Offset: 1000, Length: 10}, "/v1/objects/0/content", sound[1000:1010], 0, ""},
		"from a place given":  {&callgatev1.DownloadRecordingRequest{RecordingId: "x", ContentLocation: at("9/content")}, "/v1/objects/9/content", sound, 0, ""},
		"behind the end":      {&callgatev1.DownloadRecordingRequest{RecordingId: "r", Offset: size}, "/v1/objects/0/content", nil, codes.OutOfRange, "OFFSET_BEHIND_END"},
		"of nothing known":    {&callgatev1.DownloadRecordingRequest{RecordingId: "x"}, "", nil, codes.NotFound, "RECORDING_FILE_UNKNOWN"},
		"of no such file":     {&callgatev1.DownloadRecordingRequest{RecordingId: "r", ChunkIndex: 3}, "", nil, codes.NotFound, "RECORDING_FILE_UNKNOWN"},
		"of a file elsewhere": {&callgatev1.DownloadRecordingRequest{RecordingId: "r", ChunkIndex: 2}, "", nil, codes.FailedPrecondition, "RECORDING_FILE_ELSEWHERE"},
		"of no recording":     {&callgatev1.DownloadRecordingRequest{}, "", nil, codes.InvalidArgument, "INVALID_REQUEST"},
		"from before it":      {&callgatev1.DownloadRecordingRequest{RecordingId: "r", Offset: -1}, "", nil, codes.InvalidArgument, "INVALID_REQUEST"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(up.received())
			content, got, err := g.download(t.Context(), test.req)
			if s := status.Convert(err); s.Code() != test.code || err != nil && reason(s) != test.reason {
				t.Fatalf("%v", err)
			}
			sent := up.received()[before:]
			if (len(sent) == 1) != (test.target != "") || len(sent) == 1 && sent[0].Target != test.target {
				t.Errorf("the upstream was sent %v", sent)
			}
			if err != nil {
				return
			}
			if !bytes.Equal(got, test.want) {
				t.Errorf("%d bytes, want %d", len(got), len(test.want))
			}
			if content.GetContentType() != "audio/wav" || content.GetTotalLength() != size || content.GetOffset() != test.req.GetOffset() || content.GetLength() != int64(len(test.want)) {
				t.Errorf("it is said to be %v", content)
			}
		})
	}
}

// TestDownloadThatBreaksOff can be gone on with where it broke off.
func TestDownloadThatBreaksOff(t *testing.T) {
	up := storage()
	whole := up.answer
	up.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			whole(w, r)
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(sound)))
		_, _ = w.Write(sound[:300_000])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	server := httptest.NewServer(up)
	t.Cleanup(server.Close)
	g := newGatewayAt(t, server.URL)
	req := &callgatev1.DownloadRecordingRequest{RecordingId: "r", ContentLocation: server.URL + "/v1/objects/0/content"}
	_, got, err := g.download(t.Context(), req)
	if status.Code(err) != codes.Unavailable || len(got) != 300_000 {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	req.Offset = int64(len(got))
	_, rest, err := g.download(t.Context(), req)
	if err != nil || !bytes.Equal(append(got, rest...), sound) {
		t.Errorf("%d bytes more, %v", len(rest), err)
	}
}

// TestDownloadThatNobodyTakes holds no more of the file than is on its way.
func TestDownloadThatNobodyTakes(t *testing.T) {
	left := make(chan struct{})
	up := &stub{answer: func(w http.ResponseWriter, r *http.Request) {
		defer close(left)
		for r.Context().Err() == nil {
			if _, err := w.Write(sound); err != nil {
				return
			}
		}
	}}
	server := httptest.NewServer(up)
	t.Cleanup(server.Close)
	g := newGatewayAt(t, server.URL)
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := g.DownloadRecording(ctx, &callgatev1.DownloadRecordingRequest{RecordingId: "r", ContentLocation: server.URL + "/v1/objects/0/content"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-left // the upstream is let go of, too
}

func TestDeleteRecording(t *testing.T) {
	up := storage()
	server := httptest.NewServer(up)
	t.Cleanup(server.Close)
	g := newGatewayAt(t, server.URL)
	g.announce(t, &callgatev1.RecordingFile{DeleteLocation: server.URL + "/v1/objects/0"})
	req := &callgatev1.DeleteRecordingRequest{RecordingId: "r", RequestId: requestID}
	resp, err := g.DeleteRecording(t.Context(), req)
	if err != nil || resp.GetAlreadyDeleted() || resp.GetReceipt().GetRecordingId() != "r" {
		t.Fatalf("%v, %v", resp, err)
	}
	if resp, err := g.DeleteRecording(t.Context(), req); err != nil || !resp.GetReceipt().GetReplayed() {
		t.Errorf("%v, %v", resp, err)
	}
	if sent := up.received(); len(sent) != 1 || sent[0].Method != http.MethodDelete || sent[0].Target != "/v1/objects/0" {
		t.Errorf("the upstream was sent %v", sent)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	for upstreamStatus, want := range map[int]struct {
		code    codes.Code
		reason  string
		deleted bool
	}{
		401: {codes.PermissionDenied, "RECORDING_FILE_REFUSED", false}, // as recorded: exchange 41
		403: {codes.PermissionDenied, "RECORDING_FILE_REFUSED", false},
		404: {codes.NotFound, "RECORDING_FILE_NOT_FOUND", true},
		503: {codes.Unavailable, "UPSTREAM_UNAVAILABLE", false},
	} {
		t.Run(strconv.Itoa(upstreamStatus), func(t *testing.T) {
			server := httptest.NewServer(answering(upstreamStatus, ""))
			t.Cleanup(server.Close)
			g := newGatewayAt(t, server.URL)
			location := server.URL + "/v1/objects/0"
			_, _, err := g.download(t.Context(), &callgatev1.DownloadRecordingRequest{RecordingId: "r", ContentLocation: location})
			if s := status.Convert(err); s.Code() != want.code || reason(s) != want.reason {
				t.Errorf("download: %v", err)
			}
			resp, err := g.DeleteRecording(t.Context(), &callgatev1.DeleteRecordingRequest{RecordingId: "r", DeleteLocation: location})
			if want.deleted {
				if err != nil || !resp.GetAlreadyDeleted() {
					t.Errorf("delete: %v, %v", resp, err)
				}
			} else if s := status.Convert(err); s.Code() != want.code || reason(s) != want.reason {
				t.Errorf("delete: %v", err)
			}
		})
	}
}

func TestStoppingAnEndedRecording(t *testing.T) {
	g := newGateway(t, answering(404, `{"error":{"code":"8522","message":"Recording not found."}}`))
	if resp, err := g.StopRecording(t.Context(), &callgatev1.StopRecordingRequest{RecordingId: "r"}); err != nil || !resp.GetAlreadyEnded() {
		t.Errorf("%v, %v", resp, err)
	}
	if _, err := g.PauseRecording(t.Context(), &callgatev1.PauseRecordingRequest{RecordingId: "r"}); reason(status.Convert(err)) != "RECORDING_NOT_FOUND" {
		t.Errorf("%v", err)
	}
	if _, err := g.StartRecording(t.Context(), recording(func(*callgatev1.StartRecordingRequest) {})); reason(status.Convert(err)) != "CALL_NOT_FOUND" {
		t.Errorf("%v", err)
	}
}

// TestDeletingBeforeTheFileIsReady: nothing was sent, so the same request may be
// made anew, whenever.
func TestDeletingBeforeTheFileIsReady(t *testing.T) {
	up := storage()
	server := httptest.NewServer(up)
	t.Cleanup(server.Close)
	g := newGatewayAt(t, server.URL)
	req := &callgatev1.DeleteRecordingRequest{RecordingId: "r", RequestId: requestID}
	if _, err := g.DeleteRecording(t.Context(), req); reason(status.Convert(err)) != "RECORDING_FILE_UNKNOWN" {
		t.Fatalf("%v", err)
	}
	g.announce(t, &callgatev1.RecordingFile{DeleteLocation: server.URL + "/v1/objects/0"})
	resp, err := g.DeleteRecording(t.Context(), req)
	if err != nil || len(up.received()) != 1 {
		t.Errorf("%v, %v", resp, err)
	}
	if receipt := resp.GetReceipt(); receipt.GetCursor() == "" || receipt.GetReplayed() {
		t.Errorf("receipt is %v", receipt)
	}
}
