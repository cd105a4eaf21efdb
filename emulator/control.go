package emulator

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
	"github.com/callgate/callgate/upstream"
)

const (
	maxPressed      = 64  // keys at once
	usualConfidence = 0.9 // in what was understood
)

// control serves the control API, as gRPC and as REST.
type control struct {
	emulatorv1.UnsafeEmulatorServer
	emulator *Emulator
	grpc     *grpc.Server
	rest     http.Handler
}

func newControl(e *Emulator) (*control, error) {
	c := &control{emulator: e, grpc: grpc.NewServer()}
	emulatorv1.RegisterEmulatorServer(c.grpc, c)
	reflection.Register(c.grpc)
	mux := runtime.NewServeMux()
	c.rest = mux
	return c, emulatorv1.RegisterEmulatorHandlerServer(context.Background(), mux, c)
}

// inWorld runs f with the world locked.
func (c *control) inWorld(f func(*world) error) error {
	w := c.emulator.currentWorld()
	if w == nil {
		return status.Error(codes.Unavailable, "the emulator is closed")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return f(w)
}

// PlaceIncomingCall implements emulatorv1.EmulatorServer.
func (c *control) PlaceIncomingCall(_ context.Context, req *emulatorv1.PlaceIncomingCallRequest) (*emulatorv1.PlaceIncomingCallResponse, error) {
	from, err := controlIdentifier("from", req.GetFrom())
	if err != nil {
		return nil, err
	}
	to, err := controlIdentifier("to", req.GetTo())
	if err != nil {
		return nil, err
	}
	var headers *customHeaders
	if len(req.GetSipHeaders())+len(req.GetVoipHeaders()) > 0 {
		headers = newCustomHeaders(req.GetSipHeaders(), req.GetVoipHeaders())
	}
	resp := &emulatorv1.PlaceIncomingCallResponse{}
	err = c.inWorld(func(w *world) error {
		in := w.placeIncomingCall(from, to, req.GetCallerDisplayName(), headers)
		resp.ServerCallId = in.conversation.serverCallID
		resp.CorrelationId = in.conversation.correlationID
		resp.IncomingCallContext = in.context
		return nil
	})
	return resp, err
}

// HangUpParticipant implements emulatorv1.EmulatorServer.
func (c *control) HangUpParticipant(_ context.Context, req *emulatorv1.HangUpParticipantRequest) (*emulatorv1.HangUpParticipantResponse, error) {
	err := c.inWorld(func(w *world) error {
		v, p, err := w.remoteParty(req)
		if err != nil {
			return err
		}
		result := hungUp(p.id.RawID)
		if !v.answered {
			result = cancelledByCaller()
		}
		v.leaves(p, result)
		return nil
	})
	return &emulatorv1.HangUpParticipantResponse{}, err
}

// PressTones implements emulatorv1.EmulatorServer.
func (c *control) PressTones(_ context.Context, req *emulatorv1.PressTonesRequest) (*emulatorv1.PressTonesResponse, error) {
	var tones []upstream.Tone
	for _, key := range req.GetTones() {
		tone, known := toneOf(key)
		if !known {
			return nil, status.Error(codes.InvalidArgument, "tones holds a character that is not one of "+keys)
		}
		tones = append(tones, tone)
	}
	if len(tones) == 0 || len(tones) > maxPressed {
		return nil, status.Errorf(codes.InvalidArgument, "tones is not between 1 and %d keys", maxPressed)
	}
	resp := &emulatorv1.PressTonesResponse{}
	err := c.inWorld(func(w *world) error {
		v, p, err := w.remoteParty(req)
		if err != nil {
			return err
		}
		for _, tone := range tones {
			resp.Heard += v.press(p, tone)
		}
		return nil
	})
	return resp, err
}

// Speak implements emulatorv1.EmulatorServer.
func (c *control) Speak(_ context.Context, req *emulatorv1.SpeakRequest) (*emulatorv1.SpeakResponse, error) {
	text, confidence := strings.TrimSpace(req.GetText()), cmp.Or(req.GetConfidence(), usualConfidence)
	if text == "" || utf8.RuneCountInString(text) > maxSpokenText {
		return nil, status.Errorf(codes.InvalidArgument, "text is empty or longer than %d characters", maxSpokenText)
	}
	if !(confidence >= 0 && confidence <= 1) {
		return nil, status.Error(codes.InvalidArgument, "confidence is not between 0 and 1")
	}
	resp := &emulatorv1.SpeakResponse{}
	err := c.inWorld(func(w *world) error {
		v, p, err := w.remoteParty(req)
		if err != nil {
			return err
		}
		resp.Heard = v.speak(p, text, confidence)
		return nil
	})
	return resp, err
}

// whose names a party of a call.
type whose interface {
	GetCallConnectionId() string
	GetServerCallId() string
	GetRawId() string
}

// remoteParty is the party that a request of the control API names.
func (w *world) remoteParty(req whose) (*conversation, *party, error) {
	v := w.conversations[req.GetServerCallId()]
	if connection := w.connections[req.GetCallConnectionId()]; connection != nil {
		v = connection.conversation
	}
	if v == nil {
		return nil, nil, status.Error(codes.NotFound, "there is no such call")
	}
	if req.GetRawId() == "" {
		remote := slices.DeleteFunc(slices.Clone(v.parties), func(p *party) bool { return p.application != nil })
		if len(remote) != 1 {
			return nil, nil, status.Error(codes.InvalidArgument, "raw_id is needed where there is not exactly one remote party")
		}
		return v, remote[0], nil
	}
	p := v.find(req.GetRawId())
	if p == nil {
		return nil, nil, status.Error(codes.NotFound, "there is no such party in the call")
	}
	return v, p, nil
}

// ListCalls implements emulatorv1.EmulatorServer.
func (c *control) ListCalls(context.Context, *emulatorv1.ListCallsRequest) (*emulatorv1.ListCallsResponse, error) {
	resp := &emulatorv1.ListCallsResponse{}
	err := c.inWorld(func(w *world) error {
		calls := make([]*conversation, 0, len(w.conversations))
		for _, v := range w.conversations {
			calls = append(calls, v)
		}
		slices.SortFunc(calls, func(a, b *conversation) int { return cmp.Compare(a.number, b.number) })
		for _, v := range calls {
			resp.Calls = append(resp.Calls, v.listed())
		}
		return nil
	})
	return resp, err
}

func (v *conversation) listed() *emulatorv1.Call {
	call := &emulatorv1.Call{ServerCallId: v.serverCallID, CorrelationId: v.correlationID, State: "ringing"}
	if v.answered {
		call.State = "connected"
	}
	for _, p := range v.parties {
		call.Participants = append(call.Participants, p.id.RawID)
	}
	for _, c := range v.connections {
		call.CallConnectionIds = append(call.CallConnectionIds, c.id)
	}
	return call
}

// ListReceivedRequests implements emulatorv1.EmulatorServer.
func (c *control) ListReceivedRequests(_ context.Context, req *emulatorv1.ListReceivedRequestsRequest) (resp *emulatorv1.ListReceivedRequestsResponse, err error) {
	err = c.inWorld(func(w *world) error {
		resp = w.received.list(req)
		return nil
	})
	return resp, err
}

// InjectFault implements emulatorv1.EmulatorServer.
func (c *control) InjectFault(_ context.Context, req *emulatorv1.InjectFaultRequest) (*emulatorv1.InjectFaultResponse, error) {
	if err := checkFault(req.GetFault()); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	resp := &emulatorv1.InjectFaultResponse{}
	err := c.inWorld(func(w *world) (err error) {
		if resp.FaultId, err = w.faults.inject(proto.CloneOf(req.GetFault()), c.emulator.options.Seed); err != nil {
			return status.Error(codes.ResourceExhausted, err.Error())
		}
		return nil
	})
	return resp, err
}

// ClearFaults implements emulatorv1.EmulatorServer.
func (c *control) ClearFaults(context.Context, *emulatorv1.ClearFaultsRequest) (*emulatorv1.ClearFaultsResponse, error) {
	resp := &emulatorv1.ClearFaultsResponse{}
	err := c.inWorld(func(w *world) error {
		resp.Strikes = w.faults.clear()
		return nil
	})
	return resp, err
}

// Reset implements emulatorv1.EmulatorServer.
func (c *control) Reset(context.Context, *emulatorv1.ResetRequest) (*emulatorv1.ResetResponse, error) {
	c.emulator.Reset()
	return &emulatorv1.ResetResponse{}, nil
}

// controlIdentifier reads a raw id or an E.164 number.
func controlIdentifier(field, text string) (identifier, error) {
	if isE164(text) {
		text = "4:" + text
	}
	id := identifierOf(text)
	if id.Kind == upstream.KindUnknown || id.PhoneNumber != nil && id.RawID != "4:anonymous" && !isE164(id.PhoneNumber.Value) {
		return identifier{}, status.Errorf(codes.InvalidArgument, "%s is neither a raw id nor an E.164 number", field)
	}
	return id, nil
}
