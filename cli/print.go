package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// printer writes what came back: one JSON object a line, or words.
type printer struct {
	out  io.Writer
	json bool
}

// message writes m as one line of JSON.
func (p printer) message(m proto.Message) error {
	raw, err := protojson.Marshal(m)
	if err != nil {
		return err
	}
	var line bytes.Buffer // protojson's blanks vary from build to build
	if err := json.Compact(&line, raw); err != nil {
		return err
	}
	line.WriteByte('\n')
	_, err = p.out.Write(line.Bytes())
	return err
}

// show writes m as JSON, or as the rows that words makes.
func (p printer) show(m proto.Message, words func() rows) error {
	if p.json {
		return p.message(m)
	}
	return words().write(p.out)
}

// line writes m as JSON, or as the one line that words makes.
func (p printer) line(m proto.Message, words func() string) error {
	if p.json {
		return p.message(m)
	}
	_, err := fmt.Fprintln(p.out, words())
	return err
}

// rows are lines of a name and what it is; one that is nothing is left out.
type rows [][2]string

func (r rows) write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range r {
		if row[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\n", row[0], row[1]); err != nil {
			return err
		}
	}
	return w.Flush()
}

func callRows(c *callgatev1.CallConnection) rows {
	return rows{
		{"call", c.GetCallConnectionId()},
		{"state", enumWords(c.GetState().String(), "CALL_CONNECTION_STATE_")},
		{"source", cmp.Or(c.GetSourceCallerIdNumber(), name(c.GetSource()))},
		{"targets", names(c.GetTargets())},
		{"answered by", name(c.GetAnsweredBy())},
		{"server call", c.GetServerCallId()},
		{"correlation", c.GetCorrelationId()},
	}
}

func participantRows(participants ...*callgatev1.CallParticipant) rows {
	var r rows
	for _, p := range participants {
		r = append(r, [2]string{name(p.GetIdentifier()), participantState(p)})
	}
	return r
}

func participantState(p *callgatev1.CallParticipant) string {
	state := "in the call"
	if p.GetIsMuted() {
		state += ", muted"
	}
	if p.GetIsOnHold() {
		state += ", on hold"
	}
	return state
}

// receiptRows tell what was accepted, and how it ended where that is known.
func receiptRows(r *callgatev1.ActionReceipt) rows {
	if r == nil {
		return rows{{"valid", "nothing was done"}} // validate_only
	}
	accepted := enumWords(r.GetAction().String(), "ACTION_")
	if r.GetReplayed() {
		accepted += ", when it was asked for the first time"
	}
	told := rows{
		{"accepted", accepted},
		{"invitation", r.GetInvitationId()},
		{"context", r.GetOperationContext()},
	}
	if o := r.GetOutcome(); o != nil {
		told = append(told, outcomeRows(o)...)
	}
	return told
}

func outcomeRows(o *callgatev1.ActionOutcome) rows {
	ev := o.GetEvent()
	said := outcomeWords[o.GetStatus()]
	if ev != nil {
		said += ": " + typeWords(ev)
	}
	return rows{
		{"outcome", said},
		{"result", resultWords(ev.GetResult())},
		{"hint", ev.GetResult().GetHint()},
	}
}

// enumWords are the words of an enum's value: "HANG_UP_CALL" is "hang up call".
func enumWords(value, prefix string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(value, prefix), "_", " "))
}

func clock(t time.Time) string { return t.Local().Format("15:04:05.000") }
