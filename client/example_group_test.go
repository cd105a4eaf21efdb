package client_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/callgate/callgate/client"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// Share the work with the other replicas of this service, until it is told to stop.
func ExampleConsume() {
	conn, err := client.Dial("127.0.0.1:9090", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = conn.Close() }()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	req := &callgatev1.StreamEventsRequest{Group: "billing"}
	err = client.Consume(ctx, conn, req, func(ctx context.Context, resp *callgatev1.StreamEventsResponse) error {
		if gap := resp.GetGap(); gap != nil {
			return reconcile(ctx) // events are missing: look at the calls themselves
		}
		event := resp.GetEvent()
		fmt.Println(event.GetTypeName(), event.GetCallConnectionId())
		return bill(ctx, event.GetId(), event) // its id makes it safe to handle it again
	})
	log.Print(err)
}

func reconcile(context.Context) error                                 { return nil }
func bill(_ context.Context, _ string, _ *callgatev1.CallEvent) error { return nil }
