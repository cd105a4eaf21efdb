package emulator

import (
	"net/http"
	"slices"

	"github.com/callgate/callgate/upstream"
)

// maxTasks of a connection's media queue. The service's bound is not known.
const maxTasks = 1024

// media is what an application has going on in its call: plays and recognitions,
// which wait for each other, and what runs beside them.
type media struct {
	connection    *connection
	tasks         []task // the first is running
	tones         []*toneRecognition
	streaming     stream
	transcription stream
}

// task is one play or recognition. It takes itself off the queue with done.
type task interface {
	// begin is called when its turn has come.
	begin()
	// cancel ends it before its time, perhaps before it began.
	cancel()
	// needs tells whether it cannot go on without p.
	needs(p *party) bool
}

// queue adds a task behind the others, or instead of them.
func (m *media) queue(t task, interrupt bool) error {
	if interrupt {
		m.cancelTasks()
	}
	if len(m.tasks) >= maxTasks {
		return &apiError{http.StatusTooManyRequests, codeThrottled, "Too many media operations are queued."}
	}
	m.tasks = append(m.tasks, t)
	if len(m.tasks) == 1 {
		t.begin()
	}
	return nil
}

// done takes a task that has told its end off the queue: it is the next one's turn.
func (m *media) done(t task) {
	i := slices.Index(m.tasks, t)
	if i < 0 {
		return
	}
	m.tasks = slices.Delete(m.tasks, i, i+1)
	if i == 0 && len(m.tasks) > 0 {
		m.tasks[0].begin()
	}
}

// cancelTasks ends the task that is running and all that wait, in their order.
func (m *media) cancelTasks() {
	tasks := m.tasks
	m.tasks = nil
	for _, t := range tasks {
		t.cancel()
	}
}

// connected begins what was asked for with the call itself.
func (m *media) connected() {
	if m.streaming.startsWithCall {
		m.startStreaming(operation{})
	}
	if m.transcription.startsWithCall {
		m.startTranscription(operation{})
	}
}

// partyLeft ends what was about p alone.
func (m *media) partyLeft(p *party) {
	for _, t := range slices.Clone(m.tasks) {
		if t.needs(p) {
			t.cancel()
		}
	}
	for _, r := range slices.Clone(m.tones) {
		if r.party == p {
			r.stop(r.operation)
		}
	}
}

// end ends everything, because the call is over for the application. How the
// service tells that of plays, recognitions and streams is not known.
func (m *media) end() {
	m.cancelTasks()
	for _, r := range slices.Clone(m.tones) {
		r.stop(r.operation)
	}
	if m.streaming.running {
		m.stopStreaming(operation{})
	}
	if m.transcription.running {
		m.stopTranscription(operation{})
	}
}

// press is p pressing one key. It tells how many were listening.
func (m *media) press(p *party, tone upstream.Tone) (heard uint32) {
	for _, r := range m.tones {
		if r.party == p {
			r.hear(tone)
			heard++
		}
	}
	if r := m.recognition(p); r != nil && r.press(tone) {
		heard++
	}
	return heard
}

// speak is p saying something. It tells how many were listening.
func (m *media) speak(p *party, text string, confidence float64) (heard uint32) {
	if r := m.recognition(p); r != nil && r.speak(text, confidence) {
		return 1
	}
	return 0
}

// recognition is the running one of p, or nil.
func (m *media) recognition(p *party) *recognition {
	if len(m.tasks) == 0 {
		return nil
	}
	if r, is := m.tasks[0].(*recognition); is && r.target == p {
		return r
	}
	return nil
}
