package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	succeeded = callgatev1.ActionOutcome_STATUS_SUCCEEDED
	failed    = callgatev1.ActionOutcome_STATUS_FAILED
)

func text(s string) *callgatev1.PlaySource {
	return &callgatev1.PlaySource{Source: &callgatev1.PlaySource_Text{Text: &callgatev1.TextSource{Text: s, VoiceName: "en-US-NancyNeural"}}}
}

func file(uri string) *callgatev1.PlaySource {
	return &callgatev1.PlaySource{Source: &callgatev1.PlaySource_File{File: &callgatev1.FileSource{Uri: uri}}}
}

// with is a call to somebody; who they are decides what they do.
func (w walk) callTo(number string) (id string, party *callgatev1.CommunicationIdentifier) {
	w.Helper()
	return w.call(phone(number)).GetCallConnection().GetCallConnectionId(), phone(number)
}

// control asks the emulator to do something for a party.
func (w walk) control(path, body string) {
	w.Helper()
	resp, err := w.gateway.http.Post(w.gateway.emulatorURL+"/control/v1/"+path, "application/json", strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if said, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		w.Fatalf("%s: %s: %s", path, resp.Status, said)
	}
}

func play(w walk, events *events) {
	id, _ := w.callTo("+14255550123")
	var played callgatev1.PlayMediaResponse
	w.do("Media/PlayMedia", &callgatev1.PlayMediaRequest{
		CallConnectionId: id, PlaySources: []*callgatev1.PlaySource{text("Good morning.")}, OperationContext: "greeting", WaitTimeout: patience,
	}, &played)
	w.succeeded(played.GetReceipt(), callgatev1.Action_ACTION_PLAY_MEDIA)
	if begun := events.find(w.T, callgatev1.CallEventType_CALL_EVENT_TYPE_PLAY_STARTED, ofCall(id)); begun.GetOperationContext() != "greeting" {
		w.Errorf("PlayStarted = %v", begun)
	}

	w.do("Media/PlayMedia", &callgatev1.PlayMediaRequest{
		CallConnectionId: id, PlaySources: []*callgatev1.PlaySource{file("https://files.example/greeting-8535.wav")}, WaitTimeout: patience,
	}, &played)
	if end := played.GetReceipt().GetOutcome(); end.GetStatus() != failed || end.GetEvent().GetResult().GetReason() != "PLAY_SOURCE_INVALID" ||
		end.GetEvent().GetPlayFailed().GetFailedPlaySourceIndex() != 0 || end.GetEvent().GetPlayFailed().FailedPlaySourceIndex == nil {
		w.Errorf("a file of the wrong format: %v", end)
	}

	w.do("Media/PlayMedia", &callgatev1.PlayMediaRequest{
		CallConnectionId: id, PlaySources: []*callgatev1.PlaySource{file("https://files.example/music.wav")}, Loop: proto.Bool(true),
	}, &played)
	var cancelled callgatev1.CancelAllMediaOperationsResponse
	w.do("Media/CancelAllMediaOperations", &callgatev1.CancelAllMediaOperationsRequest{CallConnectionId: id}, &cancelled)
	var ended callgatev1.WaitForOutcomeResponse
	w.do("Events/WaitForOutcome", &callgatev1.WaitForOutcomeRequest{Receipt: played.GetReceipt()}, &ended)
	if end := ended.GetOutcome(); end.GetStatus() != callgatev1.ActionOutcome_STATUS_CANCELED || end.GetEvent().GetResult().GetReason() != "OPERATION_CANCELLED" {
		w.Errorf("what was cancelled: %v", end)
	}
}

