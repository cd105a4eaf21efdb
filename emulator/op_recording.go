package emulator

import (
	"cmp"
	"net/http"

	"github.com/callgate/callgate/upstream"
)

// parseStartRecording reads POST /recordings.
func parseStartRecording(body []byte) (action, error) {
	req, err := decode[upstream.StartCallRecordingRequest](body)
	if err != nil {
		return nil, err
	}
	if (req.CallLocator == nil) == (req.CallConnectionID == "") {
		return nil, invalid("Exactly one of the callLocator and callConnectionId fields is required.")
	}
	if req.CallLocator != nil {
		if req.CallLocator.Kind == upstream.LocatorRoomCall {
			return nil, invalid("The callLocator field must not be a room.")
		}
		if err := checkLocator(req.CallLocator); err != nil {
			return nil, err
		}
	}
	if req.RecordingStateCallbackURI != "" {
		if err := checkCallbackURI("RecordingStateCallbackUri", req.RecordingStateCallbackURI); err != nil {
			return nil, err
		}
	}
	if err := checkRecording(req); err != nil {
		return nil, err
	}
	asked, err := identifyChannels(req)
	if err != nil {
		return nil, err
	}
	return func(x *exchange) (reply, error) { return x.startRecording(req, asked) }, nil
}

// startRecording records a call: 200 with the state "inactive", as captured, then
// RecordingStateChanged, or StartRecordingFailed.
func (x *exchange) startRecording(req *upstream.StartCallRecordingRequest, asked channels) (reply, error) {
	v, err := x.recorded(req)
	if err != nil {
		return reply{}, err
	}
	if len(v.recordings) >= maxRecordings {
		return reply{}, &apiError{http.StatusTooManyRequests, codeThrottled, "The call is recorded too often."}
	}
	r := v.newRecording(x, req, asked)
	r.start()
	return reply{status: http.StatusOK, conversation: v, body: func() any { return r.current() }}, nil
}

// recorded is the call that a request wants recorded, once it is answered.
func (x *exchange) recorded(req *upstream.StartCallRecordingRequest) (*conversation, error) {
	var v *conversation
	switch l := req.CallLocator; {
	case l == nil:
		if c := x.world.connections[req.CallConnectionID]; c != nil {
			v = c.conversation
		}
	case l.Kind == upstream.LocatorServerCall:
		v = x.world.conversations[l.ServerCallID]
	default:
		v = x.world.meetings[meeting{groupCallID: l.GroupCallID}]
	}
	switch {
	case v == nil:
		return nil, callNotFound()
	case !v.answered:
		return nil, notEstablished()
	}
	return v, nil
}

// recording is the one that the path names, until it is stopped.
func (x *exchange) recording() (*recording, error) {
	r, ok := x.world.recordings[x.route.recordingID]
	if !ok {
		return nil, recordingNotFound()
	}
	return r, nil
}

// getRecording is GET /recordings/{id}: 200.
func (x *exchange) getRecording() (reply, error) {
	r, err := x.recording()
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, conversation: r.conversation, body: func() any { return r.current() }}, nil
}

// changeRecording is POST /recordings/{id}:pause or :resume, 202, or DELETE
// /recordings/{id}, 204. RecordingStateChanged follows, and after the last
// RecordingFileStatusUpdated through Event Grid.
func changeRecording(status int, change func(*recording)) action {
	return func(x *exchange) (reply, error) {
		r, err := x.recording()
		if err != nil {
			return reply{}, err
		}
		x.hold(&r.outbox)
		change(r)
		return reply{status: status, conversation: r.conversation}, nil
	}
}

// recordingKinds are what a request asks for, or the service's defaults: the
// format follows from the rest.
func recordingKinds(req *upstream.StartCallRecordingRequest) (upstream.RecordingContentType, upstream.RecordingChannelType, upstream.RecordingFormatType) {
	content, layout := req.RecordingContentType, cmp.Or(req.RecordingChannelType, upstream.RecordingMixed)
	if content == "" {
		content = upstream.RecordingAudioVideo
		if layout == upstream.RecordingUnmixed || req.RecordingFormatType == upstream.RecordingWav || req.RecordingFormatType == upstream.RecordingMp3 {
			content = upstream.RecordingAudio
		}
	}
	usual := upstream.RecordingMp4
	if content == upstream.RecordingAudio {
		usual = upstream.RecordingWav
	}
	return content, layout, cmp.Or(req.RecordingFormatType, usual)
}

// checkRecording holds a request to the combinations that the service offers.
func checkRecording(req *upstream.StartCallRecordingRequest) error {
	content, layout, format := recordingKinds(req)
	offered := content == upstream.RecordingAudioVideo && layout == upstream.RecordingMixed && format == upstream.RecordingMp4 ||
		content == upstream.RecordingAudio && layout == upstream.RecordingMixed && (format == upstream.RecordingMp3 || format == upstream.RecordingWav) ||
		content == upstream.RecordingAudio && layout == upstream.RecordingUnmixed && format == upstream.RecordingWav
	if !offered {
		return invalid("The recordingContentType, recordingChannelType and recordingFormatType fields do not go together.")
	}
	if s := req.ExternalStorage; s != nil {
		switch {
		case s.RecordingStorageKind == upstream.StorageAzureBlob && isHTTPURL(s.RecordingDestinationContainerURL):
		case s.RecordingStorageKind == upstream.StorageAzureCommunicationServices:
		default:
			return invalid("The externalStorage field is not a kind of storage with what that needs.")
		}
	}
	return nil
}

// identifyChannels finds the channels that a request asks for.
func identifyChannels(req *upstream.StartCallRecordingRequest) (channels, error) {
	asked := channels{affinity: make(map[string]int, len(req.ChannelAffinity))}
	ids, err := identifyAll("audioChannelParticipantOrdering", req.AudioChannelParticipantOrdering)
	if err != nil {
		return channels{}, err
	}
	for _, id := range ids {
		asked.order = append(asked.order, id.RawID)
	}
	for _, a := range req.ChannelAffinity {
		id, err := identify("channelAffinity", a.Participant)
		if err != nil {
			return channels{}, err
		}
		if outside(a.Channel, 0, maxChannels-1) {
			return channels{}, invalid("The channel field must be between 0 and 4.")
		}
		if a.Channel != nil {
			asked.affinity[id.RawID] = int(*a.Channel)
		}
	}
	return asked, nil
}
