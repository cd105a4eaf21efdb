package eventstream

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/telemetry"
)

type hubMetrics struct {
	subscriptions prometheus.Gauge
	behind        prometheus.Gauge
	published     prometheus.Counter
	holes         prometheus.Counter
	logReads      prometheus.Counter
	gaps          *prometheus.CounterVec
	delay         prometheus.Histogram
}

func newHubMetrics(reg prometheus.Registerer) hubMetrics {
	metrics := promauto.With(reg)
	m := hubMetrics{
		subscriptions: metrics.NewGauge(prometheus.GaugeOpts{
			Name: "callgate_subscriptions", Help: "Subscriptions that are open.",
		}),
		behind: metrics.NewGauge(prometheus.GaugeOpts{
			Name: "callgate_subscriptions_behind", Help: "Subscriptions that read from the log, because they are behind what is kept in memory.",
		}),
		published: metrics.NewCounter(prometheus.CounterOpts{
			Name: "callgate_events_published_total", Help: "Events that the hub read from the log.",
		}),
		holes: metrics.NewCounter(prometheus.CounterOpts{
			Name: "callgate_log_holes_total", Help: "Holes that the hub met in the log.",
		}),
		logReads: metrics.NewCounter(prometheus.CounterOpts{
			Name: "callgate_subscription_log_reads_total",
			Help: "Reads from the log by subscriptions that are behind what is kept in memory.",
		}),
		gaps: metrics.NewCounterVec(prometheus.CounterOpts{
			Name: "callgate_gaps_total", Help: "Gaps that subscriptions were told of, by reason.",
		}, []string{"reason"}),
		delay: metrics.NewHistogram(telemetry.Histogram("callgate_publish_delay_seconds",
			"Time from when a callback was received, by any replica, until this replica had its event from the log.",
			telemetry.Buckets(0.0005, 16))),
	}
	for _, reason := range []callgatev1.StreamGap_Reason{callgatev1.StreamGap_REASON_RETENTION, callgatev1.StreamGap_REASON_DELETED} {
		m.gaps.WithLabelValues(reasonLabel(reason)) // from 0 on, so that the first is seen to be one more
	}
	return m
}
