//go:build linux

package eventstream

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
)

// onSmallDisk, in the environment of this test binary, says that it is a process
// of its own, whose files may be kept small.
const onSmallDisk = "CALLGATE_TEST_ON_SMALL_DISK"

// limitFiles lets no file of this process grow beyond size: what is too much is
// cut off in the middle of a write, which then fails, as on a disk that is full.
func limitFiles(t *testing.T, size uint64) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = min(size, limit.Max)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
}

// TestDiskFull: while the disk takes no more, appends are refused, the log says
// why, and what is there can be read. When there is space again it goes on by
// itself, and has what it acknowledged and nothing else.
func TestDiskFull(t *testing.T) {
	if os.Getenv(onSmallDisk) == "" {
		alone(t)
		return
	}
	const small = 64 << 10
	dir := t.TempDir()
	log := openLog(t, LogOptions{Dir: dir})
	requests, err := log.Requests(testContext(t), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	hub := newHub(t, log, HubOptions{})
	sub := subscribe(t, hub, SubscribeOptions{})

	// First of the records of requests, which are files of their own.
	limitFiles(t, small)
	for i := 0; err == nil; i++ {
		_, _, err = requests.Create(testContext(t), fmt.Sprint(i), &logv1.Request{Response: make([]byte, small/8)})
	}
	if !errors.Is(err, ErrLogUnavailable) {
		t.Fatal(err)
	}
	limitFiles(t, unix.RLIM_INFINITY)
	eventually(t, "keeping requests again", func() bool {
		_, _, err := requests.Create(testContext(t), "again", &logv1.Request{})
		return err == nil
	})

	limitFiles(t, small)
	stored := 0
	for err = nil; err == nil; stored++ {
		err = log.Append(testContext(t), record(fmt.Sprintf("c-%d", stored), "c", typeParticipantsUpdated))
	}
	stored--
	if !errors.Is(err, ErrLogUnavailable) || stored < 10 {
		t.Fatalf("after %d events: %v", stored, err)
	}
	refused := record(fmt.Sprintf("c-%d", stored), "c", typeParticipantsUpdated)
	for what, err := range map[string]error{
		"append": log.Append(testContext(t), refused), "check": log.Check(testContext(t)),
	} {
		if !errors.Is(err, ErrLogUnavailable) || !strings.Contains(fmt.Sprint(err), unix.EFBIG.Error()) {
			t.Errorf("%s says %v, not why", what, err)
		}
	}
	wantEvents(t, sub, ids("c", 0, stored)...)
	wantEvents(t, subscribe(t, hub, SubscribeOptions{Filter: byCall("c"), Start: StartEarliest()}), ids("c", 0, stored)...)
	wantHistory(t, log, "c", ids("c", 0, stored)...)

	limitFiles(t, unix.RLIM_INFINITY)
	eventually(t, "being well again", func() bool { return log.Check(testContext(t)) == nil })
	mustAppend(t, log, refused)
	appendMany(t, log, "c", stored+1, 100)
	wantHistory(t, log, "c", ids("c", 0, stored+101)...)
	wantEvents(t, sub, ids("c", stored, 101)...)

	hub.Close()
	closeLog(t, log)
	limitFiles(t, small)
	log = openLog(t, LogOptions{Dir: dir})
	if err := log.Append(testContext(t), record("c-x", "c", typeParticipantsUpdated)); !errors.Is(err, ErrLogUnavailable) {
		t.Errorf("opened while the disk is full, append: %v", err)
	}
	wantHistory(t, log, "c", ids("c", 0, stored+101)...)
}

// TestDiskFullInTheMiddle: of events that were to be stored with one sync the disk
// took some. None is acknowledged, nor shown, until it is known that they are there.
func TestDiskFullInTheMiddle(t *testing.T) {
	if os.Getenv(onSmallDisk) == "" {
		alone(t)
		return
	}
	const batch = 32
	log := openLog(t, LogOptions{Dir: t.TempDir()})
	hub := newHub(t, log, HubOptions{})
	sub := subscribe(t, hub, SubscribeOptions{})
	some := func(from int) (records []*logv1.Record) {
		for _, id := range ids("c", from, batch) {
			records = append(records, record(id, "c", typeParticipantsUpdated))
		}
		return records
	}

	limitFiles(t, 64<<10)
	var err error
	stored := -batch
	for err == nil {
		stored += batch
		err = log.Append(testContext(t), some(stored)...)
	}
	if !errors.Is(err, ErrLogUnavailable) || stored < 2*batch {
		t.Fatalf("after %d events: %v", stored, err)
	}
	info, err := log.stream.Info(testContext(t))
	if err != nil || info.State.LastSeq == uint64(stored) {
		t.Errorf("the server has %d events, %v: the disk took none of the refused ones", info.State.LastSeq, err)
	}
	wantHistory(t, log, "c", ids("c", 0, stored)...)
	wantEvents(t, sub, ids("c", 0, stored)...)

	limitFiles(t, unix.RLIM_INFINITY)
	eventually(t, "being well again", func() bool { return log.Check(testContext(t)) == nil })
	mustAppend(t, log, some(stored)...)
	appendMany(t, log, "c", stored+batch, 1)
	wantHistory(t, log, "c", ids("c", 0, stored+batch+1)...)
	wantEvents(t, sub, ids("c", stored, batch+1)...)
}

// alone runs the test in a process of its own.
func alone(t *testing.T) {
	t.Helper()
	t.Parallel()
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=5m")
	process.Env = append(os.Environ(), onSmallDisk+"=1")
	if output, err := process.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}
