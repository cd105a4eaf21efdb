package emulator

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
)

// download is the answer of a content host.
type download struct {
	status int
	header http.Header
	body   []byte
	err    error // of reading the body
}

// content sends a request to the files of recordings as the SDK does: to the
// location, but signed for the resource's host, without the query.
func (h *harness) content(method, location string, headers ...string) download {
	h.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, location, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	signed := req.Clone(context.Background())
	resource, _ := url.Parse("https://resource.communication.example")
	signed.URL.Host, signed.URL.RawQuery = resource.Host, ""
	sign(signed, nil, DefaultAccessKey, time.Now())
	req.Header = signed.Header
	req.Header.Set("x-ms-host", resource.Host)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return download{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return download{resp.StatusCode, resp.Header, body, err}
}

// recordedFile makes a recording and returns the chunk that announces its file.
func (h *harness) recordedFile(body object) (chunk object, status received) {
	h.t.Helper()
	body["callConnectionId"] = h.connected(alice)
	id := h.record(body)
	h.app.recordingStates(id, 2)
	h.request("DELETE", "/calling/recordings/"+id, nil).want(204)
	status = h.app.fileStatus(id)
	info, _ := status.data["recordingStorageInfo"].(map[string]any)
	chunks, _ := info["recordingChunks"].([]any)
	if len(chunks) != 1 {
		h.t.Fatalf("%s", status.raw)
	}
	chunk, _ = chunks[0].(map[string]any)
	return chunk, status
}

// wavFormat reads the header of a RIFF file of PCM samples.
func wavFormat(t *testing.T, raw []byte) (channels int, lasts time.Duration) {
	t.Helper()
	u16 := func(at int) int { return int(binary.LittleEndian.Uint16(raw[at:])) }
	u32 := func(at int) int { return int(binary.LittleEndian.Uint32(raw[at:])) }
	if len(raw) < 44 || string(raw[:4]) != "RIFF" || u32(4) != len(raw)-8 || string(raw[8:16]) != "WAVEfmt " || u32(16) != 16 ||
		u16(20) != 1 || u16(34) != 16 || string(raw[36:40]) != "data" || u32(40) != len(raw)-44 {
		t.Fatalf("not a WAV file of 16-bit PCM: % x", raw[:min(len(raw), 44)])
	}
	channels, rate, align := u16(22), u32(24), u16(32)
	if align != 2*channels || u32(28) != rate*align || u32(40)%align != 0 {
		t.Fatalf("%d channels at %d Hz in frames of %d", channels, rate, align)
	}
	return channels, time.Duration(u32(40)/align) * time.Second / time.Duration(rate)
}

func TestRecordedFile(t *testing.T) {
	h := start(t, Options{})
	chunk, status := h.recordedFile(object{"recordingContentType": "audio", "recordingFormatType": "wav"})
	whole := h.content("GET", at(chunk, "contentLocation"))
	if whole.status != 200 || whole.header.Get("Content-Type") != "audio/wav" {
		t.Fatalf("status %d, %v", whole.status, whole.header)
	}
	channels, lasts := wavFormat(t, whole.body)
	if milliseconds, _ := status.data["recordingDurationMs"].(float64); channels != 1 || lasts.Milliseconds() != int64(milliseconds) && lasts.Milliseconds()+1 != int64(milliseconds) {
		t.Errorf("%d channels for %v, the event says %v ms", channels, lasts, milliseconds)
	}
	if at(status.data, "recordingFormatType") != "Wav" || at(status.data, "recordingContentType") != "Audio" || at(status.data, "recordingChannelType") != "Mixed" {
		t.Errorf("%s", status.raw)
	}

	part := h.content("GET", at(chunk, "contentLocation")+"?part=1", "Range", "bytes=10-19")
	if part.status != 206 || string(part.body) != string(whole.body[10:20]) || !strings.HasPrefix(part.header.Get("Content-Range"), "bytes 10-19/") {
		t.Errorf("a range: %d, %v", part.status, part.header)
	}
	rest := h.content("GET", at(chunk, "contentLocation"), "Range", "bytes=100-")
	if rest.status != 206 || string(rest.body) != string(whole.body[100:]) {
		t.Errorf("the rest: %d, %d bytes", rest.status, len(rest.body))
	}
	if beyond := h.content("GET", at(chunk, "contentLocation"), "Range", "bytes=999999999-"); beyond.status != 416 {
		t.Errorf("a range beyond the end: %d", beyond.status)
	}

	metadata := h.content("GET", at(chunk, "metadataLocation"))
	var document struct {
		ChunkDocumentID string                `json:"chunkDocumentId"`
		Participants    []recordedParticipant `json:"participants"`
	}
	if err := json.Unmarshal(metadata.body, &document); err != nil || document.ChunkDocumentID != at(chunk, "documentId") ||
		len(document.Participants) != 1 || document.Participants[0].ParticipantID != alice {
		t.Errorf("metadata: %v, %s", err, metadata.body)
	}

	if got := h.content("DELETE", at(chunk, "deleteLocation")); got.status != 200 || len(got.body) != 0 {
		t.Errorf("delete: %d %s", got.status, got.body)
	}
	for _, method := range []string{"GET", "DELETE"} {
		location := at(chunk, map[string]string{"GET": "contentLocation", "DELETE": "deleteLocation"}[method])
		if got := h.content(method, location); got.status != 404 || len(got.body) != 0 {
			t.Errorf("%s after it: %d %s", method, got.status, got.body)
		}
	}
	var operations []string
	for _, r := range h.receivedRequests() {
		if strings.HasPrefix(r.GetTarget(), objectsPath) {
			operations = append(operations, r.GetOperation()+" "+r.GetEffect().String())
		}
	}
	if len(operations) != 8 || operations[0] != "downloadRecording EFFECT_PERFORMED" || operations[5] != "deleteRecording EFFECT_PERFORMED" ||
		operations[7] != "deleteRecording EFFECT_NONE" {
		t.Errorf("received %v", operations)
	}
}

func TestRecordedFileOfSeveralChannels(t *testing.T) {
	h := start(t, Options{})
	chunk, _ := h.recordedFile(object{"recordingChannelType": "unmixed", "channelAffinity": []object{{"channel": 3, "participant": rawID(alice)}}})
	channels, _ := wavFormat(t, h.content("GET", at(chunk, "contentLocation")).body)
	if channels != 4 {
		t.Errorf("%d channels, want them up to the one of the affinity", channels)
	}
	if got := h.content("GET", at(chunk, "metadataLocation")).body; !strings.Contains(string(got), `"channelId":3`) {
		t.Errorf("metadata %s", got)
	}
}

func TestRecordedFileInAStorageOfItsOwn(t *testing.T) {
	h := start(t, Options{})
	chunk, _ := h.recordedFile(object{"externalStorage": object{
		"recordingStorageKind": "azureBlobStorage", "recordingDestinationContainerUrl": "https://storage.example/recordings/",
	}})
	if !strings.HasPrefix(at(chunk, "contentLocation"), "https://storage.example/recordings/0-emu-") || chunk["deleteLocation"] != nil {
		t.Errorf("%v", chunk)
	}
	if got := h.content("GET", h.url+objectsPath+"/"+at(chunk, "documentId")+contentPart); got.status != 404 {
		t.Errorf("status %d", got.status)
	}
}

func TestContentThatIsRefused(t *testing.T) {
	h := start(t, Options{})
	chunk, _ := h.recordedFile(object{})
	content := at(chunk, "contentLocation")
	cases := []struct {
		name, method, location string
		headers                []string
		status                 int
	}{
		{"without a signature", "GET", content, []string{"Authorization", ""}, 401},
		{"deleting without a signature", "DELETE", at(chunk, "deleteLocation"), []string{"Authorization", ""}, 401},
		{"with a signature for another host", "GET", content, []string{"x-ms-host", "other.example"}, 401},
		{"without the resource's host", "GET", content, []string{"x-ms-host", ""}, 401},
		{"a bearer token, which only some emulators take", "GET", content, []string{"Authorization", "Bearer x"}, 401},
		{"a file that is not there", "GET", h.url + objectsPath + "/x" + contentPart, nil, 404},
		{"a part that is not there", "GET", at(chunk, "deleteLocation") + "/content/smell", nil, 404},
		{"another method", "PUT", content, nil, 405},
		{"reading what is to be deleted", "GET", at(chunk, "deleteLocation"), nil, 405},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h.t = t
			if got := h.content(c.method, c.location, c.headers...); got.status != c.status || len(got.body) != 0 {
				t.Errorf("status %d, want %d with an empty body: %s", got.status, c.status, got.body)
			}
		})
	}
}

