package eventstream

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// scrapeTimeout bounds what a scrape asks of the log: whoever scrapes does not
// wait for long.
const scrapeTimeout = 2 * time.Second

// logCollector tells how large the log is, when it is asked.
type logCollector struct {
	log                           *Log
	up, bytes, records, oldest, n *prometheus.Desc
}

func newLogCollector(l *Log) *logCollector {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &logCollector{
		log:     l,
		up:      desc("callgate_log_up", "Whether the event log answered this scrape."),
		bytes:   desc("callgate_log_size_bytes", "Size of the event log, on each of its replicas."),
		records: desc("callgate_log_size_records", "Records that the event log has."),
		oldest:  desc("callgate_log_oldest_record_timestamp_seconds", "When the oldest record was stored that the event log has."),
		n:       desc("callgate_log_last_position", "The event log's last position."),
	}
}

// Describe implements prometheus.Collector.
func (c *logCollector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.up, c.bytes, c.records, c.oldest, c.n} {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *logCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	info, err := c.log.stream.Info(ctx)
	if err != nil {
		gauge(c.up, 0)
		return
	}
	gauge(c.up, 1)
	gauge(c.bytes, float64(info.State.Bytes))
	gauge(c.records, float64(info.State.Msgs))
	gauge(c.n, float64(info.State.LastSeq))
	if info.State.Msgs > 0 {
		gauge(c.oldest, float64(info.State.FirstTime.UnixMilli())/1000)
	}
}
