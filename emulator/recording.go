package emulator

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/callgate/callgate/upstream"
)

const (
	// maxRecordings of one call, and maxPauses of one recording that its metadata
	// tells of. The service's bounds are not known.
	maxRecordings = 100
	maxPauses     = 1024

	recorderStarts = 100 * time.Millisecond // until it records
	fileReady      = time.Second            // after the recording; the service's takes minutes
)

// endReason is why a recording ended, in Event Grid's words.
type endReason string

const (
	callEnded    endReason = "CallEnded"
	sessionEnded endReason = "SessionEnded" // stopped; the service's word for it is not known
)

// recording is one recording of a call until it is stopped. Its outbox is the
// recorder's own, which has a call connection id of its own.
type recording struct {
	outbox
	conversation *conversation
	recordingID  string
	documentID   string
	version      string // api-version it was started with; its events carry it
	base         string // URL under which the application reached us
	callbackURI  string // for its state; empty: nobody wants it
	request      *upstream.StartCallRecordingRequest

	state     upstream.RecordingState
	paused    bool
	starting  *timer
	startedAt time.Time // zero until it first records
	since     time.Time // of the agenda: of the stretch or the pause that lasts
	recorded  time.Duration
	pausedAt  string // of the pause that lasts; empty: none
	pauses    []pauseInterval
	heard     []string // raw ids, in order of joining
	channels  channels
}

// pauseInterval is one pause, in a recording's metadata.
type pauseInterval struct {
	StartTime string  `json:"startTime"`
	Duration  float64 `json:"duration"` // milliseconds
}

// newRecording is a recording that has not begun to record.
func (v *conversation) newRecording(x *exchange, req *upstream.StartCallRecordingRequest, asked channels) *recording {
	recorder := uuid.NewString()
	r := &recording{
		outbox: outbox{world: v.world, id: recorder}, conversation: v, recordingID: newRecordingID(recorder), documentID: newDocumentID(),
		version: x.version, base: x.base, callbackURI: req.RecordingStateCallbackURI, request: req,
		state: upstream.RecordingInactive, paused: isTrue(req.PauseOnStart), channels: asked,
	}
	for _, p := range v.parties {
		r.hears(p)
	}
	v.recordings = append(v.recordings, r)
	v.world.recordings[r.recordingID] = r
	x.hold(&r.outbox)
	return r
}

// newRecordingID is base64url of JSON, as the service's are. The recorder's call
// connection id is in it.
func newRecordingID(recorder string) string {
	id, _ := json.Marshal(struct { // strings never fail
		PlatformEndpointID string `json:"PlatformEndpointId"`
		ResourceSpecificID string `json:"ResourceSpecificId"`
	}{recorder, uuid.NewString()})
	return base64.RawURLEncoding.EncodeToString(id)
}

// start tells the state before the first one, as captured, and then records.
func (r *recording) start() {
	if storage := r.request.ExternalStorage; storage != nil && unreachable(storage.RecordingDestinationContainerURL) {
		r.world.after(recorderStarts, r.fail)
		return
	}
	r.emitState()
	if !r.paused {
		r.starting = r.world.after(recorderStarts, r.record)
	}
}

func (r *recording) record() {
	if r.startedAt.IsZero() {
		r.startedAt = r.world.emulator.options.Now()
	}
	r.endPause()
	r.state, r.since = upstream.RecordingActive, r.world.moment()
	r.emitState()
}

// pause changes nothing where it does not record, but then it does not begin to.
func (r *recording) pause() {
	r.paused = true
	r.starting.stop()
	if r.state != upstream.RecordingActive {
		return
	}
	r.rest()
	r.pausedAt, r.since = formatTime(r.world.emulator.options.Now(), gridEventTime), r.world.moment()
	r.emitState()
}

// resume changes nothing where it records, or is about to.
func (r *recording) resume() {
	if r.paused {
		r.paused = false
		r.record()
	}
}

// rest is the end of a stretch of recording.
func (r *recording) rest() {
	r.recorded += r.world.since(r.since)
	r.state = upstream.RecordingInactive
}

func (r *recording) endPause() {
	if r.pausedAt != "" && len(r.pauses) < maxPauses {
		r.pauses = append(r.pauses, pauseInterval{StartTime: r.pausedAt, Duration: milliseconds(r.world.since(r.since))})
	}
	r.pausedAt = ""
}

// stop ends the recording. Its file is announced a moment later.
func (r *recording) stop(reason endReason) {
	r.endPause()
	if r.state == upstream.RecordingActive {
		r.rest()
		r.emitState()
	}
	r.gone()
	file := r.file(reason)
	r.world.after(fileReady, func() {
		r.world.files.add(file)
		r.world.raise("RecordingFileStatusUpdated", file.subject, file.status)
	})
}

// fail is stop for a recording that could not be started. There is no file.
func (r *recording) fail() {
	if r.closed {
		return
	}
	source := "calling/callConnections/" + r.id
	r.post("StartRecordingFailed", source, eventData{
		RecordingID: r.recordingID, Version: r.version, ResultInformation: mediaRefused().information(),
		callReference: r.conversation.reference(r.id, "StartRecordingFailed"),
	})
	r.gone()
}

func (r *recording) gone() {
	r.starting.stop()
	r.closed = true
	delete(r.world.recordings, r.recordingID)
	r.conversation.recordings = slices.DeleteFunc(r.conversation.recordings, func(other *recording) bool { return other == r })
}

// recordingStateData is the data of RecordingStateChanged. Like
// ParticipantsUpdated it has no operation context.
type recordingStateData struct {
	RecordingID       string                  `json:"recordingId"`
	State             upstream.RecordingState `json:"state"`
	StartDateTime     string                  `json:"startDateTime"`
	RecordingKind     upstream.RecordingKind  `json:"recordingKind"`
	ResultInformation *resultInformation      `json:"resultInformation"`
	Version           string                  `json:"version"`
	callReference
}

// emitState has the year 1 for the time at which nothing was recorded yet.
func (r *recording) emitState() {
	const name = "RecordingStateChanged"
	source := "calling/recordings/" + r.conversation.serverCallID + "/" + r.recordingID + "/" + name
	r.post(name, source, recordingStateData{
		RecordingID: r.recordingID, State: r.state, StartDateTime: formatTime(r.startedAt, eventTime),
		RecordingKind: upstream.RecordingKindACS, ResultInformation: succeeded().information(), Version: r.version,
		callReference: r.conversation.reference(r.id, name),
	})
}

// post tells whoever asked for the state of the recording.
func (r *recording) post(name, source string, data any) {
	if r.callbackURI != "" {
		r.postFrom(source, name, r.callbackURI, data)
	}
}

// current is r as responses show it.
func (r *recording) current() upstream.RecordingStateResponse {
	return upstream.RecordingStateResponse{
		RecordingID: r.recordingID, RecordingState: r.state, RecordingKind: upstream.RecordingKindACS,
	}
}
