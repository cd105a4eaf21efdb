package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/callgate/callgate/catalogue"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

type explainCall struct {
	Call string `arg:"" help:"The call connection."`
}

// errNoEvents is the story of a call that the log knows nothing of.
var errNoEvents = errors.New("the log has no events of this call: is it the callConnectionId, and younger than what the log keeps?")

// Run tells the story.
func (c *explainCall) Run(ctx context.Context, p Process, conn *Connection) error {
	return conn.use(p, func(g *gateway) error {
		ctx, cancel := context.WithTimeout(ctx, conn.Timeout)
		defer cancel()
		known, err := catalogue.Load()
		if err != nil {
			return err
		}
		s := newStory(c.Call, known)
		err = g.history(ctx, &callgatev1.ListEventsRequest{CallConnectionId: c.Call, PageSize: 1000, IncludeCommands: true}, func(ev *callgatev1.CallEvent) error {
			s.add(ev)
			return nil
		})
		switch {
		case err != nil:
			return err
		case len(s.Steps) == 0:
			return errNoEvents
		case g.print.json:
			return json.NewEncoder(g.print.out).Encode(s)
		}
		return s.write(g.print.out)
	})
}

// story is what happened in a call, in words.
type story struct {
	CallConnectionID string `json:"callConnectionId"`
	ServerCallID     string `json:"serverCallId,omitempty"`
	CorrelationID    string `json:"correlationId,omitempty"`
	// Ended tells whether CallDisconnected has come.
	Ended bool   `json:"ended"`
	Steps []step `json:"steps"`

	catalogue *catalogue.Catalogue
	inside    crowd
	latest    time.Time // of the upstream's times so far
}

// step is one event of a story.
type step struct {
	Time      time.Time `json:"time"`
	EventType string    `json:"eventType"`
	Text      string    `json:"text"`
	Context   string    `json:"operationContext,omitempty"`
	// Result is the reason and the numbers, where it is not a plain success.
	Result string `json:"result,omitempty"`
	// Hint is what it means and what to do about it.
	Hint string `json:"hint,omitempty"`
	// Remarks are on how the event came here.
	Remarks []string `json:"remarks,omitempty"`
}

func newStory(callConnectionID string, known *catalogue.Catalogue) *story {
	return &story{CallConnectionID: callConnectionID, catalogue: known, inside: crowd{}}
}

// late is from when on it is remarkable how long an event took to come here.
const late = 2 * time.Second

func (s *story) add(ev *callgatev1.CallEvent) {
	if ev.GetServerCallId() != "" {
		s.ServerCallID = ev.GetServerCallId()
	}
	if ev.GetCorrelationId() != "" {
		s.CorrelationID = ev.GetCorrelationId()
	}
	s.Ended = s.Ended || ev.GetType() == callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_DISCONNECTED
	happened, received := ev.GetTime().AsTime(), ev.GetReceiveTime().AsTime()
	st := step{
		Time:      received,
		EventType: typeWords(ev),
		Text:      s.sentence(ev),
		Context:   ev.GetOperationContext(),
		Hint:      ev.GetResult().GetHint(),
	}
	if r := ev.GetResult(); r != nil && (r.GetReason() != "" || r.GetCode() < 200 || r.GetCode() > 299) {
		st.Result = resultWords(r)
	}
	if command := ev.GetCommand(); command != nil {
		s.command(st, happened, command)
		return
	}
	if ev.GetTime() != nil {
		if received.Sub(happened) >= late {
			st.Remarks = append(st.Remarks, fmt.Sprintf("it arrived %v after it happened", received.Sub(happened).Round(100*time.Millisecond)))
		}
		if happened.Before(s.latest) {
			st.Remarks = append(st.Remarks, "it happened before what is above it: the upstream does not order its events")
		} else {
			s.latest = happened
		}
	}
	s.Steps = append(s.Steps, st)
}

// command takes in what a client asked for, and tells who asked, why it was refused,
// and where to read on. Its place is where it was given: what it brought about may
// have come before its answer.
func (s *story) command(st step, given time.Time, c *callgatev1.CommandEvent) {
	st.Time, st.Result = given, c.GetReason()
	if entry := s.catalogue.ByReason(c.GetReason()); entry != nil {
		st.Hint = entry.Meaning + " " + entry.Do
	}
	if c.GetPrincipal() != "" {
		st.Remarks = append(st.Remarks, "asked by "+c.GetPrincipal())
	}
	if c.GetTraceParent() != "" {
		_, rest, _ := strings.Cut(c.GetTraceParent(), "-")
		id, _, _ := strings.Cut(rest, "-")
		st.Remarks = append(st.Remarks, "trace "+id)
	}
	at := len(s.Steps)
	for at > 0 && s.Steps[at-1].Time.After(given) {
		at--
	}
	s.Steps = slices.Insert(s.Steps, at, st)
}

// write tells the story to a person.
func (s *story) write(out io.Writer) error {
	w := &sticky{out: out}
	first, last := s.Steps[0].Time, s.Steps[len(s.Steps)-1].Time
	w.printf("Call %s\n", s.CallConnectionID)
	if s.CorrelationID != "" {
		w.printf("correlation %s\n", s.CorrelationID)
	}
	state := "It goes on"
	if s.Ended {
		state = "It has ended"
	}
	w.printf("%s; %d events in %v, from %s on.\n\n", state, len(s.Steps), last.Sub(first).Round(time.Millisecond), first.Local().Format(time.RFC3339))
	for _, st := range s.Steps {
		w.printf("%s  %+9.3fs  %s\n", clock(st.Time), st.Time.Sub(first).Seconds(), st.Text)
		indented := func(name, text string) {
			if text != "" {
				w.printf("%26s%s: %s\n", "", name, text)
			}
		}
		indented("context", st.Context)
		indented("result", st.Result)
		indented("hint", st.Hint)
		for _, remark := range st.Remarks {
			indented("note", remark)
		}
	}
	return w.err
}

// sticky writes until something fails.
type sticky struct {
	out io.Writer
	err error
}

func (w *sticky) printf(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.out, format, args...)
	}
}
