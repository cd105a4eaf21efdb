package upstream

import (
	"context"
	"net/http"
)

// But for SendDtmfTones, the upstream does not know these for the same when they
// are sent again: each is sent at most once, unless it certainly did not arrive or
// was refused.

// Play plays something to some or all of a call: POST …:play, 202. PlayStarted
// follows, then PlayCompleted, PlayFailed or PlayCanceled. Not repeatable.
func (c *Client) Play(ctx context.Context, callConnectionID string, req *PlayRequest) error {
	return c.media(ctx, callConnectionID, "play", req, http.StatusAccepted)
}

// Recognize listens to one party: POST …:recognize, 202. RecognizeCompleted,
// RecognizeFailed or RecognizeCanceled follows. Not repeatable.
func (c *Client) Recognize(ctx context.Context, callConnectionID string, req *RecognizeRequest) error {
	return c.media(ctx, callConnectionID, "recognize", req, http.StatusAccepted)
}

// StartContinuousDtmfRecognition reports a party's tones from now on: POST
// …:startContinuousDtmfRecognition, 200. ContinuousDtmfRecognitionToneReceived
// follows for each. Not repeatable.
func (c *Client) StartContinuousDtmfRecognition(ctx context.Context, callConnectionID string, req *ContinuousDtmfRecognitionRequest) error {
	return c.media(ctx, callConnectionID, "startContinuousDtmfRecognition", req, http.StatusOK)
}

// StopContinuousDtmfRecognition ends that: POST …:stopContinuousDtmfRecognition,
// 200. ContinuousDtmfRecognitionStopped follows. Not repeatable.
func (c *Client) StopContinuousDtmfRecognition(ctx context.Context, callConnectionID string, req *ContinuousDtmfRecognitionRequest) error {
	return c.media(ctx, callConnectionID, "stopContinuousDtmfRecognition", req, http.StatusOK)
}

// SendDtmfTones presses keys towards a phone: POST …:sendDtmfTones, 202.
// SendDtmfTonesCompleted or SendDtmfTonesFailed follows. Repeatable.
func (c *Client) SendDtmfTones(ctx context.Context, repeat Repeat, callConnectionID string, req *SendDtmfTonesRequest) (*SendDtmfTonesResult, error) {
	return post[SendDtmfTonesResult](ctx, c, operation{
		name: "sendDtmfTones", path: callPath(callConnectionID, ":sendDtmfTones"), repeat: repeat, body: req, want: http.StatusAccepted,
	})
}

// Hold puts a party on hold: POST …:hold, 200. Only HoldFailed follows, if that;
// the party itself shows that it is on hold. Not repeatable.
func (c *Client) Hold(ctx context.Context, callConnectionID string, req *HoldRequest) error {
	return c.media(ctx, callConnectionID, "hold", req, http.StatusOK)
}

// Unhold takes a party off hold: POST …:unhold, 200. No event follows. Not
// repeatable.
func (c *Client) Unhold(ctx context.Context, callConnectionID string, req *UnholdRequest) error {
	return c.media(ctx, callConnectionID, "unhold", req, http.StatusOK)
}

// StartTranscription begins to transcribe: POST …:startTranscription, 202.
// TranscriptionStarted or TranscriptionFailed follows. Not repeatable.
func (c *Client) StartTranscription(ctx context.Context, callConnectionID string, req *StartTranscriptionRequest) error {
	return c.media(ctx, callConnectionID, "startTranscription", req, http.StatusAccepted)
}

// StopTranscription ends that: POST …:stopTranscription, 202.
// TranscriptionStopped or TranscriptionFailed follows. Not repeatable.
func (c *Client) StopTranscription(ctx context.Context, callConnectionID string, req *StopTranscriptionRequest) error {
	return c.media(ctx, callConnectionID, "stopTranscription", req, http.StatusAccepted)
}

// UpdateTranscription changes a transcription that runs: POST
// …:updateTranscription, 202. TranscriptionUpdated or TranscriptionFailed follows.
// Not repeatable.
func (c *Client) UpdateTranscription(ctx context.Context, callConnectionID string, req *UpdateTranscriptionRequest) error {
	return c.media(ctx, callConnectionID, "updateTranscription", req, http.StatusAccepted)
}

// StartMediaStreaming begins to stream a call's audio: POST
// …:startMediaStreaming, 202. MediaStreamingStarted or MediaStreamingFailed
// follows. Not repeatable.
func (c *Client) StartMediaStreaming(ctx context.Context, callConnectionID string, req *StartMediaStreamingRequest) error {
	return c.media(ctx, callConnectionID, "startMediaStreaming", req, http.StatusAccepted)
}

// StopMediaStreaming ends that: POST …:stopMediaStreaming, 202.
// MediaStreamingStopped or MediaStreamingFailed follows. Not repeatable.
func (c *Client) StopMediaStreaming(ctx context.Context, callConnectionID string, req *StopMediaStreamingRequest) error {
	return c.media(ctx, callConnectionID, "stopMediaStreaming", req, http.StatusAccepted)
}

// CancelAllMediaOperations cancels what is played and recognized, and what waits:
// POST …:cancelAllMediaOperations, 202. PlayCanceled or RecognizeCanceled follows
// for each. Not repeatable.
func (c *Client) CancelAllMediaOperations(ctx context.Context, callConnectionID string) error {
	return c.media(ctx, callConnectionID, "cancelAllMediaOperations", nil, http.StatusAccepted)
}

// media sends an operation on a call's media, which its verb names. body is nil
// for none.
func (c *Client) media(ctx context.Context, callConnectionID, verb string, body any, want int) error {
	return c.do(ctx, operation{
		name: verb, method: http.MethodPost, path: callPath(callConnectionID, ":"+verb), body: body, want: want,
	}, nil)
}
