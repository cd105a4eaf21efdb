package cli

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/callgate/callgate/client"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// memberFlags make a tail a member of a group.
type memberFlags struct {
	Group             string         `placeholder:"NAME" help:"Join this group, or make it: each event goes to one of its members, and is acknowledged when it has been shown."`
	ManualAck         bool           `help:"Leave it to groups ack, and groups nack, to say how it went."`
	AckWait           *time.Duration `placeholder:"DURATION" help:"How long a member may have an event unacknowledged, 1s to 1h; fixed when the group is made, and then 30s when not given."`
	MaxDeliveries     *int32         `placeholder:"N" help:"How often an event is given out in vain before it is a dead letter; fixed when the group is made, and then 5 when not given."`
	MaxUnacknowledged *int32         `placeholder:"N" help:"How many events this member may have unacknowledged, each of another call; 100 when not given."`
}

// acknowledges says whether what is shown is acknowledged too.
func (f *memberFlags) acknowledges() bool { return f.Group != "" && !f.ManualAck }

// join makes req that of a member.
func (f *memberFlags) join(req *callgatev1.StreamEventsRequest) error {
	if f.ManualAck && f.Group == "" {
		return usage("--manual-ack needs --group")
	}
	req.Group, req.MaxDeliveries, req.MaxUnacknowledged = f.Group, f.MaxDeliveries, f.MaxUnacknowledged
	if f.AckWait != nil {
		req.AckWait = durationpb.New(*f.AckWait)
	}
	return nil
}

// consume shows what the group gives to this member, one after the other, and
// acknowledges it then. What cannot be shown ends it.
func consume(ctx context.Context, conn grpc.ClientConnInterface, req *callgatev1.StreamEventsRequest, show client.Handler) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var one sync.Mutex
	err := client.Consume(ctx, conn, req, func(_ context.Context, resp *callgatev1.StreamEventsResponse) error {
		one.Lock()
		defer one.Unlock()
		err := show(resp)
		if err != nil {
			stop(err)
		}
		return err
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
