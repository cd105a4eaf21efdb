package eventstream

import (
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

var (
	recordingStates       = wordsOf[callgatev1.RecordingState]()
	recordingKinds        = wordsOf[callgatev1.RecordingKind]()
	recordingContentTypes = wordsOf[callgatev1.RecordingContentType]()
	recordingChannelTypes = wordsOf[callgatev1.RecordingChannelType]()
	recordingFormatTypes  = wordsOf[callgatev1.RecordingFormatType]()
)

type recordingStorageData struct {
	Chunks []recordingChunkData `json:"recordingChunks"`
}

type recordingChunkData struct {
	DocumentID       string          `json:"documentId"`
	Index            optional[int32] `json:"index"`
	EndReason        string          `json:"endReason"`
	ContentLocation  string          `json:"contentLocation"`
	MetadataLocation string          `json:"metadataLocation"`
	DeleteLocation   string          `json:"deleteLocation"`
}

func (d *eventData) recordingState() *callgatev1.RecordingStateChanged {
	return &callgatev1.RecordingStateChanged{
		RecordingId: d.RecordingID,
		State:       recordingStates.of(d.State),
		StateName:   d.State,
		StartTime:   timeToProto(d.StartDateTime),
		Kind:        recordingKinds.of(d.RecordingKind),
		KindName:    d.RecordingKind,
	}
}

func (d *eventData) startRecordingFailed() *callgatev1.StartRecordingFailed {
	return &callgatev1.StartRecordingFailed{RecordingId: d.RecordingID}
}

// recordingFiles is what the data says; subject says which recording it is about.
func (d *eventData) recordingFiles(subject string) *callgatev1.RecordingFileStatusUpdated {
	_, recordingID := recordingInSubject(subject)
	updated := &callgatev1.RecordingFileStatusUpdated{
		RecordingId:      recordingID,
		StartTime:        timeToProto(d.RecordingStartTime),
		ContentType:      recordingContentTypes.of(d.RecordingContentType),
		ContentTypeName:  d.RecordingContentType,
		ChannelType:      recordingChannelTypes.of(d.RecordingChannelType),
		ChannelTypeName:  d.RecordingChannelType,
		FormatType:       recordingFormatTypes.of(d.RecordingFormatType),
		FormatTypeName:   d.RecordingFormatType,
		SessionEndReason: d.SessionEndReason,
	}
	if ms := d.RecordingDurationMs.value; ms != nil {
		seconds := *ms / 1000
		updated.Duration = secondsToProto(&seconds)
	}
	for _, chunk := range d.RecordingStorageInfo.Chunks {
		updated.Files = append(updated.Files, &callgatev1.RecordingFile{
			DocumentId:       chunk.DocumentID,
			Index:            chunk.Index.value,
			EndReason:        chunk.EndReason,
			ContentLocation:  chunk.ContentLocation,
			MetadataLocation: chunk.MetadataLocation,
			DeleteLocation:   chunk.DeleteLocation,
		})
	}
	return updated
}

// recordingInSubject reads "/recording/call/…/serverCallId/…/recordingId/…", in
// which a server call id may itself have slashes. Older subjects have no recording
// id, or none of the two.
func recordingInSubject(subject string) (serverCallID, recordingID string) {
	rest, recordingID, _ := strings.Cut(subject, "/recordingId/")
	_, serverCallID, _ = strings.Cut(rest, "/serverCallId/")
	return serverCallID, recordingID
}

// timeToProto is nil for what is no time, and for the year 1, by which the upstream
// says that there is none yet.
func timeToProto(s string) *timestamppb.Timestamp {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.IsZero() {
		return nil
	}
	if at := timestamppb.New(t); at.CheckValid() == nil {
		return at
	}
	return nil
}
