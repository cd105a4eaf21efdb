// A call as a sequence diagram: who is there, and what went from whom to whom.

import type { CallEvent, Identifier } from "../api/types";
import type { Call } from "../model/call";
import { commandOf, type Command } from "../model/command";
import { content, duration, ending, happened, hint, nameOf, partyKind, partyName, partyState, received, why, type Tone } from "../model/words";

export interface Lifeline {
  id: string;
  title: string;
  detail: string;
}

export interface Arrow {
  from: string;
  to: string;
  text: string;
  // Said below the arrow.
  under: string;
  tone: Tone;
  // What no event says by itself: the page concludes it.
  dashed: boolean;
  // It did not get through.
  cross: boolean;
}

// Mark is something about one party.
export interface Mark {
  on: string;
  text: string;
  tone: Tone;
}

export interface Step {
  // The event's cursor.
  key: string;
  event: CallEvent;
  at: number;
  arrows: Arrow[];
  marks: Mark[];
  note: { tone: Tone; text: string } | undefined;
  // The whole step in a sentence.
  says: string;
}

// Presence is the time that a party spends in the call, from step to step.
export interface Presence {
  on: string;
  from: number;
  to: number | undefined;
}

export interface Diagram {
  lifelines: Lifeline[];
  steps: Step[];
  presences: Presence[];
  began: number;
}

export const client = "client";
export const gateway = "gateway";
export const upstream = "upstream";

interface Pending {
  command: Command;
  at: number;
}

// build draws a call from its events, in the order in which callgate had them.
export function build(call: Call, upstreamName: string): Diagram {
  return new Builder(call, upstreamName).diagram();
}

class Builder {
  private steps: Step[] = [];
  private presences: Presence[] = [];
  private parties = new Map<string, Lifeline>();
  private inside = new Map<string, { presence: Presence; state: string }>();
  private pending = new Map<string, Pending>();
  private aims: Map<string, Identifier[]>;
  private explained = "";
  private ids = new Set<string>();
  private newest = 0;
  private sequence = -1;

  constructor(
    private readonly call: Call,
    private readonly upstreamName: string,
  ) {
    this.aims = aims(call);
  }

  diagram(): Diagram {
    for (const event of inOrder(this.call.events)) this.steps.push(this.step(event));
    return {
      lifelines: [
        { id: client, title: "Client", detail: "your service" },
        { id: gateway, title: "callgate", detail: "gateway" },
        { id: upstream, title: this.upstreamName, detail: "upstream" },
        ...this.parties.values(),
      ],
      steps: this.steps,
      presences: this.presences,
      began: this.steps[0]?.at ?? 0,
    };
  }

  private step(event: CallEvent): Step {
    const step: Step = { key: event.cursor, event, at: moment(event), arrows: [], marks: [], note: undefined, says: "" };
    const command = commandOf(event);
    if (command) this.asked(step, command);
    else this.told(step);
    step.says = sentence(step);
    return step;
  }

  // asked draws what a client asked for, and what it was answered.
  private asked(step: Step, command: Command) {
    const tone: Tone = command.accepted ? "plain" : "bad";
    step.arrows.push(arrow(client, gateway, command.action, { under: command.principal && `by ${command.principal}` }));
    if (command.status !== undefined || command.accepted) {
      step.arrows.push(
        arrow(gateway, upstream, [command.status, command.took < 1 ? "in <1 ms" : `in ${duration(command.took)}`].filter(Boolean).join(" "), { tone, cross: !command.accepted }),
      );
    }
    if (!command.accepted) {
      const knows = step.event.type === "CALL_EVENT_TYPE_COMMAND_FAILED" ? "It may have happened all the same." : "It has not happened.";
      step.note = { tone: "bad", text: `${capital(command.reason || "not accepted")}. ${knows}` };
      return;
    }
    const context = step.event.operationContext ?? "";
    this.pending.set(context, { command, at: step.at });
    const doing = doings[command.action];
    if (!doing) return;
    for (const id of command.targets.length > 0 ? command.targets : (this.aims.get(context) ?? [])) {
      if (!this.call.self.has(id.rawId)) step.arrows.push(arrow(upstream, this.party(id), doing, { dashed: true }));
    }
  }