func TestFaultsOfDownloads(t *testing.T) {
	h := start(t, Options{})
	chunk, _ := h.recordedFile(object{})
	location := at(chunk, "contentLocation")
	whole := h.content("GET", location)

	h.inject(&emulatorv1.Fault{Kind: fail, Operation: downloadRecording, Count: 1})
	if got := h.content("GET", location); got.status != 503 || len(got.body) != 0 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	h.inject(&emulatorv1.Fault{Kind: resetAfter, Operation: downloadRecording, Count: 1})
	torn := h.content("GET", location)
	if torn.err == nil || torn.status != 200 || len(torn.body) == 0 || len(torn.body) > len(whole.body)/2 {
		t.Errorf("torn: status %d, %d of %d bytes, %v", torn.status, len(torn.body), len(whole.body), torn.err)
	}
	h.inject(&emulatorv1.Fault{Kind: resetAfter, Operation: deleteRecording, Count: 1})
	if got := h.content("DELETE", at(chunk, "deleteLocation")); got.err == nil {
		t.Errorf("an answer: %d", got.status)
	}
	if got := h.content("GET", location); got.status != 404 {
		t.Errorf("status %d, although it was deleted", got.status)
	}
}

func TestBearerTokenForContent(t *testing.T) {
	h := start(t, Options{AllowBearer: true})
	chunk, _ := h.recordedFile(object{})
	if got := h.content("GET", at(chunk, "contentLocation"), "Authorization", "Bearer x"); got.status != 200 {
		t.Errorf("status %d", got.status)
	}
}

