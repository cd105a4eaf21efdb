package eventstream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"google.golang.org/protobuf/proto"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// The paths that every event goes. A ceiling is what the path costs today and a
// little more: who needs more shall say why.

func TestDecodingACallbackAllocates(t *testing.T) {
	body := captured(t)["ParticipantsUpdated"]
	ceiling(t, 85, func() {
		if _, err := DecodeEvents(body, fromUpstream, receivedAt); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCheckingATokenAllocates(t *testing.T) {
	a, key := newAuthority(t), rsaKey("1")
	a.set(func(a *authority) { a.keys = []jose.JSONWebKey{key} })
	verifier, _ := newVerifier(t, a)
	token := sign(t, jose.RS256, key, claims(nil))
	ceiling(t, 135, func() {
		if err := verifier.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	})
}

func TestReadingACallbackAllocates(t *testing.T) {
	body := captured(t)["ParticipantsUpdated"]
	r := httptest.NewRequest(http.MethodPost, CallbackPath, nil)
	r.ContentLength = int64(len(body))
	w := httptest.NewRecorder()
	ceiling(t, 8, func() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		if read, _, err := readBody(w, r); err != nil || len(read) != len(body) {
			t.Fatal(len(read), err)
		}
	})
}

func TestMakingARecordAllocates(t *testing.T) {
	r := record("a", "c", typeParticipantsUpdated)
	ceiling(t, 15, func() {
		if _, err := recordMessage(r); err != nil {
			t.Fatal(err)
		}
	})
}

// TestReadingARecordAllocates: once an event, however many subscribers it has.
func TestReadingARecordAllocates(t *testing.T) {
	stored, err := proto.Marshal(record("a", "c", typeParticipantsUpdated))
	if err != nil {
		t.Fatal(err)
	}
	ceiling(t, 12, func() {
		ev, err := newEvent(thisLog, 1, stored)
		if err != nil {
			t.Fatal(err)
		}
		ev.Encoded(false)
	})
}

// TestReadingBackAllocates: what the log adds to the reading of its records.
func TestReadingBackAllocates(t *testing.T) {
	log := openLog(t, LogOptions{})
	const events = 100
	appendMany(t, log, "c", 0, events)
	ceiling(t, 12*events, func() {
		if p, err := log.read(t.Context(), 0, "", events); err != nil || len(p.events) != events {
			t.Fatal(len(p.events), err)
		}
	})
}

// TestBeginningASubscriptionAllocates: there may be many that only wait, and keep it.
func TestBeginningASubscriptionAllocates(t *testing.T) {
	hub := hubWithoutLog(8)
	gone, leave := context.WithCancel(t.Context())
	leave()
	ceiling(t, 4, func() {
		sub := follow(hub, nil, time.Minute)
		defer sub.Close()
		if _, err := sub.Next(gone); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
}

// TestReadingInBulkAllocates: on the way through the server, too, and for headers
// not at all.
func TestReadingInBulkAllocates(t *testing.T) {
	log := openLog(t, LogOptions{})
	const many = 500
	appendMany(t, log, "c", 0, many)
	ceiling(t, 25*many, func() {
		if p, err := log.readBulk(testContext(t), 0, "", many); err != nil || len(p.events) != many {
			t.Fatal(len(p.events), err)
		}
	})
}

func TestMatchingAFilterAllocatesNothing(t *testing.T) {
	f := newFilter(&callgatev1.EventFilter{
		CallConnectionIds: []string{"a", "c"}, ServerCallIds: []string{"s"}, Types: []callgatev1.CallEventType{typeCallDisconnected},
		TypeNames: []string{"microsoft.communication.participantsupdated"},
	})
	ev := &callgatev1.CallEvent{CallConnectionId: "c", ServerCallId: "s", Type: typeParticipantsUpdated, TypeName: "Microsoft.Communication.ParticipantsUpdated"}
	ceiling(t, 0, func() {
		if !f.matches(ev) {
			t.Fatal("it does not match")
		}
	})
}

// TestGivingOutAnEventAllocatesNothing: what a delivery costs is not multiplied by
// the subscribers.
func TestGivingOutAnEventAllocatesNothing(t *testing.T) {
	for name, filter := range map[string]*callgatev1.EventFilter{"of all calls": nil, "of one call": byCall("c")} {
		t.Run(name, func(t *testing.T) {
			const events = 200
			hub := hubWithoutLog(2 * events)
			sub := follow(hub, filter, time.Minute)
			defer sub.Close()
			for i := range events {
				hub.publish(entry{event: &Event{Seq: uint64(i + 1), CallEvent: &callgatev1.CallEvent{CallConnectionId: "c"}}})
			}
			ceiling(t, 0, func() {
				if item, err := sub.Next(t.Context()); err != nil || item.Event == nil {
					t.Fatal(item, err)
				}
			})
		})
	}
}

// ceiling runs do a hundred times, and fails when it allocates more often than that.
func ceiling(t *testing.T, most float64, do func()) {
	t.Helper()
	do() // what is made once
	if n := testing.AllocsPerRun(100, do); n > most {
		t.Errorf("%v allocations, at most %v are allowed", n, most)
	}
}
