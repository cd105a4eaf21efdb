package upstream

import (
	"context"
	"net/http"
)

const recordingsPath = "/calling/recordings"

// recordingPath is the path of one recording, and what is behind it.
func recordingPath(recordingID, rest string) string {
	return recordingsPath + "/" + escape(recordingID) + rest
}

// StartRecording begins to record a call: POST recordings, 200 or 202. It returns
// in state inactive; RecordingStateChanged or StartRecordingFailed follows.
// Repeatable.
func (c *Client) StartRecording(ctx context.Context, repeat Repeat, req *StartCallRecordingRequest) (*RecordingStateResponse, error) {
	return post[RecordingStateResponse](ctx, c, operation{
		name: "startRecording", path: recordingsPath, repeat: repeat, body: req, want: http.StatusOK, orWant: http.StatusAccepted,
	})
}

// GetRecording reads a recording's state: GET recordings/{id}, 200. One that has
// ended is 404 with code 8522.
func (c *Client) GetRecording(ctx context.Context, recordingID string) (*RecordingStateResponse, error) {
	return decoded[RecordingStateResponse](ctx, c, operation{
		name: "getRecordingProperties", method: http.MethodGet, path: recordingPath(recordingID, ""), about: aRecording, want: http.StatusOK,
	})
}

// StopRecording ends a recording: DELETE recordings/{id}, 204. Stopping twice does
// no more than stopping once.
func (c *Client) StopRecording(ctx context.Context, recordingID string) error {
	return c.do(ctx, operation{
		name: "stopRecording", method: http.MethodDelete, path: recordingPath(recordingID, ""), about: aRecording, want: http.StatusNoContent,
	}, nil)
}

// PauseRecording pauses a recording: POST recordings/{id}:pause, 202.
// RecordingStateChanged follows. Not repeatable.
func (c *Client) PauseRecording(ctx context.Context, recordingID string) error {
	return c.do(ctx, operation{
		name: "pauseRecording", method: http.MethodPost, path: recordingPath(recordingID, ":pause"), about: aRecording, want: http.StatusAccepted,
	}, nil)
}

// ResumeRecording goes on with one: POST recordings/{id}:resume, 202.
// RecordingStateChanged follows. Not repeatable.
func (c *Client) ResumeRecording(ctx context.Context, recordingID string) error {
	return c.do(ctx, operation{
		name: "resumeRecording", method: http.MethodPost, path: recordingPath(recordingID, ":resume"), about: aRecording, want: http.StatusAccepted,
	}, nil)
}
