package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/callgate/callgate/client"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

type tailEvents struct {
	Call            []string `placeholder:"ID" help:"Only events of these call connections."`
	Type            []string `placeholder:"TYPE" help:"Only events of these types, such as CallConnected."`
	Context         []string `sep:"none" placeholder:"TEXT" help:"Only events with these operation contexts."`
	Since           string   `xor:"start" placeholder:"WHEN" help:"Begin so long ago (10m), or at a time (2026-11-01T08:00:00Z)."`
	After           string   `xor:"start" placeholder:"CURSOR" help:"Begin behind a cursor."`
	Earliest        bool     `xor:"start" help:"Begin with the first event that the log still has."`
	UntilCallEnds   bool     `help:"End when the calls of --call have ended."`
	IncludeData     bool     `help:"With the upstream's own data, in JSON."`
	IncludeCommands bool     `help:"With the actions that clients asked for."`
	ShowHeartbeats  bool     `help:"Show heartbeats, whose cursors move on when nothing happens, in JSON."`
	memberFlags     `group:"Share the events:"`
}

// Run follows events.
func (c *tailEvents) Run(ctx context.Context, p Process, conn *Connection) error {
	req, err := c.request(time.Now())
	if err != nil {
		return err
	}
	return conn.use(p, func(g *gateway) error {
		if err := g.reach(ctx, conn.Timeout); err != nil {
			return err
		}
		show := func(resp *callgatev1.StreamEventsResponse) error { return c.show(g.print, resp) }
		if c.acknowledges() {
			err = consume(ctx, g.conn, req, show)
		} else {
			err = client.Stream(ctx, g.conn, req, show)
		}
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			return nil // interrupted: that is how it ends
		}
		return err
	})
}

// reach fails if the gateway cannot be reached to begin with. Later on, that is
// waited out.
func (g *gateway) reach(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := grpc_health_v1.NewHealthClient(g.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if code := status.Code(err); code == codes.Unavailable || code == codes.DeadlineExceeded {
		return err
	}
	return nil // whatever else it says, it is there
}

func (c *tailEvents) request(now time.Time) (*callgatev1.StreamEventsRequest, error) {
	filter := &callgatev1.EventFilter{CallConnectionIds: c.Call, OperationContexts: c.Context}
	for _, text := range c.Type {
		if strings.Contains(text, ".") {
			filter.TypeNames = append(filter.TypeNames, text)
			continue
		}
		t, known := eventType(text)
		if !known {
			return nil, usage("--type: %s is no type of event; one that is newer than this program is given by its full name", text)
		}
		filter.Types = append(filter.Types, t)
	}
	req := &callgatev1.StreamEventsRequest{Filter: filter, IncludeData: c.IncludeData, UntilCallEnds: c.UntilCallEnds, IncludeCommands: c.IncludeCommands}
	if err := c.join(req); err != nil {
		return nil, err
	}
	if c.ShowHeartbeats && c.acknowledges() {
		return nil, usage("--show-heartbeats needs --manual-ack in a group")
	}
	switch {
	case c.Earliest:
		req.Start = &callgatev1.StreamEventsRequest_Earliest{Earliest: true}
	case c.After != "":
		req.Start = &callgatev1.StreamEventsRequest_AfterCursor{AfterCursor: c.After}
	case c.Since != "":
		at, err := since(c.Since, now)
		if err != nil {
			return nil, err
		}
		req.Start = &callgatev1.StreamEventsRequest_FromTime{FromTime: timestamppb.New(at)}
	}
	return req, nil
}

// eventType finds a type by its name as the upstream writes it, or as the contract
// does.
func eventType(text string) (callgatev1.CallEventType, bool) {
	same := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	wanted := strings.TrimPrefix(same(text), "calleventtype")
	for value, full := range callgatev1.CallEventType_name {
		if value != 0 && strings.TrimPrefix(same(full), "calleventtype") == wanted {
			return callgatev1.CallEventType(value), true
		}
	}
	return 0, false
}

// since is a time, given as one or as how long ago it is.
func since(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, usage("--since must be how long ago, such as 10m, or a time, such as 2026-11-01T08:00:00Z")
	}
	return at, nil
}

