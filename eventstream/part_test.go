package eventstream

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
)

// streams are the names of what a log has.
func streams(t *testing.T, log *Log) (names []string) {
	t.Helper()
	lister := log.js.StreamNames(testContext(t))
	for name := range lister.Name() {
		names = append(names, name)
	}
	if err := lister.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func TestPartsOfAnEmbeddedLogAreMadeWhenTheyAreUsed(t *testing.T) {
	log := openLog(t, LogOptions{})
	requests, err := log.Requests(testContext(t), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := NewGroups(testContext(t), newHub(t, log, HubOptions{}), GroupsOptions{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer groups.Close()
	for _, step := range []struct {
		name string
		use  func() error
		want []string
	}{
		{"nothing is used", func() error { return log.Check(testContext(t)) }, []string{streamName}},
		{"a request", func() error {
			_, _, err := requests.Create(testContext(t), "key", &logv1.Request{})
			return err
		}, []string{streamName, "KV_" + requestsBucket}},
		{"a group that there is not", func() error {
			if _, err := groups.Get(testContext(t), testGroup); !errors.Is(err, ErrGroupNotFound) {
				return err
			}
			return nil
		}, []string{lettersStream, streamName, "KV_" + groupsBucket, "KV_" + requestsBucket}},
	} {
		if err := step.use(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := streams(t, log); !slices.Equal(got, step.want) {
			t.Errorf("%s: there are %v, want %v", step.name, got, step.want)
		}
	}
}

func TestPartIsOpenedOnceForAllWhoNeedIt(t *testing.T) {
	log := openLog(t, LogOptions{})
	var opened atomic.Int32
	p, err := newPart(testContext(t), log, func(context.Context) (int32, error) { return opened.Add(1), nil })
	if err != nil || opened.Load() != 0 {
		t.Fatalf("opened %d times, %v", opened.Load(), err)
	}
	var all errgroup.Group
	for range 20 {
		all.Go(func() error {
			if got, err := p.get(testContext(t)); got != 1 || err != nil {
				t.Errorf("got %d, %v", got, err)
			}
			return nil
		})
	}
	_ = all.Wait()
}

func TestPartThatCannotBeOpenedIsToldAndTriedAgain(t *testing.T) {
	log := openLog(t, LogOptions{})
	broken := errors.New("the disk is full")
	failing := broken
	p, err := newPart(testContext(t), log, func(context.Context) (string, error) { return "open", failing })
	if err != nil {
		t.Fatal(err)
	}
	gone, leave := context.WithCancel(testContext(t))
	leave()
	if _, err := p.get(gone); !errors.Is(err, context.Canceled) || log.Check(testContext(t)) != nil {
		t.Errorf("one who left gets %v, and then the log says %v", err, log.Check(testContext(t)))
	}
	for what, err := range map[string]error{"get": second(p.get(testContext(t))), "check": log.Check(testContext(t))} {
		if !errors.Is(err, ErrLogUnavailable) || !errors.Is(err, broken) {
			t.Errorf("%s says %v", what, err)
		}
	}
	failing = nil
	if got, err := p.get(testContext(t)); got != "open" || err != nil {
		t.Errorf("then it is %q, %v", got, err)
	}
}

func second(_ string, err error) error { return err }