  // told draws what the upstream said.
  private told(step: Step) {
    const { event } = step;
    const name = nameOf(event);
    const incoming = event.incomingCall;
    if (incoming?.from) step.arrows.push(arrow(this.party(incoming.from), upstream, "calls"));
    this.answers(step);
    step.arrows.push(arrow(upstream, gateway, name, { under: this.remarks(event), tone: ending(event)?.tone === "bad" ? "bad" : "plain" }));
    if (event.participantsUpdated) this.gathered(step);
    const end = ending(event);
    if (end) {
      const asked = this.settle(event, name);
      const under = asked ? `${duration(step.at - asked.at)} after ${asked.command.action}` : "";
      step.arrows.push(arrow(gateway, client, end.text, { dashed: true, tone: end.tone, under }));
      if (end.tone === "bad") this.explain(step, hint(event));
    }
    if (name === "CallDisconnected") this.everybodyLeaves(step);
  }

  // explain adds a note. That a call which failed is over needs no second one.
  private explain(step: Step, text: string) {
    if (!text || (text === this.explained && nameOf(step.event) === "CallDisconnected")) return;
    this.explained = text;
    step.note = { tone: "bad", text };
  }

  // answers draws what a party did that an event tells of.
  private answers(step: Step) {
    const { event } = step;
    const came = event.addParticipantSucceeded?.participant;
    if (came) step.arrows.push(arrow(this.party(came), upstream, "answers"));
    const stayed = event.addParticipantFailed?.participant;
    if (stayed) step.arrows.push(arrow(this.party(stayed), upstream, why(event.result) || "fails", { tone: "bad", cross: true }));
    if (nameOf(event) === "CreateCallFailed") {
      for (const id of this.call.targets) {
        step.arrows.push(arrow(this.party(id), upstream, why(event.result) || "fails", { tone: "bad", cross: true }));
      }
    }
    const transfer = event.callTransferAccepted;
    if (transfer?.transferTarget) {
      const to = this.party(transfer.transferTarget);
      const from = transfer.transferee ? this.party(transfer.transferee) : upstream;
      step.arrows.push(arrow(from, to, "is transferred to"));
    }
  }

  // remarks are how a callback came.
  private remarks(event: CallEvent): string {
    const remarks = [content(event)].filter(Boolean);
    const delay = received(event) - happened(event);
    if (event.time && delay >= 0) remarks.push(`+${duration(delay)}`);
    if (this.ids.has(event.id)) remarks.push("came again");
    this.ids.add(event.id);
    if (happened(event) < this.newest) remarks.push("out of order");
    this.newest = Math.max(this.newest, happened(event));
    return remarks.join(" · ");
  }

  // gathered draws who came, went or changed, against who was there before.
  private gathered(step: Step) {
    const { participants = [], sequenceNumber = this.sequence } = step.event.participantsUpdated ?? {};
    if (sequenceNumber < this.sequence) {
      step.note = { tone: "plain", text: "An older list of participants that came late: nothing changes." };
      return;
    }
    this.sequence = sequenceNumber;
    const now = participants.filter((p) => !this.call.self.has(p.identifier.rawId));
    const here = new Set(now.map((p) => p.identifier.rawId));
    for (const [raw, { presence }] of [...this.inside]) {
      if (!here.has(raw)) {
        presence.to = this.steps.length;
        this.inside.delete(raw);
        step.marks.push({ on: raw, text: "leaves", tone: "plain" });
      }
    }
    for (const p of now) {
      const on = this.party(p.identifier);
      const state = partyState(p);
      const was = this.inside.get(on);
      if (!was) {
        const presence: Presence = { on, from: this.steps.length, to: undefined };
        this.presences.push(presence);
        this.inside.set(on, { presence, state });
        step.marks.push({ on, text: state ? `joins, ${state}` : "joins", tone: "good" });
      } else if (was.state !== state) {
        step.marks.push({ on, text: state || `no longer ${was.state}`, tone: "plain" });
        was.state = state;
      }
    }
  }

