package emulator

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"sync"

	"github.com/google/uuid"
)

// world is all that happens between two resets: the calls, and the lock that
// guards every one of them. Methods of world and of what it holds are called with
// mu held, unless they say otherwise.
type world struct {
	emulator *Emulator
	ctx      context.Context // ended with the world; deliveries stop
	cancel   context.CancelFunc

	mu            sync.Mutex
	ended         bool
	agenda        agenda
	conversations map[string]*conversation  // by server call id
	meetings      map[meeting]*conversation // made by group call or room locator
	connections   map[string]*connection    // by call connection id
	incoming      map[string]*incomingCall  // by incoming call context
	recordings    map[string]*recording     // that are not over, by recording id
	files         *files
	repeats       *repeatStore
	received      receivedRequests
	faults        *faults
	numbers       uint64 // of calls and parties, in order of appearance
}

func newWorld(e *Emulator) *world {
	ctx, cancel := context.WithCancel(context.Background())
	w := &world{
		emulator: e, ctx: ctx, cancel: cancel,
		conversations: make(map[string]*conversation),
		meetings:      make(map[meeting]*conversation),
		connections:   make(map[string]*connection),
		incoming:      make(map[string]*incomingCall),
		recordings:    make(map[string]*recording),
		files:         newFiles(),
		repeats:       newRepeatStore(),
		faults:        newFaults(),
		agenda:        agenda{changed: make(chan struct{}, 1)},
	}
	e.goroutine.Go(w.runAgenda)
	return w
}

// end stops the agenda and delivery. It is called without the lock.
func (w *world) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.cancel()
}

func (w *world) nextNumber() uint64 {
	w.numbers++
	return w.numbers
}

// start runs f in a goroutine that Close waits for. An ended world starts nothing.
func (w *world) start(f func()) {
	if !w.ended {
		w.emulator.goroutine.Go(f)
	}
}

// meeting is a place that applications connect to by its name.
type meeting struct{ groupCallID, roomID string }

// newUser is an identity that the service makes up for an application.
func (w *world) newUser() identifier {
	return userIdentifier("8:acs:" + w.emulator.options.ResourceID + "_" + uuid.NewString())
}

// newServerCallID is base64 of a URL, as the service's are.
func newServerCallID() string {
	id := uuid.New()
	return base64.StdEncoding.EncodeToString([]byte(
		"https://conv-emulator-01.conv.example/conv/" + base64.RawURLEncoding.EncodeToString(id[:]) + "?i=10-60-1-1&e=638000000000000000"))
}

const (
	// incomingContextHeader is {"alg":"none","typ":"JWT"}.
	incomingContextHeader = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
	// incomingContextBytes makes contexts of about 8 kB, the length of captured ones.
	incomingContextBytes = 4500
)

// newIncomingCallContext has the form of a JWT without a signature. Nothing can
// be read from it.
func newIncomingCallContext() string {
	noise := make([]byte, incomingContextBytes)
	_, _ = rand.Read(noise) // never fails
	claims := `{"cc":"` + base64.StdEncoding.EncodeToString(noise) + `"}`
	return incomingContextHeader + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "."
}
