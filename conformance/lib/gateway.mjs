// The walk-through's operations, through the gateway's REST API.
import { Arrivals } from "./arrivals.mjs";
import { Control } from "./control.mjs";
import { mediaDriver, recordingDriver, streamOptions } from "./gateway-media.mjs";
import { run } from "./process.mjs";

// startGateway runs the gateway with its own emulator and follows its events.
export async function startGateway(binary) {
  const gateway = await run(
    binary,
    ["--grpc-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0", "--callback-addr=127.0.0.1:0", "--emulator-addr=127.0.0.1:0",
      "--data-dir=:memory:", "--emulator-time-scale=20"],
    /REST\s+(http:\/\/[0-9.:]+)[^]*emulator\s+(http:\/\/[0-9.:]+)[^]*CreateCall\n/,
  );
  const [, url, emulatorUrl] = gateway.match;
  const events = new Arrivals();
  const following = await follow(`${url}/v1/events:stream`, events);
  return {
    url, events,
    control: new Control(emulatorUrl),
    stop: async () => {
      await following.stop();
      await gateway.stop();
    },
  };
}

// follow collects the events of a stream of JSON lines, from its "started" on.
async function follow(url, events) {
  const abort = new AbortController();
  const response = await fetch(url, { signal: abort.signal });
  let started;
  const ready = new Promise((resolve) => (started = resolve));
  const done = (async () => {
    let rest = "";
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines.filter((l) => l.trim())) {
        const { result } = JSON.parse(line);
        if (result.started) started();
        if (result.event) events.add({ ...result.event, type: result.event.typeName.replace("Microsoft.Communication.", "") });
      }
    }
  })().catch((error) => {
    if (!abort.signal.aborted) throw error;
  });
  await ready;
  return { stop: () => { abort.abort(); return done; } };
}

// identifier is the gateway's spelling of a party: {phone}, {user} or {teams}.
export function identifier(party) {
  if (party.phone) return { phoneNumber: party.phone };
  if (party.teams) return { microsoftTeamsUser: { userId: party.teams } };
  return { communicationUserId: party.user };
}

const rawId = (party) => (party.phone ? `4:${party.phone}` : party.teams ? `8:orgid:${party.teams}` : party.user);

// gatewayDriver does the walk-through's operations through the gateway.
export function gatewayDriver({ url, events, control }, source) {
  const request = async (method, path, body) => {
    const response = await fetch(`${url}/v1/${path}`, { method, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) {
      throw Object.assign(new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`), { statusCode: response.status });
    }
    return answer;
  };
  const post = (path, body) => request("POST", path, body);
  const made = ({ callConnection: c }) => ({ id: c.callConnectionId, serverCallId: c.serverCallId });
  const custom = (c) => c && {
    voipHeaders: c.voip,
    // The SDK adds the prefix of a custom SIP header; the gateway takes what goes out.
    sipHeaders: {
      ...Object.fromEntries(Object.entries(c.sip ?? {}).map(([key, value]) => [`X-MS-Custom-${key}`, value])),
      ...(c.userToUser ? { "User-To-User": c.userToUser } : {}),
    },
  };
  const locators = { serverCallLocator: "serverCallId", groupCallLocator: "groupCallId", roomCallLocator: "roomId" };
  return {
    source,
    control,
    event: (id, type, matches = () => true) =>
      events.find(`${type} for ${id}`, (e) => e.type === type && e.callConnectionId === id && matches(e)),
    ring: async (call) => {
      const { serverCallId } = await control.placeIncomingCall(call);
      const event = await events.find("IncomingCall", (e) => e.type === "IncomingCall" && e.serverCallId === serverCallId);
      return event.incomingCall.incomingCallContext;
    },
    createCall: async ({ targets, callerId, displayName, operationContext, cognitiveServices, streams }) =>
      made(await post("calls", {
        targets: targets.map(identifier), sourceCallerIdNumber: callerId, sourceDisplayName: displayName, operationContext,
        source: { communicationUserId: source },
        callIntelligenceOptions: cognitiveServices && { cognitiveServicesEndpoint: cognitiveServices }, ...streamOptions(streams),
      })),
    connectCall: async ({ kind, id, operationContext }) => made(await post("calls:connect", { [locators[kind]]: id, operationContext })),
    answerCall: async ({ incomingCallContext, operationContext }) =>
      made(await post("calls:answer", { incomingCallContext, operationContext, answeredBy: { communicationUserId: source } })),
    rejectCall: ({ incomingCallContext, reason }) =>
      post("calls:reject", { incomingCallContext, callRejectReason: reason && `CALL_REJECT_REASON_${reason.toUpperCase()}` }),
    redirectCall: ({ incomingCallContext, target }) => post("calls:redirect", { incomingCallContext, target: identifier(target) }),
    getCall: async ({ id }) => {
      const { callConnection: c } = await request("GET", `calls/${id}`);
      return { state: c.stateName, serverCallId: c.serverCallId };
    },
    listParticipants: async ({ id }) =>
      (await request("GET", `calls/${id}/participants`)).participants.map((p) => p.identifier.phoneNumber ?? p.identifier.communicationUserId),
    getParticipant: async ({ id, party }) => {
      const { isMuted: muted, isOnHold: onHold } =
        (await request("GET", `calls/${id}/participants/${encodeURIComponent(rawId(party))}`)).participant;
      return { muted, onHold };
    },
    addParticipant: ({ id, party, callerId, displayName, operationContext, timeout, context }) =>
      post(`calls/${id}/participants:add`, {
        participant: identifier(party), sourceCallerIdNumber: callerId, sourceDisplayName: displayName, operationContext,
        invitationTimeoutSeconds: timeout, customCallingContext: custom(context),
      }),
    cancelAddParticipant: ({ id, invitationId, operationContext }) =>
      post(`calls/${id}/participants:cancelAdd`, { invitationId, operationContext }),
    removeParticipant: ({ id, party, operationContext }) =>
      post(`calls/${id}/participants:remove`, { participant: identifier(party), operationContext }),
    muteParticipant: ({ id, party, operationContext }) =>
      post(`calls/${id}/participants:mute`, { participant: identifier(party), operationContext }),
    moveParticipants: ({ id, parties, from, operationContext }) =>
      post(`calls/${id}/participants:move`, { participants: parties.map(identifier), fromCallConnectionId: from, operationContext }),
    transferCall: ({ id, target, transferee, callerId, operationContext, context }) =>
      post(`calls/${id}:transfer`, {
        target: identifier(target), transferee: transferee && identifier(transferee), sourceCallerIdNumber: callerId,
        operationContext, customCallingContext: custom(context),
      }),
    hangUp: ({ id, forEveryone }) => post(`calls/${id}:hangUp`, { forEveryone }),
    ...mediaDriver(post),
    ...recordingDriver(url, request, events),
  };
}