func recognize(w walk, _ *events) {
	var heard callgatev1.RecognizeInputResponse
	listen := func(number string, change func(*callgatev1.RecognizeInputRequest)) *callgatev1.ActionOutcome {
		w.Helper()
		id, party := w.callTo(number)
		req := &callgatev1.RecognizeInputRequest{
			CallConnectionId: id, TargetParticipant: party, WaitTimeout: patience, PlayPrompts: []*callgatev1.PlaySource{text("Please choose.")},
			InterruptPrompt: proto.Bool(true), InitialSilenceTimeoutSeconds: proto.Int32(10),
		}
		change(req)
		w.do("Media/RecognizeInput", req, &heard)
		return heard.GetReceipt().GetOutcome()
	}
	tones := func(req *callgatev1.RecognizeInputRequest) {
		req.RecognizeInputType = callgatev1.RecognizeInputType_RECOGNIZE_INPUT_TYPE_DTMF
		req.DtmfOptions = &callgatev1.DtmfOptions{MaxTonesToCollect: proto.Int32(4), StopTones: []callgatev1.Tone{callgatev1.Tone_TONE_POUND}}
	}
	end := listen("+14255550231", tones)
	if pressed := end.GetEvent().GetRecognizeCompleted().GetDtmfResult(); end.GetStatus() != succeeded ||
		!strings.HasPrefix(pressed.GetDigits(), "1") || pressed.GetTones()[0] != callgatev1.Tone_TONE_ONE {
		w.Errorf("who presses keys: %v", end)
	}
	end = listen("+14255550245", func(req *callgatev1.RecognizeInputRequest) {
		req.RecognizeInputType = callgatev1.RecognizeInputType_RECOGNIZE_INPUT_TYPE_CHOICES
		req.Choices = []*callgatev1.RecognitionChoice{{Label: "Confirm", Phrases: []string{"yes"}}, {Label: "Cancel", Phrases: []string{"no"}}}
	})
	if choice := end.GetEvent().GetRecognizeCompleted().GetChoiceResult(); end.GetStatus() != succeeded || choice.GetLabel() != "Confirm" {
		w.Errorf("who says yes: %v", end)
	}
	end = listen("+14255550245", func(req *callgatev1.RecognizeInputRequest) {
		req.RecognizeInputType = callgatev1.RecognizeInputType_RECOGNIZE_INPUT_TYPE_SPEECH
		req.SpeechOptions = &callgatev1.SpeechOptions{EndSilenceTimeoutMs: proto.Int32(500)}
	})
	if said := end.GetEvent().GetRecognizeCompleted().GetSpeechResult(); end.GetStatus() != succeeded || said.GetSpeech() == "" {
		w.Errorf("who speaks: %v", end)
	}
	end = listen("+14255550123", tones)
	if end.GetStatus() != failed || end.GetEvent().GetResult().GetReason() != "INITIAL_SILENCE" {
		w.Errorf("who is silent: %v", end)
	}
}

func tones(w walk, events *events) {
	id, party := w.callTo("+14255550123")
	var begun callgatev1.StartContinuousDtmfRecognitionResponse
	w.do("Media/StartContinuousDtmfRecognition", &callgatev1.StartContinuousDtmfRecognitionRequest{CallConnectionId: id, TargetParticipant: party}, &begun)
	w.control("participants:pressTones", fmt.Sprintf(`{"callConnectionId":%q,"rawId":"4:+14255550123","tones":"7#"}`, id))
	for i, want := range []callgatev1.Tone{callgatev1.Tone_TONE_SEVEN, callgatev1.Tone_TONE_POUND} {
		tone := events.find(w.T, callgatev1.CallEventType_CALL_EVENT_TYPE_CONTINUOUS_DTMF_RECOGNITION_TONE_RECEIVED, func(e *callgatev1.CallEvent) bool {
			return e.GetCallConnectionId() == id && e.GetContinuousDtmfRecognitionToneReceived().GetTone() == want
		})
		if tone.GetContinuousDtmfRecognitionToneReceived().GetSequenceId() != int32(i+1) {
			w.Errorf("tone %d is %v", i, tone)
		}
	}
	var stopped callgatev1.StopContinuousDtmfRecognitionResponse
	w.do("Media/StopContinuousDtmfRecognition", &callgatev1.StopContinuousDtmfRecognitionRequest{
		CallConnectionId: id, TargetParticipant: party, WaitTimeout: patience,
	}, &stopped)
	w.succeeded(stopped.GetReceipt(), callgatev1.Action_ACTION_STOP_CONTINUOUS_DTMF_RECOGNITION)

	var sent callgatev1.SendDtmfTonesResponse
	w.do("Media/SendDtmfTones", &callgatev1.SendDtmfTonesRequest{
		CallConnectionId: id, TargetParticipant: party, Tones: []callgatev1.Tone{callgatev1.Tone_TONE_ONE, callgatev1.Tone_TONE_ASTERISK}, WaitTimeout: patience,
	}, &sent)
	w.succeeded(sent.GetReceipt(), callgatev1.Action_ACTION_SEND_DTMF_TONES)
}

