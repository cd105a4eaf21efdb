// What every part of the page needs: the gateway's config, what is known, and
// where the reader is.

import { createContext } from "preact";
import { useContext, useEffect, useReducer, useState } from "preact/hooks";
import { EventStream, type StreamState } from "./api/stream";
import type { Config } from "./api/types";
import { Store } from "./model/store";

// How far back the page looks: seconds, or everything that the log has.
export const windows = { "last 15 minutes": 900, "last hour": 3600, "last day": 86_400, "whole log": Infinity } as const;
export type Window = keyof typeof windows;

export class App {
  readonly store = new Store();
  state: StreamState = { kind: "connecting" };
  window: Window = "last hour";
  // What the stream had to say beside events.
  notice = "";
  private stream: EventStream | undefined;
  private listeners = new Set<() => void>();

  constructor(
    readonly config: Config,
    // How far the gateway's clock is ahead of this machine's, in milliseconds.
    private readonly ahead: number,
  ) {
    this.look("last hour");
    setInterval(() => this.tell(), 1000); // ages grow
  }

  // now is the gateway's clock.
  now(): number {
    return Date.now() + this.ahead;
  }

  get upstreamName(): string {
    return this.config.emulator ? "Emulator" : "Call Automation";
  }

  // look begins anew, so far back.
  look(window: Window) {
    this.stream?.close();
    this.window = window;
    this.store.clear();
    this.stream = new EventStream(
      () => {
        const back = windows[window];
        const start: Record<string, string> =
          back === Infinity ? { earliest: "true" } : { from_time: new Date(this.now() - back * 1000).toISOString() };
        return new URLSearchParams({ ...start, include_commands: "true" });
      },
      {
        events: (events) => this.store.take(events),
        gap: (why) => this.say(why),
        reset: () => {
          this.store.clear();
          this.say("The gateway has another log than before: what it had is gone.");
        },
        state: (state) => {
          this.state = state;
          this.tell();
        },
      },
    );
  }

  say(notice: string) {
    this.notice = notice;
    this.tell();
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    const unsubscribe = this.store.subscribe(listener);
    return () => {
      this.listeners.delete(listener);
      unsubscribe();
    };
  }

  private tell() {
    for (const listener of this.listeners) listener();
  }
}

export const AppContext = createContext<App>(undefined as unknown as App);

// useApp draws a part again whenever something changes.
export function useApp(): App {
  const app = useContext(AppContext);
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => app.subscribe(() => again(undefined)), [app]);
  return app;
}

// Routes are the path of the address.
export function navigate(path: string) {
  if (path !== location.pathname) history.pushState(null, "", path);
  dispatchEvent(new PopStateEvent("popstate"));
}

export function usePath(): string {
  const [path, setPath] = useState(location.pathname);
  useEffect(() => {
    const changed = () => setPath(location.pathname);
    addEventListener("popstate", changed);
    return () => removeEventListener("popstate", changed);
  }, []);
  return path;
}

// follow makes a link stay within the page.
export function follow(event: MouseEvent) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  navigate((event.currentTarget as HTMLAnchorElement).pathname);
}

export const callPath = (key: string) => `/calls/${encodeURIComponent(key)}`;
