// One call, as its events tell it.

import type { CallEvent, Identifier, Participant } from "../api/types";
import { commandOf } from "./command";
import { ending, nameOf, received, type Tone } from "./words";

export type CallState = "incoming" | "connecting" | "connected" | "transferring" | "over" | "failed";

export interface Call {
  // The call connection; of a call that only rang here, its correlation.
  key: string;
  connection: string;
  serverCall: string;
  correlation: string;
  events: CallEvent[];
  // Cursors of those that came with the history, before the stream brought them.
  loaded: Set<string>;
  // How many events had to be forgotten.
  forgotten: number;
  state: CallState;
  ended: { tone: Tone; text: string } | undefined;
  began: number;
  last: number;
  // Everybody who was ever in it, and who is now, by raw id.
  parties: Map<string, Identifier>;
  present: Map<string, Participant>;
  // Raw ids that are known to be the application itself.
  self: Set<string>;
  // The action that made the connection, and whom it was placed to.
  made: "CreateCall" | "AnswerCall" | "";
  targets: Identifier[];
  // The users in the first list of participants.
  first: string[];
  // Answers the call, while it rings.
  incomingContext: string;
  sequence: number;
  // Counts changes.
  revision: number;
}

export function newCall(key: string): Call {
  return {
    key, connection: "", serverCall: "", correlation: "", events: [], loaded: new Set(), forgotten: 0, state: "connecting",
    ended: undefined, began: 0, last: 0, parties: new Map(), present: new Map(), self: new Set(), made: "",
    targets: [], first: [], incomingContext: "", sequence: -1, revision: 0,
  };
}

// over says that no more is to be expected of a call.
export const over = (call: Call): boolean => call.state === "over" || call.state === "failed";

// How long a call that nobody answered is said to ring.
const ringing = 60_000;

// missed says that a call rang here and was answered by nobody.
export const missed = (call: Call, now: number): boolean => call.state === "incoming" && now - call.began > ringing;

// others are the parties beside the application itself.
export function others(call: Call): Identifier[] {
  const known = [...call.parties.values()].filter((id) => !call.self.has(id.rawId));
  return known.length > 0 ? known : call.targets;
}

// take adds an event to a call.
export function take(call: Call, event: CallEvent) {
  call.events.push(event);
  call.revision++;
  const at = received(event);
  if (!call.began || at < call.began) call.began = at;
  if (at > call.last) call.last = at;
  call.connection ||= event.callConnectionId ?? "";
  call.serverCall ||= event.serverCallId ?? "";
  call.correlation ||= event.correlationId ?? "";
  meet(call, event);
  move(call, event);
}

// meet learns who is in the call.
function meet(call: Call, event: CallEvent) {
  const know = (id: Identifier | undefined) => {
    if (id?.rawId && !call.parties.has(id.rawId)) call.parties.set(id.rawId, id);
  };
  const incoming = event.incomingCall;
  if (incoming) {
    know(incoming.from);
    if (incoming.to?.rawId) call.self.add(incoming.to.rawId);
    call.incomingContext = incoming.incomingCallContext ?? "";
  }
  const updated = event.participantsUpdated;
  if (updated) {
    const sequence = updated.sequenceNumber ?? call.sequence;
    if (sequence < call.sequence) return; // an older list that came late
    call.sequence = sequence;
    call.present = new Map((updated.participants ?? []).map((p) => [p.identifier.rawId, p]));
    for (const p of updated.participants ?? []) know(p.identifier);
    if (call.first.length === 0) call.first = [...call.present.keys()].filter((raw) => /^2?8:/.test(raw));
  }
  const one = event.addParticipantSucceeded ?? event.addParticipantFailed ?? event.moveParticipantSucceeded;
  know(one?.participant);
  know(event.callTransferAccepted?.transferTarget);
  const command = commandOf(event);
  if (command?.action === "CreateCall" || command?.action === "AnswerCall") {
    call.made = command.action;
    call.targets = command.targets;
  }
  recognize(call);
}

// recognize finds the application itself among the first participants: no event
// names it. In a placed call it is the user that was not called; in an answered
// one, the only user where a phone called.
function recognize(call: Call) {
  if (!call.made || call.self.size > 0) return;
  const called = new Set(call.targets.map((id) => id.rawId));
  const strangers = call.first.filter((raw) => !called.has(raw));
  if (strangers.length === 1) call.self.add(strangers[0]!);
}

// move follows the call's state.
function move(call: Call, event: CallEvent) {
  switch (nameOf(event)) {
    case "IncomingCall":
      if (!call.connection) call.state = "incoming";
      return;
    case "CommandAccepted":
      if (event.command?.action === "ACTION_ANSWER_CALL" && call.state === "incoming") call.state = "connecting";
      return;
    case "CallConnected":
      if (!over(call)) call.state = "connected";
      call.incomingContext = "";
      return;
    case "CallTransferAccepted":
      if (call.state === "connected") call.state = "transferring";
      return;
    case "CreateCallFailed":
    case "AnswerFailed":
    case "ConnectFailed":
      call.state = "failed";
      call.ended = ending(event);
      return;
    case "CallDisconnected":
      if (call.state !== "failed") call.state = "over";
      call.ended = ending(event);
      call.present.clear();
      return;
    case "CallEnded":
      if (call.state === "incoming") call.state = "over";
      return;
    case "CommandRejected":
    case "CommandFailed":
      if (!event.callConnectionId) {
        call.state = "failed";
        call.ended = { tone: "bad", text: `not placed: ${commandOf(event)!.reason}` };
      }
      return;
    case "ParticipantsUpdated":
      if (call.state === "connecting") call.state = "connected";
  }
}
