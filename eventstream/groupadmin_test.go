package eventstream

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestGroupsAreListed(t *testing.T) {
	_, g := openGroups(t)
	for _, name := range []string{"b", "a-b", "a", "c"} {
		m, err := g.Join(testContext(t), JoinOptions{Group: GroupName{Name: name}})
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
	}
	want := []string{"a", "a-b", "b", "c"}
	eventually(t, fmt.Sprintf("the groups are %v", want), func() bool { return slices.Equal(listed(t, g), want) })
}

func TestGroupIsDeleted(t *testing.T) {
	log, g := openGroups(t)
	appendMany(t, log, "a", 0, 2)
	m := member(t, g, JoinOptions{MaxDeliveries: 1})
	nack(t, g, getsEvent(t, m, "a-0", 1))
	getsEvent(t, m, "a-1", 1)
	if err := g.Delete(testContext(t), testGroup); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := m.Next(testContext(t)); errors.Is(err, ErrGroupNotFound) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	_, err := g.Ack(testContext(t), testGroup, []string{log.cursor(2)})
	if !errors.Is(err, ErrGroupNotFound) {
		t.Errorf("acknowledging: %v", err)
	}
	if _, err := g.Get(testContext(t), testGroup); !errors.Is(err, ErrGroupNotFound) {
		t.Errorf("asking: %v", err)
	}
	again := member(t, g, JoinOptions{MaxDeliveries: 3})
	getsEvent(t, again, "a-0", 1)
	if dead := letters(t, g); len(dead) != 0 {
		t.Errorf("the new group has %v", dead)
	}
}

func TestGroupRefusesStrangeCursors(t *testing.T) {
	log, g := openGroups(t)
	member(t, g, JoinOptions{})
	for name, tc := range map[string]struct {
		cursor string
		want   error
	}{
		"no cursor at all":   {"nonsense", ErrCursorInvalid},
		"of another log":     {encodeCursor(logID{1}, 1), ErrCursorOtherLog},
		"that there is not":  {log.cursor(1 << 40), ErrCursorAhead},
		"of no event at all": {log.cursor(0), nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := g.Ack(testContext(t), testGroup, []string{tc.cursor})
			if !errors.Is(err, tc.want) {
				t.Errorf("Ack: %v", err)
			}
		})
	}
	if _, err := g.Ack(testContext(t), GroupName{Name: "nobody"}, []string{log.cursor(0)}); !errors.Is(err, ErrGroupNotFound) {
		t.Errorf("of a group that there is not: %v", err)
	}
}

func TestGroupIsMeasured(t *testing.T) {
	log := openLog(t, LogOptions{})
	registry := prometheus.NewRegistry()
	g, err := NewGroups(testContext(t), newHub(t, log, HubOptions{}), GroupsOptions{Registerer: registry, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	appendMany(t, log, "a", 0, 2)
	m := member(t, g, JoinOptions{MaxDeliveries: 2})
	nack(t, g, getsEvent(t, m, "a-0", 1))
	nack(t, g, getsEvent(t, m, "a-0", 2))
	ack(t, g, 1, getsEvent(t, m, "a-1", 1))
	appendMany(t, log, "b", 0, 1)
	want := map[string]float64{
		"callgate_group_pending_events": 1, "callgate_group_unacknowledged_events": 1, "callgate_group_members": 1,
		"callgate_group_delivered_total": 4, "callgate_group_redelivered_total": 1, "callgate_group_acknowledged_total": 1,
		"callgate_group_dead_letters_total": 1, "callgate_group_gaps_given_up_total": 0,
	}
	got := make(map[string]float64)
	holds := func() bool {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			one := family.GetMetric()[0]
			got[family.GetName()] = one.GetGauge().GetValue() + one.GetCounter().GetValue()
		}
		return maps.Equal(got, want)
	}
	defer func() {
		if t.Failed() {
			t.Logf("they are %v", got)
		}
	}()
	eventually(t, "that metrics say so", holds)
	for i := range 2 * maxGroupLabels {
		g.metrics.of(fmt.Sprint("group ", i))
	}
	if n := len(g.metrics.labels); n > maxGroupLabels+1 {
		t.Errorf("there are %d labels", n)
	}
}
