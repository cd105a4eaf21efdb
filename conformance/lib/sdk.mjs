// The walk-through's operations, by the official SDK against the emulator.
import { CallAutomationClient } from "@azure/communication-call-automation";
import { createDefaultHttpClient } from "@azure/core-rest-pipeline";
import { buffer } from "node:stream/consumers";
import { startApplication } from "./application.mjs";
import { Control } from "./control.mjs";
import { run } from "./process.mjs";

// startEmulator runs `callgate emulator` and an application that uses it.
export async function startEmulator(binary, ...flags) {
  const application = await startApplication();
  const emulator = await run(
    binary,
    ["emulator", "--addr=127.0.0.1:0", `--event-grid=${application.eventGridUrl}`, "--time-scale=20", ...flags],
    /endpoint=(http:\/\/[^/]+)\/;accesskey=\S+/,
  );
  const [connectionString, url] = emulator.match;
  return {
    connectionString, url, application,
    control: new Control(url),
    stop: async () => {
      await application.stop();
      await emulator.stop();
    },
  };
}

export function clientOf(connectionString, options = {}) {
  return new CallAutomationClient(connectionString, { allowInsecureConnection: true, ...options });
}

// contentHost is where the SDK expects the files of recordings: it takes no other.
const contentHost = "https://storage.asm.skype.com";

// resolving is an HTTP client for which that host is at url, as a name server would
// have it.
function resolving(url) {
  const client = createDefaultHttpClient();
  return {
    sendRequest: (request) => {
      request.url = request.url.replace(contentHost, url);
      request.allowInsecureConnection = true;
      return client.sendRequest(request);
    },
  };
}

// identifier is the SDK's spelling of a party: {phone}, {user} or {teams}.
export function identifier(party) {
  if (party.phone) return { phoneNumber: party.phone };
  if (party.teams) return { microsoftTeamsUserId: party.teams };
  return { communicationUserId: party.user };
}

const phone = (number) => number && { phoneNumber: number };

// sdkDriver does the walk-through's operations through the SDK.
export function sdkDriver({ connectionString, url, application, control }) {
  const source = "8:acs:11111111-0000-4000-8000-000000000001_00000001-cccc-4000-8000-00000000cccc";
  const client = clientOf(connectionString, { sourceIdentity: { communicationUserId: source }, httpClient: resolving(url) });
  const connection = (id) => client.getCallConnection(id);
  const made = ({ callConnectionProperties: p }) => ({ id: p.callConnectionId, serverCallId: p.serverCallId, properties: p });
  const custom = (c) => c && [
    ...Object.entries(c.voip ?? {}).map(([key, value]) => ({ kind: "voip", key, value })),
    ...Object.entries(c.sip ?? {}).map(([key, value]) => ({ kind: "sipx", key, value })),
    ...(c.userToUser ? [{ kind: "sipuui", key: "User-To-User", value: c.userToUser }] : []),
  ];
  return {
    source,
    application,
    control,
    event: (id, type, matches) => application.event(id, type, matches),
    ring: async (call) => {
      const { serverCallId } = await control.placeIncomingCall(call);
      return (await application.incomingCall(serverCallId)).incomingCallContext;
    },
    createCall: async ({ targets, callerId, displayName, operationContext, cognitiveServices, streams }) => {
      const options = {
        operationContext, sourceDisplayName: displayName,
        callIntelligenceOptions: cognitiveServices && { cognitiveServicesEndpoint: cognitiveServices },
        mediaStreamingOptions: streams && {
          transportUrl: streams.url, transportType: "websocket", contentType: "audio", audioChannelType: "unmixed",
          startMediaStreaming: true, enableBidirectional: true, audioFormat: "pcm24KMono", enableDtmfTones: true,
        },
        transcriptionOptions: streams && {
          transportUrl: streams.url, transportType: "websocket", locale: streams.locale, startTranscription: true,
          speechRecognitionModelEndpointId: "model-1", enableIntermediateResults: true,
        },
      };
      if (targets.length > 1) {
        return made(await client.createGroupCall(targets.map(identifier), application.callbackUrl,
          { ...options, sourceCallIdNumber: phone(callerId) }));
      }
      return made(await client.createCall(
        { targetParticipant: identifier(targets[0]), sourceCallIdNumber: phone(callerId), sourceDisplayName: displayName },
        application.callbackUrl, options));
    },
    connectCall: async ({ kind, id, operationContext }) =>
      made(await client.connectCall({ kind, id }, application.callbackUrl, { operationContext })),
    answerCall: async ({ incomingCallContext, operationContext }) =>
      made(await client.answerCall(incomingCallContext, application.callbackUrl, { operationContext })),
    rejectCall: ({ incomingCallContext, reason }) => client.rejectCall(incomingCallContext, { callRejectReason: reason }),
    redirectCall: ({ incomingCallContext, target }) => client.redirectCall(incomingCallContext, { targetParticipant: identifier(target) }),
    getCall: async ({ id }) => {
      const p = await connection(id).getCallConnectionProperties();
      return { state: p.callConnectionState, serverCallId: p.serverCallId };
    },
    listParticipants: async ({ id }) =>
      (await connection(id).listParticipants()).values.map((p) => p.identifier.phoneNumber ?? p.identifier.communicationUserId),
    getParticipant: async ({ id, party }) => {
      const { isMuted: muted, isOnHold: onHold } = await connection(id).getParticipant(identifier(party));
      return { muted, onHold };
    },
    addParticipant: async ({ id, party, callerId, displayName, operationContext, timeout, context }) => ({
      invitationId: (await connection(id).addParticipant(
        { targetParticipant: identifier(party), sourceCallIdNumber: phone(callerId), sourceDisplayName: displayName, customCallingContext: custom(context) },
        { operationContext, invitationTimeoutInSeconds: timeout })).invitationId,
    }),
    cancelAddParticipant: ({ id, invitationId, operationContext }) =>
      connection(id).cancelAddParticipantOperation(invitationId, { operationContext }),
    removeParticipant: ({ id, party, operationContext }) =>
      connection(id).removeParticipant(identifier(party), { operationContext }),
    muteParticipant: ({ id, party, operationContext }) => connection(id).muteParticipant(identifier(party), { operationContext }),
    moveParticipants: ({ id, parties, from, operationContext }) =>
      connection(id).moveParticipants(parties.map(identifier), from, { operationContext }),
    transferCall: ({ id, target, transferee, callerId, operationContext, context }) =>
      connection(id).transferCallToParticipant(identifier(target), {
        transferee: transferee && identifier(transferee), sourceCallIdNumber: phone(callerId), operationContext,
        customCallingContext: custom(context),
      }),
    hangUp: ({ id, forEveryone }) => connection(id).hangUp(forEveryone),
    ...mediaDriver((id) => connection(id).getCallMedia()),
    ...recordingDriver(client.getCallRecording(), application),
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

function mediaDriver(media) {
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

function recordingDriver(recording, application) {
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
