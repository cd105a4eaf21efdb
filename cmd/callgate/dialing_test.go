package main

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const dialingPolicy = `
dialing:
  allow: ["+1425", "+1900"]
  caller_ids: ["+18005550100"]
`

// TestDialing: whoever makes a phone ring may ring those numbers only, and be shown
// as those only, by whichever RPC.
func TestDialing(t *testing.T) {
	g := startGuarded(t, policyOf("one: {role: operator}", "free: {role: operator, dialing: {deny: [], allow: ['+1']}}")+dialingPolicy, "one", "free")
	call := g.createAs(t, "one", user("8:acs:res_a"), user("8:acs:res_b")).GetReceipt().GetCallConnectionId()
	const shown = "+18005550100"
	forms := map[string]func(number string) *callgatev1.CommunicationIdentifier{
		"a number": phone,
		"a raw id": func(number string) *callgatev1.CommunicationIdentifier {
			return &callgatev1.CommunicationIdentifier{RawId: "4:" + number}
		},
		"a number behind a harmless raw id": func(number string) *callgatev1.CommunicationIdentifier {
			id := phone(number)
			id.RawId = "8:acs:res_x"
			return id
		},
		"a harmless number before a raw id": func(number string) *callgatev1.CommunicationIdentifier {
			id := phone("+14255550123")
			id.RawId = "4:" + number
			return id
		},
	}
	type calling func(whom *callgatev1.CommunicationIdentifier, as string) proto.Message
	rpcs := map[string]struct {
		req   calling
		field string
	}{
		"CallControl/CreateCall": {func(whom *callgatev1.CommunicationIdentifier, as string) proto.Message {
			return &callgatev1.CreateCallRequest{Targets: []*callgatev1.CommunicationIdentifier{user("8:acs:res_a"), whom}, SourceCallerIdNumber: as}
		}, "targets[1]"},
		"CallControl/TransferCall": {func(whom *callgatev1.CommunicationIdentifier, as string) proto.Message {
			return &callgatev1.TransferCallRequest{CallConnectionId: call, Target: whom, Transferee: user("8:acs:res_a"), SourceCallerIdNumber: as}
		}, "target"},
		"Participants/AddParticipant": {func(whom *callgatev1.CommunicationIdentifier, as string) proto.Message {
			return &callgatev1.AddParticipantRequest{CallConnectionId: call, Participant: whom, SourceCallerIdNumber: as}
		}, "participant"},
		"CallControl/RedirectCall": {func(whom *callgatev1.CommunicationIdentifier, _ string) proto.Message {
			return &callgatev1.RedirectCallRequest{IncomingCallContext: "x", Target: whom}
		}, "target"},
	}
	for _, transport := range transports {
		for rpc, r := range rpcs {
			refuse := func(name string, req proto.Message, field string) {
				t.Run(transport.name+" "+rpc+" "+name, func(t *testing.T) {
					err := transport.call(as(t.Context(), "one"), g, rpc, req, responseOf(t, rpc))
					wantCode(t, err, codes.PermissionDenied)
					wantReason(t, err, "NUMBER_NOT_ALLOWED")
					if got := errorInfo(err).GetMetadata()["field"]; got != field {
						t.Errorf("field %q, want %q", got, field)
					}
				})
			}
			for form, of := range forms {
				refuse("another country as "+form, r.req(of("+442079460123"), shown), r.field)
			}
			refuse("premium rate", r.req(phone("+19005550123"), shown), r.field)
			if rpc != "CallControl/RedirectCall" {
				refuse("another caller id", r.req(phone("+14255550123"), "+18005550199"), "source_caller_id_number")
			}
		}
		for name, req := range map[string]*callgatev1.CreateCallRequest{
			"one":  {Targets: []*callgatev1.CommunicationIdentifier{phone("+14255550123")}, SourceCallerIdNumber: shown},
			"free": {Targets: []*callgatev1.CommunicationIdentifier{phone("+19005550123")}, SourceCallerIdNumber: shown},
		} {
			if err := transport.call(as(t.Context(), name), g, "CallControl/CreateCall", req, &callgatev1.CreateCallResponse{}); err != nil {
				t.Errorf("%s: what is allowed: %v", name, err)
			}
		}
	}
}

