import { beforeEach, describe, expect, it, vi } from "vitest";
import { missed, others } from "../../src/model/call";
import { newest, Store } from "../../src/model/store";
import { ada, bob, callOf, command, event, me, participants, placed, start } from "./story";

const limits = { calls: 3, eventsPerCall: 10, events: 25, tail: 20 };

beforeEach(() => {
  vi.stubGlobal("requestAnimationFrame", (f: () => void) => void f());
});

describe("a call", () => {
  it("is followed through its states", () => {
    const events = placed();
    const states = events.map((_, i) => callOf(...events.slice(0, i + 1)).state);
    expect(states).toEqual(["connecting", "connected", "connected", "connected", "over"]);
  });

  it("fails once, although CallDisconnected follows", () => {
    const call = callOf(event(0, "CreateCallFailed", { result: { code: 486, reason: "BUSY" } }), event(1, "CallDisconnected", { result: { code: 486, reason: "BUSY" } }));
    expect([call.state, call.ended?.tone]).toEqual(["failed", "bad"]);
  });

  it("that was placed knows the application by its not being called", () => {
    expect(others(callOf(...placed()))).toEqual([ada]);
    expect(others(callOf(command(0, "ACTION_CREATE_CALL", { targets: [me] })))).toEqual([me]);
  });

  it("learns the application also when the command comes last", () => {
    const [create, ...rest] = placed();
    expect(others(callOf(...rest, create!))).toEqual([ada]);
  });

  it("that rings for long was missed", () => {
    const call = callOf(event(0, "IncomingCall", { callConnectionId: "", incomingCall: { from: ada, to: me } }));
    expect([missed(call, start + 30_000), missed(call, start + 90_000)]).toEqual([false, true]);
  });

  it("does not go back to a list of participants that is late", () => {
    expect([...callOf(participants(1, 5, ada), participants(0, 4, ada, bob)).present.keys()]).toEqual([ada.rawId]);
  });
});

describe("the store", () => {
  it("makes one call of the ringing and the connection that answered it", () => {
    const store = new Store(limits);
    store.take([event(0, "IncomingCall", { callConnectionId: "", incomingCall: { from: ada, to: me } })]);
    expect([...store.calls.keys()]).toEqual(["correlation"]);
    store.take([command(900, "ACTION_ANSWER_CALL", {}, { serverCallId: "" }), event(1000, "CallConnected")]);
    expect([...store.calls.keys()]).toEqual(["connection"]);
    expect(store.calls.get("connection")!.events).toHaveLength(3);
  });

  it("keeps a call that never came to be", () => {
    const store = new Store(limits);
    store.take([
      command(0, "ACTION_CREATE_CALL", { reason: "UPSTREAM_FORBIDDEN", targets: [ada] }, { type: "CALL_EVENT_TYPE_COMMAND_REJECTED", callConnectionId: "", serverCallId: "" }),
    ]);
    const [call] = newest(store);
    expect([call!.state, call!.ended?.text]).toEqual(["failed", "not placed: forbidden"]);
  });

  it("forgets calls that are over before others, and says how many", () => {
    const store = new Store(limits);
    const of = (id: string, name: string, after: number) => event(after, name, { callConnectionId: id, serverCallId: id });
    store.take([of("a", "CallConnected", 0), of("b", "CallDisconnected", 1), of("c", "CallConnected", 2), of("d", "CallConnected", 3)]);
    expect([...store.calls.keys()].sort()).toEqual(["a", "c", "d"]);
    expect(store.forgotten).toBe(1);
  });

  it("keeps the newest events of a long call, and of the tail", () => {
    const store = new Store(limits);
    for (let i = 0; i < 100; i++) store.take([event(i, "PlayCompleted")]);
    const call = store.calls.get("connection")!;
    expect(call.events.length).toBeLessThanOrEqual(11);
    expect(call.events.length + call.forgotten).toBe(100);
    expect(store.tail.length).toBeLessThanOrEqual(24);
    expect(store.tail.at(-1)).toBe(call.events.at(-1));
  });

  it("stays within its limit of events over all calls", () => {
    const store = new Store(limits);
    for (let i = 0; i < 60; i++) store.take([event(i, "PlayCompleted", { callConnectionId: `${i % 3}`, serverCallId: `${i % 3}` })]);
    expect([...store.calls.values()].reduce((n, call) => n + call.events.length, 0)).toBeLessThanOrEqual(25);
  });

  it("takes from the stream what the history has not brought already", () => {
    const store = new Store(limits);
    const events = placed();
    for (let i = 0; i < 2; i++) store.load("connection", events.slice(0, 4), 0);
    store.take(events);
    expect(store.calls.get("connection")!.events).toEqual(events);
    expect(store.tail).toEqual(events);
  });

  it("takes a call's history without what it has already", () => {
    const store = new Store(limits);
    const events = placed();
    store.take(events.slice(3));
    store.load("connection", events.slice(0, 4), 7);
    expect(store.calls.get("connection")!.events).toEqual(events);
    expect([store.calls.get("connection")!.state, store.calls.get("connection")!.forgotten]).toEqual(["over", 7]);
  });
});
