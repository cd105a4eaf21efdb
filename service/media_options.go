package service

import (
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/upstream"
)

func playSourcesToUpstream(sources []*callgatev1.PlaySource) []upstream.PlaySource {
	models := make([]upstream.PlaySource, 0, len(sources))
	for _, source := range sources {
		models = append(models, *playSourceToUpstream(source))
	}
	return models
}

func playSourceToUpstream(s *callgatev1.PlaySource) *upstream.PlaySource {
	if s == nil {
		return nil
	}
	model := &upstream.PlaySource{PlaySourceCacheID: s.GetPlaySourceCacheId()}
	switch source := s.GetSource().(type) {
	case *callgatev1.PlaySource_File:
		model.Kind = upstream.PlaySourceFile
		model.File = &upstream.FileSource{URI: source.File.GetUri()}
	case *callgatev1.PlaySource_Text:
		model.Kind = upstream.PlaySourceText
		model.Text = &upstream.TextSource{
			Text:                  source.Text.GetText(),
			SourceLocale:          source.Text.GetSourceLocale(),
			VoiceKind:             voiceKinds[source.Text.GetVoiceKind()],
			VoiceName:             source.Text.GetVoiceName(),
			CustomVoiceEndpointID: source.Text.GetCustomVoiceEndpointId(),
		}
	case *callgatev1.PlaySource_Ssml:
		model.Kind = upstream.PlaySourceSsml
		model.Ssml = &upstream.SsmlSource{SsmlText: source.Ssml.GetSsmlText(), CustomVoiceEndpointID: source.Ssml.GetCustomVoiceEndpointId()}
	}
	return model
}

func playOptionsToUpstream(loop *bool) *upstream.PlayOptions {
	if loop == nil {
		return nil
	}
	return &upstream.PlayOptions{Loop: *loop}
}

func recognizeOptionsToUpstream(req *callgatev1.RecognizeInputRequest) *upstream.RecognizeOptions {
	return &upstream.RecognizeOptions{
		InterruptPrompt:                  req.InterruptPrompt,
		InitialSilenceTimeoutInSeconds:   req.InitialSilenceTimeoutSeconds,
		TargetParticipant:                identifierToUpstream(req.GetTargetParticipant()),
		SpeechLanguage:                   req.GetSpeechLanguage(),
		SpeechRecognitionModelEndpointID: req.GetSpeechRecognitionModelEndpointId(),
		DtmfOptions:                      dtmfOptionsToUpstream(req.GetDtmfOptions()),
		Choices:                          choicesToUpstream(req.GetChoices()),
		SpeechOptions:                    speechOptionsToUpstream(req.GetSpeechOptions()),
	}
}

func dtmfOptionsToUpstream(o *callgatev1.DtmfOptions) *upstream.DtmfOptions {
	if o == nil {
		return nil
	}
	return &upstream.DtmfOptions{
		InterToneTimeoutInSeconds: o.InterToneTimeoutSeconds,
		MaxTonesToCollect:         o.MaxTonesToCollect,
		StopTones:                 tonesToUpstream(o.GetStopTones()),
	}
}

func choicesToUpstream(choices []*callgatev1.RecognitionChoice) []upstream.Choice {
	models := make([]upstream.Choice, 0, len(choices))
	for _, c := range choices {
		models = append(models, upstream.Choice{Label: c.GetLabel(), Phrases: c.GetPhrases(), Tone: tones[c.GetTone()]})
	}
	return models
}

func speechOptionsToUpstream(o *callgatev1.SpeechOptions) *upstream.SpeechOptions {
	if o == nil {
		return nil
	}
	return &upstream.SpeechOptions{EndSilenceTimeoutInMs: o.EndSilenceTimeoutMs}
}

func tonesToUpstream(ts []callgatev1.Tone) []upstream.Tone {
	models := make([]upstream.Tone, 0, len(ts))
	for _, t := range ts {
		models = append(models, tones[t])
	}
	return models
}

// The enums below have no entry for unspecified: it stays absent.

var voiceKinds = map[callgatev1.VoiceKind]upstream.VoiceKind{
	callgatev1.VoiceKind_VOICE_KIND_MALE:   upstream.VoiceMale,
	callgatev1.VoiceKind_VOICE_KIND_FEMALE: upstream.VoiceFemale,
}

var recognizeInputTypes = map[callgatev1.RecognizeInputType]upstream.RecognizeInputType{
	callgatev1.RecognizeInputType_RECOGNIZE_INPUT_TYPE_DTMF:           upstream.RecognizeInputDtmf,
	callgatev1.RecognizeInputType_RECOGNIZE_INPUT_TYPE_SPEECH:         upstream.RecognizeInputSpeech,
	callgatev1.RecognizeInputType_RECOGNIZE_INPUT_TYPE_SPEECH_OR_DTMF: upstream.RecognizeInputSpeechOrDtmf,
	callgatev1.RecognizeInputType_RECOGNIZE_INPUT_TYPE_CHOICES:        upstream.RecognizeInputChoices,
}

var tones = map[callgatev1.Tone]upstream.Tone{
	callgatev1.Tone_TONE_ZERO:     upstream.ToneZero,
	callgatev1.Tone_TONE_ONE:      upstream.ToneOne,
	callgatev1.Tone_TONE_TWO:      upstream.ToneTwo,
	callgatev1.Tone_TONE_THREE:    upstream.ToneThree,
	callgatev1.Tone_TONE_FOUR:     upstream.ToneFour,
	callgatev1.Tone_TONE_FIVE:     upstream.ToneFive,
	callgatev1.Tone_TONE_SIX:      upstream.ToneSix,
	callgatev1.Tone_TONE_SEVEN:    upstream.ToneSeven,
	callgatev1.Tone_TONE_EIGHT:    upstream.ToneEight,
	callgatev1.Tone_TONE_NINE:     upstream.ToneNine,
	callgatev1.Tone_TONE_A:        upstream.ToneA,
	callgatev1.Tone_TONE_B:        upstream.ToneB,
	callgatev1.Tone_TONE_C:        upstream.ToneC,
	callgatev1.Tone_TONE_D:        upstream.ToneD,
	callgatev1.Tone_TONE_POUND:    upstream.TonePound,
	callgatev1.Tone_TONE_ASTERISK: upstream.ToneAsterisk,
}