func (c *tailEvents) show(out printer, resp *callgatev1.StreamEventsResponse) error {
	if resp.GetHeartbeat() != nil && !c.ShowHeartbeats {
		return nil
	}
	if out.json {
		return out.message(resp)
	}
	var line string
	switch r := resp.GetResponse().(type) {
	case *callgatev1.StreamEventsResponse_Event:
		line = eventLine(r.Event)
		if attempt := resp.GetDelivery().GetAttempt(); attempt > 1 {
			line += fmt.Sprintf("  attempt %d", attempt)
		}
	case *callgatev1.StreamEventsResponse_Gap:
		line = "-- events are missing here: " + enumWords(r.Gap.GetReason().String(), "REASON_")
	case *callgatev1.StreamEventsResponse_Draining:
		line = "-- the gateway stops: going on with another, or when it is back"
	default:
		return nil
	}
	_, err := fmt.Fprintln(out.out, line)
	return err
}

type listEvents struct {
	Call            string `arg:"" help:"The call connection."`
	IncludeData     bool   `help:"With the upstream's own data, in JSON."`
	IncludeCommands bool   `help:"With the actions that clients asked for."`
}

// Run lists the call's events, one a line.
func (c *listEvents) Run(ctx context.Context, p Process, conn *Connection) error {
	return conn.use(p, func(g *gateway) error {
		ctx, cancel := context.WithTimeout(ctx, conn.Timeout)
		defer cancel()
		return g.history(ctx, &callgatev1.ListEventsRequest{
			CallConnectionId: c.Call, IncludeData: c.IncludeData, IncludeCommands: c.IncludeCommands,
		}, func(ev *callgatev1.CallEvent) error {
			return g.print.line(ev, func() string { return eventLine(ev) })
		})
	})
}

// history hands all events of a call to show, page by page.
func (g *gateway) history(ctx context.Context, req *callgatev1.ListEventsRequest, show func(*callgatev1.CallEvent) error) error {
	for {
		page, err := g.events.ListEvents(ctx, req)
		if err != nil {
			return err
		}
		for _, ev := range page.GetEvents() {
			if err := show(ev); err != nil {
				return err
			}
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return nil
		}
	}
}

type waitForOutcome struct {
	Receipt string        `arg:"" help:"File with the action's receipt, or its whole response, in JSON; - reads standard input."`
	Wait    time.Duration `default:"30s" help:"How long to wait, up to 5m."`
}

// Run waits for the outcome.
func (c *waitForOutcome) Run(ctx context.Context, p Process, conn *Connection) error {
	receipt, err := c.receipt(p)
	if err != nil {
		return err
	}
	return conn.use(p, func(g *gateway) error {
		ctx, cancel := context.WithTimeout(ctx, conn.Timeout+c.Wait)
		defer cancel()
		resp, err := g.events.WaitForOutcome(ctx, &callgatev1.WaitForOutcomeRequest{Receipt: receipt, Timeout: durationpb.New(c.Wait)})
		if err != nil {
			return err
		}
		if resp.GetOutcome() == nil {
			return errors.Join(g.print.show(resp, func() rows { return nil }), ended(nil))
		}
		return errors.Join(g.print.show(resp, func() rows { return outcomeRows(resp.GetOutcome()) }), ended(resp.GetOutcome()))
	})
}

// maxReceipt bounds a file that holds a receipt.
const maxReceipt = 1 << 20

func (c *waitForOutcome) receipt(p Process) (*callgatev1.ActionReceipt, error) {
	in := p.In
	if c.Receipt != "-" {
		file, err := os.Open(c.Receipt)
		if err != nil {
			return nil, usage("%w", err)
		}
		defer file.Close()
		in = file
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxReceipt))
	if err != nil {
		return nil, err
	}
	// Every action's response has its receipt under the same name.
	lenient := protojson.UnmarshalOptions{DiscardUnknown: true}
	whole, receipt := &callgatev1.TransferCallResponse{}, &callgatev1.ActionReceipt{}
	if err := lenient.Unmarshal(raw, whole); err == nil && whole.GetReceipt() != nil {
		receipt = whole.GetReceipt()
	} else if err := lenient.Unmarshal(raw, receipt); err != nil || receipt.GetAction() == callgatev1.Action_ACTION_UNSPECIFIED {
		return nil, usage("%s holds no receipt of an action", c.Receipt)
	}
	receipt.Outcome = nil
	return receipt, nil
}
