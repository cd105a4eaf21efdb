package main

import (
	"context"
	"log/slog"
	"time"
)

// followInterval is how often files are looked at. They are read, not watched: a
// mounted secret changes by a swapped link, which a watch of the file would miss.
const followInterval = 5 * time.Second

// followed is something that comes from files: reload takes over what has changed
// in them, and says so. After an error, what was before stays in use.
type followed struct {
	what   string
	reload func() (changed bool, err error)
}

// follow keeps all up with their files, until the function that it returns is
// called. An error is told once, not each time that it is met.
func follow(ctx context.Context, logger *slog.Logger, all ...followed) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(followInterval)
		defer tick.Stop()
		told := make([]string, len(all))
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				for i, f := range all {
					told[i] = f.look(logger, told[i])
				}
			}
		}
	}()
	return func() { cancel(); <-done }
}

// look reloads, and returns the error that it told, which is not told again.
func (f followed) look(logger *slog.Logger, told string) string {
	changed, err := f.reload()
	switch {
	case err != nil && err.Error() != told:
		logger.Error(f.what+" could not be taken over: those before stay in use", "error", err)
	case changed:
		logger.Info(f.what + " were read again")
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
