// The calls that the page knows, from one stream of events, in bounded memory.

import type { CallConnection, CallEvent } from "../api/types";
import { newCall, over, take, type Call } from "./call";

export interface Limits {
  calls: number;
  eventsPerCall: number;
  events: number;
  tail: number;
}

// What the page keeps: the rest is in the gateway's log.
export const limits: Limits = { calls: 500, eventsPerCall: 5000, events: 20_000, tail: 5000 };

export class Store {
  // In the order of what happened last: the first is forgotten first.
  readonly calls = new Map<string, Call>();
  tail: CallEvent[] = [];
  // How many calls were forgotten to stay within the limits.
  forgotten = 0;
  // Counts how often everything was forgotten.
  generation = 0;

  private events = 0;
  private byServerCall = new Map<string, string>();
  private listeners = new Set<() => void>();
  private scheduled = false;

  constructor(private readonly most: Limits = limits) {}

  // take adds events in the log's order.
  take(events: CallEvent[]) {
    for (const event of events) {
      this.tail.push(event);
      const call = this.callOf(event);
      if (!call || call.loaded.delete(event.cursor)) continue;
      take(call, event);
      this.events++;
      if (call.serverCall && !this.byServerCall.has(call.serverCall)) this.byServerCall.set(call.serverCall, call.key);
      this.calls.delete(call.key);
      this.calls.set(call.key, call);
      this.trim(call);
    }
    // Cut in large pieces: an array loses its head in one copy.
    if (this.tail.length > this.most.tail * 1.2) this.tail = this.tail.slice(-this.most.tail);
    while (this.calls.size > this.most.calls || (this.events > this.most.events && this.calls.size > 1)) this.forgetOldest();
    this.changed();
  }

  // load puts the history of one call in the place of what is known of it. So many
  // events were left out at its beginning.
  load(connection: string, events: CallEvent[], leftOut: number): Call {
    const known = this.calls.get(connection);
    const call = newCall(connection);
    call.connection = connection;
    call.forgotten = leftOut;
    const seen = new Set(events.map((event) => event.cursor));
    const rest = (known?.events ?? []).filter((event) => !seen.has(event.cursor));
    for (const event of known?.events ?? []) seen.delete(event.cursor);
    call.loaded = new Set([...(known?.loaded ?? []), ...seen]);
    // Events of Event Grid are not in the call's own history, and what came in
    // the meantime is newer.
    const earlier = rest.filter((event) => !event.callConnectionId);
    const all = [...earlier, ...events, ...rest.filter((event) => event.callConnectionId)];
    for (const event of all) take(call, event);
    call.revision += known?.revision ?? 0;
    this.events += call.events.length - (known?.events.length ?? 0);
    this.calls.set(connection, call);
    if (call.serverCall) this.byServerCall.set(call.serverCall, connection);
    this.trim(call);
    this.changed();
    return call;
  }

  // placed notes a call that this page placed, before its first event.
  placed(connection: CallConnection, now: number) {
    const key = connection.callConnectionId;
    if (this.calls.has(key)) return;
    const call = this.add(key);
    call.connection = key;
    call.targets = connection.targets ?? [];
    call.began = call.last = now;
    this.changed();
  }

  // dismissed notes that this page turned an incoming call away.
  dismissed(key: string, text: string) {
    const call = this.calls.get(key);
    if (!call) return;
    call.state = "over";
    call.ended = { tone: "plain", text };
    call.revision++;
    this.changed();
  }

  // clear forgets everything: the log is another one.
  clear() {
    this.calls.clear();
    this.byServerCall.clear();
    this.tail = [];
    this.events = this.forgotten = 0;
    this.generation++;
    this.changed();
  }

  // Listeners are told at most once a frame.
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private changed() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      for (const listener of this.listeners) listener();
    });
  }

  // callOf finds the call that an event belongs to. A call that rang first is the
  // same as the connection that answered it.
  private callOf(event: CallEvent): Call | undefined {
    const connection = event.callConnectionId ?? "";
    const serverCall = event.serverCallId ?? "";
    const rang = this.calls.get(this.byServerCall.get(serverCall) ?? "");
    if (!connection) {
      if (rang) return rang;
      if (serverCall) return this.add(event.correlationId || serverCall);
      // A call that was asked for and never came to be.
      const action = event.command?.action;
      return action === "ACTION_CREATE_CALL" || action === "ACTION_CONNECT_CALL" ? this.add(event.id) : undefined;
    }
    const known = this.calls.get(connection);
    if (rang && !rang.connection && rang !== known) {
      this.calls.delete(rang.key);
      this.byServerCall.set(serverCall, connection);
      if (!known) {
        rang.key = connection;
        this.calls.set(connection, rang);
        return rang;
      }
      const merged = newCall(connection);
      for (const old of [...rang.events, ...known.events]) take(merged, old);
      merged.loaded = known.loaded;
      merged.revision += known.revision;
      this.calls.set(connection, merged);
      return merged;
    }
    return known ?? this.add(connection);
  }

  private add(key: string): Call {
    const call = newCall(key);
    this.calls.set(key, call);
    return call;
  }

  private trim(call: Call) {
    if (call.events.length <= this.most.eventsPerCall * 1.1) return;
    const cut = call.events.length - this.most.eventsPerCall;
    call.events = call.events.slice(cut);
    call.forgotten += cut;
    this.events -= cut;
  }

  // forgetOldest drops the call that was quiet the longest, one that is over if
  // there is one near the front.
  private forgetOldest() {
    let victim: Call | undefined;
    let looked = 0;
    for (const call of this.calls.values()) {
      victim ??= call;
      if (over(call)) {
        victim = call;
        break;
      }
      if (++looked === 50) break;
    }
    if (!victim) return;
    this.calls.delete(victim.key);
    if (this.byServerCall.get(victim.serverCall) === victim.key) this.byServerCall.delete(victim.serverCall);
    this.events -= victim.events.length;
    this.forgotten++;
  }
}

// newest are the calls as the list shows them.
export function newest(store: Store): Call[] {
  return [...store.calls.values()].sort((a, b) => b.began - a.began || (a.key < b.key ? 1 : -1));
}
