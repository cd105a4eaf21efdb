package eventstream

import (
	"context"
	"errors"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// ErrNoRecordingFiles is returned when no event of the log tells of a recording's
// files: they are not ready, it is too long ago, or Event Grid does not send here.
var ErrNoRecordingFiles = errors.New("nothing is known of the recording's files")

// RecordingFiles is the newest that the log has of a recording's files.
func (l *Log) RecordingFiles(ctx context.Context, recordingID string) (*callgatev1.RecordingFileStatusUpdated, error) {
	subject := recordingFilesSubject(recordingID)
	newest, err := l.askLeader(ctx, leaderRequest{LastFor: subject})
	if err != nil {
		return nil, err
	}
	if newest == nil {
		return nil, ErrNoRecordingFiles
	}
	ev := l.decode(newest.Seq, newest.Data)
	if ev == nil {
		return nil, ErrNoRecordingFiles
	}
	return ev.CallEvent.GetRecordingFileStatusUpdated(), nil
}

// ListEvents lists the events of one call connection, with or without commands,
// oldest first, at most limit and not much more than 1 MiB of them. pageToken is empty for the first page and
// nextToken of the page before for any other; nextToken is empty on the last.
//
// A page token is a cursor, and the errors are those of a cursor.
func (l *Log) ListEvents(ctx context.Context, callConnectionID, pageToken string, limit int, commands bool) (events []*Event, nextToken string, err error) {
	var after uint64
	if pageToken != "" {
		if after, err = l.position(ctx, pageToken); err != nil {
			return nil, "", err
		}
	}
	p, err := l.read(ctx, after, callSubject(callConnectionID, commands), limit)
	if err != nil {
		return nil, "", err
	}
	if p.more {
		nextToken = l.cursor(p.through)
	}
	return p.events, nextToken, nil
}
