package eventstream

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	logv1 "github.com/callgate/callgate/gen/callgate/log/v1"
	"github.com/callgate/callgate/telemetry"
)

// receivedMetrics are about the events in callbacks.
type receivedMetrics struct {
	events *prometheus.CounterVec
	delay  prometheus.Histogram
}

func newReceivedMetrics(reg prometheus.Registerer) receivedMetrics {
	metrics := promauto.With(reg)
	return receivedMetrics{
		events: metrics.NewCounterVec(prometheus.CounterOpts{
			Name: "callgate_events_received_total",
			Help: "Events in callbacks that were stored, or had been before, by type.",
		}, []string{"type"}),
		delay: metrics.NewHistogram(telemetry.Histogram("callgate_event_delay_seconds",
			"Time from when an event happened, by the upstream's clock, until its callback was received.", telemetry.Buckets(0.005, 16))),
	}
}

func (m receivedMetrics) count(records []*logv1.Record) {
	for _, record := range records {
		ev := record.GetEvent()
		m.events.WithLabelValues(typeLabel(ev.GetType())).Inc()
		if ev.GetTime() != nil && ev.GetReceiveTime() != nil {
			m.delay.Observe(max(0, ev.GetReceiveTime().AsTime().Sub(ev.GetTime().AsTime()).Seconds()))
		}
	}
}
