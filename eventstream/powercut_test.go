//go:build linux

package eventstream

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// TestPowerCut: of what was acknowledged nothing is lost with the power, whether it
// was stored alone or with others.
func TestPowerCut(t *testing.T) {
	dir := t.TempDir()
	wantKernelTells(t, dir)
	dir = filepath.Join(dir, "log")
	log := openLog(t, LogOptions{Dir: dir})
	n := 0
	for round := range 40 {
		var group errgroup.Group
		for range round % 20 {
			group.Go(func() error {
				return log.Append(testContext(t), record(fmt.Sprint(round), fmt.Sprint(round), typeParticipantsUpdated))
			})
		}
		appendMany(t, log, "c", n, 1+round%3)
		n += 1 + round%3
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
		if lost := afterPowerCut(t, dir, ""); lost > 0 {
			t.Fatalf("after round %d, %d pages of the log are not on disk", round, lost)
		}
	}

	left := filepath.Join(t.TempDir(), "log")
	afterPowerCut(t, dir, left)
	log = openLog(t, LogOptions{Dir: left})
	wantHistory(t, log, "c", ids("c", 0, n)...)
	for round := range 40 {
		wantCount(t, log, fmt.Sprint(round), min(1, round%20))
	}
}

// TestOpeningSyncsWhatIsThere: a process that was killed may have left what it had
// not synced. When that comes again, it is answered as known.
func TestOpeningSyncsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	wantKernelTells(t, dir)
	dir = filepath.Join(dir, "log")
	log := openLog(t, LogOptions{Dir: dir})
	appendMany(t, log, "c", 0, 100)
	closeLog(t, log)
	again := filepath.Join(t.TempDir(), "log")
	if err := os.CopyFS(again, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	openLog(t, LogOptions{Dir: again})
	if lost := afterPowerCut(t, again, ""); lost > 0 {
		t.Errorf("%d pages of the log are not on disk", lost)
	}
}

// wantKernelTells checks that the kernel says of files in dir what is on disk: Linux
// from 6.5 on does, of file systems that have a disk below them.
func wantKernelTells(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "probe.blk"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	tells := func() bool {
		if _, err := f.WriteAt([]byte("a"), 0); err != nil {
			t.Fatal(err)
		}
		written, err := dirtyPages(f, 0, 0)
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		synced, _ := dirtyPages(f, 0, 0)
		return err == nil && written == 1 && synced == 0
	}
	for range 10 { // a page may be written to disk at any moment
		if tells() {
			return
		}
	}
	t.Skip("this kernel does not tell what of a file in the temporary folder is on disk")
}

// afterPowerCut counts the pages of the messages in a folder that are not on disk,
// and copies to another, if one is given, what is.
func afterPowerCut(t *testing.T, from, to string) (lost uint64) {
	t.Helper()
	err := filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := ""
		if to != "" {
			target = filepath.Join(to, name[len(from):])
		}
		switch {
		case entry.IsDir() && to != "":
			return os.MkdirAll(target, 0o700)
		case entry.IsDir() || filepath.Ext(name) != ".blk" && to == "":
			return nil // what is in no block is found again by reading the blocks
		}
		n, err := copyWhatIsOnDisk(name, target)
		lost += n
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lost
}

func copyWhatIsOnDisk(from, to string) (lost uint64, err error) {
	f, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	if to == "" {
		return dirtyPages(f, 0, 0)
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return 0, err
	}
	page := os.Getpagesize()
	for at := 0; at < len(content); at += page {
		n, err := dirtyPages(f, at, page)
		if err != nil {
			return lost, err
		}
		if n > 0 {
			clear(content[at:min(at+page, len(content))])
		}
		lost += n
	}
	return lost, os.WriteFile(to, content, 0o600)
}

// dirtyPages counts the pages of a part of a file, of all of it when size is 0, that
// are not on disk.
func dirtyPages(f *os.File, at, size int) (uint64, error) {
	var pages unix.Cachestat_t
	err := unix.Cachestat(uint(f.Fd()), &unix.CachestatRange{Off: uint64(at), Len: uint64(size)}, &pages, 0)
	return pages.Dirty + pages.Writeback, err
}
