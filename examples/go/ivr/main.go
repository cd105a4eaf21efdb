// Command ivr answers incoming calls, has the caller press a key, and transfers to
// the desk behind that key. docs/tutorials/ivr.md goes through it.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/callgate/callgate/client"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// desks are whom the keys lead to.
var desks = map[string]string{"1": "8:acs:res_sales", "2": "8:acs:res_support"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	conn, err := client.Dial(cmp.Or(os.Getenv("CALLGATE_ADDR"), "127.0.0.1:9090"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	menu := &menu{calls: callgatev1.NewCallControlClient(conn), media: callgatev1.NewMediaClient(conn)}
	fmt.Println("waiting for calls")
	err = client.Consume(ctx, conn, &callgatev1.StreamEventsRequest{
		Group:   "ivr",
		Filter:  &callgatev1.EventFilter{Types: []callgatev1.CallEventType{callgatev1.CallEventType_CALL_EVENT_TYPE_INCOMING_CALL}},
		AckWait: durationpb.New(10 * time.Minute), // the longest that a caller is with us
	}, func(ctx context.Context, resp *callgatev1.StreamEventsResponse) error {
		event := resp.GetEvent()
		if event == nil {
			return nil // a gap: who called then has hung up
		}
		said, err := menu.serve(ctx, event)
		switch status.Code(err) {
		case codes.OK:
			fmt.Printf("call %s: %s\n", event.GetCorrelationId(), said)
			return nil
		case codes.NotFound:
			fmt.Printf("call %s: the caller hung up\n", event.GetCorrelationId())
			return nil
		}
		fmt.Printf("call %s: %v\n", event.GetCorrelationId(), err)
		return err // it comes again, to us or to another
	})
	if ctx.Err() == nil {
		log.Fatal(err)
	}
}

type menu struct {
	calls callgatev1.CallControlClient
	media callgatev1.MediaClient
}

// serve goes through one call. Every step has a name that is made of the event, so
// that whoever is given the event after a crash goes through the same steps: those
// that were done are answered from memory, the others are done.
func (m *menu) serve(ctx context.Context, event *callgatev1.CallEvent) (string, error) {
	step := func(name string) string { return uuid.NewSHA1(uuid.NameSpaceURL, []byte(event.GetId()+name)).String() }
	incoming := event.GetIncomingCall()

	answered, err := m.calls.AnswerCall(ctx, &callgatev1.AnswerCallRequest{
		RequestId:           step("answer"),
		IncomingCallContext: incoming.GetIncomingCallContext(),
		WaitTimeout:         durationpb.New(30 * time.Second),
	})
	if err != nil {
		return "", err
	}
	if !succeeded(answered.GetReceipt()) {
		return "the caller did not wait", nil
	}
	call := answered.GetCallConnection().GetCallConnectionId()

	asked, err := m.media.RecognizeInput(ctx, &callgatev1.RecognizeInputRequest{
		RequestId:          step("ask"),
		CallConnectionId:   call,
		RecognizeInputType: callgatev1.RecognizeInputType_RECOGNIZE_INPUT_TYPE_DTMF,
		TargetParticipant:  incoming.GetFrom(),
		PlayPrompts:        speech("Press one for sales, two for support."),
		InterruptPrompt:    proto.Bool(true),
		DtmfOptions:        &callgatev1.DtmfOptions{MaxTonesToCollect: proto.Int32(1)},
		WaitTimeout:        durationpb.New(time.Minute),
	})
	if err != nil {
		return "", err
	}
	key := asked.GetReceipt().GetOutcome().GetEvent().GetRecognizeCompleted().GetDtmfResult().GetDigits()

	if desk, is := desks[key]; is {
		transferred, err := m.calls.TransferCall(ctx, &callgatev1.TransferCallRequest{
			RequestId:        step("transfer"),
			CallConnectionId: call,
			Target:           &callgatev1.CommunicationIdentifier{Kind: &callgatev1.CommunicationIdentifier_CommunicationUserId{CommunicationUserId: desk}},
			WaitTimeout:      durationpb.New(time.Minute),
		})
		if err != nil {
			return "", err
		}
		if succeeded(transferred.GetReceipt()) {
			return fmt.Sprintf("pressed %s, transferred", key), nil
		}
	}

	if _, err := m.media.PlayMedia(ctx, &callgatev1.PlayMediaRequest{
		RequestId:        step("goodbye"),
		CallConnectionId: call,
		PlaySources:      speech("Nobody can take your call. Goodbye."),
		WaitTimeout:      durationpb.New(time.Minute),
	}); err != nil {
		return "", err
	}
	_, err = m.calls.HangUpCall(ctx, &callgatev1.HangUpCallRequest{RequestId: step("hang up"), CallConnectionId: call, ForEveryone: true})
	return fmt.Sprintf("pressed %q, said goodbye", key), err
}

func succeeded(receipt *callgatev1.ActionReceipt) bool {
	return receipt.GetOutcome().GetStatus() == callgatev1.ActionOutcome_STATUS_SUCCEEDED
}

func speech(text string) []*callgatev1.PlaySource {
	return []*callgatev1.PlaySource{{Source: &callgatev1.PlaySource_Text{Text: &callgatev1.TextSource{Text: text, VoiceName: "en-US-NancyNeural"}}}}
}
