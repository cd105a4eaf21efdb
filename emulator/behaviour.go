package emulator

import (
	"strings"
	"time"

	"github.com/callgate/callgate/upstream"
)

// Behaviour is what a simulated party does, chosen by the last characters of its
// raw id: a phone number's last digits, or the end of a user's id.
type Behaviour struct {
	Suffix  string // last characters of the raw id; empty for the default
	Name    string
	Meaning string

	answersAfter time.Duration
	answers      bool
	fails        func() outcome // after failsAfter; nil: it does not fail, it rings
	hangsUpAfter time.Duration  // of being in the call; 0: stays
	hangsUpWith  func() outcome // nil: an ordinary hang-up

	ringsApplication bool // the call is offered at the Event Grid endpoints
	refusesTransfer  bool // a transfer to it fails
	dropsTransfer    bool // the party transferred to it hangs up on the way
	refusesMute      bool
	refusesMedia     bool            // holding it fails, and tones sent to it or expected from it
	presses          []upstream.Tone // when its keys are listened for
	says             string          // when its voice is
}

const (
	usualAnswer  = 100 * time.Millisecond
	usualFailure = 100 * time.Millisecond
	ringTimeout  = 30 * time.Second // of an outbound or incoming call
)

// Behaviours is the table of scripted parties, the default first. Suffixes are
// four digits, most of them the SIP status that they act out. None lies in
// 0100-0199, where the fictional numbers of North America are (+1 425 555 0123),
// so all of those just answer. Durations are in real time and scale with TimeScale.
func Behaviours() []Behaviour {
	return []Behaviour{
		{Name: "answers", Meaning: "answers after 100 ms", answers: true, answersAfter: usualAnswer},
		{Suffix: "0200", Name: "answers at once", Meaning: "answers at once", answers: true},
		{Suffix: "0202", Name: "answers late", Meaning: "rings for 5 s, then answers", answers: true, answersAfter: 5 * time.Second},
		{
			Suffix: "0205", Name: "hangs up", Meaning: "answers after 100 ms, hangs up 5 s later",
			answers: true, answersAfter: usualAnswer, hangsUpAfter: 5 * time.Second,
		},
		{
			Suffix: "0206", Name: "answers, then declines",
			Meaning: "counts as answered after 100 ms, declines 1 s later (603/0): AddParticipantSucceeded and then gone",
			answers: true, answersAfter: usualAnswer, hangsUpAfter: time.Second, hangsUpWith: declined,
		},
		{
			Suffix: "0231", Name: "presses keys", Meaning: "answers; presses 1 and # half a second after anything begins to listen",
			answers: true, answersAfter: usualAnswer, presses: []upstream.Tone{upstream.ToneOne, upstream.TonePound},
		},
		{
			Suffix: "0232", Name: "presses one key", Meaning: "answers; presses 1 half a second after anything begins to listen, and no more",
			answers: true, answersAfter: usualAnswer, presses: []upstream.Tone{upstream.ToneOne},
		},
		{
			Suffix: "0245", Name: "says yes", Meaning: "answers; says \"yes\" half a second after anything begins to listen",
			answers: true, answersAfter: usualAnswer, says: "yes",
		},
		{
			Suffix: "0247", Name: "says something else", Meaning: "answers; says \"what was the question\" half a second after anything begins to listen: no choice (400/8547)",
			answers: true, answersAfter: usualAnswer, says: "what was the question",
		},
		{
			Suffix: "0302", Name: "rings an application",
			Meaning:          "the call is offered as IncomingCall at the Event Grid endpoints; it rings for 30 s",
			ringsApplication: true,
		},
		{
			Suffix: "0380", Name: "voicemail",
			Meaning: "rings for 5 s, then a machine answers as if it were a person (a transfer to it is accepted too) and hangs up after 30 s",
			answers: true, answersAfter: 5 * time.Second, hangsUpAfter: 30 * time.Second,
		},
		{
			Suffix: "0403", Name: "refuses transfers", Meaning: "answers; a transfer to it fails (403/30) and the call goes on",
			answers: true, answersAfter: usualAnswer, refusesTransfer: true,
		},
		{Suffix: "0404", Name: "does not exist", Meaning: "fails after 100 ms (404/560404)", fails: doesNotExist},
		{
			Suffix: "0405", Name: "refuses mute", Meaning: "answers; muting it is refused (400)",
			answers: true, answersAfter: usualAnswer, refusesMute: true,
		},
		{
			Suffix: "0407", Name: "refuses media",
			Meaning: "answers; HoldFailed, SendDtmfTonesFailed and ContinuousDtmfRecognitionToneFailed (400/8501) for what is tried with it",
			answers: true, answersAfter: usualAnswer, refusesMedia: true,
		},
		{
			Suffix: "0408", Name: "no answer",
			Meaning: "never answers: a call fails after 30 s (408/10057 a phone, 487/10004 a user), an invitation at its time-out (408/10057)",
		},
		{Suffix: "0480", Name: "unreachable", Meaning: "fails after 100 ms (480/10037)", fails: notReachable},
		{
			Suffix: "0481", Name: "drops transfers", Meaning: "answers; whoever is transferred to it hangs up on the way: CallDisconnected, no transfer result",
			answers: true, answersAfter: usualAnswer, dropsTransfer: true,
		},
		{Suffix: "0486", Name: "busy", Meaning: "fails after 100 ms (486/560486)", fails: busy},
		{Suffix: "0603", Name: "declines", Meaning: "fails after 100 ms (603/0)", fails: declined},
	}
}

// behaviourOf is how the party with that raw id acts.
func behaviourOf(rawID string) Behaviour {
	table := Behaviours()
	for _, b := range table[1:] {
		if strings.HasSuffix(rawID, b.Suffix) {
			return b
		}
	}
	return table[0]
}
