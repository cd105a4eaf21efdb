// Package console is the web page of the gateway, for people: live calls and
// their sequence diagrams at /, and the API reference at /docs. What browsers get
// is built from src with Vite and committed in dist, so that building the gateway
// needs no Node.
//
// The page uses the public API of the listener that serves it, and nothing else;
// only where the gateway runs with its emulator, also that one's control API.
package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:generate npm ci
//go:generate npm run build

// dist holds every file packed with gzip, as browsers get it.
//
//go:embed dist
var dist embed.FS

// Config is what the page is told of the gateway, at /console/config.json. It is
// given to whoever asks, and holds nothing that is not for everybody.
type Config struct {
	Version string `json:"version"`
	// Emulator is nil where calls are real: the page then only looks.
	Emulator *Emulator `json:"emulator,omitempty"`
}

// Emulator is what the page needs to place calls that nobody pays for.
type Emulator struct {
	// Control is the emulator's control API, under /control/. The page reaches it
	// at EmulatorPath, on its own listener.
	Control http.Handler `json:"-"`
	// Behaviours are the numbers to try, and what they do.
	Behaviours []Behaviour `json:"behaviours"`
}

// Behaviour is what a simulated party does, by the end of its number.
type Behaviour struct {
	Suffix  string `json:"suffix"`
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
}

// EmulatorPath is under what the page reaches the emulator.
const EmulatorPath = "/emulator/"

// maxControl bounds a request to the control API.
const maxControl = 64 << 10

// Register puts the page on mux. Paths that are views within the page all get
// the same document.
func Register(mux *http.ServeMux, config Config) error {
	names, err := fs.Glob(dist, "dist/*.gz")
	if err != nil {
		return err
	}
	pages := map[string][]string{
		"index.html": {"/{$}", "/calls/{id}", "/events"},
		"docs.html":  {"/docs"},
	}
	for _, name := range names {
		packed, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		name = strings.TrimSuffix(path.Base(name), ".gz")
		routes, isPage := pages[name]
		if !isPage {
			routes = []string{"/console/" + name}
		}
		for _, route := range routes {
			mux.Handle("GET "+route, newFile(name, packed))
		}
	}
	if config.Emulator != nil {
		mux.Handle(EmulatorPath+"control/", http.StripPrefix(strings.TrimSuffix(EmulatorPath, "/"), http.MaxBytesHandler(config.Emulator.Control, maxControl)))
	}
	told, err := json.Marshal(config)
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /console/config.json", func(w http.ResponseWriter, _ *http.Request) {
		protect(w.Header())
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(told) // a browser that is gone needs no answer
	})
	return nil
}

// file is one file of dist.
type file struct {
	mediaType string
	tag       func() string // found when it is asked for first
	packed    []byte
}

// mediaTypes are those of dist; the system's own table may say otherwise.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".md":   "text/plain; charset=utf-8",
}

func newFile(name string, packed []byte) *file {
	return &file{mediaType: mediaTypes[path.Ext(name)], packed: packed, tag: sync.OnceValue(func() string {
		sum := sha256.Sum256(packed)
		return base64.RawURLEncoding.EncodeToString(sum[:12])
	})}
}

// ServeHTTP implements http.Handler. Names carry no version, so browsers ask each
// time whether what they have is current.
func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	protect(h)
	h.Set("Content-Type", f.mediaType)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		h.Set("ETag", `"`+f.tag()+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.packed))
		return
	}
	h.Set("ETag", `"`+f.tag()+`-plain"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.plain()))
}

// plain unpacks the file, for the few that take nothing packed.
func (f *file) plain() []byte {
	unpacked, err := gzip.NewReader(bytes.NewReader(f.packed))
	if err != nil {
		panic(err) // a test unpacks every file
	}
	plain, err := io.ReadAll(unpacked)
	if err != nil {
		panic(err)
	}
	return plain
}

// policy lets the page run its own files and talk to its own listener; images
// that are data are the reference viewer's icons.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// protect sets what guards the page against other pages, and against itself.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // paths name calls
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
