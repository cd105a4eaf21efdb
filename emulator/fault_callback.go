package emulator

import (
	"bytes"
	"encoding/json"
	"time"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
)

// longestAside is how long a callback waits for others to overtake or join it.
const longestAside = time.Second

// misdeliver queues cb as the faults that strike it would have it.
func (o *outbox) misdeliver(cb callback, strikes []strike) {
	var (
		copies  = 1
		delay   time.Duration
		reorder bool
		batch   int
	)
	for _, s := range strikes {
		switch s.GetKind() {
		case emulatorv1.FaultKind_FAULT_KIND_LOSE:
			return
		case emulatorv1.FaultKind_FAULT_KIND_DUPLICATE:
			copies++
		case emulatorv1.FaultKind_FAULT_KIND_DELAY:
			delay += s.duration()
		case emulatorv1.FaultKind_FAULT_KIND_REORDER:
			reorder = true
		case emulatorv1.FaultKind_FAULT_KIND_BATCH:
			batch = max(2, int(s.GetBatchSize()))
		case emulatorv1.FaultKind_FAULT_KIND_UNKNOWN_TYPE:
			cb.events[0] = cb.events[0].withUnknownType(cb.name)
		case emulatorv1.FaultKind_FAULT_KIND_UNKNOWN_FIELDS:
			cb.events[0] = cb.events[0].withUnknownFields()
		case emulatorv1.FaultKind_FAULT_KIND_TOKEN_EXPIRED:
			cb.flaw = expired
		case emulatorv1.FaultKind_FAULT_KIND_TOKEN_WRONG_AUDIENCE:
			cb.flaw = wrongAudience
		case emulatorv1.FaultKind_FAULT_KIND_KEYS_ROTATED:
			cb.rotatesKeys = true
		}
	}
	for range copies {
		switch {
		case delay > 0:
			o.world.after(delay, func() { o.enqueue(cb) })
		case batch > 0 || o.batch != nil && o.batch.uri == cb.uri:
			o.joinBatch(cb, batch)
		case reorder && o.aside == nil:
			o.setAside(cb)
		default:
			o.enqueue(cb)
		}
	}
}

// setAside keeps cb until the next callback overtakes it.
func (o *outbox) setAside(cb callback) {
	o.aside = &cb
	o.asideTimer = o.world.after(longestAside, o.flushAside)
}

func (o *outbox) flushAside() {
	if o.aside == nil {
		return
	}
	o.asideTimer.stop()
	cb := *o.aside
	o.aside = nil
	o.enqueue(cb)
}

// batch is a callback that waits for more events to take along.
type batch struct {
	callback
	size  int
	timer *timer
}

// joinBatch adds cb to the outbox's batch, which it may begin or complete.
func (o *outbox) joinBatch(cb callback, size int) {
	if o.batch != nil && o.batch.uri != cb.uri {
		o.flushBatch()
	}
	if o.batch == nil {
		o.batch = &batch{callback: cb, size: size, timer: o.world.after(longestAside, o.flushBatch)}
		return
	}
	b := o.batch
	b.events = append(b.events[:len(b.events):len(b.events)], cb.events...)
	b.rotatesKeys = b.rotatesKeys || cb.rotatesKeys
	if b.flaw == flawless {
		b.flaw = cb.flaw
	}
	if len(b.events) >= b.size {
		o.flushBatch()
	}
}

func (o *outbox) flushBatch() {
	if o.batch == nil {
		return
	}
	b := o.batch
	o.batch = nil
	b.timer.stop()
	o.enqueue(b.callback)
}

// withUnknownType is e as an event that came after every client was written.
func (e cloudEvent) withUnknownType(name string) cloudEvent {
	known, unknown := eventPrefix+name, eventPrefix+"Unheard"+name
	e.Type = unknown
	return e.withData(func(data []byte) []byte {
		return bytes.Replace(data, []byte(`"publicEventType":"`+known+`"`), []byte(`"publicEventType":"`+unknown+`"`), 1)
	})
}

// withUnknownFields is e with members that came after every client was written.
func (e cloudEvent) withUnknownFields() cloudEvent {
	e.Extension = "unheard of"
	return e.withData(func(data []byte) []byte {
		return append(bytes.TrimSuffix(data, []byte("}")), `,"unheardOf":{"list":[1,null,{"deep":true}],"text":"é"}}`...)
	})
}

func (e cloudEvent) withData(change func([]byte) []byte) cloudEvent {
	if data, err := json.Marshal(e.Data); err == nil { // else delivery fails and says so
		e.Data = json.RawMessage(change(data))
	}
	return e
}
