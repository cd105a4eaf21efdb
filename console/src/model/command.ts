// Commands: what clients asked callgate for, and what came of asking.

import type { CallEvent, Identifier } from "../api/types";
import { pascal, plain } from "./words";

export interface Command {
  // "AddParticipant".
  action: string;
  // Who asked; empty where clients are not authenticated.
  principal: string;
  // Whether it was taken; false may also mean that nobody knows.
  accepted: boolean;
  // The upstream's HTTP status, where it gave one.
  status: number | undefined;
  // Why it was not taken.
  reason: string;
  // From the request's coming to the answer, in milliseconds.
  took: number;
  targets: Identifier[];
  transferee: Identifier | undefined;
}

// commandOf is the command that an event tells of, if it tells of one.
export function commandOf(event: CallEvent): Command | undefined {
  const command = event.command;
  if (!command) return undefined;
  return {
    action: pascal((command.action ?? "").replace("ACTION_", "")),
    principal: command.principal ?? "",
    accepted: event.type === "CALL_EVENT_TYPE_COMMAND_ACCEPTED",
    status: command.upstreamStatus,
    reason: plain(command.reason || command.code || "").replace(/^upstream /, ""),
    took: 1000 * Number.parseFloat(command.duration ?? "0"),
    targets: command.targets ?? [],
    transferee: command.transferee,
  };
}
