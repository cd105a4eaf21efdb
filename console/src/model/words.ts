// What things are called on the page.

import type { CallEvent, Identifier, Participant, Result } from "../api/types";

export type Tone = "good" | "bad" | "plain";

// nameOf is an event's type without its family: "CallConnected".
export function nameOf(event: CallEvent): string {
  if (event.command) return pascal(event.type?.replace("CALL_EVENT_TYPE_", "") ?? "command");
  const full = event.typeName ?? "";
  return full.slice(full.lastIndexOf(".") + 1) || pascal(event.type?.replace("CALL_EVENT_TYPE_", "") ?? "") || "event";
}

// pascal makes "CREATE_CALL" into "CreateCall".
export function pascal(constant: string): string {
  return constant
    .toLowerCase()
    .split("_")
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join("");
}

// plain makes "NO_ANSWER" into "no answer".
export const plain = (constant: string): string => constant.toLowerCase().replaceAll("_", " ");

// partyName is a party in as few characters as tell it from the others.
export function partyName(id: Identifier | undefined): string {
  if (!id) return "somebody";
  if (id.phoneNumber) return phone(id.phoneNumber);
  const raw = id.rawId ?? "";
  if (raw.startsWith("4:")) return phone(raw.slice(2));
  const tail = raw.slice(Math.max(raw.lastIndexOf("_"), raw.lastIndexOf(":")) + 1);
  return tail.length > 14 ? `…${tail.slice(-8)}` : tail || raw;
}

// phone groups the digits of a North American number, which people know so.
function phone(number: string): string {
  const parts = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number);
  return parts ? `+1 ${parts[1]} ${parts[2]} ${parts[3]}` : number;
}

// partyKind says what kind of party it is.
export function partyKind(id: Identifier | undefined): string {
  const raw = id?.rawId ?? "";
  if (id?.phoneNumber || raw.startsWith("4:")) return "phone";
  if (id?.microsoftTeamsApp || raw.startsWith("28:")) return "Teams app";
  if (id?.microsoftTeamsUser || /^8:(orgid|dod|gcch|teamsvisitor):/.test(raw)) return "Teams user";
  if (raw.startsWith("8:")) return "user";
  return "party";
}

// why is a result in a word or two; empty where there is nothing to say.
export function why(result: Result | undefined): string {
  if (!result) return "";
  if (result.reason) return plain(result.reason);
  if (result.code === undefined || result.code < 300) return "";
  return result.subCode ? `${result.code}/${result.subCode}` : `${result.code}`;
}

// hint is what a result means and what to do about it.
export const hint = (event: CallEvent): string => event.result?.hint ?? "";

// Words for the ends of actions that read better than their event's name.
const endings: Record<string, [Tone, string]> = {
  CallConnected: ["good", "connected"],
  CallDisconnected: ["plain", "call over"],
  CreateCallFailed: ["bad", "not connected"],
  AnswerFailed: ["bad", "not answered"],
  ConnectFailed: ["bad", "not connected"],
  CallTransferAccepted: ["good", "transferred"],
  CallTransferFailed: ["bad", "not transferred"],
  AddParticipantSucceeded: ["good", "added"],
  AddParticipantFailed: ["bad", "not added"],
  RemoveParticipantSucceeded: ["good", "removed"],
  RemoveParticipantFailed: ["bad", "not removed"],
  MoveParticipantSucceeded: ["good", "moved here"],
  MoveParticipantFailed: ["bad", "not moved"],
  CancelAddParticipantSucceeded: ["good", "invitation withdrawn"],
  CancelAddParticipantFailed: ["bad", "invitation not withdrawn"],
};

// ending says how an action went, where the event ends one: in a word, and why.
export function ending(event: CallEvent): { tone: Tone; text: string } | undefined {
  const name = nameOf(event);
  let [tone, text] = endings[name] ?? [];
  if (!tone || !text) {
    const end = /^(.+?)(Completed|Failed|Canceled|Stopped)$/.exec(name) ?? /^(Transcription|MediaStreaming)(Started|Updated)$/.exec(name);
    if (!end) return undefined;
    tone = end[2] === "Failed" ? "bad" : end[2] === "Canceled" ? "plain" : "good";
    text = `${spaced(end[1]!)} ${end[2]!.toLowerCase()}`;
  }
  const because = why(event.result);
  if (name === "CallDisconnected" && (event.result?.code ?? 200) >= 300) tone = "bad";
  return { tone, text: because && tone !== "good" ? `${text}: ${because}` : text };
}

// content is what an event is about, where a word says it: what somebody pressed,
// chose or said, and whether a recording runs.
export function content(event: CallEvent): string {
  const recognized = event.recognizeCompleted;
  const text = recognized?.dtmfResult?.digits ?? recognized?.choiceResult?.label ?? recognized?.speechResult?.speech;
  if (text) return `“${text}”`;
  const tone = event.continuousDtmfRecognitionToneReceived?.tone;
  if (tone) return plain(tone.replace("TONE_", ""));
  const state = event.recordingStateChanged?.state;
  return state ? plain(state.replace("RECORDING_STATE_", "")) : "";
}

// spaced makes "SendDtmfTones" into "send dtmf tones".
export const spaced = (name: string): string => name.replace(/(?<=[a-z\d])(?=[A-Z])/g, " ").toLowerCase();

// partyState is what is special about a participant.
export function partyState(p: Participant): string {
  return [p.isMuted && "muted", p.isOnHold && "on hold"].filter(Boolean).join(", ");
}

// duration is a time in the unit that suits it.
export function duration(milliseconds: number): string {
  const ms = Math.max(0, milliseconds);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

// clock is a time of day, local, to the millisecond.
export function clock(at: number): string {
  const d = new Date(at);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, "0")}`;
}

// received is when callgate received an event; happened, when the upstream says
// that it happened.
export const received = (event: CallEvent): number => instant(event.receiveTime) || instant(event.time);
export const happened = (event: CallEvent): number => instant(event.time) || instant(event.receiveTime);

// instant is a time in milliseconds, with what lies below one: Date.parse cuts it
// off, and within one much can happen. 0 where there is none.
export function instant(time: string | undefined): number {
  const below = /\.\d{3}(\d+)/.exec(time ?? "")?.[1] ?? "";
  return (Date.parse(time ?? "") || 0) + Number(`0.${below}0`);
}
