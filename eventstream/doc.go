// Package eventstream takes the upstream's callbacks in and gives their events
// out.
//
// In: a [Receiver] authenticates a callback, decodes the batch and appends it to
// the [Log]; only then does the sender read 200. Out: a [Hub] follows the log
// with one ordered reader and serves any number of [Subscription]s from memory;
// whoever falls behind reads from the log until it has caught up. The log is the
// only buffer: a slow reader costs a place in it, and delays nobody.
//
// The log's order is the order of arrival. Positions are sequence numbers inside
// this package and opaque cursors outside it; a position is the last event that
// was dealt with, so that reading goes on behind it, and 0 is before the first.
// NATS is known here and nowhere else.
package eventstream
