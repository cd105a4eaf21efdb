package eventstream

import (
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"
)

// TestGroupIsMadeOnce: all who join a group while it is being made become members
// of it, also where a majority has to agree on it first.
func TestGroupIsMadeOnce(t *testing.T) {
	_, g := openGroups(t)
	for i := range 20 {
		options := JoinOptions{Group: GroupName{Name: fmt.Sprint("new-", i)}, Start: StartEarliest()}
		var joining errgroup.Group
		for range 8 {
			joining.Go(func() error {
				m, err := g.Join(testContext(t), options)
				if err == nil {
					m.Close()
				}
				return err
			})
		}
		if err := joining.Wait(); err != nil {
			t.Fatalf("group %d: %v", i, err)
		}
	}
}
