package emulator

import (
	"slices"
	"time"

	"github.com/callgate/callgate/upstream"
)

const (
	reactsAfter = 500 * time.Millisecond // a party that answers by itself
	toneLasts   = 100 * time.Millisecond // of tones that are sent
)

// toneRecognition is a continuous recognition of the keys that one party presses.
type toneRecognition struct {
	media     *media
	party     *party
	operation operation // that started it
	sequence  int       // of the last tone
	reaction  *timer
}

// startTones begins a continuous recognition of p. Where there is one already, its
// events carry on under the new operation.
func (m *media) startTones(p *party, op operation) {
	if r := m.tonesOf(p); r != nil {
		r.operation = op
		return
	}
	c := m.connection
	r := &toneRecognition{media: m, party: p, operation: op}
	m.tones = append(m.tones, r)
	if p.behaviour.refusesMedia && p.application == nil {
		r.reaction = c.world.after(usualFailure, func() {
			c.emit("ContinuousDtmfRecognitionToneFailed", r.operation, eventData{ResultInformation: mediaRefused().information()})
		})
		return
	}
	r.reaction = p.reacts(c.conversation)
}

// tonesOf is the continuous recognition of p, or nil.
func (m *media) tonesOf(p *party) *toneRecognition {
	for _, r := range m.tones {
		if r.party == p {
			return r
		}
	}
	return nil
}

func (r *toneRecognition) hear(tone upstream.Tone) {
	r.sequence++
	r.media.connection.emit("ContinuousDtmfRecognitionToneReceived", r.operation, eventData{
		SequenceID: r.sequence, Tone: tone, ResultInformation: succeeded().information(),
	})
}

// stop ends it, with the service's odd text, on behalf of op.
func (r *toneRecognition) stop(op operation) {
	r.reaction.stop()
	r.media.tones = slices.DeleteFunc(r.media.tones, func(other *toneRecognition) bool { return other == r })
	r.media.connection.emit("ContinuousDtmfRecognitionStopped", op, eventData{ResultInformation: tonesStopped().information()})
}

// sendTones is heard by a phone after as long as the tones last, if it is still
// there then.
func (c *connection) sendTones(target *party, tones []upstream.Tone, op operation) {
	result, lasts := succeeded(), time.Duration(len(tones))*toneLasts
	if target.behaviour.refusesMedia {
		result, lasts = mediaRefused(), usualFailure
	}
	c.world.after(lasts, func() {
		if c.conversation.find(target.id.RawID) != target {
			result = mediaRefused()
		}
		event := "SendDtmfTonesCompleted"
		if result.code >= 400 {
			event = "SendDtmfTonesFailed"
		}
		c.emit(event, op, eventData{ResultInformation: result.information()})
	})
}

// reacts has a simulated party answer whoever listens, as its behaviour says. Nil:
// it stays silent.
func (p *party) reacts(v *conversation) *timer {
	b := p.behaviour
	if p.application != nil || len(b.presses) == 0 && b.says == "" {
		return nil
	}
	return v.world.after(reactsAfter, func() {
		if b.says != "" {
			v.speak(p, b.says, usualConfidence)
		}
		for _, tone := range b.presses {
			v.press(p, tone)
		}
	})
}

// press is p pressing a key, for all who listen, and tells how many.
func (v *conversation) press(p *party, tone upstream.Tone) (heard uint32) {
	for _, c := range v.connections {
		heard += c.media.press(p, tone)
	}
	return heard
}

// speak is p saying something, for all who listen, and tells how many.
func (v *conversation) speak(p *party, text string, confidence float64) (heard uint32) {
	for _, c := range v.connections {
		heard += c.media.speak(p, text, confidence)
	}
	return heard
}
