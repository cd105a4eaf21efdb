// Package telemetry is what the parts of the gateway have in common when they
// tell how they are: the form of a histogram, and where traces go.
package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// Native histograms have buckets each 10 % wider than the one before, and so
	// many of them at most: when there would be more, they are made wider.
	nativeFactor  = 1.1
	nativeBuckets = 160
	nativeReset   = time.Hour
)

// Histogram are the options of a histogram of seconds or counts. A server that
// asks for native histograms gets that, any other the buckets.
func Histogram(name, help string, buckets []float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: buckets,
		NativeHistogramBucketFactor:     nativeFactor,
		NativeHistogramMaxBucketNumber:  nativeBuckets,
		NativeHistogramMinResetDuration: nativeReset,
	}
}

// Buckets double from the first on.
func Buckets(first float64, n int) []float64 { return prometheus.ExponentialBuckets(first, 2, n) }
