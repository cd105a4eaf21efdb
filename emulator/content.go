package emulator

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
)

// The parts of an object that a recording is kept as.
const (
	contentPart  = "/content/audio"
	metadataPart = "/content/acsmetadata"
)

// serveContent answers requests for the files of recordings, which the service
// keeps on a host of its own: GET of content or metadata 200, or 206 of a range;
// DELETE 200. Refusals have an empty body, as captured.
func (e *Emulator) serveContent(w http.ResponseWriter, r *http.Request) {
	x := &exchange{world: e.currentWorld(), request: r, base: e.baseURL(r)}
	if x.world == nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	x.receive(nil)
	file, torn, err := e.findContent(x, w.Header())
	switch {
	case errors.Is(err, errCutOff):
		cutOff(w)
	case err != nil:
		status := asAPIError(err).status
		x.answered(status)
		w.WriteHeader(status)
	case file == nil: // deleted
		x.answered(http.StatusOK)
		w.WriteHeader(http.StatusOK)
	default:
		file.serve(&contentWriter{ResponseWriter: w, exchange: x, torn: torn}, r, x.route.part)
	}
}

// findContent checks a request and does what it asks for. No file and no error: it
// was deleted. Torn: a fault wants the answer cut off half-way.
func (e *Emulator) findContent(x *exchange, h http.Header) (file *recordingFile, torn bool, err error) {
	r := x.request
	if err := (verifier{e.accessKey, e.options.AllowBearer, e.options.Now}).verifyContent(r); err != nil {
		return nil, false, err
	}
	if x.route.operation == "" {
		_, err := parseRoute(r.Method, r.URL.EscapedPath(), x.base+r.URL.RequestURI())
		return nil, false, err
	}
	m := x.misfortune()
	if err := m.before(x, h); err != nil {
		return nil, false, err
	}
	x.world.mu.Lock()
	file, found := x.world.files.byID[x.route.documentID]
	if found {
		x.received.Effect = emulatorv1.Effect_EFFECT_PERFORMED
	}
	if x.route.operation == deleteRecording {
		x.world.files.remove(x.route.documentID)
		file = nil
	}
	x.world.mu.Unlock()
	if !found {
		return nil, false, recordingNotFound()
	}
	if file != nil && m.fate != nil && m.fate.GetKind() == emulatorv1.FaultKind_FAULT_KIND_RESET_AFTER {
		return file, true, nil
	}
	return file, false, m.after(x)
}

// serve writes content or metadata, whole or a range.
func (f *recordingFile) serve(w http.ResponseWriter, r *http.Request, part string) {
	w.Header().Set("ETag", `"`+f.documentID+`"`) // for If-Range
	if part == metadataPart {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		http.ServeContent(w, r, "", f.madeAt, bytes.NewReader(f.metadata))
		return
	}
	w.Header().Set("Content-Type", "audio/wav")
	http.ServeContent(w, r, "", f.madeAt, f.sound.reader())
}

// contentWriter notes the status of the answer that is written to it, and breaks
// off half-way when it is to be torn.
type contentWriter struct {
	http.ResponseWriter
	exchange *exchange
	torn     bool
	rest     int64 // of what is let through before
}

// WriteHeader implements http.ResponseWriter.
func (w *contentWriter) WriteHeader(status int) {
	length, _ := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64) // http.ServeContent sets it
	w.rest = length / 2
	w.exchange.answered(status)
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *contentWriter) Write(p []byte) (int, error) {
	if w.torn && int64(len(p)) > w.rest {
		_, _ = w.ResponseWriter.Write(p[:w.rest]) // what arrives of it does not matter
		_ = http.NewResponseController(w.ResponseWriter).Flush()
		panic(http.ErrAbortHandler) // net/http's way of breaking off
	}
	n, err := w.ResponseWriter.Write(p)
	w.rest -= int64(n)
	return n, err
}
