// StreamEvents, kept up: over lost connections, restarted gateways and pages that
// nobody looks at, each time behind the last cursor.

import { ApiError, errorFrom, errorOf, send, session, type Status } from "./http";
import { Parser } from "./sse";
import type { CallEvent } from "./types";

export type StreamState =
  | { kind: "connecting" }
  | { kind: "live" }
  | { kind: "waiting"; why: string; seconds: number }
  | { kind: "paused" }
  | { kind: "refused"; why: string };

export interface StreamHandlers {
  // Events, in the log's order, as many as came at once.
  events(events: CallEvent[]): void;
  // The log has a hole here.
  gap(why: string): void;
  // The log is another one: what came so far is of the old one.
  reset(): void;
  state(state: StreamState): void;
}

const heartbeat = 5; // seconds
const silence = 2.5 * heartbeat * 1000; // a stream that says nothing for so long is dead
const hidden = 10_000; // a page that is not seen for so long gives its connection back

interface Told extends Status {
  event?: CallEvent;
  gap?: { reason?: string };
}

export class EventStream {
  private cursor = "";
  private stopped = new AbortController();
  private connection: AbortController | undefined;

  // params are those of the request, without where to go on. They are asked for
  // at each beginning: "an hour ago" moves.
  constructor(
    private readonly params: () => URLSearchParams,
    private readonly handlers: StreamHandlers,
  ) {
    void this.run();
  }

  close() {
    this.stopped.abort();
    this.connection?.abort();
  }

  private async run() {
    let failures = 0;
    while (!this.stopped.signal.aborted) {
      if (document.hidden) {
        this.handlers.state({ kind: "paused" });
        await this.until(document, "visibilitychange");
        continue;
      }
      this.handlers.state({ kind: "connecting" });
      let why = "The connection was lost.";
      try {
        const heard = await this.once();
        if (heard) failures = 0;
      } catch (error) {
        if (this.stopped.signal.aborted) return;
        if (error instanceof ApiError && !this.repair(error)) {
          this.handlers.state({ kind: "refused", why: [error.message, ...error.violations].join(" ") });
          return;
        }
        if (error instanceof ApiError) why = error.message;
      }
      if (this.stopped.signal.aborted || document.hidden) continue;
      failures++;
      const seconds = Math.min(5, 0.25 * 2 ** Math.min(failures, 5)) * (0.75 + Math.random() / 2);
      this.handlers.state({ kind: "waiting", why, seconds });
      await this.until(this.stopped.signal, "abort", seconds * 1000);
    }
  }

  // repair says whether asking again can help after an error.
  private repair(error: ApiError): boolean {
    if (error.metadata.earliest_cursor) {
      this.cursor = error.metadata.earliest_cursor;
      this.handlers.gap("The log no longer has what came while the page was away.");
      return true;
    }
    if (error.reason === "CURSOR_OF_OTHER_LOG" || error.reason === "CURSOR_AHEAD_OF_LOG") {
      this.cursor = "";
      this.handlers.reset();
      return true;
    }
    return error.status >= 500 || error.status === 429 || error.status === 408;
  }

  // once reads one connection to its end, and says whether anything came.
  private async once(): Promise<boolean> {
    const connection = (this.connection = new AbortController());
    let watch = 0;
    const alive = () => {
      clearTimeout(watch);
      watch = window.setTimeout(() => (session.needed ? alive() : connection.abort()), silence);
    };
    alive();
    let hide = 0;
    const seen = () => {
      clearTimeout(hide);
      if (document.hidden) hide = window.setTimeout(() => connection.abort(), hidden);
    };
    document.addEventListener("visibilitychange", seen);
    let heard = false;
    try {
      const params = this.params();
      params.set("heartbeat_interval", `${heartbeat}s`);
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (this.cursor) headers["Last-Event-ID"] = this.cursor;
      const response = await send(`/v1/events:stream?${params}`, { headers, signal: connection.signal });
      if (!response.ok) throw await errorOf(response);
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new Parser();
      for (alive(); ; alive()) {
        const { done, value } = await reader.read();
        if (done) return heard;
        heard = true;
        this.take(parser.push(value));
      }
    } catch (error) {
      if (error instanceof ApiError) throw error;
      return heard; // the network, or one of the two clocks above
    } finally {
      clearTimeout(watch);
      clearTimeout(hide);
      document.removeEventListener("visibilitychange", seen);
      connection.abort();
    }
  }

  private take(messages: ReturnType<Parser["push"]>) {
    let events: CallEvent[] = [];
    const flush = () => {
      if (events.length > 0) this.handlers.events(events);
      events = [];
    };
    try {
      for (const message of messages) {
        const told = JSON.parse(message.data) as Told;
        if (message.event === "event" && told.event) {
          events.push(told.event);
        } else if (message.event === "error") {
          throw errorFrom(told, 503); // a stream that had begun may be begun again
        } else if (message.event === "started") {
          this.handlers.state({ kind: "live" });
        } else if (message.event === "gap") {
          flush();
          this.handlers.gap(told.gap?.reason === "REASON_DELETED" ? "Somebody deleted events here." : "The log no longer has the events that were here.");
        }
        if (message.id) this.cursor = message.id;
      }
    } finally {
      flush(); // the cursor is behind them already
    }
  }

  // until waits for an event, for the end of the stream, or for a time.
  private until(target: EventTarget, type: string, milliseconds?: number): Promise<void> {
    return new Promise((resolve) => {
      const done = new AbortController();
      const finish = () => {
        done.abort();
        clearTimeout(timer);
        resolve();
      };
      const timer = milliseconds === undefined ? 0 : window.setTimeout(finish, milliseconds);
      target.addEventListener(type, finish, { signal: done.signal });
      this.stopped.signal.addEventListener("abort", finish, { signal: done.signal });
    });
  }
}
