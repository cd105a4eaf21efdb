// Command consumer bills the calls of customers: any number of it share the work,
// and any of them may crash at any moment. docs/tutorials/consumer.md goes through it.
//
//	consumer FOLDER
//
// FOLDER/customers has a file for each customer, FOLDER/bills gets one for each call.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/callgate/callgate/client"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: consumer FOLDER")
	}
	folder, err := os.OpenRoot(os.Args[1]) // customers' names come from elsewhere: they lead nowhere else
	if err != nil {
		log.Fatal(err)
	}
	if err := folder.MkdirAll("bills", 0o750); err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	conn, err := client.Dial(cmp.Or(os.Getenv("CALLGATE_ADDR"), "127.0.0.1:9090"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("waiting for calls to end")
	err = client.Consume(ctx, conn, &callgatev1.StreamEventsRequest{
		Group:         "billing",
		Filter:        &callgatev1.EventFilter{Types: []callgatev1.CallEventType{callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_DISCONNECTED}},
		Start:         &callgatev1.StreamEventsRequest_Earliest{Earliest: true}, // no call is free because we were late
		MaxDeliveries: proto.Int32(3),
	}, func(_ context.Context, resp *callgatev1.StreamEventsResponse) error {
		if gap := resp.GetGap(); gap != nil {
			return fmt.Errorf("calls are missing: %v", gap.GetReason()) // somebody has to look into that
		}
		customer, is := strings.CutPrefix(resp.GetEvent().GetOperationContext(), "customer-")
		if !is {
			return nil // nobody pays for it
		}
		said, err := bill(folder, customer, resp.GetEvent().GetId())
		if err != nil {
			fmt.Printf("attempt %d: %v\n", resp.GetDelivery().GetAttempt(), err)
			return err // rejected: it comes again, a little later
		}
		fmt.Printf("attempt %d: %s\n", resp.GetDelivery().GetAttempt(), said)
		if os.Getenv("CRASH") != "" {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // after the work, before it is acknowledged
			select {}
		}
		return nil // acknowledged
	})
	if ctx.Err() == nil {
		log.Fatal(err)
	}
}

// bill writes the bill for a call. Its event may come again, so the bill has the
// event's id for a name, and can be written only once.
func bill(folder *os.Root, customer, id string) (string, error) {
	if _, err := folder.Stat("customers/" + customer); err != nil {
		return "", fmt.Errorf("there is no customer %s", customer)
	}
	file, err := folder.OpenFile("bills/"+id, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "has been billed to " + customer, nil
	}
	if err != nil {
		return "", err
	}
	return "billed to " + customer, file.Close()
}
