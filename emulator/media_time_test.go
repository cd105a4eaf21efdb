package emulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// bubble is an emulator whose clock is fake and whose people take as long as in
// life.
type bubble struct {
	t        *testing.T
	emulator *Emulator
	inbox    *inbox
}

func inBubble(t *testing.T, test func(*bubble)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, inbox: &inbox{}}
		var err error
		if b.emulator, err = New(Options{HTTPClient: &http.Client{Transport: b.inbox}, PublicURL: "http://emulator.example"}); err != nil {
			t.Fatal(err)
		}
		defer b.emulator.Close()
		test(b)
	})
}

// request does a signed request and returns the answer's body.
func (b *bubble) request(method, path string, body object) object {
	b.t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	req := httptest.NewRequest(method, "http://emulator.example"+path+"?api-version="+apiVersion, strings.NewReader(string(content)))
	sign(req, content, DefaultAccessKey, time.Now())
	answer := httptest.NewRecorder()
	b.emulator.Handler().ServeHTTP(answer, req)
	if answer.Code >= 300 {
		b.t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	var got object
	_ = json.Unmarshal(answer.Body.Bytes(), &got) // some have none
	return got
}

// connected is the id of a call to parties that answer at once.
func (b *bubble) connected(targets ...string) string {
	b.t.Helper()
	ids := make([]object, 0, len(targets))
	for _, target := range targets {
		ids = append(ids, rawID(target))
	}
	id := at(b.request("POST", "/calling/callConnections", object{
		"targets": ids, "callbackUri": "https://app.example/callback", "sourceCallerIdNumber": object{"value": callerID},
	}), "callConnectionId")
	b.pass(time.Second)
	return id
}

// pass lets time pass.
func (b *bubble) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// took is how long after the first event of that name the last event came, and
// its name.
func (b *bubble) took(first string) (last string, d time.Duration) {
	b.t.Helper()
	types, times := b.inbox.received()
	i := slices.Index(types, first)
	if i < 0 {
		b.t.Fatalf("no %s among %v", first, types)
	}
	return types[len(types)-1], times[len(times)-1].Sub(times[i])
}

func TestPlayLastsAsLongAsItsSources(t *testing.T) {
	cases := []struct {
		name    string
		sources []object
		want    time.Duration
	}{
		{"a file", []object{file("hello")}, 3 * time.Second},
		{"a text", []object{text(100)}, 6 * time.Second},
		{"a short text", []object{text(1)}, 500 * time.Millisecond},
		{"SSML, without its tags", []object{{"kind": "ssml", "ssml": object{"ssmlText": "<speak><voice name='x'>" + strings.Repeat("x", 50) + "</voice></speak>"}}}, 3 * time.Second},
		{"several", []object{file("hello"), text(100)}, 9 * time.Second},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				id := b.connected(userEnding("0200"))
				b.request("POST", "/calling/callConnections/"+id+":play", object{"playSources": c.sources})
				b.pass(time.Minute)
				if last, took := b.took("PlayStarted"); last != "PlayCompleted" || took != c.want {
					t.Errorf("%s after %v, want %v", last, took, c.want)
				}
			})
		})
	}
}

func TestLoopPlaysUntilItIsCanceled(t *testing.T) {
	inBubble(t, func(b *bubble) {
		id := b.connected(userEnding("0200"))
		b.request("POST", "/calling/callConnections/"+id+":play", object{"playSources": []object{file("music")}, "playOptions": object{"loop": true}})
		b.pass(time.Hour)
		b.request("POST", "/calling/callConnections/"+id+":cancelAllMediaOperations", nil)
		b.pass(time.Second)
		if last, took := b.took("PlayStarted"); last != "PlayCanceled" || took != time.Hour {
			t.Errorf("%s after %v", last, took)
		}
	})
}

func TestRecognitionTakesItsTime(t *testing.T) {
	prompt := func(body object) object {
		body["playPrompt"] = file("question")
		return body
	}
	silent, oneKey, yes := userEnding("0200"), userEnding("0232"), userEnding("0245")
	cases := []struct {
		name, target string
		body         object
		last         string
		want         time.Duration
	}{
		{"silence for the usual time", silent, recognize("dtmf", silent, nil), "RecognizeFailed", 5 * time.Second},
		{"silence after a prompt", silent, prompt(recognize("dtmf", silent, object{"initialSilenceTimeoutInSeconds": 10})), "RecognizeFailed", 13 * time.Second},
		{"no more tones for the usual time", oneKey, recognize("dtmf", oneKey, nil), "RecognizeFailed", 2500 * time.Millisecond},
		{"no more tones for longer", oneKey, recognize("dtmf", oneKey, object{"dtmfOptions": object{"interToneTimeoutInSeconds": 60}}), "RecognizeFailed", 60500 * time.Millisecond},
		{"no more words for the usual time", yes, recognize("speech", yes, nil), "RecognizeCompleted", 2500 * time.Millisecond},
		{"no more words for less", yes, recognize("speech", yes, object{"speechOptions": object{"endSilenceTimeoutInMs": 250}}), "RecognizeCompleted", 750 * time.Millisecond},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				id := b.connected(c.target)
				began := time.Now()
				b.request("POST", "/calling/callConnections/"+id+":recognize", c.body)
				b.pass(5 * time.Minute)
				types, times := b.inbox.received()
				if last, took := types[len(types)-1], times[len(times)-1].Sub(began); last != c.last || took != c.want {
					t.Errorf("%s after %v, want %s after %v", last, took, c.last, c.want)
				}
			})
		})
	}
}

// A recording is as long as it recorded: without its pauses, and without the time
// before and after.
func TestRecordingIsAsLongAsItRecorded(t *testing.T) {
	inBubble(t, func(b *bubble) {
		id := b.connected(userEnding("0200"))
		recording := at(b.request("POST", "/calling/recordings", object{"callConnectionId": id}), "recordingId")
		change := func(method, verb string) { b.request(method, "/calling/recordings/"+recording+verb, nil) }
		b.pass(recorderStarts + 10*time.Second)
		change("POST", ":pause")
		b.pass(time.Minute)
		change("POST", ":resume")
		b.pass(5 * time.Second)
		change("DELETE", "")
		b.pass(time.Minute)

		w := b.emulator.currentWorld()
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.files.order) != 1 {
			t.Fatalf("%d files", len(w.files.order))
		}
		file := w.files.byID[w.files.order[0]]
		if file.sound.lasts != 15*time.Second || file.status.RecordingDurationMs != 15000 {
			t.Errorf("%v, %d ms", file.sound.lasts, file.status.RecordingDurationMs)
		}
		if _, lasts := wavFormat(t, readAll(t, file.sound)); lasts != 15*time.Second {
			t.Errorf("the file lasts %v", lasts)
		}
		if !strings.Contains(string(file.metadata), `"pauseResumeIntervals":[{"startTime":"2000-01-01T00:00:11.1Z","duration":60000}]`) {
			t.Errorf("metadata %s", file.metadata)
		}
	})
}
