import { describe, expect, it } from "vitest";
import { errorOf } from "../../src/api/http";
import { Parser } from "../../src/api/sse";
import { duration, instant, partyKind, partyName, pascal } from "../../src/model/words";

describe("server-sent events", () => {
  const text = 'id: c1\nevent: event\ndata: {"a":1}\n\n: a comment\nevent: heartbeat\r\nid:c2\r\ndata: x\ndata: y\r\n\r\nevent: nothing\n\n';
  const want = [
    { id: "c1", event: "event", data: '{"a":1}' },
    { id: "c2", event: "heartbeat", data: "x\ny" },
  ];

  it("are read in one piece", () => {
    expect(new Parser().push(text)).toEqual(want);
  });

  it("are read however they are cut", () => {
    for (let cut = 1; cut < text.length; cut++) {
      const parser = new Parser();
      expect([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))]).toEqual(want);
    }
  });

  it("are not taken in without end", () => {
    const parser = new Parser();
    const endless = "x".repeat(9 << 20);
    expect(() => [parser.push(endless), parser.push(endless)]).toThrow("no whole line");
  });
});

describe("an error", () => {
  const status = {
    message: "bad",
    details: [{ reason: "CURSOR_TRIMMED", metadata: { earliest_cursor: "c" } }, { fieldViolations: [{ field: "targets", description: "is empty" }] }],
  };
  it.each([
    ["of a call", JSON.stringify(status)],
    ["of a stream", JSON.stringify({ error: status })],
    ["of a stream of events", `event: error\ndata: ${JSON.stringify(status)}\n\n`],
  ])("%s", async (_, body) => {
    const error = await errorOf(new Response(body, { status: 400 }));
    expect([error.status, error.message, error.reason, error.metadata.earliest_cursor, error.violations]).toEqual([400, "bad", "CURSOR_TRIMMED", "c", ["targets: is empty"]]);
  });

  it("of a proxy in between", async () => {
    const error = await errorOf(new Response("<html>", { status: 502, statusText: "Bad Gateway" }));
    expect(error.message).toBe("HTTP 502 Bad Gateway");
  });
});

describe("words", () => {
  it.each([
    [{ rawId: "4:+14255550123", phoneNumber: "+14255550123" }, "+1 425 555 0123", "phone"],
    [{ rawId: "4:+4930901820" }, "+4930901820", "phone"],
    [{ rawId: "4:anonymous", phoneNumber: "anonymous" }, "anonymous", "phone"],
    [{ rawId: "8:acs:res_alice" }, "alice", "user"],
    [{ rawId: "8:acs:5d7f_9cd15f22-750d-4e7f-a37f-bd7639522557" }, "…39522557", "user"],
    [{ rawId: "8:orgid:9cd15f22-750d-4e7f-a37f-bd7639522557" }, "…39522557", "Teams user"],
    [{ rawId: "28:orgid:app" }, "app", "Teams app"],
    [{ rawId: "unheard-of" }, "unheard-of", "party"],
  ])("%j", (id, name, kind) => {
    expect([partyName(id), partyKind(id)]).toEqual([name, kind]);
  });

  it("durations have the unit that suits them", () => {
    expect([-5, 0.4, 999, 1500, 12_400, 75_000, 3_700_000, 90_000_000].map(duration)).toEqual(["0 ms", "0 ms", "999 ms", "1.5 s", "12 s", "1 min 15 s", "1 h 1 min", "1 d 1 h"]);
  });

  it("instants keep what lies below a millisecond", () => {
    expect(instant("2026-11-25T09:00:00.001250Z") - instant("2026-11-25T09:00:00.001Z")).toBeCloseTo(0.25, 2);
    expect(instant(undefined)).toBe(0);
  });

  it("constants become names", () => {
    expect(pascal("CREATE_CALL")).toBe("CreateCall");
  });
});
