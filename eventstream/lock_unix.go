//go:build unix

package eventstream

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// errLocked is returned by lockFile when another process, or another opening in
// this one, holds the lock.
var errLocked = errors.New("locked")

// lockFile makes the file if need be and locks it until it is closed, which the
// end of the process does too.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errLocked
		}
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return f, nil
}