  private everybodyLeaves(step: Step) {
    for (const [on, { presence }] of this.inside) {
      presence.to = this.steps.length;
      step.marks.push({ on, text: "", tone: "plain" });
    }
    this.inside.clear();
  }

  // settle finds the command that an event ends.
  private settle(event: CallEvent, name: string): Pending | undefined {
    const find = (...actions: string[]) => [...this.pending].find(([, { command }]) => actions.includes(command.action));
    const context = event.operationContext ?? "";
    let found: [string, Pending] | undefined;
    if (name === "CallDisconnected") found = find("HangUpCall");
    else if (name === "CreateCallFailed") found = find("CreateCall");
    else if (this.pending.has(context)) found = [context, this.pending.get(context)!];
    if (found) this.pending.delete(found[0]);
    return found?.[1];
  }

  // party is the lifeline of a party, made when it first turns up.
  private party(id: Identifier): string {
    const known = this.call.parties.get(id.rawId) ?? id;
    if (!this.parties.has(id.rawId)) {
      this.parties.set(id.rawId, { id: id.rawId, title: partyName(known), detail: partyKind(known) });
    }
    return id.rawId;
  }
}

// doings are what the upstream is then expected to do to the party that an action
// is about.
const doings: Record<string, string> = {
  CreateCall: "calls",
  AddParticipant: "invites",
  TransferCall: "calls",
  RemoveParticipant: "removes",
  MuteParticipant: "mutes",
  MoveParticipants: "moves",
  HoldParticipant: "holds",
  UnholdParticipant: "takes off hold",
  PlayMedia: "plays to",
  RecognizeInput: "listens to",
  StartContinuousDtmfRecognition: "listens to",
  StopContinuousDtmfRecognition: "no longer listens to",
  SendDtmfTones: "sends tones to",
};

// aims finds whom actions are about, from the events that answer them later.
function aims(call: Call): Map<string, Identifier[]> {
  const found = new Map<string, Identifier[]>();
  for (const event of call.events) {
    const id =
      event.addParticipantSucceeded?.participant ??
      event.addParticipantFailed?.participant ??
      event.removeParticipantSucceeded?.participant ??
      event.removeParticipantFailed?.participant ??
      event.moveParticipantSucceeded?.participant ??
      event.moveParticipantFailed?.participant ??
      event.callTransferAccepted?.transferTarget;
    if (id && event.operationContext) found.set(event.operationContext, [...(found.get(event.operationContext) ?? []), id]);
    if (nameOf(event) === "CallConnected" && event.operationContext && call.targets.length > 0) {
      found.set(event.operationContext, call.targets);
    }
  }
  return found;
}

// moment is when a step was: a command is at its beginning, an event where it was
// received.
const moment = (event: CallEvent) => (event.command ? happened(event) : received(event));

// inOrder puts commands before what happened while they were carried out: the log
// has a command once it was answered.
export function inOrder(events: readonly CallEvent[]): CallEvent[] {
  const ordered: CallEvent[] = [];
  for (const event of events) {
    let at = ordered.length;
    if (event.command) while (at > 0 && moment(ordered[at - 1]!) > moment(event)) at--;
    ordered.splice(at, 0, event);
  }
  return ordered;
}

function arrow(from: string, to: string, text: string, more: Partial<Arrow> = {}): Arrow {
  return { from, to, text, under: "", tone: "plain", dashed: false, cross: false, ...more };
}

const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);

// sentence is a step for those who hear it.
function sentence(step: Step): string {
  const name = step.event.command ? "Client asks" : nameOf(step.event);
  const rest = [content(step.event), ...step.arrows.filter((a) => a.text !== name).map((a) => a.text)];
  return [name, ...rest, ...step.marks.filter((m) => m.text).map((m) => `${m.on} ${m.text}`), step.note?.text].filter(Boolean).join(". ");
}
