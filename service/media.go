package service

import (
	"context"
	"fmt"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/upstream"
)

// mediaClient is what Media asks of the upstream.
type mediaClient interface {
	Play(ctx context.Context, callConnectionID string, req *upstream.PlayRequest) error
	Recognize(ctx context.Context, callConnectionID string, req *upstream.RecognizeRequest) error
	StartContinuousDtmfRecognition(ctx context.Context, callConnectionID string, req *upstream.ContinuousDtmfRecognitionRequest) error
	StopContinuousDtmfRecognition(ctx context.Context, callConnectionID string, req *upstream.ContinuousDtmfRecognitionRequest) error
	SendDtmfTones(ctx context.Context, repeat upstream.Repeat, callConnectionID string, req *upstream.SendDtmfTonesRequest) (*upstream.SendDtmfTonesResult, error)
	Hold(ctx context.Context, callConnectionID string, req *upstream.HoldRequest) error
	Unhold(ctx context.Context, callConnectionID string, req *upstream.UnholdRequest) error
	StartTranscription(ctx context.Context, callConnectionID string, req *upstream.StartTranscriptionRequest) error
	StopTranscription(ctx context.Context, callConnectionID string, req *upstream.StopTranscriptionRequest) error
	UpdateTranscription(ctx context.Context, callConnectionID string, req *upstream.UpdateTranscriptionRequest) error
	StartMediaStreaming(ctx context.Context, callConnectionID string, req *upstream.StartMediaStreamingRequest) error
	StopMediaStreaming(ctx context.Context, callConnectionID string, req *upstream.StopMediaStreamingRequest) error
	CancelAllMediaOperations(ctx context.Context, callConnectionID string) error
}

// Media implements callgate.v1.Media.
type Media struct {
	callgatev1.UnsafeMediaServer
	upstream mediaClient
	actions  *Actions
}

// NewMedia plays, listens and streams through client.
func NewMedia(client mediaClient, actions *Actions) *Media {
	return &Media{upstream: client, actions: actions}
}

// PlayMedia implements callgatev1.MediaServer.
func (s *Media) PlayMedia(ctx context.Context, req *callgatev1.PlayMediaRequest) (*callgatev1.PlayMediaResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_PLAY_MEDIA, req, func(act *action) (*callgatev1.PlayMediaResponse, error) {
		if err := s.upstream.Play(ctx, req.GetCallConnectionId(), &upstream.PlayRequest{
			PlaySources:                 playSourcesToUpstream(req.GetPlaySources()),
			PlayTo:                      identifiersToUpstream(req.GetPlayTo()),
			InterruptCallMediaOperation: req.InterruptCallMediaOperation,
			PlayOptions:                 playOptionsToUpstream(req.Loop),
			OperationContext:            act.receipt.GetOperationContext(),
			OperationCallbackURI:        req.GetOperationCallbackUri(),
		}); err != nil {
			return nil, fmt.Errorf("play media: %w", err)
		}
		return &callgatev1.PlayMediaResponse{Receipt: act.accepted(req.GetCallConnectionId())}, nil
	})
}

// RecognizeInput implements callgatev1.MediaServer.
func (s *Media) RecognizeInput(ctx context.Context, req *callgatev1.RecognizeInputRequest) (*callgatev1.RecognizeInputResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_RECOGNIZE_INPUT, req, func(act *action) (*callgatev1.RecognizeInputResponse, error) {
		if err := s.upstream.Recognize(ctx, req.GetCallConnectionId(), &upstream.RecognizeRequest{
			RecognizeInputType:          recognizeInputTypes[req.GetRecognizeInputType()],
			PlayPrompt:                  playSourceToUpstream(req.GetPlayPrompt()),
			PlayPrompts:                 playSourcesToUpstream(req.GetPlayPrompts()),
			InterruptCallMediaOperation: req.InterruptCallMediaOperation,
			RecognizeOptions:            recognizeOptionsToUpstream(req),
			OperationContext:            act.receipt.GetOperationContext(),
			OperationCallbackURI:        req.GetOperationCallbackUri(),
		}); err != nil {
			return nil, fmt.Errorf("recognize input: %w", err)
		}
		return &callgatev1.RecognizeInputResponse{Receipt: act.accepted(req.GetCallConnectionId())}, nil
	})
}

// StartContinuousDtmfRecognition implements callgatev1.MediaServer.
func (s *Media) StartContinuousDtmfRecognition(ctx context.Context, req *callgatev1.StartContinuousDtmfRecognitionRequest) (*callgatev1.StartContinuousDtmfRecognitionResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_START_CONTINUOUS_DTMF_RECOGNITION, req, func(act *action) (*callgatev1.StartContinuousDtmfRecognitionResponse, error) {
		if err := s.upstream.StartContinuousDtmfRecognition(ctx, req.GetCallConnectionId(), &upstream.ContinuousDtmfRecognitionRequest{
			TargetParticipant:    identifierToUpstream(req.GetTargetParticipant()),
			OperationContext:     act.receipt.GetOperationContext(),
			OperationCallbackURI: req.GetOperationCallbackUri(),
		}); err != nil {
			return nil, fmt.Errorf("start continuous DTMF recognition: %w", err)
		}
		return &callgatev1.StartContinuousDtmfRecognitionResponse{Receipt: act.accepted(req.GetCallConnectionId())}, nil
	})
}

