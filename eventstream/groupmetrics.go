package eventstream

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// maxGroupLabels bounds the groups that metrics tell apart; further ones are
// otherGroups together.
const (
	maxGroupLabels = 100
	otherGroups    = "other groups"
)

// groupMetrics are of the groups that this gateway owns.
type groupMetrics struct {
	pending, unacknowledged, members                        *prometheus.GaugeVec
	delivered, redelivered, acknowledged, deadLetters, gaps *prometheus.CounterVec

	mu     sync.Mutex
	labels set[string]
}

func newGroupMetrics(reg prometheus.Registerer) *groupMetrics {
	metrics := promauto.With(reg)
	gauge := func(name, help string) *prometheus.GaugeVec {
		return metrics.NewGaugeVec(prometheus.GaugeOpts{Name: "callgate_group_" + name, Help: help}, []string{"group"})
	}
	counter := func(name, help string) *prometheus.CounterVec {
		return metrics.NewCounterVec(prometheus.CounterOpts{Name: "callgate_group_" + name, Help: help}, []string{"group"})
	}
	const here = " Of groups that this gateway moves."
	return &groupMetrics{
		pending:        gauge("pending_events", "Events that the group has read and that are neither acknowledged nor given up."+here),
		unacknowledged: gauge("unacknowledged_events", "Events that a member of the group has."+here),
		members:        gauge("members", "Streams that have joined the group."+here),
		delivered:      counter("delivered_total", "Events and gaps given to members of the group, repetitions too."+here),
		redelivered:    counter("redelivered_total", "Events and gaps given to members of the group that had been given out in vain."+here),
		acknowledged:   counter("acknowledged_total", "Events and gaps that the group acknowledged."+here),
		deadLetters:    counter("dead_letters_total", "Events that the group gave up."+here),
		gaps:           counter("gaps_given_up_total", "Gaps that nobody in the group acknowledged."+here),
		labels:         make(set[string]),
	}
}

// groupGauges are the metrics of one group. Of groups that share a label the
// gauges are those of the last that set them.
type groupGauges struct {
	of    *groupMetrics
	label string
	told  groupCounts
}

func (m *groupMetrics) of(group string) *groupGauges {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.labels.has(group) && len(m.labels) >= maxGroupLabels {
		group = otherGroups
	}
	m.labels[group] = struct{}{}
	return &groupGauges{of: m, label: group}
}

func (g *groupGauges) set(m *groupMachine, members int) {
	held := 0
	for _, member := range m.sorted {
		held += len(member.held)
	}
	g.of.pending.WithLabelValues(g.label).Set(float64(len(m.entries) - len(m.closing)))
	g.of.unacknowledged.WithLabelValues(g.label).Set(float64(held))
	g.of.members.WithLabelValues(g.label).Set(float64(members))
}

// count adds what has come to counts.
func (g *groupGauges) count(counts *groupCounts) {
	for _, c := range []struct {
		counter   *prometheus.CounterVec
		now, told int
	}{
		{g.of.delivered, counts.delivered, g.told.delivered},
		{g.of.redelivered, counts.redelivered, g.told.redelivered},
		{g.of.acknowledged, counts.acknowledged, g.told.acknowledged},
		{g.of.deadLetters, counts.buried, g.told.buried},
		{g.of.gaps, counts.gapsGivenUp, g.told.gapsGivenUp},
	} {
		c.counter.WithLabelValues(g.label).Add(float64(c.now - c.told))
	}
	g.told = *counts
}

// forget takes the gauges of a group away that is no longer moved here.
func (g *groupGauges) forget() {
	for _, gauge := range []*prometheus.GaugeVec{g.of.pending, g.of.unacknowledged, g.of.members} {
		gauge.DeleteLabelValues(g.label)
	}
}
