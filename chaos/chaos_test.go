package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	runs     = 200
	gateways = 10 // that share the runs, at the same time
	patience = time.Minute
)

// TestChaos has gateways work against an emulator with faults, chosen by the seed
// of each run. No event that the emulator saw acknowledged may be lost, none may
// come twice, and no action may be performed twice. One run alone:
// go test -run 'Chaos/.*/seed_17$' ./chaos
func TestChaos(t *testing.T) {
	var running sync.WaitGroup
	defer running.Wait()
	for n := range gateways {
		// Not t.Parallel, which is bound to the number of processors: a run mostly waits.
		running.Go(func() {
			t.Run(fmt.Sprintf("gateway %d", n), func(t *testing.T) {
				g := startGateway(t)
				t.Cleanup(g.acknowledged.transport.CloseIdleConnections)
				ran := 0
				for seed := uint64(n); seed < runs && !t.Failed(); seed += gateways {
					t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { ran++; g.run(t, seed) })
				}
				g.emulator.Close() // nothing is delivered any more
				acknowledged := g.acknowledged.snapshot()
				if err := g.streamed.check(acknowledged, patience); err != nil {
					t.Error(err)
				}
				if len(acknowledged) < ran {
					t.Errorf("only %d events were acknowledged: this proves nothing", len(acknowledged))
				}
			})
		})
	}
}

// run is one run: faults, a call's life, and the checks.
func (g *gateway) run(t *testing.T, seed uint64) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	chance := rand.New(rand.NewPCG(seed, 1))
	g.emulator.Reset()
	control := g.emulator.Control()
	for range 1 + chance.IntN(4) {
		f := randomFault(chance)
		if _, err := control.InjectFault(ctx, &emulatorv1.InjectFaultRequest{Fault: f}); err != nil {
			t.Fatal(err)
		}
		t.Logf("fault %v", f)
	}
	l := &life{gateway: g, chance: chance, seed: seed, accepted: make(map[string]bool)}
	l.live(ctx)
	received, err := control.ListReceivedRequests(ctx, &emulatorv1.ListReceivedRequestsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	checkPerformedOnce(t, l.accepted, received.GetRequests())
	if err := g.streamed.check(g.acknowledged.snapshot(), patience); err != nil {
		t.Error(err)
	}
}

// checkPerformedOnce tells actions by their operation contexts: none may have been
// performed twice, and each that the gateway accepted must have been performed.
func checkPerformedOnce(t *testing.T, accepted map[string]bool, received []*emulatorv1.ReceivedRequest) {
	t.Helper()
	performed := make(map[string]int)
	for _, r := range received {
		var body struct{ OperationContext string }
		if r.GetEffect() == emulatorv1.Effect_EFFECT_PERFORMED && json.Unmarshal([]byte(r.GetBody()), &body) == nil && body.OperationContext != "" {
			performed[body.OperationContext]++
		}
	}
	for action, n := range performed {
		if n > 1 {
			t.Errorf("%s was performed %d times", action, n)
		}
	}
	for action := range accepted {
		if performed[action] == 0 {
			t.Errorf("%s was accepted but not performed", action)
		}
	}
}

// randomFault strikes a few times, somewhere.
func randomFault(chance *rand.Rand) *emulatorv1.Fault {
	kinds := make([]emulatorv1.FaultKind, 0, len(emulatorv1.FaultKind_name))
	for n := range int32(64) {
		if _, known := emulatorv1.FaultKind_name[n]; known && n != 0 {
			kinds = append(kinds, emulatorv1.FaultKind(n))
		}
	}
	f := &emulatorv1.Fault{
		Kind: kinds[chance.IntN(len(kinds))], Skip: chance.Uint32N(3), Count: 1 + chance.Uint32N(3),
		Probability: 0.3 + 0.7*chance.Float64(), Seed: 1 + chance.Uint64(),
	}
	switch f.GetKind() {
	case emulatorv1.FaultKind_FAULT_KIND_LATENCY, emulatorv1.FaultKind_FAULT_KIND_DELAY:
		f.Delay, f.Jitter = durationpb.New(2*time.Second), durationpb.New(10*time.Second)
	case emulatorv1.FaultKind_FAULT_KIND_FAIL:
		f.Status = []int32{500, 503}[chance.IntN(2)]
	case emulatorv1.FaultKind_FAULT_KIND_BATCH:
		f.BatchSize = 2 + chance.Uint32N(4)
	}
	return f
}

// life is what one run's client does: a call, things done in it, and its end.
type life struct {
	*gateway
	chance   *rand.Rand
	seed     uint64
	number   int
	accepted map[string]bool // operation contexts of what succeeded
}

