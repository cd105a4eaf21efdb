package service

import (
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/upstream"
)

// recordingLocatorToUpstream is nil for a call that is named by a connection.
func recordingLocatorToUpstream(req *callgatev1.StartRecordingRequest) *upstream.CallLocator {
	switch call := req.GetCall().(type) {
	case *callgatev1.StartRecordingRequest_ServerCallId:
		return &upstream.CallLocator{Kind: upstream.LocatorServerCall, ServerCallID: call.ServerCallId}
	case *callgatev1.StartRecordingRequest_GroupCallId:
		return &upstream.CallLocator{Kind: upstream.LocatorGroupCall, GroupCallID: call.GroupCallId}
	case *callgatev1.StartRecordingRequest_RoomId:
		return &upstream.CallLocator{Kind: upstream.LocatorRoomCall, RoomID: call.RoomId}
	}
	return nil
}

func channelAffinityToUpstream(affinity []*callgatev1.ChannelAffinity) []upstream.ChannelAffinity {
	models := make([]upstream.ChannelAffinity, 0, len(affinity))
	for _, a := range affinity {
		models = append(models, upstream.ChannelAffinity{Channel: a.Channel, Participant: identifierToUpstream(a.GetParticipant())})
	}
	return models
}

func recordingStorageToUpstream(s *callgatev1.RecordingStorage) *upstream.RecordingStorage {
	if s == nil {
		return nil
	}
	return &upstream.RecordingStorage{
		RecordingStorageKind:             recordingStorageKinds[s.GetRecordingStorageKind()],
		RecordingDestinationContainerURL: s.GetRecordingDestinationContainerUrl(),
	}
}

func recordingFromUpstream(r *upstream.RecordingStateResponse) *callgatev1.Recording {
	return &callgatev1.Recording{
		RecordingId: r.RecordingID,
		State:       recordingStates[r.RecordingState],
		StateName:   string(r.RecordingState),
		Kind:        recordingKinds[r.RecordingKind],
		KindName:    string(r.RecordingKind),
	}
}

var recordingStates = map[upstream.RecordingState]callgatev1.RecordingState{
	upstream.RecordingActive:   callgatev1.RecordingState_RECORDING_STATE_ACTIVE,
	upstream.RecordingInactive: callgatev1.RecordingState_RECORDING_STATE_INACTIVE,
}

var recordingKinds = map[upstream.RecordingKind]callgatev1.RecordingKind{
	upstream.RecordingKindACS:             callgatev1.RecordingKind_RECORDING_KIND_AZURE_COMMUNICATION_SERVICES,
	upstream.RecordingKindTeams:           callgatev1.RecordingKind_RECORDING_KIND_TEAMS,
	upstream.RecordingKindTeamsCompliance: callgatev1.RecordingKind_RECORDING_KIND_TEAMS_COMPLIANCE,
}

// The enums below have no entry for unspecified: it stays absent.

var recordingContentTypes = map[callgatev1.RecordingContentType]upstream.RecordingContentType{
	callgatev1.RecordingContentType_RECORDING_CONTENT_TYPE_AUDIO:       upstream.RecordingAudio,
	callgatev1.RecordingContentType_RECORDING_CONTENT_TYPE_AUDIO_VIDEO: upstream.RecordingAudioVideo,
}

var recordingChannelTypes = map[callgatev1.RecordingChannelType]upstream.RecordingChannelType{
	callgatev1.RecordingChannelType_RECORDING_CHANNEL_TYPE_MIXED:   upstream.RecordingMixed,
	callgatev1.RecordingChannelType_RECORDING_CHANNEL_TYPE_UNMIXED: upstream.RecordingUnmixed,
}

var recordingFormatTypes = map[callgatev1.RecordingFormatType]upstream.RecordingFormatType{
	callgatev1.RecordingFormatType_RECORDING_FORMAT_TYPE_WAV: upstream.RecordingWav,
	callgatev1.RecordingFormatType_RECORDING_FORMAT_TYPE_MP3: upstream.RecordingMp3,
	callgatev1.RecordingFormatType_RECORDING_FORMAT_TYPE_MP4: upstream.RecordingMp4,
}

var recordingStorageKinds = map[callgatev1.RecordingStorageKind]upstream.RecordingStorageKind{
	callgatev1.RecordingStorageKind_RECORDING_STORAGE_KIND_AZURE_COMMUNICATION_SERVICES: upstream.StorageAzureCommunicationServices,
	callgatev1.RecordingStorageKind_RECORDING_STORAGE_KIND_AZURE_BLOB_STORAGE:           upstream.StorageAzureBlob,
}
