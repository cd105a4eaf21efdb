package service

import (
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/upstream"
)

func callIntelligenceToUpstream(o *callgatev1.CallIntelligenceOptions) *upstream.CallIntelligenceOptions {
	if o == nil {
		return nil
	}
	return &upstream.CallIntelligenceOptions{CognitiveServicesEndpoint: o.GetCognitiveServicesEndpoint()}
}

func mediaStreamingToUpstream(o *callgatev1.MediaStreamingOptions) *upstream.WebSocketMediaStreamingOptions {
	if o == nil {
		return nil
	}
	return &upstream.WebSocketMediaStreamingOptions{
		TransportType:       upstream.TransportWebsocket,
		TransportURL:        o.GetTransportUrl(),
		AudioChannelType:    audioChannelTypes[o.GetAudioChannelType()],
		ContentType:         contentTypes[o.GetContentType()],
		StartMediaStreaming: o.StartMediaStreaming,
		EnableBidirectional: o.EnableBidirectional,
		AudioFormat:         audioFormats[o.GetAudioFormat()],
		EnableDtmfTones:     o.EnableDtmfTones,
	}
}

func transcriptionToUpstream(o *callgatev1.TranscriptionOptions) *upstream.WebSocketTranscriptionOptions {
	if o == nil {
		return nil
	}
	return &upstream.WebSocketTranscriptionOptions{
		TransportType:             upstream.TransportWebsocket,
		TransportURL:              o.GetTransportUrl(),
		Locale:                    o.GetLocale(),
		SpeechModelEndpointID:     o.GetSpeechModelEndpointId(),
		StartTranscription:        o.StartTranscription,
		EnableIntermediateResults: o.EnableIntermediateResults,
	}
}

func customContextToUpstream(c *callgatev1.CustomCallingContext) *upstream.CustomCallingContext {
	if c == nil {
		return nil
	}
	return &upstream.CustomCallingContext{
		VoipHeaders:           c.GetVoipHeaders(),
		SipHeaders:            c.GetSipHeaders(),
		TeamsPhoneCallDetails: teamsPhoneToUpstream(c.GetTeamsPhoneCallDetails()),
	}
}

func teamsPhoneToUpstream(d *callgatev1.TeamsPhoneCallDetails) *upstream.TeamsPhoneCallDetails {
	if d == nil {
		return nil
	}
	details := &upstream.TeamsPhoneCallDetails{
		SessionID:        d.GetSessionId(),
		Intent:           d.GetIntent(),
		CallTopic:        d.GetCallTopic(),
		CallContext:      d.GetCallContext(),
		TranscriptURL:    d.GetTranscriptUrl(),
		CallSentiment:    d.GetCallSentiment(),
		SuggestedActions: d.GetSuggestedActions(),
	}
	if caller := d.GetTeamsPhoneCallerDetails(); caller != nil {
		details.TeamsPhoneCallerDetails = &upstream.TeamsPhoneCallerDetails{
			Caller:                      identifierToUpstream(caller.GetCaller()),
			Name:                        caller.GetName(),
			PhoneNumber:                 caller.GetPhoneNumber(),
			RecordID:                    caller.GetRecordId(),
			ScreenPopURL:                caller.GetScreenPopUrl(),
			IsAuthenticated:             caller.IsAuthenticated,
			AdditionalCallerInformation: caller.GetAdditionalCallerInformation(),
		}
	}
	if source := d.GetTeamsPhoneSourceDetails(); source != nil {
		details.TeamsPhoneSourceDetails = &upstream.TeamsPhoneSourceDetails{
			Source:   identifierToUpstream(source.GetSource()),
			Language: source.GetLanguage(),
			Status:   source.GetStatus(),
		}
		for role, target := range source.GetIntendedTargets() {
			if details.TeamsPhoneSourceDetails.IntendedTargets == nil {
				details.TeamsPhoneSourceDetails.IntendedTargets = make(map[string]upstream.CommunicationIdentifierModel, len(source.GetIntendedTargets()))
			}
			details.TeamsPhoneSourceDetails.IntendedTargets[role] = *identifierToUpstream(target)
		}
	}
	return details
}

// The enums below have no entry for unspecified: it stays absent.

var audioChannelTypes = map[callgatev1.MediaStreamingAudioChannelType]upstream.MediaStreamingAudioChannelType{
	callgatev1.MediaStreamingAudioChannelType_MEDIA_STREAMING_AUDIO_CHANNEL_TYPE_MIXED:   upstream.AudioChannelMixed,
	callgatev1.MediaStreamingAudioChannelType_MEDIA_STREAMING_AUDIO_CHANNEL_TYPE_UNMIXED: upstream.AudioChannelUnmixed,
}

var contentTypes = map[callgatev1.MediaStreamingContentType]upstream.MediaStreamingContentType{
	callgatev1.MediaStreamingContentType_MEDIA_STREAMING_CONTENT_TYPE_AUDIO: upstream.ContentTypeAudio,
}

var audioFormats = map[callgatev1.AudioFormat]upstream.AudioFormat{
	callgatev1.AudioFormat_AUDIO_FORMAT_PCM16K_MONO: upstream.AudioFormatPCM16KMono,
	callgatev1.AudioFormat_AUDIO_FORMAT_PCM24K_MONO: upstream.AudioFormatPCM24KMono,
}

var rejectReasons = map[callgatev1.CallRejectReason]upstream.CallRejectReason{
	callgatev1.CallRejectReason_CALL_REJECT_REASON_UNSPECIFIED: upstream.RejectNone,
	callgatev1.CallRejectReason_CALL_REJECT_REASON_NONE:        upstream.RejectNone,
	callgatev1.CallRejectReason_CALL_REJECT_REASON_BUSY:        upstream.RejectBusy,
	callgatev1.CallRejectReason_CALL_REJECT_REASON_FORBIDDEN:   upstream.RejectForbidden,
}
