package emulator

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
)

// maxBody of a request. Answering needs more than 8 kB, for the context alone.
const maxBody = 64 << 10

// exchange is one request to the REST API while it is carried out.
type exchange struct {
	world   *world
	request *http.Request
	control *http.ResponseController
	route   route
	version string // the api-version asked for
	base    string // URL under which the client reached us
	held    []heldOutbox

	received *emulatorv1.ReceivedRequest // guarded by the world's lock
}

// reply is the answer to an operation that was carried out.
type reply struct {
	status int
	// body is asked for once for each answer: a repeated request gets the state of
	// that moment. Nil: no body.
	body         func() any
	conversation *conversation // whose correlation id is the chain id
}

// action carries out a request that was found valid, with the world's lock held.
type action func(*exchange) (reply, error)

// heldOutbox is an outbox as it was when the request came.
type heldOutbox struct {
	*outbox
	queuedBefore uint64
}

// hold keeps events back until the response is out. The service promises no such
// thing; a client that relies on it breaks when that is turned off.
func (x *exchange) hold(o *outbox) {
	o.held++
	x.held = append(x.held, heldOutbox{o, o.queued})
}

// release lets the events go.
func (x *exchange) release() {
	x.world.mu.Lock()
	defer x.world.mu.Unlock()
	for _, o := range x.held {
		o.held--
		o.startDelivery()
	}
	x.held = nil
}

// serveAPI answers one request to the REST API.
func (e *Emulator) serveAPI(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Cache", "CONFIG_NOCACHE")
	h.Set("X-Azure-Ref", newAzureRef())
	h.Set("X-Microsoft-Skype-Chain-ID", uuid.NewString())
	if id := r.Header.Get("x-ms-client-request-id"); id != "" {
		h.Set("x-ms-client-request-id", id)
	}
	x := &exchange{world: e.currentWorld(), request: r, control: http.NewResponseController(w), base: e.baseURL(r)}
	if x.world == nil {
		e.refuse(w, &apiError{http.StatusServiceUnavailable, codeUnavailable, "The emulator is closed."})
		return
	}
	defer x.release()
	status, body, err := e.carryOut(x, h)
	if errors.Is(err, errCutOff) {
		cutOff(w)
		return
	}
	if err != nil {
		x.answered(asAPIError(err).status)
		e.refuse(w, err)
		return
	}
	x.answered(status)
	if body == nil {
		w.WriteHeader(status)
	} else {
		h.Set("Content-Type", "application/json; charset=utf-8")
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body) // the client is gone: the call goes on without it
	}
	_ = x.control.Flush() // so that no event overtakes it
}

// carryOut checks and performs a request. Everything that a request can cause
// happens in here, once.
func (e *Emulator) carryOut(x *exchange, h http.Header) (status int, body []byte, err error) {
	r := x.request
	content, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err == nil {
		_ = x.control.SetReadDeadline(time.Time{}) // the server's time for reading: a fault may take longer
	}
	x.receive(content)
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return 0, nil, &apiError{http.StatusRequestEntityTooLarge, codeTooLarge, "The request body is too large."}
	} else if err != nil {
		return 0, nil, invalid("The request body could not be read.")
	}
	if err := (verifier{e.accessKey, e.options.AllowBearer, e.options.Now}).verify(r, content); err != nil {
		return 0, nil, err
	}
	uri := x.base + r.URL.RequestURI()
	x.version = r.URL.Query().Get("api-version")
	if !knownVersion(x.version) {
		return 0, nil, noSuchResource(uri)
	}
	if x.route, err = parseRoute(r.Method, r.URL.EscapedPath(), uri); err != nil {
		return 0, nil, err
	}
	act, repeatable, err := parseRequest(x.route, content)
	if err != nil {
		return 0, nil, err
	}
	repeatID := ""
	if repeatable {
		if repeatID, err = repeatability(r.Header); err != nil {
			return 0, nil, err
		}
	}
	faults := x.misfortune()
	if err := faults.before(x, h); err != nil {
		return 0, nil, err
	}
	done, state, err := x.once(repeatID, sha256.Sum256([]byte(r.Method+" "+r.URL.RequestURI()+"\n"+string(content))), act, h)
	if err != nil {
		return 0, nil, err
	}
	if err := faults.after(x); err != nil {
		return 0, nil, err
	}
	if repeatID != "" {
		h.Set("Repeatability-Result", "accepted")
	}
	if state == nil {
		return done.status, nil, nil
	}
	body, err = json.Marshal(state)
	return done.status, body, err
}

