package eventstream

import (
	"errors"
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