// StopContinuousDtmfRecognition implements callgatev1.MediaServer.
func (s *Media) StopContinuousDtmfRecognition(ctx context.Context, req *callgatev1.StopContinuousDtmfRecognitionRequest) (*callgatev1.StopContinuousDtmfRecognitionResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_STOP_CONTINUOUS_DTMF_RECOGNITION, req, func(act *action) (*callgatev1.StopContinuousDtmfRecognitionResponse, error) {
		if err := s.upstream.StopContinuousDtmfRecognition(ctx, req.GetCallConnectionId(), &upstream.ContinuousDtmfRecognitionRequest{
			TargetParticipant:    identifierToUpstream(req.GetTargetParticipant()),
			OperationContext:     act.receipt.GetOperationContext(),
			OperationCallbackURI: req.GetOperationCallbackUri(),
		}); err != nil {
			return nil, fmt.Errorf("stop continuous DTMF recognition: %w", err)
		}
		return &callgatev1.StopContinuousDtmfRecognitionResponse{Receipt: act.accepted(req.GetCallConnectionId())}, nil
	})
}

// SendDtmfTones implements callgatev1.MediaServer.
func (s *Media) SendDtmfTones(ctx context.Context, req *callgatev1.SendDtmfTonesRequest) (*callgatev1.SendDtmfTonesResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_SEND_DTMF_TONES, req, func(act *action) (*callgatev1.SendDtmfTonesResponse, error) {
		if _, err := s.upstream.SendDtmfTones(ctx, act.repeat, req.GetCallConnectionId(), &upstream.SendDtmfTonesRequest{
			Tones:                tonesToUpstream(req.GetTones()),
			TargetParticipant:    identifierToUpstream(req.GetTargetParticipant()),
			OperationContext:     act.receipt.GetOperationContext(),
			OperationCallbackURI: req.GetOperationCallbackUri(),
		}); err != nil {
			return nil, fmt.Errorf("send DTMF tones: %w", err)
		}
		return &callgatev1.SendDtmfTonesResponse{Receipt: act.accepted(req.GetCallConnectionId())}, nil
	})
}

// HoldParticipant implements callgatev1.MediaServer.
func (s *Media) HoldParticipant(ctx context.Context, req *callgatev1.HoldParticipantRequest) (*callgatev1.HoldParticipantResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_HOLD_PARTICIPANT, req, func(act *action) (*callgatev1.HoldParticipantResponse, error) {
		if err := s.upstream.Hold(ctx, req.GetCallConnectionId(), &upstream.HoldRequest{
			TargetParticipant:    identifierToUpstream(req.GetTargetParticipant()),
			PlaySourceInfo:       playSourceToUpstream(req.GetPlaySource()),
			OperationContext:     act.receipt.GetOperationContext(),
			OperationCallbackURI: req.GetOperationCallbackUri(),
		}); err != nil {
			return nil, fmt.Errorf("hold participant: %w", err)
		}
		act.receipt.Participant = req.GetTargetParticipant()
		return &callgatev1.HoldParticipantResponse{Receipt: act.accepted(req.GetCallConnectionId())}, nil
	})
}

// UnholdParticipant implements callgatev1.MediaServer.
func (s *Media) UnholdParticipant(ctx context.Context, req *callgatev1.UnholdParticipantRequest) (*callgatev1.UnholdParticipantResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_UNHOLD_PARTICIPANT, req, func(act *action) (*callgatev1.UnholdParticipantResponse, error) {
		if err := s.upstream.Unhold(ctx, req.GetCallConnectionId(), &upstream.UnholdRequest{
			TargetParticipant:    identifierToUpstream(req.GetTargetParticipant()),
			OperationContext:     act.receipt.GetOperationContext(),
			OperationCallbackURI: req.GetOperationCallbackUri(),
		}); err != nil {
			return nil, fmt.Errorf("unhold participant: %w", err)
		}
		act.receipt.Participant = req.GetTargetParticipant()
		return &callgatev1.UnholdParticipantResponse{Receipt: act.accepted(req.GetCallConnectionId())}, nil
	})
}

// CancelAllMediaOperations implements callgatev1.MediaServer.
func (s *Media) CancelAllMediaOperations(ctx context.Context, req *callgatev1.CancelAllMediaOperationsRequest) (*callgatev1.CancelAllMediaOperationsResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_CANCEL_ALL_MEDIA_OPERATIONS, req, func(act *action) (*callgatev1.CancelAllMediaOperationsResponse, error) {
		if err := s.upstream.CancelAllMediaOperations(ctx, req.GetCallConnectionId()); err != nil {
			return nil, fmt.Errorf("cancel all media operations: %w", err)
		}
		return &callgatev1.CancelAllMediaOperationsResponse{Receipt: act.accepted(req.GetCallConnectionId())}, nil
	})
}
