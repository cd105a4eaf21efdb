// The walk-through's operations on media and recordings, by the official SDK.
import { createDefaultHttpClient } from "@azure/core-rest-pipeline";
import { buffer } from "node:stream/consumers";
import { identifier } from "./sdk.mjs";

// contentHost is where the SDK expects the files of recordings: it takes no other.
const contentHost = "https://storage.asm.skype.com";

// resolving is an HTTP client for which that host is at url, as a name server would
// have it.
export function resolving(url) {
  const client = createDefaultHttpClient();
  return {
    sendRequest: (request) => {
      request.url = request.url.replace(contentHost, url);
      request.allowInsecureConnection = true;
      return client.sendRequest(request);
    },
  };
}

// playSource is the SDK's spelling of a source: {file}, {text} or {ssml}.
function playSource(s) {
  const playSourceCacheId = s.cacheId;
  if (s.file) return { kind: "fileSource", url: s.file, playSourceCacheId };
  if (s.ssml) return { kind: "ssmlSource", ssmlText: s.ssml, customVoiceEndpointId: s.customVoice, playSourceCacheId };
  return {
    kind: "textSource", text: s.text, sourceLocale: s.locale, voiceKind: s.voiceKind, voiceName: s.voice,
    customVoiceEndpointId: s.customVoice, playSourceCacheId,
  };
}

const recognizeKinds = {
  dtmf: "callMediaRecognizeDtmfOptions", speech: "callMediaRecognizeSpeechOptions",
  speechOrDtmf: "callMediaRecognizeSpeechOrDtmfOptions", choices: "callMediaRecognizeChoiceOptions",
};

// mediaDriver does what media(id), the SDK's CallMedia of a call, can do.
export function mediaDriver(media) {
  return {
    play: ({ id, sources, to, loop, interrupt, operationContext }) => {
      const options = { loop, interruptCallMediaOperation: interrupt, operationContext };
      return to ? media(id).play(sources.map(playSource), to.map(identifier), options) : media(id).playToAll(sources.map(playSource), options);
    },
    cancelAllMedia: ({ id }) => media(id).cancelAllOperations(),
    recognize: ({ id, party, input, prompt, prompts, tones, ...r }) =>
      media(id).startRecognizing(identifier(party), {
        kind: recognizeKinds[input], playPrompt: prompt && playSource(prompt), playPrompts: prompts?.map(playSource),
        interruptCallMediaOperation: r.interrupt, interruptPrompt: r.interruptPrompt, initialSilenceTimeoutInSeconds: r.initialSilence,
        interToneTimeoutInSeconds: tones?.between, maxTonesToCollect: tones?.most, stopDtmfTones: tones?.stop, choices: r.choices,
        endSilenceTimeoutInSeconds: r.endSilence, speechLanguage: r.language, speechRecognitionModelEndpointId: r.model,
        operationContext: r.operationContext,
      }),
    // recognized and tone are what an event says was heard.
    recognized: ({ dtmfResult, speechResult, choiceResult }) => {
      if (dtmfResult) return { tones: dtmfResult.tones };
      if (speechResult) return { speech: speechResult.speech };
      const { label: choice, recognizedPhrase: phrase } = choiceResult;
      return phrase ? { choice, phrase } : { choice };
    },
    tone: ({ tone, sequenceId }) => ({ tone, sequenceId }),
    startTones: ({ id, party, operationContext }) => media(id).startContinuousDtmfRecognition(identifier(party), { operationContext }),
    stopTones: ({ id, party, operationContext }) => media(id).stopContinuousDtmfRecognition(identifier(party), { operationContext }),
    sendTones: ({ id, party, tones, operationContext }) => media(id).sendDtmfTones(tones, identifier(party), { operationContext }),
    hold: ({ id, party, source, operationContext }) =>
      media(id).hold(identifier(party), { playSource: source && playSource(source), operationContext }),
    unhold: ({ id, party, operationContext }) => media(id).unhold(identifier(party), { operationContext }),
    startTranscription: ({ id, locale, model, operationContext }) =>
      media(id).startTranscription({ locale, speechRecognitionModelEndpointId: model, operationContext }),
    stopTranscription: ({ id, operationContext }) => media(id).stopTranscription({ operationContext }),
    updateTranscription: ({ id, locale, model, operationContext }) =>
      media(id).updateTranscription(locale, { speechRecognitionModelEndpointId: model, operationContext }),
    startMediaStreaming: ({ id, operationContext }) => media(id).startMediaStreaming({ operationContext }),
    stopMediaStreaming: ({ id, operationContext }) => media(id).stopMediaStreaming({ operationContext }),
  };
}

// recordingDriver does what the SDK's CallRecording can do.
export function recordingDriver(recording, application) {
  const found = ({ recordingId, recordingState: state }) => ({ recordingId, state });
  return {
    startRecording: async ({ id, serverCallId, groupCallId, ...r }) =>
      found(await recording.start({
        callConnectionId: id,
        callLocator: serverCallId ? { kind: "serverCallLocator", id: serverCallId } : groupCallId && { kind: "groupCallLocator", id: groupCallId },
        recordingContent: r.content, recordingChannel: r.channel, recordingFormat: r.format, pauseOnStart: r.paused,
        recordingStateCallbackEndpointUrl: application.callbackUrl,
        audioChannelParticipantOrdering: r.ordering?.map(identifier),
        channelAffinity: r.affinity?.map(({ party, channel }) => ({ targetParticipant: identifier(party), channel })),
        recordingStorage: r.storage && { recordingStorageKind: "azureBlobStorage", recordingDestinationContainerUrl: r.storage },
      })),
    getRecording: async ({ recordingId }) => found(await recording.getState(recordingId)),
    pauseRecording: ({ recordingId }) => recording.pause(recordingId),
    resumeRecording: ({ recordingId }) => recording.resume(recordingId),
    stopRecording: ({ recordingId }) => recording.stop(recordingId),
    recordingState: (recordingId, state) => application.recording(recordingId, "RecordingStateChanged", (e) => e.state === state),
    recordingFailed: (recordingId) => application.recording(recordingId, "StartRecordingFailed"),
    recordingFile: async (recordingId) => {
      const [{ contentLocation, deleteLocation }] = (await application.recordingFile(recordingId)).recordingStorageInfo.recordingChunks;
      return { contentLocation, deleteLocation };
    },
    download: async ({ contentLocation, offset, length }) =>
      buffer(await recording.downloadStreaming(atContentHost(contentLocation), { offset, length })),
    deleteRecording: ({ deleteLocation }) => recording.delete(atContentHost(deleteLocation)),
  };
}

const atContentHost = (location) => contentHost + new URL(location).pathname;
