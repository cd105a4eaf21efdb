package upstream_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/callgate/callgate/upstream"
)

const (
	targetJSON    = `"targetParticipant":` + phoneJSON
	answersJSON   = `"operationContext":"ctx","operationCallbackUri":"https://app/cb"`
	sourceJSON    = `{"kind":"text","playSourceCacheId":"k","text":{"text":"Hello <you>","sourceLocale":"en-US","voiceKind":"female"}}`
	recordingJSON = `{"recordingId":"r1","recordingState":"inactive","recordingKind":"azureCommunicationServices"}`
)

// onMedia adapts a method that takes a call connection and a request, and returns
// only an error.
func onMedia[Req any](method func(*upstream.Client) func(context.Context, string, *Req) error) func(context.Context, *upstream.Client, upstream.Repeat, string) (any, error) {
	return func(ctx context.Context, c *upstream.Client, _ upstream.Repeat, request string) (any, error) {
		var req Req
		if err := json.Unmarshal([]byte(request), &req); err != nil {
			return nil, err
		}
		return nil, method(c)(ctx, callID, &req)
	}
}

var mediaOperations = map[string]operation{
	"play": {
		`{"playSources":[` + sourceJSON + `],"playTo":[],"interruptCallMediaOperation":false,"playOptions":{"loop":false},` + answersJSON + `}`, "",
		onMedia(func(c *upstream.Client) func(context.Context, string, *upstream.PlayRequest) error { return c.Play }),
	},
	"recognize": {
		`{"recognizeInputType":"dtmf","playPrompts":[` + sourceJSON + `],"recognizeOptions":{` + targetJSON + `,"initialSilenceTimeoutInSeconds":0,"dtmfOptions":{"stopTones":["pound"]}},` + answersJSON + `}`, "",
		onMedia(func(c *upstream.Client) func(context.Context, string, *upstream.RecognizeRequest) error {
			return c.Recognize
		}),
	},
	"startContinuousDtmfRecognition": {
		`{` + targetJSON + `,` + answersJSON + `}`, "",
		onMedia(func(c *upstream.Client) func(context.Context, string, *upstream.ContinuousDtmfRecognitionRequest) error {
			return c.StartContinuousDtmfRecognition
		}),
	},
	"stopContinuousDtmfRecognition": {
		`{` + targetJSON + `,` + answersJSON + `}`, "",
		onMedia(func(c *upstream.Client) func(context.Context, string, *upstream.ContinuousDtmfRecognitionRequest) error {
			return c.StopContinuousDtmfRecognition
		}),
	},
	"sendDtmfTones": {
		`{"tones":["five","pound"],` + targetJSON + `,` + answersJSON + `}`, contextJSON,
		onCall(func(c *upstream.Client) func(context.Context, upstream.Repeat, string, *upstream.SendDtmfTonesRequest) (*upstream.SendDtmfTonesResult, error) {
			return c.SendDtmfTones
		}),
	},
	"hold": {
		`{` + targetJSON + `,"playSourceInfo":` + sourceJSON + `,` + answersJSON + `}`, "",
		onMedia(func(c *upstream.Client) func(context.Context, string, *upstream.HoldRequest) error { return c.Hold }),
	},
	"unhold": {
		`{` + targetJSON + `,` + answersJSON + `}`, "",
		onMedia(func(c *upstream.Client) func(context.Context, string, *upstream.UnholdRequest) error { return c.Unhold }),
	},
	"startTranscription": {
		`{"locale":"en-US","speechModelEndpointId":"m",` + answersJSON + `}`, "",
		onMedia(func(c *upstream.Client) func(context.Context, string, *upstream.StartTranscriptionRequest) error {
			return c.StartTranscription
		}),
	},
	"stopTranscription": {
		`{` + answersJSON + `}`, "",
		onMedia(func(c *upstream.Client) func(context.Context, string, *upstream.StopTranscriptionRequest) error {
			return c.StopTranscription
		}),
	},
	"updateTranscription": {
		`{"locale":"de-DE","speechModelEndpointId":"m",` + answersJSON + `}`, "",
		onMedia(func(c *upstream.Client) func(context.Context, string, *upstream.UpdateTranscriptionRequest) error {
			return c.UpdateTranscription
		}),
	},
	"startMediaStreaming": {
		`{` + answersJSON + `}`, "",
		onMedia(func(c *upstream.Client) func(context.Context, string, *upstream.StartMediaStreamingRequest) error {
			return c.StartMediaStreaming
		}),
	},
	"stopMediaStreaming": {
		`{` + answersJSON + `}`, "",
		onMedia(func(c *upstream.Client) func(context.Context, string, *upstream.StopMediaStreamingRequest) error {
			return c.StopMediaStreaming
		}),
	},
	"cancelAllMediaOperations": {"", "", reads(func(ctx context.Context, c *upstream.Client) (*struct{}, error) {
		return nil, c.CancelAllMediaOperations(ctx, callID)
	})},
}

var recordingOperations = map[string]operation{
	"startRecording": {
		`{"callLocator":{"serverCallId":"s","kind":"serverCallLocator"},"channelAffinity":[{"channel":0,"participant":` + phoneJSON + `}],"pauseOnStart":false}`, recordingJSON,
		withBody(func(c *upstream.Client) func(context.Context, upstream.Repeat, *upstream.StartCallRecordingRequest) (*upstream.RecordingStateResponse, error) {
			return c.StartRecording
		}),
	},
	"getRecordingProperties": {"", recordingJSON, reads(func(ctx context.Context, c *upstream.Client) (*upstream.RecordingStateResponse, error) {
		return c.GetRecording(ctx, recordingID)
	})},
	"stopRecording": {"", "", reads(func(ctx context.Context, c *upstream.Client) (*struct{}, error) {
		return nil, c.StopRecording(ctx, recordingID)
	})},
	"pauseRecording": {"", "", reads(func(ctx context.Context, c *upstream.Client) (*struct{}, error) {
		return nil, c.PauseRecording(ctx, recordingID)
	})},
	"resumeRecording": {"", "", reads(func(ctx context.Context, c *upstream.Client) (*struct{}, error) {
		return nil, c.ResumeRecording(ctx, recordingID)
	})},
}

// What the contract does not mark as repeatable is sent once, if it may have
// arrived: whatever became of it.
func TestUnrepeatableOperationsAreSentOnce(t *testing.T) {
	for _, o := range readOperations(t) {
		if o.Method != http.MethodPost || o.Repeatable {
			continue
		}
		half := breakOff(successStatuses(t, o.Responses)[0])
		for name, test := range map[string]struct {
			fate    http.HandlerFunc
			timeout time.Duration // of a try
			done    bool
		}{
			"answered 503": {answer(503, ""), 0, false}, "answered 408": {answer(408, ""), 0, false}, "cut off": {reset, 0, false},
			"not answered": {hang, quiet, false}, "answered by half, of which the status says all": {half, 0, true},
		} {
			t.Run(o.Name+", "+name, func(t *testing.T) {
				t.Parallel()
				service := serve(t, test.fate)
				client := newClient(t, service.url, func(opts *upstream.Options) { opts.TryTimeout = test.timeout })
				op := operations[o.Name]
				_, err := op.call(t.Context(), client, repeat, op.request)
				if n := len(service.received()); n != 1 {
					t.Errorf("it was sent %d times", n)
				}
				if test.done {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if e := upstreamError(t, err); e.Repeatable || !e.MayHaveActed() {
					t.Errorf("error is %+v", e)
				}
			})
		}
	}
}
