package emulator

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/callgate/callgate/upstream"
)

const (
	objectsPath = "/v1/objects"
	// maxFiles are kept; beyond, the oldest are forgotten. (The service keeps them
	// for a day or two.)
	maxFiles = 1024
	// maxFileLasts is the service's limit of one file. What a recording has beyond
	// is lost; the service would begin another file.
	maxFileLasts = 4 * time.Hour
	// maxChannels of an unmixed recording.
	maxChannels = 5
)

// recordingFile is what is left of a recording: its sound and its metadata.
type recordingFile struct {
	documentID string
	external   bool // put into a storage that is not ours: it cannot be downloaded
	sound      wav
	metadata   []byte // JSON
	madeAt     time.Time
	subject    string // of the event that announces it
	status     fileStatusData
}

// files are the recordings that can be downloaded.
type files struct {
	byID  map[string]*recordingFile
	order []string // document ids, oldest first
}

func newFiles() *files { return &files{byID: make(map[string]*recordingFile)} }

func (f *files) add(file *recordingFile) {
	if file.external {
		return
	}
	for len(f.order) >= maxFiles {
		delete(f.byID, f.order[0])
		f.order = f.order[1:]
	}
	f.byID[file.documentID] = file
	f.order = append(f.order, file.documentID)
}

func (f *files) remove(documentID string) {
	delete(f.byID, documentID)
	f.order = slices.DeleteFunc(f.order, func(other string) bool { return other == documentID })
}

// fileStatusData is the data of Event Grid's RecordingFileStatusUpdated.
type fileStatusData struct {
	RecordingStorageInfo recordingStorageInfo `json:"recordingStorageInfo"`
	RecordingStartTime   string               `json:"recordingStartTime"`
	RecordingDurationMs  int64                `json:"recordingDurationMs"`
	RecordingContentType string               `json:"recordingContentType"`
	RecordingChannelType string               `json:"recordingChannelType"`
	RecordingFormatType  string               `json:"recordingFormatType"`
	SessionEndReason     endReason            `json:"sessionEndReason"`
}

type recordingStorageInfo struct {
	RecordingChunks []recordingChunk `json:"recordingChunks"`
}

type recordingChunk struct {
	DocumentID       string    `json:"documentId"`
	Index            int       `json:"index"`
	EndReason        endReason `json:"endReason"`
	ContentLocation  string    `json:"contentLocation"`
	MetadataLocation string    `json:"metadataLocation"`
	DeleteLocation   string    `json:"deleteLocation,omitempty"`
}

// recordingMetadata is the document at the metadata location.
type recordingMetadata struct {
	ResourceID           string                `json:"resourceId"`
	CallID               string                `json:"callId"`
	ChunkDocumentID      string                `json:"chunkDocumentId"`
	ChunkIndex           int                   `json:"chunkIndex"`
	ChunkStartTime       string                `json:"chunkStartTime"`
	ChunkDuration        float64               `json:"chunkDuration"` // milliseconds
	PauseResumeIntervals []pauseInterval       `json:"pauseResumeIntervals"`
	RecordingInfo        recordingInfo         `json:"recordingInfo"`
	Participants         []recordedParticipant `json:"participants"`
}

type recordingInfo struct {
	ContentType        upstream.RecordingContentType `json:"contentType"`
	ChannelType        upstream.RecordingChannelType `json:"channelType"`
	Format             upstream.RecordingFormatType  `json:"format"`
	AudioConfiguration audioConfiguration            `json:"audioConfiguration"`
}

type audioConfiguration struct {
	SampleRate int `json:"sampleRate"`
	BitRate    int `json:"bitRate"`
	Channels   int `json:"channels"`
}

type recordedParticipant struct {
	ParticipantID string `json:"participantId"`
	ChannelID     *int   `json:"channelId,omitempty"`
}

// newDocumentID has the form of the service's.
func newDocumentID() string {
	id := uuid.New()
	return "0-emu-d1-" + hex.EncodeToString(id[:])
}