func hold(w walk, _ *events) {
	id, party := w.callTo("+14255550123")
	var held callgatev1.HoldParticipantResponse
	w.do("Media/HoldParticipant", &callgatev1.HoldParticipantRequest{
		CallConnectionId: id, TargetParticipant: party, PlaySource: file("https://files.example/music.wav"), WaitTimeout: patience,
	}, &held)
	w.succeeded(held.GetReceipt(), callgatev1.Action_ACTION_HOLD_PARTICIPANT)
	if end := held.GetReceipt().GetOutcome(); end.GetEvent() == nil && !end.GetParticipant().GetIsOnHold() {
		w.Errorf("held: %v", end)
	}
	var released callgatev1.UnholdParticipantResponse
	w.do("Media/UnholdParticipant", &callgatev1.UnholdParticipantRequest{CallConnectionId: id, TargetParticipant: party, WaitTimeout: patience}, &released)
	w.succeeded(released.GetReceipt(), callgatev1.Action_ACTION_UNHOLD_PARTICIPANT)

	id, party = w.callTo("+14255550407")
	w.do("Media/HoldParticipant", &callgatev1.HoldParticipantRequest{CallConnectionId: id, TargetParticipant: party, WaitTimeout: patience}, &held)
	if end := held.GetReceipt().GetOutcome(); end.GetStatus() != failed || end.GetEvent().GetType() != callgatev1.CallEventType_CALL_EVENT_TYPE_HOLD_FAILED {
		w.Errorf("who refuses media: %v", end)
	}
}

func streams(w walk, _ *events) {
	var created callgatev1.CreateCallResponse
	w.do("CallControl/CreateCall", &callgatev1.CreateCallRequest{
		Targets: []*callgatev1.CommunicationIdentifier{user("8:acs:res_alice")}, WaitTimeout: patience,
		TranscriptionOptions: &callgatev1.TranscriptionOptions{TransportUrl: "wss://app.example/text", Locale: "en-US", StartTranscription: proto.Bool(false)},
		MediaStreamingOptions: &callgatev1.MediaStreamingOptions{
			TransportUrl: "wss://app.example/audio", AudioChannelType: callgatev1.MediaStreamingAudioChannelType_MEDIA_STREAMING_AUDIO_CHANNEL_TYPE_MIXED, StartMediaStreaming: proto.Bool(false),
		},
	}, &created)
	w.succeeded(created.GetReceipt(), callgatev1.Action_ACTION_CREATE_CALL)
	id := created.GetReceipt().GetCallConnectionId()

	var transcribed callgatev1.StartTranscriptionResponse
	w.do("Media/StartTranscription", &callgatev1.StartTranscriptionRequest{CallConnectionId: id, Locale: "en-US", WaitTimeout: patience}, &transcribed)
	w.succeeded(transcribed.GetReceipt(), callgatev1.Action_ACTION_START_TRANSCRIPTION)
	if update := transcribed.GetReceipt().GetOutcome().GetEvent().GetTranscriptionStarted(); update.GetStatus() != callgatev1.TranscriptionStatus_TRANSCRIPTION_STATUS_TRANSCRIPTION_STARTED {
		w.Errorf("TranscriptionStarted = %v", update)
	}
	var updated callgatev1.UpdateTranscriptionResponse
	w.do("Media/UpdateTranscription", &callgatev1.UpdateTranscriptionRequest{CallConnectionId: id, Locale: "de-DE", WaitTimeout: patience}, &updated)
	w.succeeded(updated.GetReceipt(), callgatev1.Action_ACTION_UPDATE_TRANSCRIPTION)
	var silent callgatev1.StopTranscriptionResponse
	w.do("Media/StopTranscription", &callgatev1.StopTranscriptionRequest{CallConnectionId: id, WaitTimeout: patience}, &silent)
	w.succeeded(silent.GetReceipt(), callgatev1.Action_ACTION_STOP_TRANSCRIPTION)

	var streamed callgatev1.StartMediaStreamingResponse
	w.do("Media/StartMediaStreaming", &callgatev1.StartMediaStreamingRequest{CallConnectionId: id, WaitTimeout: patience}, &streamed)
	w.succeeded(streamed.GetReceipt(), callgatev1.Action_ACTION_START_MEDIA_STREAMING)
	if update := streamed.GetReceipt().GetOutcome().GetEvent().GetMediaStreamingStarted(); update.GetContentType() != callgatev1.MediaStreamingContentType_MEDIA_STREAMING_CONTENT_TYPE_AUDIO {
		w.Errorf("MediaStreamingStarted = %v", update)
	}
	var dry callgatev1.StopMediaStreamingResponse
	w.do("Media/StopMediaStreaming", &callgatev1.StopMediaStreamingRequest{CallConnectionId: id, WaitTimeout: patience}, &dry)
	w.succeeded(dry.GetReceipt(), callgatev1.Action_ACTION_STOP_MEDIA_STREAMING)
}

