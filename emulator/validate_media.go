package emulator

import (
	"strings"
	"unicode/utf8"

	"github.com/callgate/callgate/upstream"
)

// maxSpokenText of one text source, in characters: the service's limit.
const maxSpokenText = 4000

func checkPlaySources(field string, sources []upstream.PlaySource) error {
	for _, source := range sources {
		if err := checkPlaySource(field, source); err != nil {
			return err
		}
	}
	return nil
}

// checkPlaySource wants exactly the one model that the kind names.
func checkPlaySource(field string, s upstream.PlaySource) error {
	given := 0
	for _, present := range []bool{s.File != nil, s.Text != nil, s.Ssml != nil} {
		if present {
			given++
		}
	}
	ok := false
	switch {
	case given != 1:
	case s.Kind == upstream.PlaySourceFile && s.File != nil:
		ok = isHTTPURL(s.File.URI)
	case s.Kind == upstream.PlaySourceText && s.Text != nil:
		ok = strings.TrimSpace(s.Text.Text) != "" && utf8.RuneCountInString(s.Text.Text) <= maxSpokenText
	case s.Kind == upstream.PlaySourceSsml && s.Ssml != nil:
		ok = strings.TrimSpace(s.Ssml.SsmlText) != ""
	}
	if !ok {
		return invalid("The " + field + " field does not hold a file, text or SSML source as its kind says.")
	}
	return nil
}

func checkTones(field string, tones []upstream.Tone) error {
	for _, tone := range tones {
		if _, known := keyOf(tone); !known {
			return invalid("The " + field + " field holds an unknown tone.")
		}
	}
	return nil
}

// keys are the characters of a telephone's keys, in the order of toneNames.
const keys = "0123456789ABCD#*"

// toneNames are the contract's.
func toneNames() []upstream.Tone {
	return []upstream.Tone{
		upstream.ToneZero, upstream.ToneOne, upstream.ToneTwo, upstream.ToneThree, upstream.ToneFour, upstream.ToneFive,
		upstream.ToneSix, upstream.ToneSeven, upstream.ToneEight, upstream.ToneNine,
		upstream.ToneA, upstream.ToneB, upstream.ToneC, upstream.ToneD, upstream.TonePound, upstream.ToneAsterisk,
	}
}

// toneOf is the tone of a key.
func toneOf(key rune) (tone upstream.Tone, known bool) {
	if i := strings.IndexRune(keys, key); i >= 0 {
		return toneNames()[i], true
	}
	return "", false
}

// keyOf is the key of a tone.
func keyOf(tone upstream.Tone) (key byte, known bool) {
	for i, name := range toneNames() {
		if name == tone {
			return keys[i], true
		}
	}
	return 0, false
}
