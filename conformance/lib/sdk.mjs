// The walk-through's operations, by the official SDK against the emulator.
import { CallAutomationClient } from "@azure/communication-call-automation";
import { startApplication } from "./application.mjs";
import { Control } from "./control.mjs";
import { run } from "./process.mjs";
import { mediaDriver, recordingDriver, resolving } from "./sdk-media.mjs";

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
          speechModelEndpointId: "model-1", enableIntermediateResults: true,
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