func record(w walk, events *events) {
	const (
		active   = callgatev1.RecordingState_RECORDING_STATE_ACTIVE
		inactive = callgatev1.RecordingState_RECORDING_STATE_INACTIVE
	)
	id, _ := w.callTo("+14255550123")
	var started callgatev1.StartRecordingResponse
	w.do("Recordings/StartRecording", &callgatev1.StartRecordingRequest{
		Call:                 &callgatev1.StartRecordingRequest_CallConnectionId{CallConnectionId: id},
		RecordingContentType: callgatev1.RecordingContentType_RECORDING_CONTENT_TYPE_AUDIO,
		RecordingFormatType:  callgatev1.RecordingFormatType_RECORDING_FORMAT_TYPE_WAV,
		WaitTimeout:          patience,
	}, &started)
	w.succeeded(started.GetReceipt(), callgatev1.Action_ACTION_START_RECORDING)
	recording := started.GetRecording().GetRecordingId()
	if changed := started.GetReceipt().GetOutcome().GetEvent().GetRecordingStateChanged(); started.GetRecording().GetState() != inactive ||
		changed.GetRecordingId() != recording || changed.GetState() != active || changed.GetStartTime() == nil {
		w.Errorf("started %v", &started)
	}
	is := func(want callgatev1.RecordingState) {
		w.Helper()
		var got callgatev1.GetRecordingResponse
		w.do("Recordings/GetRecording", &callgatev1.GetRecordingRequest{RecordingId: recording}, &got)
		if got.GetRecording().GetState() != want || got.GetRecording().GetRecordingId() != recording {
			w.Errorf("GetRecording = %v, want %v", &got, want)
		}
	}
	is(active)
	var paused callgatev1.PauseRecordingResponse
	w.do("Recordings/PauseRecording", &callgatev1.PauseRecordingRequest{RecordingId: recording, WaitTimeout: patience}, &paused)
	w.succeeded(paused.GetReceipt(), callgatev1.Action_ACTION_PAUSE_RECORDING)
	is(inactive)
	var resumed callgatev1.ResumeRecordingResponse
	w.do("Recordings/ResumeRecording", &callgatev1.ResumeRecordingRequest{RecordingId: recording, WaitTimeout: patience}, &resumed)
	w.succeeded(resumed.GetReceipt(), callgatev1.Action_ACTION_RESUME_RECORDING)
	is(active)
	w.do("Media/PlayMedia", &callgatev1.PlayMediaRequest{ // so that there is something to hear
		CallConnectionId: id, PlaySources: []*callgatev1.PlaySource{text("This call is recorded.")}, WaitTimeout: patience,
	}, &callgatev1.PlayMediaResponse{})
	var stopped callgatev1.StopRecordingResponse
	w.do("Recordings/StopRecording", &callgatev1.StopRecordingRequest{RecordingId: recording, WaitTimeout: patience}, &stopped)
	w.succeeded(stopped.GetReceipt(), callgatev1.Action_ACTION_STOP_RECORDING)
	wantCode(w.T, w.try("Recordings/GetRecording", &callgatev1.GetRecordingRequest{RecordingId: recording}, &callgatev1.GetRecordingResponse{}), codes.NotFound)
	w.do("Recordings/StopRecording", &callgatev1.StopRecordingRequest{RecordingId: recording}, &stopped)
	if !stopped.GetAlreadyEnded() {
		w.Errorf("stopped again: %v", &stopped)
	}

	ready := events.find(w.T, callgatev1.CallEventType_CALL_EVENT_TYPE_RECORDING_FILE_STATUS_UPDATED, func(e *callgatev1.CallEvent) bool {
		return e.GetRecordingFileStatusUpdated().GetRecordingId() == recording
	})
	if files := ready.GetRecordingFileStatusUpdated(); len(files.GetFiles()) != 1 || files.GetContentType() != callgatev1.RecordingContentType_RECORDING_CONTENT_TYPE_AUDIO || ready.GetServerCallId() == "" {
		w.Errorf("RecordingFileStatusUpdated = %v", ready)
	}
	whole := w.download(&callgatev1.DownloadRecordingRequest{RecordingId: recording})
	if len(whole) < 1000 || string(whole[:4]) != "RIFF" || string(whole[8:12]) != "WAVE" || int(binary.LittleEndian.Uint32(whole[4:])) != len(whole)-8 {
		w.Errorf("%d bytes that begin with %q", len(whole), whole[:min(12, len(whole))])
	}
	if rest := w.download(&callgatev1.DownloadRecordingRequest{RecordingId: recording, Offset: 500}); !bytes.Equal(rest, whole[500:]) {
		w.Errorf("%d bytes from 500 on, of %d", len(rest), len(whole))
	}
	if part := w.download(&callgatev1.DownloadRecordingRequest{RecordingId: recording, Offset: 500, Length: 100}); !bytes.Equal(part, whole[500:600]) {
		w.Errorf("%d bytes from 500 to 600", len(part))
	}
	var deleted callgatev1.DeleteRecordingResponse
	w.do("Recordings/DeleteRecording", &callgatev1.DeleteRecordingRequest{RecordingId: recording}, &deleted)
	if deleted.GetAlreadyDeleted() {
		w.Errorf("deleted %v", &deleted)
	}
	w.do("Recordings/DeleteRecording", &callgatev1.DeleteRecordingRequest{RecordingId: recording}, &deleted)
	if !deleted.GetAlreadyDeleted() {
		w.Errorf("deleted again: %v", &deleted)
	}
}

