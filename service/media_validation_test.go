package service_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	dtmf         = callgatev1.RecognizeInputType_RECOGNIZE_INPUT_TYPE_DTMF
	speech       = callgatev1.RecognizeInputType_RECOGNIZE_INPUT_TYPE_SPEECH
	speechOrDtmf = callgatev1.RecognizeInputType_RECOGNIZE_INPUT_TYPE_SPEECH_OR_DTMF
	choices      = callgatev1.RecognizeInputType_RECOGNIZE_INPUT_TYPE_CHOICES
)

func fileSource(uri string) *callgatev1.PlaySource {
	return &callgatev1.PlaySource{Source: &callgatev1.PlaySource_File{File: &callgatev1.FileSource{Uri: uri}}}
}

func textSource(text string) *callgatev1.PlaySource {
	return &callgatev1.PlaySource{Source: &callgatev1.PlaySource_Text{Text: &callgatev1.TextSource{Text: text}}}
}

// The requests below are right until they are changed; TestGoodInput holds them to
// that.

func playing(change func(*callgatev1.PlayMediaRequest)) *callgatev1.PlayMediaRequest {
	req := &callgatev1.PlayMediaRequest{CallConnectionId: id, PlaySources: []*callgatev1.PlaySource{fileSource("https://files.example/a.wav")}}
	change(req)
	return req
}

func recognizing(kind callgatev1.RecognizeInputType, change func(*callgatev1.RecognizeInputRequest)) *callgatev1.RecognizeInputRequest {
	req := &callgatev1.RecognizeInputRequest{CallConnectionId: id, RecognizeInputType: kind, TargetParticipant: phone("+14255550123")}
	change(req)
	return req
}

func sendingTones(change func(*callgatev1.SendDtmfTonesRequest)) *callgatev1.SendDtmfTonesRequest {
	req := &callgatev1.SendDtmfTonesRequest{
		CallConnectionId: id, TargetParticipant: phone("+14255550123"), Tones: []callgatev1.Tone{callgatev1.Tone_TONE_ONE},
	}
	change(req)
	return req
}

func recording(change func(*callgatev1.StartRecordingRequest)) *callgatev1.StartRecordingRequest {
	req := &callgatev1.StartRecordingRequest{Call: &callgatev1.StartRecordingRequest_ServerCallId{ServerCallId: "s"}}
	change(req)
	return req
}

func choice(label string, phrases ...string) *callgatev1.RecognitionChoice {
	return &callgatev1.RecognitionChoice{Label: label, Phrases: phrases}
}

func tonesOf(n int) []callgatev1.Tone {
	tones := make([]callgatev1.Tone, n)
	for i := range tones {
		tones[i] = callgatev1.Tone_TONE_FIVE
	}
	return tones
}

