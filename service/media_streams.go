package service

import (
	"context"
	"fmt"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/upstream"
)

// StartTranscription implements callgatev1.MediaServer.
func (s *Media) StartTranscription(ctx context.Context, req *callgatev1.StartTranscriptionRequest) (*callgatev1.StartTranscriptionResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_START_TRANSCRIPTION, req, func(act *action) (*callgatev1.StartTranscriptionResponse, error) {
		if err := s.upstream.StartTranscription(ctx, req.GetCallConnectionId(), &upstream.StartTranscriptionRequest{
			Locale:                req.GetLocale(),
			SpeechModelEndpointID: req.GetSpeechModelEndpointId(),
			OperationContext:      act.receipt.GetOperationContext(),
			OperationCallbackURI:  req.GetOperationCallbackUri(),
		}); err != nil {
			return nil, fmt.Errorf("start transcription: %w", err)
		}
		return &callgatev1.StartTranscriptionResponse{Receipt: act.accepted(req.GetCallConnectionId())}, nil
	})
}

// StopTranscription implements callgatev1.MediaServer.
func (s *Media) StopTranscription(ctx context.Context, req *callgatev1.StopTranscriptionRequest) (*callgatev1.StopTranscriptionResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_STOP_TRANSCRIPTION, req, func(act *action) (*callgatev1.StopTranscriptionResponse, error) {
		if err := s.upstream.StopTranscription(ctx, req.GetCallConnectionId(), &upstream.StopTranscriptionRequest{
			OperationContext:     act.receipt.GetOperationContext(),
			OperationCallbackURI: req.GetOperationCallbackUri(),
		}); err != nil {
			return nil, fmt.Errorf("stop transcription: %w", err)
		}
		return &callgatev1.StopTranscriptionResponse{Receipt: act.accepted(req.GetCallConnectionId())}, nil
	})
}

// UpdateTranscription implements callgatev1.MediaServer.
func (s *Media) UpdateTranscription(ctx context.Context, req *callgatev1.UpdateTranscriptionRequest) (*callgatev1.UpdateTranscriptionResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_UPDATE_TRANSCRIPTION, req, func(act *action) (*callgatev1.UpdateTranscriptionResponse, error) {
		if err := s.upstream.UpdateTranscription(ctx, req.GetCallConnectionId(), &upstream.UpdateTranscriptionRequest{
			Locale:                req.GetLocale(),
			SpeechModelEndpointID: req.GetSpeechModelEndpointId(),
			OperationContext:      act.receipt.GetOperationContext(),
			OperationCallbackURI:  req.GetOperationCallbackUri(),
		}); err != nil {
			return nil, fmt.Errorf("update transcription: %w", err)
		}
		return &callgatev1.UpdateTranscriptionResponse{Receipt: act.accepted(req.GetCallConnectionId())}, nil
	})
}

// StartMediaStreaming implements callgatev1.MediaServer.
func (s *Media) StartMediaStreaming(ctx context.Context, req *callgatev1.StartMediaStreamingRequest) (*callgatev1.StartMediaStreamingResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_START_MEDIA_STREAMING, req, func(act *action) (*callgatev1.StartMediaStreamingResponse, error) {
		if err := s.upstream.StartMediaStreaming(ctx, req.GetCallConnectionId(), &upstream.StartMediaStreamingRequest{
			OperationContext:     act.receipt.GetOperationContext(),
			OperationCallbackURI: req.GetOperationCallbackUri(),
		}); err != nil {
			return nil, fmt.Errorf("start media streaming: %w", err)
		}
		return &callgatev1.StartMediaStreamingResponse{Receipt: act.accepted(req.GetCallConnectionId())}, nil
	})
}

// StopMediaStreaming implements callgatev1.MediaServer.
func (s *Media) StopMediaStreaming(ctx context.Context, req *callgatev1.StopMediaStreamingRequest) (*callgatev1.StopMediaStreamingResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_STOP_MEDIA_STREAMING, req, func(act *action) (*callgatev1.StopMediaStreamingResponse, error) {
		if err := s.upstream.StopMediaStreaming(ctx, req.GetCallConnectionId(), &upstream.StopMediaStreamingRequest{
			OperationContext:     act.receipt.GetOperationContext(),
			OperationCallbackURI: req.GetOperationCallbackUri(),
		}); err != nil {
			return nil, fmt.Errorf("stop media streaming: %w", err)
		}
		return &callgatev1.StopMediaStreamingResponse{Receipt: act.accepted(req.GetCallConnectionId())}, nil
	})
}
