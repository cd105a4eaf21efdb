package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	apiPrefix           = "/calling/"
	callConnectionsPath = "/calling/callConnections"
	recordingsPath      = "/calling/recordings"

	// Not operations of the contract: what may be done with the file of a recording.
	downloadRecording = "downloadRecording"
	deleteRecording   = "deleteRecording"
)

// route is what a request asks for, by the contract's name for the operation.
type route struct {
	operation        string
	callConnectionID string
	rawID            string // of getParticipant
	recordingID      string
	documentID       string // of a recording's file
	part             string // of the file
}

// operations are the contract's names of all that a route can ask for, and the
// two for files.
func operations() []string {
	return append(mediaOperations(),
		"createCall", "answerCall", "redirectCall", "rejectCall", "connect", "getCall", "hangupCall", "terminateCall",
		"transferToParticipant", "getParticipants", "getParticipant", "addParticipant", "removeParticipant", "mute",
		"cancelAddParticipant", "moveParticipants",
		"startRecording", "getRecordingProperties", "pauseRecording", "resumeRecording", "stopRecording",
		downloadRecording, deleteRecording,
	)
}

// mediaOperations are those on the media of a call. Their names are the verbs of
// their paths.
func mediaOperations() []string {
	return []string{
		"play", "recognize", "cancelAllMediaOperations", "startContinuousDtmfRecognition", "stopContinuousDtmfRecognition",
		"sendDtmfTones", "hold", "unhold", "startTranscription", "stopTranscription", "updateTranscription",
		"startMediaStreaming", "stopMediaStreaming",
	}
}

// parseRoute reads the escaped path: ids may hold "/" and ":" (percent-encoded),
// so decoding comes after splitting. The method is checked last: a path of the
// API with another method is 405, anything else 404.
func parseRoute(method, escapedPath, uri string) (route, error) {
	found, want, ok := matchPath(escapedPath)
	if !ok {
		return route{}, noSuchResource(uri)
	}
	if i := slices.Index(want, method); i >= 0 {
		found.operation = strings.Split(found.operation, "|")[i]
		return found, nil
	}
	return route{}, &apiError{http.StatusMethodNotAllowed, codeMethodNotAllowed, "The method is not allowed for this resource."}
}

// matchPath matches a path. Where one serves several methods, operation lists
// their operations in the same order.
func matchPath(path string) (found route, methods []string, ok bool) {
	if rest, is := strings.CutPrefix(path, callConnectionsPath); is {
		return matchCall(rest)
	}
	if rest, is := strings.CutPrefix(path, recordingsPath); is {
		return matchRecording(rest)
	}
	if rest, is := strings.CutPrefix(path, objectsPath+"/"); is {
		return matchFile(rest)
	}
	return route{}, nil, false
}

// matchRecording matches what follows /calling/recordings.
func matchRecording(rest string) (found route, methods []string, ok bool) {
	post := []string{http.MethodPost}
	if rest == "" {
		return route{operation: "startRecording"}, post, true
	}
	id, verb, isVerb := cutVerb(strings.TrimPrefix(rest, "/"))
	if rest[0] != '/' || id == "" || strings.Contains(id, "/") {
		return route{}, nil, false
	}
	if found.recordingID, ok = unescape(id); !ok {
		return route{}, nil, false
	}
	if isVerb {
		found.operation, ok = map[string]string{"pause": "pauseRecording", "resume": "resumeRecording"}[verb]
		return found, post, ok
	}
	found.operation = "getRecordingProperties|stopRecording"
	return found, []string{http.MethodGet, http.MethodDelete}, true
}

// matchFile matches what follows /v1/objects/.
func matchFile(rest string) (found route, methods []string, ok bool) {
	found.documentID, _, _ = strings.Cut(rest, "/")
	if found.documentID == "" {
		return route{}, nil, false
	}
	switch found.part = strings.TrimPrefix(rest, found.documentID); found.part {
	case "":
		found.operation = deleteRecording
		return found, []string{http.MethodDelete}, true
	case contentPart, metadataPart:
		found.operation = downloadRecording
		return found, []string{http.MethodGet}, true
	}
	return route{}, nil, false
}

// matchCall matches what follows /calling/callConnections.
func matchCall(rest string) (found route, methods []string, ok bool) {
	post := []string{http.MethodPost}
	if rest == "" {
		return route{operation: "createCall"}, post, true
	}
	if verb, isVerb := strings.CutPrefix(rest, ":"); isVerb {
		operation, known := map[string]string{
			"answer": "answerCall", "redirect": "redirectCall", "reject": "rejectCall", "connect": "connect",
		}[verb]
		return route{operation: operation}, post, known
	}
	segments := strings.Split(strings.TrimPrefix(rest, "/"), "/")
	if rest[0] != '/' || segments[0] == "" {
		return route{}, nil, false
	}
	id, verb, isVerb := cutVerb(segments[0])
	found.callConnectionID, ok = unescape(id)
	if !ok || id == "" {
		return route{}, nil, false
	}
	switch {
	case len(segments) == 1 && isVerb:
		found.operation, ok = map[string]string{
			"terminate": "terminateCall", "transferToParticipant": "transferToParticipant",
		}[verb]
		if !ok && slices.Contains(mediaOperations(), verb) {
			found.operation, ok = verb, true
		}
		return found, post, ok
	case len(segments) == 1:
		found.operation = "getCall|hangupCall"
		return found, []string{http.MethodGet, http.MethodDelete}, true
	case isVerb:
		return route{}, nil, false
	case len(segments) == 2:
		name, action, _ := cutVerb(segments[1])
		if name != "participants" {
			return route{}, nil, false
		}
		if action == "" {
			found.operation = "getParticipants"
			return found, []string{http.MethodGet}, name == segments[1]
		}
		found.operation, ok = map[string]string{
			"add": "addParticipant", "remove": "removeParticipant", "mute": "mute",
			"cancelAddParticipant": "cancelAddParticipant", "moveHere": "moveParticipants",
		}[action]
		return found, post, ok
	case len(segments) == 3 && segments[1] == "participants" && segments[2] != "":
		found.operation = "getParticipant"
		found.rawID, ok = unescape(segments[2])
		return found, []string{http.MethodGet}, ok
	}
	return route{}, nil, false
}

// cutVerb splits "id:verb" at the last literal colon. Colons of an id are
// percent-encoded.
func cutVerb(segment string) (id, verb string, found bool) {
	i := strings.LastIndexByte(segment, ':')
	if i < 0 {
		return segment, "", false
	}
	return segment[:i], segment[i+1:], true
}

func unescape(segment string) (string, bool) {
	s, err := url.PathUnescape(segment)
	return s, err == nil
}