func TestBadMediaInput(t *testing.T) {
	type (
		play   = callgatev1.PlayMediaRequest
		listen = callgatev1.RecognizeInputRequest
		tones  = callgatev1.SendDtmfTonesRequest
		record = callgatev1.StartRecordingRequest
	)
	up := answering(500, "")
	g := newGateway(t, up)
	for _, tc := range []struct {
		name  string
		req   proto.Message
		field string
	}{
		{"play in no call", playing(func(r *play) { r.CallConnectionId = "" }), "call_connection_id"},
		{"play nothing", playing(func(r *play) { r.PlaySources = nil }), "play_sources"},
		{"play a source that is none", playing(func(r *play) { r.PlaySources[0] = &callgatev1.PlaySource{} }), "play_sources[0].source"},
		{"play a file without address", playing(func(r *play) { r.PlaySources[0] = fileSource("") }), "play_sources[0].file.uri"},
		{"play a file of this machine", playing(func(r *play) { r.PlaySources[0] = fileSource("file:///etc/passwd") }), "play_sources[0].file.uri"},
		{"play a silent text", playing(func(r *play) { r.PlaySources[0] = textSource("") }), "play_sources[0].text.text"},
		{"play empty SSML", playing(func(r *play) {
			r.PlaySources[0] = &callgatev1.PlaySource{Source: &callgatev1.PlaySource_Ssml{Ssml: &callgatev1.SsmlSource{}}}
		}), "play_sources[0].ssml.ssml_text"},
		{"play to a malformed number", playing(func(r *play) {
			r.PlayTo = []*callgatev1.CommunicationIdentifier{phone("425")}
		}), "play_to[0].phone_number"},
		{"wait too long for playing", playing(func(r *play) { r.WaitTimeout = durationpb.New(time.Hour) }), "wait_timeout"},
		{"listen for nothing", recognizing(0, func(*listen) {}), "recognize_input_type"},
		{"listen to nobody", recognizing(dtmf, func(r *listen) { r.TargetParticipant = nil }), "target_participant"},
		{"silence of 301 s", recognizing(dtmf, func(r *listen) { r.InitialSilenceTimeoutSeconds = proto.Int32(301) }), "initial_silence_timeout_seconds"},
		{"silence of -1 s", recognizing(dtmf, func(r *listen) { r.InitialSilenceTimeoutSeconds = proto.Int32(-1) }), "initial_silence_timeout_seconds"},
		{"no time between tones", recognizing(dtmf, func(r *listen) {
			r.DtmfOptions = &callgatev1.DtmfOptions{InterToneTimeoutSeconds: proto.Int32(0)}
		}), "dtmf_options.inter_tone_timeout_seconds"},
		{"61 s between tones", recognizing(dtmf, func(r *listen) {
			r.DtmfOptions = &callgatev1.DtmfOptions{InterToneTimeoutSeconds: proto.Int32(61)}
		}), "dtmf_options.inter_tone_timeout_seconds"},
		{"no tones to collect", recognizing(dtmf, func(r *listen) {
			r.DtmfOptions = &callgatev1.DtmfOptions{MaxTonesToCollect: proto.Int32(0)}
		}), "dtmf_options.max_tones_to_collect"},
		{"a stop tone that is none", recognizing(dtmf, func(r *listen) {
			r.DtmfOptions = &callgatev1.DtmfOptions{StopTones: []callgatev1.Tone{99}}
		}), "dtmf_options.stop_tones[0]"},
		{"choices without any", recognizing(choices, func(*listen) {}), ""},
		{"choices among tones", recognizing(dtmf, func(r *listen) { r.Choices = []*callgatev1.RecognitionChoice{choice("Yes", "yes")} }), ""},
		{"a choice without label", recognizing(choices, func(r *listen) { r.Choices = []*callgatev1.RecognitionChoice{choice("", "yes")} }), "choices[0].label"},
		{"a choice without phrases", recognizing(choices, func(r *listen) { r.Choices = []*callgatev1.RecognitionChoice{choice("Yes")} }), "choices[0].phrases"},
		{"options of tones for speech", recognizing(speech, func(r *listen) { r.DtmfOptions = &callgatev1.DtmfOptions{} }), ""},
		{"options of speech for tones", recognizing(dtmf, func(r *listen) { r.SpeechOptions = &callgatev1.SpeechOptions{} }), ""},
		{"silence of -1 ms after speech", recognizing(speech, func(r *listen) {
			r.SpeechOptions = &callgatev1.SpeechOptions{EndSilenceTimeoutMs: proto.Int32(-1)}
		}), "speech_options.end_silence_timeout_ms"},
		{"a prompt that is none", recognizing(dtmf, func(r *listen) { r.PlayPrompts = []*callgatev1.PlaySource{{}} }), "play_prompts[0].source"},
		{"tones of nobody", &callgatev1.StartContinuousDtmfRecognitionRequest{CallConnectionId: id}, "target_participant"},
		{"no more tones of nobody", &callgatev1.StopContinuousDtmfRecognitionRequest{CallConnectionId: id}, "target_participant"},
		{"no tones", sendingTones(func(r *tones) { r.Tones = nil }), "tones"},
		{"19 tones", sendingTones(func(r *tones) { r.Tones = tonesOf(19) }), "tones"},
		{"a tone that is none", sendingTones(func(r *tones) { r.Tones[0] = 0 }), "tones[0]"},
		{"tones to a user", sendingTones(func(r *tones) { r.TargetParticipant = user("8:acs:res_user") }), "target_participant"},
		{"hold nobody", &callgatev1.HoldParticipantRequest{CallConnectionId: id}, "target_participant"},
		{"unhold nobody", &callgatev1.UnholdParticipantRequest{CallConnectionId: id}, "target_participant"},
		{"update nothing", &callgatev1.UpdateTranscriptionRequest{CallConnectionId: id}, ""},
		{"an endless locale", &callgatev1.StartTranscriptionRequest{CallConnectionId: id, Locale: strings.Repeat("x", 65)}, "locale"},
		{"record nothing", recording(func(r *record) { r.Call = nil }), "call"},
		{"record an empty call", recording(func(r *record) { r.Call = &callgatev1.StartRecordingRequest_GroupCallId{} }), "group_call_id"},
		{"channel 5", recording(func(r *record) {
			r.RecordingChannelType = callgatev1.RecordingChannelType_RECORDING_CHANNEL_TYPE_UNMIXED
			r.ChannelAffinity = []*callgatev1.ChannelAffinity{{Channel: proto.Int32(5), Participant: user("8:acs:res_user")}}
		}), "channel_affinity[0].channel"},
		{"a channel for nobody", recording(func(r *record) {
			r.RecordingChannelType = callgatev1.RecordingChannelType_RECORDING_CHANNEL_TYPE_UNMIXED
			r.ChannelAffinity = []*callgatev1.ChannelAffinity{{}}
		}), "channel_affinity[0].participant"},
		{"channels of one channel", recording(func(r *record) {
			r.ChannelAffinity = []*callgatev1.ChannelAffinity{{Participant: user("8:acs:res_user")}}
		}), ""},
		{"an unknown format", recording(func(r *record) { r.RecordingFormatType = 9 }), "recording_format_type"},
		{"blob storage without container", recording(func(r *record) {
			r.ExternalStorage = &callgatev1.RecordingStorage{RecordingStorageKind: 2}
		}), "external_storage"},
		{"a container over http", recording(func(r *record) {
			r.ExternalStorage = &callgatev1.RecordingStorage{RecordingStorageKind: 2, RecordingDestinationContainerUrl: "http://blobs.example/c"}
		}), "external_storage.recording_destination_container_url"},
		{"a container of nobody", recording(func(r *record) {
			r.ExternalStorage = &callgatev1.RecordingStorage{RecordingDestinationContainerUrl: "https://blobs.example/c"}
		}), "external_storage.recording_storage_kind"},
		{"callback over http", recording(func(r *record) { r.RecordingStateCallbackUri = "http://app.example/cb" }), "recording_state_callback_uri"},
		{"no recording", &callgatev1.GetRecordingRequest{}, "recording_id"},
		{"pause no recording", &callgatev1.PauseRecordingRequest{}, "recording_id"},
		{"delete from elsewhere", &callgatev1.DeleteRecordingRequest{RecordingId: "r", DeleteLocation: "https://evil.example/v1/objects/0"}, "delete_location"},
		{"outcome of listening for tones", &callgatev1.WaitForOutcomeRequest{Receipt: &callgatev1.ActionReceipt{
			Action: callgatev1.Action_ACTION_START_CONTINUOUS_DTMF_RECOGNITION, CallConnectionId: id, Cursor: "x",
		}}, ""},
		{"outcome of recording nothing", &callgatev1.WaitForOutcomeRequest{Receipt: &callgatev1.ActionReceipt{
			Action: callgatev1.Action_ACTION_START_RECORDING, CallConnectionId: id, Cursor: "x",
		}}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := g.call(t.Context(), tc.req)
			checkViolation(t, err, tc.field)
		})
	}
	if sent := up.received(); len(sent) != 0 {
		t.Errorf("the upstream was sent %v", sent)
	}
}

