package eventstream

import (
	"errors"
	"fmt"
	"testing"
	"time"

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

func TestGroupIsFixed(t *testing.T) {
	_, g := openGroups(t)
	two := byCall("a", "b")
	member(t, g, JoinOptions{Filter: two, AckWait: time.Minute})
	for name, tc := range map[string]struct {
		o       JoinOptions
		differs bool
	}{
		"the same":                  {JoinOptions{Filter: two, AckWait: time.Minute, MaxDeliveries: DefaultMaxDeliveries}, false},
		"the same, said otherwise":  {JoinOptions{Filter: byCall("b", "a", "b")}, false},
		"another start":             {JoinOptions{Filter: two, Start: StartLatest()}, false},
		"other bounds of a member":  {JoinOptions{Filter: two, MaxUnacknowledged: 3}, false},
		"another filter":            {JoinOptions{Filter: byCall("a")}, true},
		"commands as well":          {JoinOptions{Filter: two, Commands: true}, true},
		"no filter":                 {JoinOptions{}, true},
		"another time to wait":      {JoinOptions{Filter: two, AckWait: time.Hour}, true},
		"another number deliveries": {JoinOptions{Filter: two, MaxDeliveries: 1}, true},
	} {
		t.Run(name, func(t *testing.T) {
			tc.o.Group = testGroup
			m, err := g.Join(testContext(t), tc.o)
			var differs *GroupSettingsError
			if errors.As(err, &differs) != tc.differs || (err == nil) == tc.differs {
				t.Errorf("error %v", err)
			}
			if m != nil {
				m.Close()
			}
		})
	}
}

func TestGroupsOfClientsAreApart(t *testing.T) {
	log, g := openGroups(t)
	appendMany(t, log, "a", 0, 1)
	for _, principal := range []string{"", "one", "two"} {
		m, err := g.Join(testContext(t), JoinOptions{Group: GroupName{principal, "g"}, Start: StartEarliest()})
		if err != nil {
			t.Fatal(err)
		}
		getsEvent(t, m, "a-0", 1)
		m.Close()
		// Of several servers, the one that is asked may follow a moment later.
		eventually(t, fmt.Sprintf("%q has one group", principal), func() bool {
			groups, _, err := g.List(testContext(t), principal, "", 10)
			return err == nil && len(groups) == 1
		})
	}
}