// TestCallsPerMinute: each phone that is called counts, whichever RPC calls it; an
// answer that is only given again does not.
func TestCallsPerMinute(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport.name, func(t *testing.T) {
			g := startGuarded(t, policyOf("one: {role: operator}", "other: {role: operator}")+"dialing: {calls_per_minute: 3}\n", "one", "other")
			create := func(name, requestID string, targets ...*callgatev1.CommunicationIdentifier) error {
				return transport.call(as(t.Context(), name), g, "CallControl/CreateCall", &callgatev1.CreateCallRequest{
					Targets: targets, SourceCallerIdNumber: "+18005550100", RequestId: requestID,
				}, &callgatev1.CreateCallResponse{})
			}
			const id = "9c5f8b0e-6a0c-4d0a-9a7b-0f6d1a2b3c4d"
			for range 3 { // the first only dials
				wantCode(t, create("one", id, phone("+14255550123"), phone("+14255550124")), codes.OK)
			}
			wantCode(t, create("one", "", user("8:acs:res_a")), codes.OK)
			err := create("one", "", phone("+14255550123"), phone("+14255550124"))
			wantCode(t, err, codes.ResourceExhausted)
			wantReason(t, err, "CALL_RATE_EXCEEDED")
			if wait := retryDelay(err); wait <= 0 || wait > 40 {
				t.Errorf("told to wait %v s", wait)
			}
			wantCode(t, create("one", "", phone("+14255550123")), codes.OK)
			wantCode(t, create("other", "", phone("+14255550123")), codes.OK)
			err = create("other", "", phone("+14255550123"), phone("+14255550124"), phone("+14255550125"), phone("+14255550126"))
			wantReason(t, err, "CALL_RATE_EXCEEDED")
			if retryDelay(err) != 0 {
				t.Error("told to wait for what will never be")
			}
			// A name under which nothing was sent is good for another try.
			const again = "0d2a4f1e-7b1c-4e3d-8c5f-1a2b3c4d5e6f"
			wantReason(t, create("one", again, phone("+14255550123")), "CALL_RATE_EXCEEDED")
			wantReason(t, create("one", again, phone("+14255550123")), "CALL_RATE_EXCEEDED")
		})
	}
}

// TestConcurrentCalls: a service has so many open; one that ends, by whomever, is
// free for another.
func TestConcurrentCalls(t *testing.T) {
	g := startGuarded(t, policyOf(
		"till: {role: operator, service: shop, dialing: {concurrent_calls: 2}}",
		"stock: {role: operator, service: shop, dialing: {concurrent_calls: 2}}",
		"other: {role: operator, dialing: {concurrent_calls: 1}}",
	), "till", "stock", "other")
	create := func(name, target string) (string, error) {
		resp, err := callgatev1.NewCallControlClient(g.conn).CreateCall(as(t.Context(), name), &callgatev1.CreateCallRequest{
			Targets: []*callgatev1.CommunicationIdentifier{user(target)},
		})
		return resp.GetReceipt().GetCallConnectionId(), err
	}
	first, err := create("till", "8:acs:res_a")
	wantCode(t, err, codes.OK)
	_, err = create("stock", "8:acs:res_b0486") // busy: its end frees its place
	wantCode(t, err, codes.OK)
	_, err = create("other", "8:acs:res_a")
	wantCode(t, err, codes.OK)
	waitUntil(t, "the busy one's place is free", func() bool { _, err = create("till", "8:acs:res_c"); return err == nil })
	_, err = create("stock", "8:acs:res_d")
	wantCode(t, err, codes.ResourceExhausted)
	wantReason(t, err, "TOO_MANY_CALLS")
	if retryDelay(err) == 0 {
		t.Error("not told to wait")
	}
	g.hangUpAs(t, "stock", first)
	waitUntil(t, "the place of the call that was hung up is free", func() bool { _, err = create("stock", "8:acs:res_d"); return err == nil })

	t.Run("whose end nobody tells", func(t *testing.T) {
		silent := &callgatev1.CreateCallRequest{
			Targets: []*callgatev1.CommunicationIdentifier{user("8:acs:res_a")}, CallbackUri: "http://127.0.0.1:1/elsewhere",
		}
		g := startGuarded(t, policyOf("one: {role: operator, dialing: {concurrent_calls: 1}}"), "one")
		control := callgatev1.NewCallControlClient(g.conn)
		created, err := control.CreateCall(as(t.Context(), "one"), silent)
		wantCode(t, err, codes.OK)
		_, err = control.CreateCall(as(t.Context(), "one"), silent)
		wantReason(t, err, "TOO_MANY_CALLS")
		_, err = control.HangUpCall(as(t.Context(), "one"), &callgatev1.HangUpCallRequest{CallConnectionId: created.GetReceipt().GetCallConnectionId()})
		wantCode(t, err, codes.OK)
		waitUntil(t, "its place is free", func() bool {
			_, err = control.CreateCall(as(t.Context(), "one"), silent)
			return err == nil
		})
	})
}
