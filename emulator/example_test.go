package emulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/callgate/callgate/emulator"
	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
	"github.com/callgate/callgate/upstream"
)

// webhook is an application's: it hands on the type of each event.
func webhook(types chan<- string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var events []struct{ Type string }
		if err := json.NewDecoder(r.Body).Decode(&events); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, e := range events {
			types <- strings.TrimPrefix(e.Type, "Microsoft.Communication.")
		}
	})
}

// clientOf is a client of that emulator.
func clientOf(connectionString string) *upstream.Client {
	endpoint, key, err := upstream.ParseConnectionString(connectionString)
	if err != nil {
		panic(err)
	}
	client, err := upstream.New(upstream.Options{Endpoint: endpoint, AccessKey: key})
	if err != nil {
		panic(err)
	}
	return client
}

// Start is one line in a test. Whom the service under test calls decides what
// happens to it: a number that ends in 0486 is busy.
func ExampleStart() {
	_ = func(t *testing.T) { // func TestMyService(t *testing.T)
		em := emulator.Start(t, emulator.Options{TimeScale: 100})
		t.Setenv("MY_SERVICE_CONNECTION_STRING", em.ConnectionString)
		// ... start the service, have it call +14257770486, and see how it takes that.
	}
}

// New is for whoever runs the HTTP server: here one of httptest, and an
// application whose first attempt is throttled by a fault.
func ExampleNew() {
	em, err := emulator.New(emulator.Options{TimeScale: 100})
	if err != nil {
		panic(err)
	}
	defer em.Close()
	service := httptest.NewServer(em.Handler())
	defer service.Close()
	types := make(chan string, 10)
	application := httptest.NewServer(webhook(types))
	defer application.Close()
	ctx := context.Background()

	if _, err := em.Control().InjectFault(ctx, &emulatorv1.InjectFaultRequest{Fault: &emulatorv1.Fault{
		Kind: emulatorv1.FaultKind_FAULT_KIND_FAIL, Operation: "createCall", Count: 1,
	}}); err != nil {
		panic(err)
	}

	client := clientOf(emulator.ConnectionString(service.URL, emulator.DefaultAccessKey))
	defer client.CloseIdleConnections()
	call, err := client.CreateCall(ctx, upstream.NewRepeat(time.Now()), &upstream.CreateCallRequest{
		Targets:     []upstream.CommunicationIdentifierModel{{RawID: "8:acs:alice"}},
		CallbackURI: application.URL,
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(call.CallConnectionState)
	fmt.Println(<-types)
	fmt.Println(<-types)

	received, err := em.Control().ListReceivedRequests(ctx, &emulatorv1.ListReceivedRequestsRequest{})
	if err != nil {
		panic(err)
	}
	for _, r := range received.GetRequests() {
		fmt.Println(r.GetOperation(), r.GetStatus(), r.GetEffect())
	}
	// Output:
	// connecting
	// CallConnected
	// ParticipantsUpdated
	// createCall 503 EFFECT_NONE
	// createCall 201 EFFECT_PERFORMED
}

// The control API lends people a finger and a voice: here a caller is asked for a
// number, and presses keys.
func ExampleEmulator_Control() {
	em, err := emulator.New(emulator.Options{TimeScale: 100})
	if err != nil {
		panic(err)
	}
	defer em.Close()
	service := httptest.NewServer(em.Handler())
	defer service.Close()
	types := make(chan string, 10)
	application := httptest.NewServer(webhook(types))
	defer application.Close()
	ctx := context.Background()

	client := clientOf(emulator.ConnectionString(service.URL, emulator.DefaultAccessKey))
	defer client.CloseIdleConnections()
	alice := upstream.CommunicationIdentifierModel{RawID: "8:acs:alice"}
	call, err := client.CreateCall(ctx, upstream.NewRepeat(time.Now()), &upstream.CreateCallRequest{
		Targets: []upstream.CommunicationIdentifierModel{alice}, CallbackURI: application.URL,
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(<-types)
	fmt.Println(<-types)

	if err := client.Recognize(ctx, call.CallConnectionID, &upstream.RecognizeRequest{
		RecognizeInputType: upstream.RecognizeInputDtmf,
		RecognizeOptions: &upstream.RecognizeOptions{
			TargetParticipant: &alice, DtmfOptions: &upstream.DtmfOptions{StopTones: []upstream.Tone{upstream.TonePound}},
		},
	}); err != nil {
		panic(err)
	}
	pressed, err := em.Control().PressTones(ctx, &emulatorv1.PressTonesRequest{
		Call: &emulatorv1.PressTonesRequest_CallConnectionId{CallConnectionId: call.CallConnectionID}, Tones: "12#",
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(pressed.GetHeard(), "keys were heard")
	fmt.Println(<-types)
	// Output:
	// CallConnected
	// ParticipantsUpdated
	// 3 keys were heard
	// RecognizeCompleted
}
