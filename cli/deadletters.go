package cli

import (
	"context"
	"fmt"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// deadLetterCommands are about the events that a group gave up.
type deadLetterCommands struct {
	List   listDeadLetters   `cmd:"" help:"Show them, the longest dead first."`
	Replay replayDeadLetters `cmd:"" help:"Give them to the group again."`
	Delete deleteDeadLetters `cmd:"" help:"Take them off the list for good; the events stay in the log."`
}

type listDeadLetters struct {
	Group       string `arg:"" help:"The group."`
	IncludeData bool   `help:"With the upstream's own data, in JSON."`
}

// Run lists all dead letters, one a line.
func (c *listDeadLetters) Run(ctx context.Context, p Process, conn *Connection) error {
	return conn.use(p, func(g *gateway) error {
		ctx, cancel := context.WithTimeout(ctx, conn.Timeout)
		defer cancel()
		req := &callgatev1.ListDeadLettersRequest{Group: c.Group, IncludeData: c.IncludeData}
		for {
			page, err := g.groups.ListDeadLetters(ctx, req)
			if err != nil {
				return err
			}
			for _, letter := range page.GetDeadLetters() {
				if err := g.print.line(letter, func() string { return letter.GetEvent().GetCursor() + "  " + letterWords(letter) }); err != nil {
					return err
				}
			}
			if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
				return nil
			}
		}
	})
}

// whichLetters are those that a command is about.
type whichLetters struct {
	Group   string   `arg:"" help:"The group."`
	Cursors []string `arg:"" optional:"" help:"The events' cursors, as the list shows them."`
	All     bool     `help:"All that there are, at most 1,000 at a time."`
}

type replayDeadLetters struct{ whichLetters }

// Run replays the dead letters.
func (c *replayDeadLetters) Run(ctx context.Context, p Process, conn *Connection) error {
	return ask(ctx, conn, p, func(ctx context.Context, g *gateway) (*callgatev1.ReplayDeadLettersResponse, error) {
		return g.groups.ReplayDeadLetters(ctx, &callgatev1.ReplayDeadLettersRequest{Group: c.Group, Cursors: c.Cursors, All: c.All})
	}, func(resp *callgatev1.ReplayDeadLettersResponse) rows { return counted("replayed", resp.GetReplayed()) })
}

type deleteDeadLetters struct{ whichLetters }

// Run deletes the dead letters.
func (c *deleteDeadLetters) Run(ctx context.Context, p Process, conn *Connection) error {
	return ask(ctx, conn, p, func(ctx context.Context, g *gateway) (*callgatev1.DeleteDeadLettersResponse, error) {
		return g.groups.DeleteDeadLetters(ctx, &callgatev1.DeleteDeadLettersRequest{Group: c.Group, Cursors: c.Cursors, All: c.All})
	}, func(resp *callgatev1.DeleteDeadLettersResponse) rows { return counted("deleted", resp.GetDeleted()) })
}

// letterWords are what is dead, and why.
func letterWords(l *callgatev1.DeadLetter) string {
	said := fmt.Sprintf("%s of %s: given out %d times in vain, last: %s", typeWords(l.GetEvent()), l.GetEvent().GetCallConnectionId(),
		l.GetDeliveries(), enumWords(l.GetCause().String(), "CAUSE_"))
	if l.GetNote() != "" {
		said += " (" + l.GetNote() + ")"
	}
	if l.GetReplaying() {
		said += "; being replayed"
	}
	return said
}
