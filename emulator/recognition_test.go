package emulator

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	emulatorv1 "github.com/callgate/callgate/gen/callgate/emulator/v1"
)

// heard is how often a control request was heard.
func heard(r response) float64 {
	n, _ := r.body["heard"].(float64)
	return n
}

// press presses keys for the one remote party of a call.
func (h *harness) press(id, tones string) float64 {
	h.t.Helper()
	return heard(h.control("POST", "/control/v1/participants:pressTones", object{"callConnectionId": id, "tones": tones}).want(200))
}

// press presses keys for the one remote party of a call, and tells how many were
// heard.
func (b *bubble) press(id, tones string) uint32 {
	b.t.Helper()
	resp, err := b.emulator.Control().PressTones(context.Background(), &emulatorv1.PressTonesRequest{
		Call: &emulatorv1.PressTonesRequest_CallConnectionId{CallConnectionId: id}, Tones: tones,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetHeard()
}

// say speaks for it.
func (b *bubble) say(id, text string) uint32 {
	b.t.Helper()
	resp, err := b.emulator.Control().Speak(context.Background(), &emulatorv1.SpeakRequest{
		Call: &emulatorv1.SpeakRequest_CallConnectionId{CallConnectionId: id}, Text: text,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetHeard()
}

func TestRecognize(t *testing.T) {
	alice0200 := userEnding("0200")
	choices := object{"choices": []object{
		{"label": "Confirm", "phrases": []string{"yes", "Yes, please."}, "tone": "one"},
		{"label": "Cancel", "phrases": []string{"no"}},
	}}
	dtmf := func(options object) object { return object{"dtmfOptions": options} }
	cases := []struct {
		name    string
		input   string
		options object
		act     func(*bubble, string)
		want    want
		result  string // the data's own members, as JSON
	}{
		{"as many tones as wanted", "dtmf", dtmf(object{"maxTonesToCollect": 3}), func(b *bubble, id string) { b.press(id, "56#7") },
			want{"RecognizeCompleted", 200, 8531}, `{"dtmfResult":{"tones":["five","six","pound"]},"recognitionType":"dtmf"}`},
		{"a stop tone", "dtmf", dtmf(object{"stopTones": []string{"pound"}}), func(b *bubble, id string) { b.press(id, "0A*#") },
			want{"RecognizeCompleted", 200, 8514}, `{"dtmfResult":{"tones":["zero","a","asterisk"]},"recognitionType":"dtmf"}`},
		{"a stop tone at once", "dtmf", dtmf(object{"stopTones": []string{"pound"}}), func(b *bubble, id string) { b.press(id, "#") },
			want{"RecognizeCompleted", 200, 8514}, `{"dtmfResult":{},"recognitionType":"dtmf"}`},
		{"too few tones", "dtmf", dtmf(object{"maxTonesToCollect": 3, "interToneTimeoutInSeconds": 1}), func(b *bubble, id string) { b.press(id, "12") },
			want{"RecognizeFailed", 400, 8532}, `{}`},
		{"silence", "dtmf", object{"initialSilenceTimeoutInSeconds": 1}, func(*bubble, string) {},
			want{"RecognizeFailed", 400, 8510}, `{}`},
		{"no time for a tone", "dtmf", object{"initialSilenceTimeoutInSeconds": 0}, func(*bubble, string) {},
			want{"RecognizeFailed", 400, 8510}, `{}`},
		{"speech instead of tones", "dtmf", object{"initialSilenceTimeoutInSeconds": 1}, func(b *bubble, id string) {
			if b.say(id, "one") != 0 {
				b.t.Error("it was heard")
			}
		}, want{"RecognizeFailed", 400, 8510}, `{}`},
		{"speech", "speech", object{"speechOptions": object{"endSilenceTimeoutInMs": 3000}}, func(b *bubble, id string) {
			b.say(id, "I have")
			b.pass(2900 * time.Millisecond)
			b.say(id, "a question.")
		}, want{"RecognizeCompleted", 200, 0}, `{"recognitionType":"speech","speechResult":{"confidence":0.9,"speech":"I have a question."}}`},
		{"tones instead of speech", "speech", object{"initialSilenceTimeoutInSeconds": 1}, func(b *bubble, id string) {
			if b.press(id, "1") != 0 {
				b.t.Error("it was heard")
			}
		}, want{"RecognizeFailed", 400, 8510}, `{}`},
		{"speech where tones would do", "speechOrDtmf", nil, func(b *bubble, id string) { b.say(id, "hello"); b.press(id, "1") },
			want{"RecognizeCompleted", 200, 0}, `{"recognitionType":"speech","speechResult":{"confidence":0.9,"speech":"hello"}}`},
		{"tones where speech would do", "speechOrDtmf", dtmf(object{"maxTonesToCollect": 2}), func(b *bubble, id string) {
			b.press(id, "1")
			b.say(id, "hello")
			b.press(id, "2")
		}, want{"RecognizeCompleted", 200, 8531}, `{"dtmfResult":{"tones":["one","two"]},"recognitionType":"dtmf"}`},
		{"a choice by one of its phrases", "choices", choices, func(b *bubble, id string) { b.say(id, "YES please") },
			want{"RecognizeCompleted", 200, 8545}, `{"choiceResult":{"confidence":0.9,"label":"Confirm","recognizedPhrase":"Yes, please."},"recognitionType":"choices"}`},
		{"a choice by its label", "choices", choices, func(b *bubble, id string) { b.say(id, "cancel") },
			want{"RecognizeCompleted", 200, 8545}, `{"choiceResult":{"confidence":0.9,"label":"Cancel","recognizedPhrase":"Cancel"},"recognitionType":"choices"}`},
		{"a choice by its tone", "choices", choices, func(b *bubble, id string) { b.press(id, "1") },
			want{"RecognizeCompleted", 200, 8533}, `{"choiceResult":{"label":"Confirm"},"recognitionType":"choices"}`},
		{"a tone of no choice", "choices", choices, func(b *bubble, id string) { b.press(id, "2") },
			want{"RecognizeFailed", 400, 8534}, `{}`},
		{"speech that is no choice", "choices", choices, func(b *bubble, id string) { b.say(id, "perhaps") },
			want{"RecognizeFailed", 400, 8547}, `{}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				id := b.connected(alice0200)
				b.request("POST", "/calling/callConnections/"+id+":recognize", recognize(c.input, alice0200, c.options))
				c.act(b, id)
				b.pass(time.Minute)
				events := b.inbox.events()
				r := events[len(events)-1]
				if r.name != c.want.name {
					t.Fatalf("%s, want %s", r.raw, c.want.name)
				}
				wantResult(t, r, c.want.code, c.want.sub, "recognize")
				own := object{}
				for _, member := range []string{"recognitionType", "dtmfResult", "choiceResult", "speechResult", "failedPlaySourceIndex"} {
					if value, is := r.data[member]; is {
						own[member] = value
					}
				}
				if got, _ := json.Marshal(own); string(got) != c.result {
					t.Errorf("%s\nwant %s", got, c.result)
				}
			})
		})
	}
}

func TestPromptOfARecognition(t *testing.T) {
	prompted := func(target string, prompt object, interrupt bool) object {
		body := recognize("dtmf", target, object{"interruptPrompt": interrupt, "dtmfOptions": object{"maxTonesToCollect": 1}})
		body["playPrompt"] = prompt
		return body
	}
	t.Run("that may be interrupted", func(t *testing.T) {
		h := start(t, Options{TimeScale: 1})
		id := h.connected(alice)
		h.media(id, "recognize", prompted(alice, text(4000), true)).want(202)
		if h.press(id, "1") != 1 {
			t.Error("it was not heard")
		}
		wantResult(t, h.after(id, "RecognizeCompleted")[0], 200, 8531, "recognize")
	})
	t.Run("that may not be interrupted", func(t *testing.T) {
		h := start(t, Options{TimeScale: 1})
		id := h.connected(alice)
		h.media(id, "recognize", prompted(alice, text(4000), false)).want(202)
		if h.press(id, "1") != 0 {
			t.Error("it was heard")
		}
	})
	t.Run("that is to be heard to its end", func(t *testing.T) {
		h := start(t, Options{})
		target := userEnding("0231")
		id := h.connected(target)
		h.media(id, "recognize", prompted(target, file("question"), false)).want(202)
		wantResult(t, h.after(id, "RecognizeCompleted")[0], 200, 8531, "recognize")
	})
	t.Run("that cannot be played", func(t *testing.T) {
		h := start(t, Options{})
		id := h.connected(alice)
		body := recognize("dtmf", alice, nil)
		body["playPrompts"] = []object{text(1), file("8536")}
		h.media(id, "recognize", body).want(202)
		r := h.after(id, "RecognizeFailed")[0]
		wantResult(t, r, 500, 8511, "recognize")
		if r.data["failedPlaySourceIndex"] != 1.0 {
			t.Errorf("%s", r.raw)
		}
	})
}

func TestBehavioursThatReact(t *testing.T) {
	choices := object{"choices": []object{{"label": "Confirm", "phrases": []string{"yes"}, "tone": "one"}}}
	both := object{"dtmfOptions": object{"stopTones": []string{"pound"}}}
	cases := []struct {
		name, suffix, input string
		options             object
		want                want
	}{
		{"keys, for tones", "0231", "dtmf", both, want{"RecognizeCompleted", 200, 8514}},
		{"keys, for choices", "0231", "choices", choices, want{"RecognizeCompleted", 200, 8533}},
		{"keys, for speech", "0231", "speech", nil, want{"RecognizeFailed", 400, 8510}},
		{"one key, for tones", "0232", "dtmf", both, want{"RecognizeFailed", 400, 8532}},
		{"yes, for speech", "0245", "speech", nil, want{"RecognizeCompleted", 200, 0}},
		{"yes, for choices", "0245", "choices", choices, want{"RecognizeCompleted", 200, 8545}},
		{"yes, for either", "0245", "speechOrDtmf", both, want{"RecognizeCompleted", 200, 0}},
		{"something else, for choices", "0247", "choices", choices, want{"RecognizeFailed", 400, 8547}},
		{"anyone else, for either", "0200", "speechOrDtmf", both, want{"RecognizeFailed", 400, 8510}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := start(t, Options{})
			target := userEnding(c.suffix)
			id := h.connected(target)
			h.media(id, "recognize", recognize(c.input, target, c.options)).want(202)
			wantResult(t, h.after(id, c.want.name)[0], c.want.code, c.want.sub, "recognize")
		})
	}
}

func TestRecognitionOfAPartyThatLeaves(t *testing.T) {
	h := start(t, Options{TimeScale: 1})
	id := h.create(alice, bob)
	before := h.app.sequence(id, "CallConnected", "ParticipantsUpdated", "ParticipantsUpdated")
	h.media(id, "recognize", recognize("dtmf", alice, object{"initialSilenceTimeoutInSeconds": 300})).want(202)
	h.media(id, "startContinuousDtmfRecognition", object{"targetParticipant": rawID(alice), "operationContext": "tones"}).want(200)
	h.control("POST", "/control/v1/participants:hangUp", object{"callConnectionId": id, "rawId": alice}).want(200)
	events := h.app.more(id, before, "RecognizeCanceled", "ContinuousDtmfRecognitionStopped", "ParticipantsUpdated")[3:]
	wantResult(t, events[0], 400, 8508, "recognize")
	wantResult(t, events[1], 200, 7000, "tones")
}

func TestControlOfInputThatIsRefused(t *testing.T) {
	h := start(t, Options{})
	id := h.connected(alice)
	cases := []struct {
		name, path string
		body       object
		status     int
	}{
		{"keys that no telephone has", "pressTones", object{"callConnectionId": id, "tones": "1x"}, 400},
		{"no keys", "pressTones", object{"callConnectionId": id}, 400},
		{"too many keys", "pressTones", object{"callConnectionId": id, "tones": "11111111111111111111111111111111111111111111111111111111111111111"}, 400},
		{"keys in no call", "pressTones", object{"callConnectionId": "x", "tones": "1"}, 404},
		{"keys of a stranger", "pressTones", object{"callConnectionId": id, "rawId": bob, "tones": "1"}, 404},
		{"no words", "speak", object{"callConnectionId": id, "text": " "}, 400},
		{"more confidence than there is", "speak", object{"callConnectionId": id, "text": "yes", "confidence": 1.5}, 400},
		{"words in no call", "speak", object{"callConnectionId": "x", "text": "yes"}, 404},
		{"keys that nobody listens for", "pressTones", object{"callConnectionId": id, "tones": "1"}, 200},
		{"words that nobody listens for", "speak", object{"callConnectionId": id, "text": "yes"}, 200},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h.t = t
			if r := h.control("POST", "/control/v1/participants:"+c.path, c.body).want(c.status); heard(r) != 0 {
				t.Errorf("heard: %s", r.raw)
			}
		})
	}
}
