package service

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	"github.com/callgate/callgate/eventstream"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/upstream"
)

// fileClient is what the files of recordings ask of the upstream.
type fileClient interface {
	DownloadFile(ctx context.Context, location string, offset, length int64) (*upstream.File, error)
	DeleteFile(ctx context.Context, location string) error
}

// recordingFiles knows where the files of recordings are.
type recordingFiles interface {
	RecordingFiles(ctx context.Context, recordingID string) (*callgatev1.RecordingFileStatusUpdated, error)
}

// errFileElsewhere is that an event told of a file that the upstream does not have.
var errFileElsewhere = errors.New("the recording's file is in a storage of its own")

// pieceSize is how much of a file is held at once.
const pieceSize = 64 << 10

// DownloadRecording implements callgatev1.RecordingsServer.
func (s *Recordings) DownloadRecording(req *callgatev1.DownloadRecordingRequest, stream grpc.ServerStreamingServer[callgatev1.DownloadRecordingResponse]) error {
	location, err := s.locate(stream.Context(), req, req.GetContentLocation(), (*callgatev1.RecordingFile).GetContentLocation)
	if err != nil {
		return fmt.Errorf("download recording: %w", err)
	}
	file, err := s.upstream.DownloadFile(stream.Context(), location, req.GetOffset(), req.GetLength())
	if err != nil {
		return fmt.Errorf("download recording: %w", misplaced(err, "content_location", req.GetContentLocation()))
	}
	defer file.Close()
	resp := contentOf(file)
	for {
		if err := stream.Send(resp); err != nil {
			return err
		}
		piece := make([]byte, pieceSize) // the last one may still be on its way
		n, err := file.Read(piece)
		if errors.Is(err, io.EOF) && n == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("download recording: %w", err)
		}
		resp = &callgatev1.DownloadRecordingResponse{Response: &callgatev1.DownloadRecordingResponse_Data{Data: piece[:n]}}
	}
}

func contentOf(file *upstream.File) *callgatev1.DownloadRecordingResponse {
	return &callgatev1.DownloadRecordingResponse{Response: &callgatev1.DownloadRecordingResponse_Content{Content: &callgatev1.RecordingContent{
		ContentType: file.ContentType,
		TotalLength: lengthOrAbsent(file.Total),
		Offset:      file.Offset,
		Length:      lengthOrAbsent(file.Length),
	}}}
}

func lengthOrAbsent(n int64) *int64 {
	if n == upstream.Unsaid {
		return nil
	}
	return &n
}

// DeleteRecording implements callgatev1.RecordingsServer. A file that is gone is
// what was asked for.
func (s *Recordings) DeleteRecording(ctx context.Context, req *callgatev1.DeleteRecordingRequest) (*callgatev1.DeleteRecordingResponse, error) {
	return perform(ctx, s.actions, callgatev1.Action_ACTION_DELETE_RECORDING, req, func(act *action) (*callgatev1.DeleteRecordingResponse, error) {
		location, err := s.locate(ctx, req, req.GetDeleteLocation(), (*callgatev1.RecordingFile).GetDeleteLocation)
		if err != nil {
			return nil, fmt.Errorf("delete recording: %w", &unsentError{err})
		}
		err = s.upstream.DeleteFile(ctx, location)
		gone := errors.Is(err, upstream.ErrFileNotFound)
		if err != nil && !gone {
			return nil, fmt.Errorf("delete recording: %w", misplaced(err, "delete_location", req.GetDeleteLocation()))
		}
		act.receipt.RecordingId = req.GetRecordingId()
		return &callgatev1.DeleteRecordingResponse{Receipt: act.receipt, AlreadyDeleted: gone}, nil
	})
}

// fileRequest names a file of a recording.
type fileRequest interface {
	GetRecordingId() string
	GetChunkIndex() int32
}

// locate is the location that the client gave, or the one that the newest event of
// the recording has for it.
func (s *Recordings) locate(ctx context.Context, req fileRequest, given string, of func(*callgatev1.RecordingFile) string) (string, error) {
	if given != "" {
		return given, nil
	}
	known, err := s.files.RecordingFiles(ctx, req.GetRecordingId())
	if err != nil {
		return "", err
	}
	for i, file := range known.GetFiles() {
		index := int32(i)
		if file.Index != nil {
			index = file.GetIndex()
		}
		if index == req.GetChunkIndex() && of(file) != "" {
			return of(file), nil
		}
	}
	return "", eventstream.ErrNoRecordingFiles
}

// misplaced tells of a location that is none of the upstream's: of the client's
// own, by its field.
func misplaced(err error, field, given string) error {
	switch {
	case !errors.Is(err, upstream.ErrInvalidRequest):
		return err
	case given == "":
		return &unsentError{errFileElsewhere}
	}
	return &unsentError{&fieldError{field: field, description: "must be a location that RecordingFileStatusUpdated told, on a host of the upstream's"}}
}
