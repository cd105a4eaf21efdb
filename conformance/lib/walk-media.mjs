// The walk-through's second part: every operation on media and recordings, with
// all their options. Each step waits for the events that end it.
import assert from "node:assert/strict";

const caller = "+18005550100";
const ann = { user: "8:acs:11111111-0000-4000-8000-000000000001_00000001-aaaa-4000-8000-00000000aaaa" };
const phone = { phone: "+14255550123" };
const keys = { phone: "+14257770231" }; // presses 1 and #
const yes = { user: `${ann.user}0245` }; // says yes
const refuses = { phone: "+14257770407" }; // refuses media
const file = (name) => ({ file: `https://app.example/${name}.wav` });
const choices = [
  { label: "Confirm", phrases: ["yes", "sure"], tone: "one" },
  { label: "Cancel", phrases: ["no"], tone: "two" },
];

// result checks the event that ends an operation.
const result = async (d, id, type, operationContext, subCode = 0) => {
  const event = await d.event(id, type, (e) => e.operationContext === operationContext);
  assert.equal((event.resultInformation ?? event.result).subCode ?? 0, subCode);
  return event;
};

// mediaSteps are the walk-through's, in order. They share what they need in s.
export const mediaSteps = {
  "create a call with all there is to stream": async (d, s) => {
    s.media = (await d.createCall({
      targets: [ann, keys, yes, phone], callerId: caller, operationContext: "walk-media",
      cognitiveServices: "https://ai.example", streams: { url: "wss://app.example/media", locale: "en-US" },
    })).id;
    await d.event(s.media, "ParticipantsUpdated", (e) => (e.participants ?? e.participantsUpdated.participants).length === 5);
    await d.event(s.media, "MediaStreamingStarted");
    await d.event(s.media, "TranscriptionStarted");
  },
  "play a file to everyone": async (d, s) => {
    await d.play({ id: s.media, sources: [{ ...file("hello"), cacheId: "hello" }], operationContext: "walk-play" });
    await result(d, s.media, "PlayStarted", "walk-play");
    await result(d, s.media, "PlayCompleted", "walk-play");
  },
  "play a text to some": async (d, s) => {
    await d.play({
      id: s.media, to: [ann, phone], operationContext: "walk-play-text",
      sources: [{ text: "hello", locale: "en-US", voiceKind: "female", voice: "en-US-JennyNeural", customVoice: "voice-1" }],
    });
    await result(d, s.media, "PlayCompleted", "walk-play-text");
  },
  "play SSML, twice, the second over the first": async (d, s) => {
    const sources = [{ ssml: "<speak version='1.0'>hello</speak>", customVoice: "voice-1" }];
    await d.play({ id: s.media, sources, loop: true, operationContext: "walk-loop" });
    await result(d, s.media, "PlayStarted", "walk-loop");
    await d.play({ id: s.media, sources, interrupt: true, operationContext: "walk-over" });
    await result(d, s.media, "PlayCanceled", "walk-loop", 8508);
    await result(d, s.media, "PlayCompleted", "walk-over");
  },
  "play a file of a wrong format": async (d, s) => {
    await d.play({ id: s.media, sources: [file("wrong-8535")], operationContext: "walk-wrong" });
    await result(d, s.media, "PlayFailed", "walk-wrong", 8535);
  },
  "recognize tones": async (d, s) => {
    await d.recognize({
      id: s.media, party: keys, input: "dtmf", prompts: [file("press")], interruptPrompt: true, initialSilence: 7, operationContext: "walk-tones",
      tones: { between: 3, most: 4, stop: ["pound", "asterisk"] },
    });
    const event = await result(d, s.media, "RecognizeCompleted", "walk-tones", 8514);
    assert.deepEqual(d.recognized(event), { tones: ["one"] });
  },
  "recognize speech": async (d, s) => {
    await d.recognize({
      id: s.media, party: yes, input: "speech", prompt: { text: "speak" }, endSilence: 1, language: "en-US", model: "model-1",
      operationContext: "walk-speech",
    });
    const event = await result(d, s.media, "RecognizeCompleted", "walk-speech");
    assert.deepEqual(d.recognized(event), { speech: "yes" });
  },
  "recognize speech or tones": async (d, s) => {
    await d.recognize({
      id: s.media, party: keys, input: "speechOrDtmf", tones: { between: 1, most: 1 }, endSilence: 2, language: "en-US",
      operationContext: "walk-either",
    });
    const event = await result(d, s.media, "RecognizeCompleted", "walk-either", 8531);
    assert.deepEqual(d.recognized(event), { tones: ["one"] });
  },
  "recognize a choice by a phrase, over a loop": async (d, s) => {
    await d.play({ id: s.media, sources: [file("music")], loop: true, operationContext: "walk-music" });
    await d.recognize({ id: s.media, party: yes, input: "choices", choices, interrupt: true, language: "en-US", operationContext: "walk-choice" });
    await result(d, s.media, "PlayCanceled", "walk-music", 8508);
    const event = await result(d, s.media, "RecognizeCompleted", "walk-choice", 8545);
    assert.deepEqual(d.recognized(event), { choice: "Confirm", phrase: "yes" });
  },
  "recognize a choice by its tone": async (d, s) => {
    await d.recognize({ id: s.media, party: keys, input: "choices", choices, operationContext: "walk-choice-tone" });
    const event = await result(d, s.media, "RecognizeCompleted", "walk-choice-tone", 8533);
    assert.deepEqual(d.recognized(event), { choice: "Confirm" });
  },
  "recognize nothing": async (d, s) => {
    await d.recognize({ id: s.media, party: ann, input: "dtmf", tones: { most: 1 }, initialSilence: 1, operationContext: "walk-silence" });
    await result(d, s.media, "RecognizeFailed", "walk-silence", 8510);
  },
  "cancel everything": async (d, s) => {
    await d.play({ id: s.media, sources: [file("music")], loop: true, operationContext: "walk-cancel-play" });
    await d.recognize({ id: s.media, party: ann, input: "dtmf", tones: { most: 1 }, operationContext: "walk-cancel-tones" });
    await d.cancelAllMedia({ id: s.media });
    await result(d, s.media, "PlayCanceled", "walk-cancel-play", 8508);
    await result(d, s.media, "RecognizeCanceled", "walk-cancel-tones", 8508);
  },
  "continuous tones": async (d, s) => {
    await d.startTones({ id: s.media, party: ann, operationContext: "walk-continuous" });
    await d.control.pressTones({ callConnectionId: s.media, rawId: ann.user, tones: "5" });
    const event = await result(d, s.media, "ContinuousDtmfRecognitionToneReceived", "walk-continuous");
    assert.deepEqual(d.tone(event), { tone: "five", sequenceId: 1 });
    await d.stopTones({ id: s.media, party: ann, operationContext: "walk-continuous-stop" });
    await result(d, s.media, "ContinuousDtmfRecognitionStopped", "walk-continuous-stop", 7000);
  },
  "send tones": async (d, s) => {
    await d.sendTones({ id: s.media, party: phone, tones: ["one", "a", "pound", "asterisk"], operationContext: "walk-send" });
    await result(d, s.media, "SendDtmfTonesCompleted", "walk-send");
  },
  "hold and let go": async (d, s) => {
    await d.hold({ id: s.media, party: ann, source: file("music"), operationContext: "walk-hold" });
    assert.equal((await d.getParticipant({ id: s.media, party: ann })).onHold, true);
    await d.unhold({ id: s.media, party: ann, operationContext: "walk-unhold" });
    assert.equal((await d.getParticipant({ id: s.media, party: ann })).onHold ?? false, false);
  },
  "what somebody refuses": async (d) => {
    const { id } = await d.createCall({ targets: [refuses], callerId: caller, operationContext: "walk-refuses" });
    await d.event(id, "CallConnected");
    await d.event(id, "ParticipantsUpdated");
    await d.hold({ id, party: refuses, operationContext: "walk-hold-failed" });
    await result(d, id, "HoldFailed", "walk-hold-failed", 8501);
    await d.sendTones({ id, party: refuses, tones: ["one"], operationContext: "walk-send-failed" });
    await result(d, id, "SendDtmfTonesFailed", "walk-send-failed", 8501);
    await d.startTones({ id, party: refuses, operationContext: "walk-continuous-failed" });
    await result(d, id, "ContinuousDtmfRecognitionToneFailed", "walk-continuous-failed", 8501);
    await d.hangUp({ id, forEveryone: true });
  },
  "transcription": async (d, s) => {
    await d.updateTranscription({ id: s.media, locale: "en-GB", model: "model-1", operationContext: "walk-transcription-update" });
    await result(d, s.media, "TranscriptionUpdated", "walk-transcription-update");
    await d.stopTranscription({ id: s.media, operationContext: "walk-transcription-stop" });
    await result(d, s.media, "TranscriptionStopped", "walk-transcription-stop");
    await d.startTranscription({ id: s.media, locale: "de-DE", model: "model-1", operationContext: "walk-transcription" });
    await result(d, s.media, "TranscriptionStarted", "walk-transcription");
  },
  "media streaming": async (d, s) => {
    await d.stopMediaStreaming({ id: s.media, operationContext: "walk-streaming-stop" });
    await result(d, s.media, "MediaStreamingStopped", "walk-streaming-stop");
    await d.startMediaStreaming({ id: s.media, operationContext: "walk-streaming" });
    await result(d, s.media, "MediaStreamingStarted", "walk-streaming");
  },
  "streams to nowhere": async (d) => {
    const { id } = await d.createCall({
      targets: [ann], operationContext: "walk-nowhere", streams: { url: "wss://app.example/unreachable", locale: "en-US" },
    });
    await d.event(id, "MediaStreamingFailed");
    await d.event(id, "TranscriptionFailed");
    await d.hangUp({ id, forEveryone: true });
  },
  "record a call": async (d, s) => {
    const { recordingId, state } = await d.startRecording({ id: s.media, content: "audio", channel: "mixed", format: "wav" });
    assert.equal(state, "inactive");
    await d.recordingState(recordingId, "active");
    assert.equal((await d.getRecording({ recordingId })).state, "active");
    await d.pauseRecording({ recordingId });
    assert.equal((await d.getRecording({ recordingId })).state, "inactive");
    await d.resumeRecording({ recordingId });
    assert.equal((await d.getRecording({ recordingId })).state, "active");
    await d.stopRecording({ recordingId });
    await assert.rejects(d.getRecording({ recordingId }), { statusCode: 404 });
    s.file = { recordingId, ...(await d.recordingFile(recordingId)) };
  },
  "download the file": async (d, s) => {
    const whole = await d.download(s.file);
    assert.equal(whole.subarray(0, 4).toString(), "RIFF");
    assert.equal(whole.readUInt32LE(4), whole.length - 8);
    assert.deepEqual(await d.download({ ...s.file, offset: 100 }), whole.subarray(100));
    assert.deepEqual(await d.download({ ...s.file, offset: 44, length: 10 }), whole.subarray(44, 54));
  },
  "delete the file": async (d, s) => {
    await d.deleteRecording(s.file);
    await assert.rejects(d.download(s.file), (error) => (error.statusCode ?? error.status) === 404);
  },
  "record on several channels": async (d, s) => {
    const { serverCallId } = await d.getCall({ id: s.media });
    const { recordingId } = await d.startRecording({
      serverCallId, content: "audio", channel: "unmixed", format: "wav", paused: true,
      ordering: [ann, phone], affinity: [{ party: ann, channel: 0 }, { party: phone, channel: 4 }],
    });
    await d.recordingState(recordingId, "inactive");
    await d.resumeRecording({ recordingId });
    await d.recordingState(recordingId, "active");
    await d.stopRecording({ recordingId });
  },
  "record a group call into a storage of one's own": async (d) => {
    const group = "33333333-0000-4000-8000-000000000004";
    const { id } = await d.connectCall({ kind: "groupCallLocator", id: group, operationContext: "walk-recorded-group" });
    await d.event(id, "CallConnected");
    const { recordingId } = await d.startRecording({
      groupCallId: group, content: "audioVideo", channel: "mixed", format: "mp4", storage: "https://storage.example/recordings",
    });
    await d.recordingState(recordingId, "active");
    const failing = await d.startRecording({ groupCallId: group, storage: "https://storage.example/unreachable" });
    await d.recordingFailed(failing.recordingId);
    await d.hangUp({ id, forEveryone: true });
    await d.recordingFile(recordingId);
  },
  "the end of it": async (d, s) => {
    await d.startTones({ id: s.media, party: ann, operationContext: "walk-continuous-end" });
    await d.hangUp({ id: s.media, forEveryone: true });
    await result(d, s.media, "ContinuousDtmfRecognitionStopped", "walk-continuous-end", 7000);
    await d.event(s.media, "CallDisconnected");
  },
};
