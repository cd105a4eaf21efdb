package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// RecordingCommands make and fetch recordings.
type RecordingCommands struct {
	Connection `embed:""`
	Start      startRecording    `cmd:"" help:"Record a call."`
	Get        getRecording      `cmd:"" help:"Show a recording's state."`
	Pause      pauseRecording    `cmd:"" help:"Pause a recording."`
	Resume     resumeRecording   `cmd:"" help:"Go on with a recording."`
	Stop       stopRecording     `cmd:"" help:"End a recording."`
	Download   downloadRecording `cmd:"" help:"Fetch a recording's file, once it is ready."`
	Delete     deleteRecording   `cmd:"" help:"Delete a recording's file."`
}

type startRecording struct {
	Call         string `arg:"" optional:"" help:"The call connection."`
	ServerCallID string `name:"server-call-id" xor:"call" help:"The serverCallId of the call's events, in place of a connection."`
	GroupCallID  string `name:"group-call-id" xor:"call" help:"A group call's id, in place of a connection."`
	RoomID       string `name:"room-id" xor:"call" help:"A room's id, in place of a connection."`
	Content      string `enum:"audio,audio-video" default:"audio" help:"What is recorded: audio or audio-video."`
	Channels     string `enum:"mixed,unmixed" default:"mixed" help:"All in one channel (mixed), or each party in its own."`
	Format       string `enum:"wav,mp3,mp4" default:"mp3" help:"Format of the file: wav, mp3 or mp4."`
	Paused       bool   `help:"Begin paused; resume begins to record."`
	Container    string `placeholder:"URL" help:"Azure Blob Storage container of yours that takes the files, instead of the upstream's storage."`
	CallbackURI  string `name:"callback-uri" help:"Where the upstream is to post the recording's events, instead of where the call's go."`
	actionFlags
	waitFlags
}

// Run starts the recording.
func (c *startRecording) Run(ctx context.Context, p Process, conn *Connection) error {
	value := func(values map[string]int32, prefix, word string) int32 {
		return values[prefix+strings.ToUpper(strings.ReplaceAll(word, "-", "_"))]
	}
	req := &callgatev1.StartRecordingRequest{
		RecordingContentType:      callgatev1.RecordingContentType(value(callgatev1.RecordingContentType_value, "RECORDING_CONTENT_TYPE_", c.Content)),
		RecordingChannelType:      callgatev1.RecordingChannelType(value(callgatev1.RecordingChannelType_value, "RECORDING_CHANNEL_TYPE_", c.Channels)),
		RecordingFormatType:       callgatev1.RecordingFormatType(value(callgatev1.RecordingFormatType_value, "RECORDING_FORMAT_TYPE_", c.Format)),
		RecordingStateCallbackUri: c.CallbackURI,
		RequestId:                 c.requestID(), WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly,
	}
	switch elsewhere := c.ServerCallID + c.GroupCallID + c.RoomID; {
	case (c.Call == "") == (elsewhere == ""):
		return usage("give a call connection, or one of --server-call-id, --group-call-id and --room-id")
	case c.ServerCallID != "":
		req.Call = &callgatev1.StartRecordingRequest_ServerCallId{ServerCallId: c.ServerCallID}
	case c.GroupCallID != "":
		req.Call = &callgatev1.StartRecordingRequest_GroupCallId{GroupCallId: c.GroupCallID}
	case c.RoomID != "":
		req.Call = &callgatev1.StartRecordingRequest_RoomId{RoomId: c.RoomID}
	default:
		req.Call = &callgatev1.StartRecordingRequest_CallConnectionId{CallConnectionId: c.Call}
	}
	if c.Paused {
		req.PauseOnStart = &c.Paused
	}
	if c.Container != "" {
		req.ExternalStorage = &callgatev1.RecordingStorage{
			RecordingStorageKind:             callgatev1.RecordingStorageKind_RECORDING_STORAGE_KIND_AZURE_BLOB_STORAGE,
			RecordingDestinationContainerUrl: c.Container,
		}
	}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.StartRecordingResponse, error) {
		return g.recordings.StartRecording(ctx, req)
	}, func(resp *callgatev1.StartRecordingResponse) rows { return recordingRows(resp.GetRecording()) })
}