func (l *life) live(ctx context.Context) {
	targets := []*callgatev1.CommunicationIdentifier{user("alice"), user("bob")}[:1+l.chance.IntN(2)]
	var id string
	l.act(ctx, func(ctx context.Context, requestID, operationContext string) error {
		resp, err := l.calls.CreateCall(ctx, &callgatev1.CreateCallRequest{
			Targets: targets, RequestId: requestID, OperationContext: operationContext, WaitTimeout: durationpb.New(300 * time.Millisecond),
		})
		id = resp.GetCallConnection().GetCallConnectionId()
		return err
	})
	if id == "" {
		return // it may ring, but nobody knows it
	}
	for range 1 + l.chance.IntN(3) {
		l.act(ctx, l.something(id))
	}
	l.act(ctx, func(ctx context.Context, requestID, _ string) error {
		_, err := l.calls.HangUpCall(ctx, &callgatev1.HangUpCallRequest{CallConnectionId: id, ForEveryone: l.chance.IntN(2) == 0, RequestId: requestID})
		return untold(err)
	})
}

// something is one of the things to do in a call.
func (l *life) something(id string) func(context.Context, string, string) error {
	wait := durationpb.New(200 * time.Millisecond)
	endings := []string{"carol", "0486", "0603", "0206"}
	guest := user(fmt.Sprint(l.number, endings[l.chance.IntN(len(endings))]))
	switch l.chance.IntN(6) {
	case 0:
		return func(ctx context.Context, requestID, operationContext string) error {
			_, err := l.participants.AddParticipant(ctx, &callgatev1.AddParticipantRequest{
				CallConnectionId: id, Participant: guest, RequestId: requestID, OperationContext: operationContext, WaitTimeout: wait,
			})
			return err
		}
	case 1:
		return func(ctx context.Context, requestID, operationContext string) error {
			_, err := l.participants.MuteParticipant(ctx, &callgatev1.MuteParticipantRequest{
				CallConnectionId: id, Participant: user("alice"), RequestId: requestID, OperationContext: operationContext,
			})
			return err
		}
	case 2:
		return func(ctx context.Context, requestID, operationContext string) error {
			_, err := l.calls.TransferCall(ctx, &callgatev1.TransferCallRequest{
				CallConnectionId: id, Target: guest, Transferee: user("alice"), RequestId: requestID, OperationContext: operationContext, WaitTimeout: wait,
			})
			return err
		}
	case 3:
		return func(ctx context.Context, requestID, operationContext string) error {
			_, err := l.media.PlayMedia(ctx, &callgatev1.PlayMediaRequest{
				CallConnectionId: id, RequestId: requestID, OperationContext: operationContext, WaitTimeout: wait,
				PlaySources: []*callgatev1.PlaySource{{Source: &callgatev1.PlaySource_Text{Text: &callgatev1.TextSource{Text: "Hello."}}}},
			})
			return err
		}
	case 4:
		return func(ctx context.Context, requestID, operationContext string) error {
			_, err := l.media.HoldParticipant(ctx, &callgatev1.HoldParticipantRequest{
				CallConnectionId: id, TargetParticipant: user("alice"), RequestId: requestID, OperationContext: operationContext, WaitTimeout: wait,
			})
			return err
		}
	default:
		return func(ctx context.Context, _, _ string) error {
			_, err := l.participants.ListParticipants(ctx, &callgatev1.ListParticipantsRequest{CallConnectionId: id})
			return untold(err)
		}
	}
}

// errUntold: it went well, but carried no operation context to find it by.
var errUntold = errors.New("carries no operation context")

func untold(err error) error {
	if err == nil {
		return errUntold
	}
	return err
}

// act does something, and again while the gateway says that it may be, as clients
// do; and even when it does not know whether it happened, as they should not.
func (l *life) act(ctx context.Context, do func(ctx context.Context, requestID, operationContext string) error) {
	l.number++
	requestID, operationContext := uuid.NewString(), fmt.Sprintf("seed %d action %d", l.seed, l.number)
	for range 3 {
		err := do(ctx, requestID, operationContext)
		switch status.Code(err) {
		case codes.OK:
			l.accepted[operationContext] = true
			return
		case codes.Unavailable, codes.ResourceExhausted, codes.Unknown:
		default:
			return
		}
	}
}

// user is an ACS user whose id ends in ending, which decides how it behaves.
func user(ending string) *callgatev1.CommunicationIdentifier {
	return &callgatev1.CommunicationIdentifier{Kind: &callgatev1.CommunicationIdentifier_CommunicationUserId{
		CommunicationUserId: "8:acs:11111111-0000-4000-8000-000000000001_00000001-aaaa-4000-8000-" + ending,
	}}
}
