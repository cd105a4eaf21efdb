package emulator

import (
	"net/http"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
)

// maxReceived requests are remembered; beyond, the oldest are forgotten.
const maxReceived = 2048

// receivedRequests remembers what reached the REST API, for assertions. The
// entries are changed while their requests are carried out.
type receivedRequests struct {
	ring [maxReceived]*emulatorv1.ReceivedRequest
	last uint32 // number of the newest
}

// add remembers a request that has just been read.
func (l *receivedRequests) add(r *http.Request, at time.Time, body []byte) *emulatorv1.ReceivedRequest {
	l.last++
	received := &emulatorv1.ReceivedRequest{
		Number: l.last, ReceiveTime: timestamppb.New(at), Method: r.Method, Target: strings.ToValidUTF8(r.RequestURI, "\uFFFD"),
		Headers: headersOfInterest(r.Header), Body: strings.ToValidUTF8(string(body), "\uFFFD"),
		Effect: emulatorv1.Effect_EFFECT_NONE,
	}
	l.ring[l.last%maxReceived] = received
	return received
}

// receive remembers x for ListReceivedRequests, whatever becomes of it.
func (x *exchange) receive(body []byte) {
	r := x.request
	x.route, _ = parseRoute(r.Method, r.URL.EscapedPath(), "") // carryOut says what is wrong with it
	x.world.mu.Lock()
	defer x.world.mu.Unlock()
	x.received = x.world.received.add(r, x.world.emulator.options.Now(), body)
	x.received.Operation = x.route.operation
	x.received.CallConnectionId = strings.ToValidUTF8(x.route.callConnectionID, "\uFFFD")
}

// answered notes the status before it goes out: whoever has the answer finds it.
func (x *exchange) answered(status int) {
	x.world.mu.Lock()
	defer x.world.mu.Unlock()
	x.received.Status = int32(status)
}

// list is a copy of what is remembered and wanted, oldest first.
func (l *receivedRequests) list(req *emulatorv1.ListReceivedRequestsRequest) *emulatorv1.ListReceivedRequestsResponse {
	resp := &emulatorv1.ListReceivedRequestsResponse{}
	if l.last > maxReceived {
		resp.Forgotten = l.last - maxReceived
	}
	for n := max(resp.GetForgotten(), req.GetAfterNumber()) + 1; n <= l.last; n++ {
		received := l.ring[n%maxReceived]
		if id := req.GetCallConnectionId(); id != "" && id != received.GetCallConnectionId() {
			continue
		}
		if operation := req.GetOperation(); operation != "" && operation != received.GetOperation() {
			continue
		}
		resp.Requests = append(resp.Requests, proto.CloneOf(received))
		if req.GetLimit() > 0 && len(resp.GetRequests()) == int(req.GetLimit()) {
			break
		}
	}
	return resp
}

// headersOfInterest are those that say what a client meant; never its signature.
func headersOfInterest(h http.Header) map[string]string {
	found := make(map[string]string)
	for _, name := range [...]string{
		"Accept", "Content-Type", "Range", "User-Agent", "X-Ms-Client-Request-Id", "X-Ms-Date", "X-Ms-Host",
		"Repeatability-Request-Id", "Repeatability-First-Sent",
	} {
		if value := h.Get(name); value != "" {
			found[strings.ToLower(name)] = strings.ToValidUTF8(value, "\uFFFD")
		}
	}
	return found
}
