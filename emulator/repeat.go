package emulator

import (
	"crypto/sha256"
	"net/http"
	"time"

	"github.com/google/uuid"
)

const (
	// repeatWindow is how long a request may be sent again and be recognised. The
	// service's is not known; five minutes is the least a client should count on.
	repeatWindow = 10 * time.Minute
	// maxRepeats bounds the memory of it: beyond, the oldest are forgotten early.
	maxRepeats = 1 << 18
)

// repeatStore remembers the requests that were carried out, by their
// Repeatability-Request-ID.
type repeatStore struct {
	records map[string]repeatRecord
	order   []string // ids, oldest first
}

type repeatRecord struct {
	request [sha256.Size]byte
	at      time.Time
	reply   reply
}

func newRepeatStore() *repeatStore {
	return &repeatStore{records: make(map[string]repeatRecord)}
}

// find returns the reply to the same request, made new from the current state. The same id with
// another request is an error.
func (s *repeatStore) find(id string, request [sha256.Size]byte, now time.Time) (reply, bool, error) {
	record, ok := s.records[id]
	if !ok || now.Sub(record.at) > repeatWindow {
		return reply{}, false, nil
	}
	if record.request != request {
		return reply{}, false, invalid("The Repeatability-Request-ID was used for another request.")
	}
	return record.reply, true, nil
}

func (s *repeatStore) add(id string, request [sha256.Size]byte, now time.Time, done reply) {
	for len(s.order) > 0 && (len(s.order) >= maxRepeats || now.Sub(s.records[s.order[0]].at) > repeatWindow) {
		delete(s.records, s.order[0])
		s.order = s.order[1:]
	}
	s.records[id] = repeatRecord{request: request, at: now, reply: done}
	s.order = append(s.order, id)
}

// repeatability reads the pair of headers: both or neither, a GUID and an HTTP
// date. The id is empty where there is no pair.
func repeatability(h http.Header) (id string, err error) {
	id, first := h.Get("Repeatability-Request-ID"), h.Get("Repeatability-First-Sent")
	if id == "" && first == "" {
		return "", nil
	}
	if _, err := uuid.Parse(id); err != nil {
		return "", invalid("The Repeatability-Request-ID header is missing or not a GUID.")
	}
	if _, err := time.Parse(http.TimeFormat, first); err != nil {
		return "", invalid("The Repeatability-First-Sent header is missing or not an HTTP date.")
	}
	return id, nil
}
