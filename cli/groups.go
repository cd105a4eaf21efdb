package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

type listGroups struct{}

// Run lists all groups, however many pages they take.
func (c *listGroups) Run(ctx context.Context, p Process, conn *Connection) error {
	return ask(ctx, conn, p, func(ctx context.Context, g *gateway) (*callgatev1.ListGroupsResponse, error) {
		all := &callgatev1.ListGroupsResponse{}
		for token := ""; ; {
			page, err := g.groups.ListGroups(ctx, &callgatev1.ListGroupsRequest{PageToken: token})
			if err != nil {
				return nil, err
			}
			all.Groups = append(all.Groups, page.GetGroups()...)
			if token = page.GetNextPageToken(); token == "" {
				return all, nil
			}
		}
	}, func(all *callgatev1.ListGroupsResponse) rows {
		var r rows
		for _, group := range all.GetGroups() {
			r = append(r, [2]string{group.GetGroup(), "since " + group.GetCreateTime().AsTime().Local().Format(time.DateTime) + ", takes " + takesWords(group)})
		}
		return r
	})
}

type getGroup struct {
	Group string `arg:"" help:"The group."`
}

// Run shows the group.
func (c *getGroup) Run(ctx context.Context, p Process, conn *Connection) error {
	return ask(ctx, conn, p, func(ctx context.Context, g *gateway) (*callgatev1.GetGroupResponse, error) {
		return g.groups.GetGroup(ctx, &callgatev1.GetGroupRequest{Group: c.Group})
	}, func(resp *callgatev1.GetGroupResponse) rows { return groupRows(resp.GetGroup()) })
}

type deleteGroup struct {
	Group string `arg:"" help:"The group. Its members' streams end."`
}

// Run deletes the group.
func (c *deleteGroup) Run(ctx context.Context, p Process, conn *Connection) error {
	return ask(ctx, conn, p, func(ctx context.Context, g *gateway) (*callgatev1.DeleteGroupResponse, error) {
		return g.groups.DeleteGroup(ctx, &callgatev1.DeleteGroupRequest{Group: c.Group})
	}, func(*callgatev1.DeleteGroupResponse) rows { return rows{{"deleted", c.Group}} })
}

type ackEvents struct {
	Group   string   `arg:"" help:"The group."`
	Cursors []string `arg:"" help:"The events' cursors, of gaps their toCursor."`
}

// Run acknowledges the events.
func (c *ackEvents) Run(ctx context.Context, p Process, conn *Connection) error {
	return ask(ctx, conn, p, func(ctx context.Context, g *gateway) (*callgatev1.AckEventsResponse, error) {
		return g.events.AckEvents(ctx, &callgatev1.AckEventsRequest{Group: c.Group, Cursors: c.Cursors})
	}, func(resp *callgatev1.AckEventsResponse) rows { return counted("acknowledged", resp.GetAcknowledged()) })
}

type nackEvents struct {
	Group   string        `arg:"" help:"The group."`
	Cursors []string      `arg:"" help:"The events' cursors, of gaps their toCursor."`
	Delay   time.Duration `placeholder:"DURATION" help:"How long to wait before they are given out again, up to 1h."`
	Note    string        `help:"Why, for whoever looks at the dead letters."`
}

// Run rejects the events.
func (c *nackEvents) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.NackEventsRequest{Group: c.Group, Cursors: c.Cursors, Note: c.Note}
	if c.Delay != 0 {
		req.Delay = durationpb.New(c.Delay)
	}
	return ask(ctx, conn, p, func(ctx context.Context, g *gateway) (*callgatev1.NackEventsResponse, error) {
		return g.events.NackEvents(ctx, req)
	}, func(resp *callgatev1.NackEventsResponse) rows { return counted("rejected", resp.GetRejected()) })
}

func groupRows(g *callgatev1.Group) rows {
	told := rows{
		{"group", g.GetGroup()},
		{"takes", takesWords(g)},
		{"position", g.GetPosition()},
		{"pending", fmt.Sprintf("%d, %d of them with a member", g.GetPending(), g.GetUnacknowledged())},
		{"unread", fmt.Sprint(g.GetUnread())},
		{"dead letters", fmt.Sprint(g.GetDeadLetters())},
		{"given out", fmt.Sprintf("for %v, up to %d times", g.GetAckWait().AsDuration(), g.GetMaxDeliveries())},
	}
	for _, m := range g.GetMembers() {
		has := fmt.Sprintf("%s has %d of %d", m.GetMemberId(), m.GetUnacknowledged(), m.GetMaxUnacknowledged())
		if m.GetStalled() {
			has += ", stalled"
		}
		told = append(told, [2]string{"member", has})
	}
	return told
}

// takesWords are which events a group takes.
func takesWords(g *callgatev1.Group) string {
	filter := g.GetFilter()
	types := filter.GetTypeNames()
	for _, t := range filter.GetTypes() {
		types = append(types, enumWords(t.String(), "CALL_EVENT_TYPE_"))
	}
	said := "all events"
	if len(types) > 0 {
		said = strings.Join(types, ", ")
	}
	for _, of := range []struct {
		what   string
		values []string
	}{
		{"calls", filter.GetCallConnectionIds()},
		{"server calls", filter.GetServerCallIds()},
		{"correlations", filter.GetCorrelationIds()},
		{"contexts", filter.GetOperationContexts()},
	} {
		if len(of.values) > 0 {
			said += " of " + of.what + " " + strings.Join(of.values, ", ")
		}
	}
	if g.GetIncludeCommands() {
		said += ", and commands"
	}
	return said
}

// counted tells of how many something is true.
func counted(what string, n int32) rows { return rows{{what, fmt.Sprint(n)}} }