func TestOldFilesAreForgotten(t *testing.T) {
	f := newFiles()
	for i := range maxFiles + 1 {
		f.add(&recordingFile{documentID: base64.StdEncoding.EncodeToString([]byte{byte(i), byte(i >> 8)})})
	}
	if len(f.byID) != maxFiles || len(f.order) != maxFiles || f.byID["AAA="] != nil {
		t.Errorf("%d kept", len(f.byID))
	}
}

func readAll(t *testing.T, w wav) []byte {
	t.Helper()
	raw, err := io.ReadAll(w.reader())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Any range of a file is the same as that part of the whole.
func TestWAVIsReadInAnyPieces(t *testing.T) {
	w := wav{lasts: 123456 * time.Microsecond, channels: 2}
	whole := readAll(t, w)
	if int64(len(whole)) != w.size() {
		t.Fatalf("%d of %d bytes", len(whole), w.size())
	}
	if channels, lasts := wavFormat(t, whole); channels != 2 || (lasts-w.lasts).Abs() > time.Millisecond {
		t.Errorf("%d channels for %v", channels, lasts)
	}
	for _, from := range []int64{0, 1, 43, 44, 45, 1000, w.size() - 1, w.size()} {
		piece, err := io.ReadAll(io.NewSectionReader(w.reader(), from, 777))
		if want := whole[from:min(from+777, w.size())]; err != nil || string(piece) != string(want) {
			t.Errorf("from %d: %d bytes, %v", from, len(piece), err)
		}
	}
	if silent := (wav{channels: 1}); silent.size() != wavHeader {
		t.Errorf("an empty file has %d bytes", silent.size())
	}
	if longest := (wav{lasts: maxFileLasts, channels: maxChannels}); longest.size() != 44+4*3600*16000*10 {
		t.Errorf("the longest has %d bytes", longest.size())
	}
}
