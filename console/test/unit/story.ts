// Events as the gateway sends them, for tests.

import type { CallEvent, Identifier, Participant } from "../../src/api/types";
import { newCall, take, type Call } from "../../src/model/call";

export const start = Date.UTC(2026, 10, 25, 9, 0, 0);
export const ada: Identifier = { rawId: "4:+14255550123", phoneNumber: "+14255550123" };
export const bob: Identifier = { rawId: "4:+14255550486", phoneNumber: "+14255550486" };
export const me: Identifier = { rawId: "8:acs:res_me", communicationUserId: "8:acs:res_me" };

let count = 0;

// event is one that the upstream sent after so many milliseconds, received 3 ms
// later.
export function event(after: number, name: string, more: Partial<CallEvent> = {}): CallEvent {
  count++;
  return {
    cursor: `c${count}`,
    id: `e${count}`,
    typeName: `Microsoft.Communication.${name}`,
    time: new Date(start + after).toISOString(),
    receiveTime: new Date(start + after + 3).toISOString(),
    callConnectionId: "connection",
    serverCallId: "server",
    correlationId: "correlation",
    ...more,
  };
}

// command is an action that was answered after 30 ms.
export function command(after: number, action: string, more: object = {}, envelope: Partial<CallEvent> = {}): CallEvent {
  return event(after, "", {
    type: "CALL_EVENT_TYPE_COMMAND_ACCEPTED",
    typeName: "callgate.command.accepted.v1",
    receiveTime: new Date(start + after + 30).toISOString(),
    operationContext: `context of ${action}`,
    command: { action, duration: "0.030s", upstreamStatus: 202, ...more },
    ...envelope,
  });
}

export function participants(after: number, sequenceNumber: number, ...who: (Identifier | Participant)[]): CallEvent {
  return event(after, "ParticipantsUpdated", {
    participantsUpdated: { sequenceNumber, participants: who.map((p) => ("identifier" in p ? p : { identifier: p })) },
  });
}

export function callOf(...events: CallEvent[]): Call {
  const call = newCall("connection");
  for (const e of events) take(call, e);
  return call;
}

// placed is a call that was answered by ada and hung up.
export const placed = () => [
  command(0, "ACTION_CREATE_CALL", { targets: [ada], upstreamStatus: 201, principal: "billing" }),
  event(100, "CallConnected", { operationContext: "context of ACTION_CREATE_CALL", result: { code: 200 } }),
  participants(101, 1, me, ada),
  command(5000, "ACTION_HANG_UP_CALL", { upstreamStatus: 204 }),
  event(5020, "CallDisconnected", { operationContext: "context of ACTION_CREATE_CALL", result: { code: 200, subCode: 7000, reason: "ENDED_BY_APPLICATION" } }),
];
