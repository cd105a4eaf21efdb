// The walk-through's operations on media and recordings, through the gateway's
// REST API.
import { identifier } from "./gateway.mjs";

// constant is the gateway's name of an enum value: pcm24KMono is PCM24K_MONO.
const constant = (prefix, value) =>
  value && `${prefix}_${value.replace(/([a-z])([A-Z])/g, "$1_$2").replace(/(K)(Mono)/, "$1_$2").toUpperCase()}`;
const tone = (name) => constant("TONE", name);
const toneName = (value) => value.replace("TONE_", "").toLowerCase();

// streamOptions are what a call is made with to be streamed and transcribed.
export const streamOptions = (streams) => streams && {
  mediaStreamingOptions: {
    transportUrl: streams.url, contentType: constant("MEDIA_STREAMING_CONTENT_TYPE", "audio"),
    audioChannelType: constant("MEDIA_STREAMING_AUDIO_CHANNEL_TYPE", "unmixed"), startMediaStreaming: true, enableBidirectional: true,
    audioFormat: constant("AUDIO_FORMAT", "pcm24KMono"), enableDtmfTones: true,
  },
  transcriptionOptions: {
    transportUrl: streams.url, locale: streams.locale, startTranscription: true, speechModelEndpointId: "model-1",
    enableIntermediateResults: true,
  },
};

// playSource is the gateway's spelling of a source: {file}, {text} or {ssml}.
function playSource(s) {
  const playSourceCacheId = s.cacheId;
  if (s.file) return { file: { uri: s.file }, playSourceCacheId };
  if (s.ssml) return { ssml: { ssmlText: s.ssml, customVoiceEndpointId: s.customVoice }, playSourceCacheId };
  return {
    text: {
      text: s.text, sourceLocale: s.locale, voiceKind: constant("VOICE_KIND", s.voiceKind), voiceName: s.voice,
      customVoiceEndpointId: s.customVoice,
    },
    playSourceCacheId,
  };
}

export function mediaDriver(post) {
  const media = (id, verb, body) => post(`calls/${id}/media:${verb}`, body);
  const onParty = (verb) => ({ id, party, operationContext }) => media(id, verb, { targetParticipant: identifier(party), operationContext });
  const onCall = (verb) => ({ id, locale, model, operationContext }) => media(id, verb, { locale, speechModelEndpointId: model, operationContext });
  return {
    play: ({ id, sources, to, loop, interrupt, operationContext }) =>
      media(id, "play", {
        playSources: sources.map(playSource), playTo: to?.map(identifier), loop, interruptCallMediaOperation: interrupt, operationContext,
      }),
    cancelAllMedia: ({ id }) => media(id, "cancelAllOperations", {}),
    recognize: ({ id, party, input, prompt, prompts, tones, choices, ...r }) =>
      media(id, "recognize", {
        recognizeInputType: constant("RECOGNIZE_INPUT_TYPE", input), targetParticipant: identifier(party),
        playPrompt: prompt && playSource(prompt), playPrompts: prompts?.map(playSource),
        interruptCallMediaOperation: r.interrupt, interruptPrompt: r.interruptPrompt, initialSilenceTimeoutSeconds: r.initialSilence,
        dtmfOptions: tones && { interToneTimeoutSeconds: tones.between, maxTonesToCollect: tones.most, stopTones: tones.stop?.map(tone) },
        choices: choices?.map((c) => ({ ...c, tone: tone(c.tone) })),
        speechOptions: r.endSilence && { endSilenceTimeoutMs: r.endSilence * 1000 },
        speechLanguage: r.language, speechRecognitionModelEndpointId: r.model, operationContext: r.operationContext,
      }),
    recognized: ({ recognizeCompleted: { dtmfResult, speechResult, choiceResult } }) => {
      if (dtmfResult) return { tones: dtmfResult.tones.map(toneName) };
      if (speechResult) return { speech: speechResult.speech };
      const { label: choice, recognizedPhrase: phrase } = choiceResult;
      return phrase ? { choice, phrase } : { choice };
    },
    tone: ({ continuousDtmfRecognitionToneReceived: { tone, sequenceId } }) => ({ tone: toneName(tone), sequenceId }),
    startTones: onParty("startContinuousDtmfRecognition"),
    stopTones: onParty("stopContinuousDtmfRecognition"),
    sendTones: ({ id, party, tones, operationContext }) =>
      media(id, "sendDtmfTones", { tones: tones.map(tone), targetParticipant: identifier(party), operationContext }),
    hold: ({ id, party, source, operationContext }) =>
      media(id, "hold", { targetParticipant: identifier(party), playSource: source && playSource(source), operationContext }),
    unhold: onParty("unhold"),
    startTranscription: onCall("startTranscription"),
    stopTranscription: onCall("stopTranscription"),
    updateTranscription: onCall("updateTranscription"),
    startMediaStreaming: onCall("startMediaStreaming"),
    stopMediaStreaming: onCall("stopMediaStreaming"),
  };
}

export function recordingDriver(url, request, events) {
  const post = (path, body = {}) => request("POST", `recordings${path}`, body);
  const found = ({ recording: { recordingId, stateName: state } }) => ({ recordingId, state });
  const of = (type, detail, recordingId, matches = () => true) =>
    events.find(`${type} for recording ${recordingId}`, (e) => e.type === type && e[detail].recordingId === recordingId && matches(e[detail]));
  return {
    startRecording: async ({ id, serverCallId, groupCallId, ...r }) =>
      found(await post("", {
        callConnectionId: id, serverCallId, groupCallId, pauseOnStart: r.paused,
        recordingContentType: constant("RECORDING_CONTENT_TYPE", r.content), recordingChannelType: constant("RECORDING_CHANNEL_TYPE", r.channel),
        recordingFormatType: constant("RECORDING_FORMAT_TYPE", r.format),
        audioChannelParticipantOrdering: r.ordering?.map(identifier),
        channelAffinity: r.affinity?.map(({ party, channel }) => ({ participant: identifier(party), channel })),
        externalStorage: r.storage && {
          recordingStorageKind: constant("RECORDING_STORAGE_KIND", "azureBlobStorage"), recordingDestinationContainerUrl: r.storage,
        },
      })),
    getRecording: async ({ recordingId }) => found(await request("GET", `recordings/${recordingId}`)),
    pauseRecording: ({ recordingId }) => post(`/${recordingId}:pause`),
    resumeRecording: ({ recordingId }) => post(`/${recordingId}:resume`),
    stopRecording: ({ recordingId }) => post(`/${recordingId}:stop`),
    recordingState: (recordingId, state) => of("RecordingStateChanged", "recordingStateChanged", recordingId, (d) => d.stateName === state),
    recordingFailed: (recordingId) => of("StartRecordingFailed", "startRecordingFailed", recordingId),
    recordingFile: async (recordingId) => {
      const [file] = (await of("RecordingFileStatusUpdated", "recordingFileStatusUpdated", recordingId)).recordingFileStatusUpdated.files;
      return { contentLocation: file.contentLocation, deleteLocation: file.deleteLocation };
    },
    download: async ({ recordingId, offset, length }) => {
      const range = offset === undefined ? {} : { Range: `bytes=${offset}-${length ? offset + length - 1 : ""}` };
      const response = await fetch(`${url}/v1/recordings/${recordingId}/content`, { headers: range });
      if (!response.ok) throw Object.assign(new Error(`download: ${response.status}`), { statusCode: response.status });
      return Buffer.from(await response.arrayBuffer());
    },
    deleteRecording: ({ recordingId }) => request("DELETE", `recordings/${recordingId}/content`),
  };
}