// once performs act, unless a request with the same repeatability id was carried
// out before. Failures are not remembered: they changed nothing.
func (x *exchange) once(repeatID string, request [sha256.Size]byte, act action, h http.Header) (done reply, state any, err error) {
	w, now := x.world, x.world.emulator.options.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	repeated := false
	if repeatID != "" {
		if done, repeated, err = w.repeats.find(repeatID, request, now); err != nil {
			return reply{}, nil, err
		}
	}
	if repeated {
		x.received.Effect = emulatorv1.Effect_EFFECT_REPEATED
	} else {
		if done, err = act(x); err != nil {
			return reply{}, nil, err
		}
		x.received.Effect = emulatorv1.Effect_EFFECT_PERFORMED
		if repeatID != "" {
			w.repeats.add(repeatID, request, now, done)
		}
		h.Set("X-Microsoft-Skype-Chain-ID", done.conversation.correlationID)
	}
	if done.body != nil {
		state = done.body()
	}
	return done, state, nil
}

func (e *Emulator) refuse(w http.ResponseWriter, err error) {
	refused := asAPIError(err)
	if refused.status == http.StatusInternalServerError {
		e.log.Error("emulator failed", "error", err)
	}
	writeJSON(w, refused.status, refused.body())
}

// knownVersion tells the api-versions that were generally available.
func knownVersion(version string) bool {
	switch version {
	case "2023-03-06", "2023-10-15", "2024-04-15", "2024-09-15", "2025-05-15", "2026-03-12":
		return true
	}
	return false
}

func newAzureRef() string {
	ref := make([]byte, 24)
	_, _ = rand.Read(ref) // never fails
	return base64.StdEncoding.EncodeToString(ref)
}

// parseRequest finds what a request wants done, and whether it may be repeated.
func parseRequest(r route, body []byte) (act action, repeatable bool, err error) {
	switch r.operation {
	case "createCall":
		act, err = parseCreateCall(body)
	case "answerCall":
		act, err = parseAnswerCall(body)
	case "redirectCall":
		act, err = parseRedirectCall(body)
	case "rejectCall":
		act, err = parseRejectCall(body)
	case "connect":
		act, err = parseConnect(body)
	case "terminateCall":
		act = (*exchange).terminateCall
	case "transferToParticipant":
		act, err = parseTransfer(body)
	case "addParticipant":
		act, err = parseAddParticipant(body)
	case "removeParticipant":
		act, err = parseRemoveParticipant(body)
	case "mute":
		act, err = parseMute(body)
	case "cancelAddParticipant":
		act, err = parseCancelAddParticipant(body)
	case "moveParticipants":
		act, err = parseMoveParticipants(body)
	case "sendDtmfTones":
		act, err = parseSendTones(body)
	case "startRecording":
		act, err = parseStartRecording(body)
	default:
		act, err = parseOnce(r, body)
		return act, false, err
	}
	return act, true, err
}

// parseOnce is parseRequest for the operations that may not be repeated.
func parseOnce(r route, body []byte) (action, error) {
	switch r.operation {
	case "getCall":
		return (*exchange).getCall, nil
	case "hangupCall":
		return (*exchange).hangUpCall, nil
	case "getParticipants":
		return (*exchange).getParticipants, nil
	case "getParticipant":
		return (*exchange).getParticipant, nil
	case "getRecordingProperties":
		return (*exchange).getRecording, nil
	case "pauseRecording":
		return changeRecording(http.StatusAccepted, (*recording).pause), nil
	case "resumeRecording":
		return changeRecording(http.StatusAccepted, (*recording).resume), nil
	case "stopRecording":
		return changeRecording(http.StatusNoContent, func(r *recording) { r.stop(sessionEnded) }), nil
	}
	return parseMedia(r, body)
}

// parseMedia is parseRequest for what is done with the media of a call.
func parseMedia(r route, body []byte) (action, error) {
	switch r.operation {
	case "play":
		return parsePlay(body)
	case "recognize":
		return parseRecognize(body)
	case "cancelAllMediaOperations":
		return (*exchange).cancelAllMediaOperations, nil
	case "startContinuousDtmfRecognition":
		return parseContinuousTones(body, (*exchange).startTones)
	case "stopContinuousDtmfRecognition":
		return parseContinuousTones(body, (*exchange).stopTones)
	case "hold":
		return parseHold(body)
	case "unhold":
		return parseUnhold(body)
	case "startTranscription":
		return parseTranscription(body, (*exchange).startTranscription)
	case "stopTranscription":
		return parseTranscription(body, (*exchange).stopTranscription)
	case "updateTranscription":
		return parseTranscription(body, (*exchange).updateTranscription)
	case "startMediaStreaming":
		return parseStreaming(body, (*exchange).startStreaming)
	case "stopMediaStreaming":
		return parseStreaming(body, (*exchange).stopStreaming)
	}
	return nil, &apiError{http.StatusNotFound, codeNoSuchResource, "There is no such operation."}
}
