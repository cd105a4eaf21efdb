// What the examples need of callgate's REST API.

import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { v5 } from "uuid";

const url = process.env.CALLGATE_URL ?? "http://127.0.0.1:8080";
const silence = 40_000; // a heartbeat comes every 15 s, so a stream that is quieter is dead

export interface CallEvent {
  id: string;
  cursor: string;
  correlationId?: string;
  operationContext?: string;
  result?: { reason?: string };
  incomingCall?: { incomingCallContext: string; from: { rawId: string } };
  recognizeCompleted?: { dtmfResult?: { digits: string } };
}

export interface Outcome {
  status: "STATUS_SUCCEEDED" | "STATUS_FAILED" | "STATUS_CANCELED" | "STATUS_CALL_ENDED";
  event?: CallEvent;
}

export interface Answer {
  receipt: { outcome?: Outcome };
  callConnection: { callConnectionId: string }; // of those that make one
}

// Refused is what the gateway would not do.
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

// name is a requestId that is always the same for the same thing.
export const name = (...of: string[]): string => v5(of.join("\n"), v5.URL);

// post asks, up to five times: give actions a requestId, so that they happen once.
export async function post<T = Answer>(path: string, body: object): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      const response = await open(path, body, AbortSignal.timeout(90_000));
      return (await response.json()) as T;
    } catch (problem) {
      // 409: on its way already; 503: not reachable now.
      if (attempt === 4 || (problem instanceof Refused && ![409, 503].includes(problem.status))) throw problem;
    }
    await pause(100 * 2 ** attempt);
  }
}

// consume joins a group and has handle deal with each event, those of different calls
// at the same time. What it returns from is acknowledged; what it throws at comes
// again, until it is a dead letter.
export async function consume(
  request: { group: string } & Record<string, unknown>,
  handle: (event: CallEvent, attempt: number) => Promise<void>,
): Promise<never> {
  for (;;) {
    const stream = new AbortController();
    const watchdog = setTimeout(() => stream.abort(), silence);
    try {
      const response = await open("events:stream", request, stream.signal);
      for await (const line of createInterface({ input: Readable.fromWeb(response.body!) })) {
        watchdog.refresh();
        const { result } = JSON.parse(line) as { result?: Delivered };
        if (result?.event ?? result?.gap) void deal(request.group, result!, handle);
      }
    } catch (problem) {
      if (problem instanceof Refused && ![429, 503].includes(problem.status)) throw problem;
    } finally {
      clearTimeout(watchdog);
    }
    await pause(1000); // then on, where the group is
  }
}

interface Delivered {
  event?: CallEvent;
  gap?: { toCursor: string; reason: string };
  delivery: { attempt: number };
}

async function deal(group: string, { event, gap, delivery }: Delivered, handle: (event: CallEvent, attempt: number) => Promise<void>) {
  const cursors = [event?.cursor ?? gap!.toCursor];
  try {
    try {
      if (!event) throw new Error(`events are missing: ${gap!.reason}`);
      await handle(event, delivery.attempt);
    } catch (problem) {
      const note = (problem instanceof Error ? problem.message : String(problem)).slice(0, 1000);
      console.log(`attempt ${delivery.attempt}: ${note}`);
      await post("events:nack", { group, cursors, note, delay: `${2 ** (delivery.attempt - 1)}s` });
      return;
    }
    await post("events:ack", { group, cursors });
  } catch (problem) {
    console.error(problem); // it was not said: the event comes again after ackWait
  }
}

async function open(path: string, body: object, signal: AbortSignal): Promise<Response> {
  const response = await fetch(`${url}/v1/${path}`, { method: "POST", body: JSON.stringify(body), signal });
  if (response.ok) return response;
  const text = await response.text();
  throw new Refused(response.status, text || response.statusText);
}