// download is a file by the walk's transport: as messages, or as a file.
func (w walk) download(req *callgatev1.DownloadRecordingRequest) []byte {
	w.Helper()
	got, err := w.tryDownload(req)
	if err != nil {
		w.Fatalf("download: %v", err)
	}
	return got
}

func (w walk) tryDownload(req *callgatev1.DownloadRecordingRequest) ([]byte, error) {
	if w.transport.name == "REST" {
		return w.gateway.getFile(w.T, req)
	}
	stream, err := callgatev1.NewRecordingsClient(w.gateway.conn).DownloadRecording(w.Context(), req)
	if err != nil {
		return nil, err
	}
	var got []byte
	for {
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return nil, err
		}
		got = append(got, resp.GetData()...)
	}
}

// getFile fetches a file as any HTTP client would, and checks what is said of it.
func (g *gateway) getFile(t *testing.T, req *callgatev1.DownloadRecordingRequest) ([]byte, error) {
	t.Helper()
	get, err := http.NewRequestWithContext(context.Background(), http.MethodGet, g.httpURL+"/v1/recordings/"+req.GetRecordingId()+"/content", nil)
	if err != nil {
		return nil, err
	}
	want := http.StatusOK
	if req.GetOffset() > 0 {
		want = http.StatusPartialContent
		last := ""
		if req.GetLength() > 0 {
			last = fmt.Sprint(req.GetOffset() + req.GetLength() - 1)
		}
		get.Header.Set("Range", fmt.Sprintf("bytes=%d-%s", req.GetOffset(), last))
	}
	resp, err := g.http.Do(get)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		return nil, fmt.Errorf("%s: %w: %.200s", resp.Status, err, body)
	}
	if resp.Header.Get("Content-Type") != "audio/wav" || resp.ContentLength != int64(len(body)) || resp.Header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("headers %v of %d bytes", resp.Header, len(body))
	}
	if begins := fmt.Sprintf("bytes %d-%d/", req.GetOffset(), int(req.GetOffset())+len(body)-1); want == http.StatusPartialContent && !strings.HasPrefix(resp.Header.Get("Content-Range"), begins) {
		t.Errorf("Content-Range is %q, want %s", resp.Header.Get("Content-Range"), begins)
	}
	return body, nil
}
