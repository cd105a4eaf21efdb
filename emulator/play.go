package emulator

import (
	"net/url"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/callgate/callgate/upstream"
)

const (
	fileLasts      = 3 * time.Second       // every file
	characterLasts = 60 * time.Millisecond // of a text, about as fast as people speak
	shortestText   = 500 * time.Millisecond
)

// play is one play operation.
type play struct {
	connection *connection
	operation  operation
	sources    []upstream.PlaySource
	targets    []*party // empty: everyone in the call
	loop       bool
	begun      bool
	timer      *timer
}

// begin plays. A loop has no end of its own.
func (p *play) begin() {
	s := soundOf(p.sources)
	if s.fails == nil || s.index > 0 {
		p.start()
	}
	switch {
	case s.fails != nil:
		p.timer = p.connection.world.after(s.lasts+usualFailure, func() {
			p.finish("PlayFailed", eventData{FailedPlaySourceIndex: &s.index, ResultInformation: s.fails.information()})
		})
	case !p.loop:
		p.timer = p.connection.world.after(s.lasts, func() {
			p.finish("PlayCompleted", eventData{ResultInformation: mediaSucceeded().information()})
		})
	}
}

// start tells that something is heard. Those whom something is played to alone
// are shown as being on hold, as captured.
func (p *play) start() {
	p.begun = true
	p.connection.emit("PlayStarted", p.operation, eventData{ResultInformation: mediaSucceeded().information()})
	p.isolate(1)
}

func (p *play) finish(event string, data eventData) {
	p.connection.emit(event, p.operation, data)
	if p.begun {
		p.isolate(-1)
	}
	p.connection.media.done(p)
}

// cancel implements task.
func (p *play) cancel() {
	p.timer.stop()
	p.finish("PlayCanceled", eventData{ResultInformation: mediaCanceled().information()})
}

// needs implements task: what is played is played, whoever listens.
func (p *play) needs(*party) bool { return false }

func (p *play) isolate(change int) {
	for _, target := range p.targets {
		target.playedTo += change
	}
	if v := p.connection.conversation; len(p.targets) > 0 && !v.over {
		v.participantsChanged()
	}
}

// sound is what play sources are together: how long they last, until they are
// through or one of them fails.
type sound struct {
	lasts time.Duration
	fails *outcome // of the source at index; nil: none fails
	index int
}

// soundOf: files last 3 s, texts as long as they are. A file fails when its name
// ends in the sub-code of the failure ("greeting-8535.wav"); nothing is fetched.
func soundOf(sources []upstream.PlaySource) (s sound) {
	for i, source := range sources {
		switch source.Kind {
		case upstream.PlaySourceFile:
			if s.fails = fileFailure(source.File.URI); s.fails != nil {
				s.index = i
				return s
			}
			s.lasts += fileLasts
		case upstream.PlaySourceText:
			s.lasts += spoken(source.Text.Text)
		case upstream.PlaySourceSsml:
			s.lasts += spoken(withoutTags(source.Ssml.SsmlText))
		}
	}
	return s
}

// fileFailure is what becomes of a file with that address; nil: it is played.
func fileFailure(uri string) *outcome {
	u, err := url.Parse(uri)
	if err != nil {
		return nil // validation has seen that it is a URL
	}
	name := strings.TrimSuffix(path.Base(u.Path), path.Ext(u.Path))
	for _, o := range []outcome{fileFormatInvalid(), fileNotDownloaded()} {
		if strings.HasSuffix(name, o.digits()) {
			return &o
		}
	}
	return nil
}

func spoken(text string) time.Duration {
	return max(shortestText, time.Duration(utf8.RuneCountInString(strings.TrimSpace(text)))*characterLasts)
}

// withoutTags is what is read aloud of a document, near enough.
func withoutTags(ssml string) string {
	var b strings.Builder
	for {
		text, rest, found := strings.Cut(ssml, "<")
		b.WriteString(text)
		if !found {
			return b.String()
		}
		_, ssml, _ = strings.Cut(rest, ">")
	}
}