// file is what r has become. Whatever format was asked for, the sound is WAV.
func (r *recording) file(reason endReason) *recordingFile {
	lasts := min(r.recorded, maxFileLasts)
	participants, channelCount := r.recordedParticipants()
	sound := wav{lasts: lasts, channels: channelCount}
	startedAt := r.startedAt
	if startedAt.IsZero() {
		startedAt = r.world.emulator.options.Now() // it never recorded
	}
	started := formatTime(startedAt, gridEventTime)
	content, layout, format := recordingKinds(r.request)
	file := &recordingFile{
		documentID: r.documentID, sound: sound, madeAt: r.world.emulator.options.Now(),
		subject: "/recording/call/" + r.conversation.correlationID + "/serverCallId/" + r.conversation.serverCallID + "/recordingId/" + r.recordingID,
		metadata: metadataDocument(recordingMetadata{
			ResourceID: r.world.emulator.options.ResourceID, CallID: r.conversation.correlationID, ChunkDocumentID: r.documentID,
			ChunkStartTime: started, ChunkDuration: milliseconds(lasts), PauseResumeIntervals: append([]pauseInterval{}, r.pauses...),
			RecordingInfo: recordingInfo{
				ContentType: content, ChannelType: layout, Format: format,
				AudioConfiguration: audioConfiguration{SampleRate: sampleRate, BitRate: sampleRate * bytesPerSample * 8 * sound.channels, Channels: sound.channels},
			},
			Participants: participants,
		}),
		status: fileStatusData{
			RecordingStartTime: started, RecordingDurationMs: lasts.Milliseconds(), SessionEndReason: reason,
			RecordingContentType: capitalized(string(content)), RecordingChannelType: capitalized(string(layout)),
			RecordingFormatType: capitalized(string(format)),
		},
	}
	chunk := recordingChunk{DocumentID: r.documentID, EndReason: sessionEnded}
	if storage := r.request.ExternalStorage; storage != nil && storage.RecordingStorageKind == upstream.StorageAzureBlob {
		file.external = true
		place := strings.TrimRight(storage.RecordingDestinationContainerURL, "/") + "/" + r.documentID
		chunk.ContentLocation, chunk.MetadataLocation = place+"/content.wav", place+"/acsmetadata.json"
	} else {
		object := r.base + objectsPath + "/" + r.documentID
		chunk.ContentLocation, chunk.MetadataLocation, chunk.DeleteLocation = object+contentPart, object+metadataPart, object
	}
	file.status.RecordingStorageInfo.RecordingChunks = []recordingChunk{chunk}
	return file
}

func metadataDocument(m recordingMetadata) []byte {
	document, _ := json.Marshal(m) // numbers and strings never fail
	return document
}

// channels are those that were asked for: in which order participants get one, and
// who gets which, by raw id.
type channels struct {
	order    []string
	affinity map[string]int
}

// recordedParticipants are those that were heard, and how many channels the file
// has. In an unmixed recording each has a channel, as long as there are any: the
// one of its affinity, or else the next one that is nobody's.
func (r *recording) recordedParticipants() (participants []recordedParticipant, count int) {
	heard := slices.Clone(r.heard)
	slices.SortStableFunc(heard, func(a, b string) int { return cmp.Compare(r.channels.place(a), r.channels.place(b)) })
	count, participants = 1, make([]recordedParticipant, 0, len(heard))
	_, layout, _ := recordingKinds(r.request)
	next := 0
	for _, rawID := range heard {
		p := recordedParticipant{ParticipantID: rawID}
		if layout == upstream.RecordingUnmixed {
			channel, asked := r.channels.affinity[rawID]
			if !asked {
				for r.channels.isTaken(next) {
					next++
				}
				channel = next
				next++
			}
			if channel < maxChannels {
				p.ChannelID = &channel
				count = max(count, channel+1)
			}
		}
		participants = append(participants, p)
	}
	return participants, count
}

// place is that of a participant in the order that was asked for; the others come
// after it.
func (c channels) place(rawID string) int {
	if i := slices.Index(c.order, rawID); i >= 0 {
		return i
	}
	return len(c.order)
}

func (c channels) isTaken(channel int) bool {
	return slices.Contains(slices.Collect(maps.Values(c.affinity)), channel)
}

// hears notes who is in the recorded call: everyone but applications.
func (r *recording) hears(p *party) {
	if p.application == nil && !slices.Contains(r.heard, p.id.RawID) {
		r.heard = append(r.heard, p.id.RawID)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// capitalized is an enum value as Event Grid has it.
func capitalized(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
