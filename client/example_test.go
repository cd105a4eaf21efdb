package client_test

import (
	"context"
	"fmt"
	"log"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/callgate/callgate/client"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// Follow all events for as long as the program runs, and keep the cursor, so that
// the next run goes on where this one was.
func Example() {
	conn, err := client.Dial("127.0.0.1:9090", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = conn.Close() }()

	req := &callgatev1.StreamEventsRequest{}
	if cursor := load(); cursor != "" {
		req.Start = &callgatev1.StreamEventsRequest_AfterCursor{AfterCursor: cursor}
	}
	err = client.Stream(context.Background(), conn, req, func(resp *callgatev1.StreamEventsResponse) error {
		switch r := resp.GetResponse().(type) {
		case *callgatev1.StreamEventsResponse_Event:
			fmt.Println(r.Event.GetTypeName(), r.Event.GetCallConnectionId())
			return save(r.Event.GetCursor())
		case *callgatev1.StreamEventsResponse_Gap:
			fmt.Println("events are missing:", r.Gap.GetReason())
			return save(r.Gap.GetToCursor())
		case *callgatev1.StreamEventsResponse_Heartbeat:
			return save(r.Heartbeat.GetCursor())
		}
		return nil
	})
	log.Print(err)
}

func load() string      { return "" }
func save(string) error { return nil }
