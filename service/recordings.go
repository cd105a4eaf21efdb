package service

import (
	"context"
	"errors"
	"fmt"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/upstream"
)

// recordingClient is what Recordings asks of the upstream.
type recordingClient interface {
	fileClient
	StartRecording(context.Context, upstream.Repeat, *upstream.StartCallRecordingRequest) (*upstream.RecordingStateResponse, error)
	GetRecording(ctx context.Context, recordingID string) (*upstream.RecordingStateResponse, error)
	StopRecording(ctx context.Context, recordingID string) error
	PauseRecording(ctx context.Context, recordingID string) error
	ResumeRecording(ctx context.Context, recordingID string) error
}

// Recordings implements callgate.v1.Recordings.
type Recordings struct {
	callgatev1.UnsafeRecordingsServer
	upstream recordingClient
	files    recordingFiles
	actions  *Actions
}

// NewRecordings records through client, and finds in files where recordings are.
func NewRecordings(client recordingClient, files recordingFiles, actions *Actions) *Recordings {
	return &Recordings{upstream: client, files: files, actions: actions}
}

// StartRecording implements callgatev1.RecordingsServer.
func (s *Recordings) StartRecording(ctx context.Context, req *callgatev1.StartRecordingRequest) (*callgatev1.StartRecordingResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_START_RECORDING, req, func(act *action) (*callgatev1.StartRecordingResponse, error) {
		recording, err := s.upstream.StartRecording(ctx, act.repeat, &upstream.StartCallRecordingRequest{
			CallLocator:                     recordingLocatorToUpstream(req),
			CallConnectionID:                req.GetCallConnectionId(),
			RecordingStateCallbackURI:       act.callback(req.GetRecordingStateCallbackUri()),
			RecordingContentType:            recordingContentTypes[req.GetRecordingContentType()],
			RecordingChannelType:            recordingChannelTypes[req.GetRecordingChannelType()],
			RecordingFormatType:             recordingFormatTypes[req.GetRecordingFormatType()],
			AudioChannelParticipantOrdering: identifiersToUpstream(req.GetAudioChannelParticipantOrdering()),
			ChannelAffinity:                 channelAffinityToUpstream(req.GetChannelAffinity()),
			PauseOnStart:                    req.PauseOnStart,
			ExternalStorage:                 recordingStorageToUpstream(req.GetExternalStorage()),
		})
		if err != nil {
			return nil, fmt.Errorf("start recording: %w", err)
		}
		brings := callgatev1.RecordingState_RECORDING_STATE_ACTIVE
		if req.GetPauseOnStart() {
			brings = callgatev1.RecordingState_RECORDING_STATE_INACTIVE
		}
		return &callgatev1.StartRecordingResponse{
			Recording: recordingFromUpstream(recording),
			Receipt:   act.acceptedRecording(recording.RecordingID, brings),
		}, nil
	})
}

// GetRecording implements callgatev1.RecordingsServer.
func (s *Recordings) GetRecording(ctx context.Context, req *callgatev1.GetRecordingRequest) (*callgatev1.GetRecordingResponse, error) {
	recording, err := s.upstream.GetRecording(ctx, req.GetRecordingId())
	if err != nil {
		return nil, fmt.Errorf("get recording: %w", err)
	}
	return &callgatev1.GetRecordingResponse{Recording: recordingFromUpstream(recording)}, nil
}

// PauseRecording implements callgatev1.RecordingsServer.
func (s *Recordings) PauseRecording(ctx context.Context, req *callgatev1.PauseRecordingRequest) (*callgatev1.PauseRecordingResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_PAUSE_RECORDING, req, func(act *action) (*callgatev1.PauseRecordingResponse, error) {
		if err := s.upstream.PauseRecording(ctx, req.GetRecordingId()); err != nil {
			return nil, fmt.Errorf("pause recording: %w", err)
		}
		return &callgatev1.PauseRecordingResponse{
			Receipt: act.acceptedRecording(req.GetRecordingId(), callgatev1.RecordingState_RECORDING_STATE_INACTIVE),
		}, nil
	})
}

// ResumeRecording implements callgatev1.RecordingsServer.
func (s *Recordings) ResumeRecording(ctx context.Context, req *callgatev1.ResumeRecordingRequest) (*callgatev1.ResumeRecordingResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_RESUME_RECORDING, req, func(act *action) (*callgatev1.ResumeRecordingResponse, error) {
		if err := s.upstream.ResumeRecording(ctx, req.GetRecordingId()); err != nil {
			return nil, fmt.Errorf("resume recording: %w", err)
		}
		return &callgatev1.ResumeRecordingResponse{
			Receipt: act.acceptedRecording(req.GetRecordingId(), callgatev1.RecordingState_RECORDING_STATE_ACTIVE),
		}, nil
	})
}

// StopRecording implements callgatev1.RecordingsServer. A recording that is gone is
// what was asked for.
func (s *Recordings) StopRecording(ctx context.Context, req *callgatev1.StopRecordingRequest) (*callgatev1.StopRecordingResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_STOP_RECORDING, req, func(act *action) (*callgatev1.StopRecordingResponse, error) {
		err := s.upstream.StopRecording(ctx, req.GetRecordingId())
		gone := errors.Is(err, upstream.ErrRecordingNotFound)
		if err != nil && !gone {
			return nil, fmt.Errorf("stop recording: %w", err)
		}
		return &callgatev1.StopRecordingResponse{
			Receipt:      act.acceptedRecording(req.GetRecordingId(), callgatev1.RecordingState_RECORDING_STATE_INACTIVE),
			AlreadyEnded: gone,
		}, nil
	})
}

// acceptedRecording is the receipt of an action on a recording that the upstream
// took.
func (act *action) acceptedRecording(recordingID string, brings callgatev1.RecordingState) *callgatev1.ActionReceipt {
	act.receipt.RecordingId, act.receipt.RecordingState = recordingID, brings
	return act.receipt
}