// TestGoodInput: the rules let through what is right, at their edges too.
func TestGoodInput(t *testing.T) {
	type listen = callgatev1.RecognizeInputRequest
	for name, req := range map[string]proto.Message{
		"play":              playing(func(*callgatev1.PlayMediaRequest) {}),
		"play over http":    playing(func(r *callgatev1.PlayMediaRequest) { r.PlaySources[0] = fileSource("http://files.example/a.wav") }),
		"listen for tones":  recognizing(dtmf, func(r *listen) { r.DtmfOptions = &callgatev1.DtmfOptions{InterToneTimeoutSeconds: proto.Int32(60)} }),
		"listen for speech": recognizing(speech, func(r *listen) { r.SpeechOptions = &callgatev1.SpeechOptions{EndSilenceTimeoutMs: proto.Int32(0)} }),
		"listen for either": recognizing(speechOrDtmf, func(r *listen) {
			r.DtmfOptions, r.SpeechOptions = &callgatev1.DtmfOptions{}, &callgatev1.SpeechOptions{}
		}),
		"listen for choices": recognizing(choices, func(r *listen) { r.Choices = []*callgatev1.RecognitionChoice{choice("Yes", "yes", "sure")} }),
		"18 tones":           sendingTones(func(r *callgatev1.SendDtmfTonesRequest) { r.Tones = tonesOf(18) }),
		"silence of 300 s":   recognizing(dtmf, func(r *listen) { r.InitialSilenceTimeoutSeconds = proto.Int32(300) }),
		"record":             recording(func(*callgatev1.StartRecordingRequest) {}),
		"record channels": recording(func(r *callgatev1.StartRecordingRequest) {
			r.RecordingChannelType = callgatev1.RecordingChannelType_RECORDING_CHANNEL_TYPE_UNMIXED
			r.ChannelAffinity = []*callgatev1.ChannelAffinity{{Channel: proto.Int32(4), Participant: user("8:acs:res_user")}}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			up := answering(418, "")
			if _, err := newGateway(t, up).call(t.Context(), req); reason(status.Convert(err)) != "UPSTREAM_REFUSED" || len(up.received()) != 1 {
				t.Errorf("it did not get through: %v", err)
			}
		})
	}
}

// TestDownloadFromElsewhere: a request that the resource signs goes to the
// upstream's hosts only.
func TestDownloadFromElsewhere(t *testing.T) {
	stream, err := newGateway(t, answering(500, "")).DownloadRecording(t.Context(), &callgatev1.DownloadRecordingRequest{
		RecordingId: "r", ContentLocation: "https://evil.example/v1/objects/0/content",
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	checkViolation(t, err, "content_location")
	if strings.Contains(status.Convert(err).Message(), "evil") || status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
}
