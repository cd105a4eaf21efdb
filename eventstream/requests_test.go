package eventstream

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
)

// TestRequestsAreKept: a record outlives the process, and is written by one at a
// time.
func TestRequestsAreKept(t *testing.T) {
	dir := t.TempDir()
	open := func() (*Log, *Requests) {
		log := openLog(t, LogOptions{Dir: dir})
		requests, err := log.Requests(t.Context(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return log, requests
	}
	log, requests := open()
	revision, existing, err := requests.Create(t.Context(), "key", &logv1.Request{RepeatId: "first"})
	if err != nil || existing != nil {
		t.Fatalf("create: %v, %v", existing, err)
	}
	if _, err := requests.Replace(t.Context(), "key", &logv1.Request{RepeatId: "second"}, revision); err != nil {
		t.Fatal(err)
	}
	if _, err := requests.Replace(t.Context(), "key", &logv1.Request{}, revision); !errors.Is(err, ErrRequestChanged) {
		t.Errorf("replace by an old revision: %v", err)
	}
	if err := requests.Forget(t.Context(), "key", revision); !errors.Is(err, ErrRequestChanged) {
		t.Errorf("forget by an old revision: %v", err)
	}
	closeLog(t, log)

	_, requests = open()
	revision, existing, err = requests.Create(t.Context(), "key", &logv1.Request{RepeatId: "third"})
	if err != nil || existing.GetRepeatId() != "second" {
		t.Fatalf("after a restart: %v, %v", existing, err)
	}
	if err := requests.Forget(t.Context(), "key", revision); err != nil {
		t.Fatal(err)
	}
	if _, existing, err = requests.Create(t.Context(), "key", &logv1.Request{RepeatId: "fourth"}); err != nil || existing != nil {
		t.Errorf("after it was forgotten: %v, %v", existing, err)
	}
}

// TestRequestsAreBegunByOne: of many who record a request at once, one does, and
// all others are told of its record; the same when it is written anew.
func TestRequestsAreBegunByOne(t *testing.T) {
	log := openLog(t, LogOptions{})
	requests, err := log.Requests(testContext(t), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	const many = 20
	var begun, replaced atomic.Int64
	var group sync.WaitGroup
	for range many {
		group.Go(func() {
			revision, existing, err := requests.Create(testContext(t), "key", &logv1.Request{RepeatId: "first"})
			if err != nil {
				t.Error(err)
				return
			}
			if existing == nil {
				begun.Add(1)
			} else if existing.GetRepeatId() != "first" {
				return // it was replaced already
			}
			switch _, err := requests.Replace(testContext(t), "key", &logv1.Request{RepeatId: "second"}, revision); {
			case err == nil:
				replaced.Add(1)
			case !errors.Is(err, ErrRequestChanged):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if begun.Load() != 1 || replaced.Load() != 1 {
		t.Errorf("begun by %d, replaced by %d", begun.Load(), replaced.Load())
	}
}
