// Command campaign calls people, waits for what becomes of each call, and tells
// those who answer something. docs/tutorials/campaign.md goes through it.
//
//	campaign NAME NUMBER...
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/callgate/callgate/client"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	callerID = "+18005550100"
	atOnce   = 10 // calls
	message  = "The water will be off tomorrow from nine to ten."
)

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: campaign NAME NUMBER...")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	conn, err := client.Dial(cmp.Or(os.Getenv("CALLGATE_ADDR"), "127.0.0.1:9090"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	campaign := &campaign{
		name:  os.Args[1],
		calls: callgatev1.NewCallControlClient(conn), media: callgatev1.NewMediaClient(conn), events: callgatev1.NewEventsClient(conn),
	}

	calling, ctx := errgroup.WithContext(ctx)
	calling.SetLimit(atOnce)
	for _, number := range os.Args[2:] {
		calling.Go(func() error {
			result, err := campaign.reach(ctx, number)
			if err != nil {
				return fmt.Errorf("%s: %w", number, err)
			}
			fmt.Println(number, result)
			return nil
		})
	}
	if err := calling.Wait(); err != nil {
		log.Fatal(err) // run it again: whoever was called is not called again
	}
}

type campaign struct {
	name   string
	calls  callgatev1.CallControlClient
	media  callgatev1.MediaClient
	events callgatev1.EventsClient
}

// reach calls a number and says what came of it. Its requests are named after the
// campaign and the number: run again, it acts on nobody twice, and says the same.
func (c *campaign) reach(ctx context.Context, number string) (string, error) {
	step := func(name string) string {
		return uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.Join([]string{c.name, number, name}, "\n"))).String()
	}
	created, err := c.calls.CreateCall(ctx, &callgatev1.CreateCallRequest{
		RequestId:            step("call"),
		Targets:              []*callgatev1.CommunicationIdentifier{{Kind: &callgatev1.CommunicationIdentifier_PhoneNumber{PhoneNumber: number}}},
		SourceCallerIdNumber: callerID,
	})
	if err != nil {
		return "", err
	}
	outcome, err := c.outcome(ctx, created.GetReceipt())
	if err != nil {
		return "", err
	}
	if outcome.GetStatus() != callgatev1.ActionOutcome_STATUS_SUCCEEDED {
		return outcome.GetEvent().GetResult().GetReason(), nil
	}

	call := created.GetCallConnection().GetCallConnectionId()
	played, err := c.media.PlayMedia(ctx, &callgatev1.PlayMediaRequest{
		RequestId:        step("tell"),
		CallConnectionId: call,
		PlaySources:      []*callgatev1.PlaySource{{Source: &callgatev1.PlaySource_Text{Text: &callgatev1.TextSource{Text: message, VoiceName: "en-US-NancyNeural"}}}},
	})
	if status.Code(err) == codes.NotFound {
		return "HUNG_UP", nil
	}
	if err != nil {
		return "", err
	}
	outcome, err = c.outcome(ctx, played.GetReceipt())
	if err != nil {
		return "", err
	}
	if outcome.GetStatus() != callgatev1.ActionOutcome_STATUS_SUCCEEDED {
		return "HUNG_UP", nil
	}
	_, err = c.calls.HangUpCall(ctx, &callgatev1.HangUpCallRequest{RequestId: step("hang up"), CallConnectionId: call, ForEveryone: true})
	return "TOLD", err
}

// outcome waits until an action has ended, for as long as that takes.
func (c *campaign) outcome(ctx context.Context, receipt *callgatev1.ActionReceipt) (*callgatev1.ActionOutcome, error) {
	for {
		resp, err := c.events.WaitForOutcome(ctx, &callgatev1.WaitForOutcomeRequest{Receipt: receipt, Timeout: durationpb.New(time.Minute)})
		if err != nil || resp.GetOutcome() != nil {
			return resp.GetOutcome(), err
		}
	}
}