type getRecording struct {
	Recording string `arg:"" help:"The recording."`
}

// Run shows the recording.
func (c *getRecording) Run(ctx context.Context, p Process, conn *Connection) error {
	return ask(ctx, conn, p, func(ctx context.Context, g *gateway) (*callgatev1.GetRecordingResponse, error) {
		return g.recordings.GetRecording(ctx, &callgatev1.GetRecordingRequest{RecordingId: c.Recording})
	}, func(resp *callgatev1.GetRecordingResponse) rows { return recordingRows(resp.GetRecording()) })
}

type pauseRecording struct {
	Recording string `arg:"" help:"The recording."`
	actionFlags
	waitFlags
}

// Run pauses the recording.
func (c *pauseRecording) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.PauseRecordingRequest{RecordingId: c.Recording, RequestId: c.requestID(), WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.PauseRecordingResponse, error) {
		return g.recordings.PauseRecording(ctx, req)
	}, nothing)
}

type resumeRecording struct {
	Recording string `arg:"" help:"The recording."`
	actionFlags
	waitFlags
}

// Run resumes the recording.
func (c *resumeRecording) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.ResumeRecordingRequest{RecordingId: c.Recording, RequestId: c.requestID(), WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.ResumeRecordingResponse, error) {
		return g.recordings.ResumeRecording(ctx, req)
	}, nothing)
}

type stopRecording struct {
	Recording string `arg:"" help:"The recording."`
	actionFlags
	waitFlags
}

// Run stops the recording.
func (c *stopRecording) Run(ctx context.Context, p Process, conn *Connection) error {
	req := &callgatev1.StopRecordingRequest{RecordingId: c.Recording, RequestId: c.requestID(), WaitTimeout: c.timeout(), ValidateOnly: c.ValidateOnly}
	return act(ctx, conn, p, c.Wait, func(ctx context.Context, g *gateway) (*callgatev1.StopRecordingResponse, error) {
		return g.recordings.StopRecording(ctx, req)
	}, nothing)
}

type downloadRecording struct {
	Recording string `arg:"" help:"The recording."`
	File      string `arg:"" help:"Where to put it; - writes to standard output. A file that is there is not overwritten."`
	Chunk     int32  `help:"Which file of a long recording, from 0 on."`
}

// Run fetches the file. It takes as long as it takes; what was begun and not ended
// does not stay.
func (c *downloadRecording) Run(ctx context.Context, p Process, conn *Connection) error {
	return conn.use(p, func(g *gateway) error {
		stream, err := g.recordings.DownloadRecording(ctx, &callgatev1.DownloadRecordingRequest{RecordingId: c.Recording, ChunkIndex: c.Chunk})
		if err != nil {
			return err
		}
		first, err := stream.Recv() // before a file is made for nothing
		if err != nil {
			return err
		}
		write := func(out io.Writer) error {
			for resp := first; ; {
				if _, err := out.Write(resp.GetData()); err != nil {
					return err
				}
				var err error
				if resp, err = stream.Recv(); errors.Is(err, io.EOF) {
					return nil
				} else if err != nil {
					return err
				}
			}
		}
		if c.File == "-" {
			return write(p.Out)
		}
		file, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return usage("%w", err)
		}
		if err := errors.Join(write(file), file.Close()); err != nil {
			return errors.Join(err, os.Remove(c.File))
		}
		return nil
	})
}

type deleteRecording struct {
	Recording string `arg:"" help:"The recording."`
	Chunk     int32  `help:"Which file of a long recording, from 0 on."`
	actionFlags
}

// Run deletes the file.
func (c *deleteRecording) Run(ctx context.Context, p Process, conn *Connection) error {
	return act(ctx, conn, p, 0, func(ctx context.Context, g *gateway) (*callgatev1.DeleteRecordingResponse, error) {
		return g.recordings.DeleteRecording(ctx, &callgatev1.DeleteRecordingRequest{
			RecordingId: c.Recording, ChunkIndex: c.Chunk, RequestId: c.requestID(), ValidateOnly: c.ValidateOnly,
		})
	}, nothing)
}

func recordingRows(r *callgatev1.Recording) rows {
	return rows{
		{"recording", r.GetRecordingId()},
		{"state", enumWords(r.GetState().String(), "RECORDING_STATE_")},
	}
}
