import { describe, expect, it } from "vitest";
import { layout, visible, wrap } from "../../src/diagram/layout";
import { toMermaid } from "../../src/diagram/mermaid";
import { build, inOrder, type Diagram } from "../../src/diagram/model";
import { concrete, toSVG } from "../../src/diagram/svg";
import type { CallEvent } from "../../src/api/types";
import { ada, bob, callOf, command, event, me, participants, placed } from "./story";

const draw = (...events: CallEvent[]) => build(callOf(...events), "Emulator");

// said is a diagram's arrows and marks in lines that people can read.
function said(diagram: Diagram): string[] {
  const names = new Map(diagram.lifelines.map((l) => [l.id, l.title]));
  return diagram.steps.flatMap((step) => [
    ...step.arrows.map((a) => `${names.get(a.from)} ${a.cross ? "-x" : a.dashed ? "-->" : "->"} ${names.get(a.to)}: ${a.text}${a.under && ` (${a.under})`}`),
    ...step.marks.map((m) => `${names.get(m.on)} * ${m.text}`),
    ...(step.note ? [`! ${step.note.text}`] : []),
  ]);
}

const phone = "+1 425 555 0123";
const busy = { code: 486, subCode: 560486, reason: "BUSY", hint: "The callee is busy. Try again later." };

describe("a diagram", () => {
  const stories: [string, CallEvent[], string[]][] = [
    [
      "a call that is placed, answered and hung up",
      placed(),
      [
        "Client -> callgate: CreateCall (by billing)",
        "callgate -> Emulator: 201 in 30 ms",
        `Emulator --> ${phone}: calls`,
        "Emulator -> callgate: CallConnected (+3 ms)",
        "callgate --> Client: connected (103 ms after CreateCall)",
        "Emulator -> callgate: ParticipantsUpdated (+3 ms)",
        `${phone} * joins`,
        "Client -> callgate: HangUpCall",
        "callgate -> Emulator: 204 in 30 ms",
        "Emulator -> callgate: CallDisconnected (+3 ms)",
        "callgate --> Client: call over: ended by application (23 ms after HangUpCall)",
        `${phone} * `,
      ],
    ],
    [
      "a call that nobody takes explains itself once",
      [
        command(0, "ACTION_CREATE_CALL", { targets: [bob], upstreamStatus: 201 }),
        event(100, "CreateCallFailed", { result: busy }),
        event(101, "CallDisconnected", { operationContext: "context of ACTION_CREATE_CALL", result: busy }),
      ],
      [
        "Client -> callgate: CreateCall",
        "callgate -> Emulator: 201 in 30 ms",
        "Emulator --> +1 425 555 0486: calls",
        "+1 425 555 0486 -x Emulator: busy",
        "Emulator -> callgate: CreateCallFailed (+3 ms)",
        "callgate --> Client: not connected: busy (103 ms after CreateCall)",
        "! The callee is busy. Try again later.",
        "Emulator -> callgate: CallDisconnected (+3 ms)",
        "callgate --> Client: call over: busy",
      ],
    ],
    [
      "an action that the upstream refuses",
      [
        command(0, "ACTION_TRANSFER_CALL", { upstreamStatus: 404, reason: "CALL_NOT_FOUND", targets: [bob] }, { type: "CALL_EVENT_TYPE_COMMAND_REJECTED" }),
      ],
      ["Client -> callgate: TransferCall", "callgate -x Emulator: 404 in 30 ms", "! Call not found. It has not happened."],
    ],
    [
      "an action of which nobody knows whether it happened",
      [command(0, "ACTION_ADD_PARTICIPANT", { upstreamStatus: undefined, reason: "UPSTREAM_OUTCOME_UNKNOWN" }, { type: "CALL_EVENT_TYPE_COMMAND_FAILED" })],
      ["Client -> callgate: AddParticipant", "! Outcome unknown. It may have happened all the same."],
    ],
    [
      "an incoming call, whose callee is the application",
      [
        event(0, "IncomingCall", { callConnectionId: "", incomingCall: { from: ada, to: me } }),
        command(900, "ACTION_ANSWER_CALL", { upstreamStatus: 200 }),
        event(1000, "CallConnected", { operationContext: "context of ACTION_ANSWER_CALL" }),
        participants(1001, 1, ada, me),
      ],
      [
        `${phone} -> Emulator: calls`,
        "Emulator -> callgate: IncomingCall (+3 ms)",
        "Client -> callgate: AnswerCall",
        "callgate -> Emulator: 200 in 30 ms",
        "Emulator -> callgate: CallConnected (+3 ms)",
        "callgate --> Client: connected (103 ms after AnswerCall)",
        "Emulator -> callgate: ParticipantsUpdated (+3 ms)",
        `${phone} * joins`,
      ],
    ],
    [
      "an invitation and a transfer name whom they are about",
      [
        command(0, "ACTION_ADD_PARTICIPANT", { targets: [bob] }),
        event(100, "AddParticipantSucceeded", { operationContext: "context of ACTION_ADD_PARTICIPANT", addParticipantSucceeded: { participant: bob } }),
        command(200, "ACTION_TRANSFER_CALL", { targets: [ada], transferee: bob }),
        event(300, "CallTransferAccepted", { operationContext: "context of ACTION_TRANSFER_CALL", callTransferAccepted: { transferTarget: ada, transferee: bob } }),
      ],
      [
        "Client -> callgate: AddParticipant",
        "callgate -> Emulator: 202 in 30 ms",
        "Emulator --> +1 425 555 0486: invites",
        "+1 425 555 0486 -> Emulator: answers",
        "Emulator -> callgate: AddParticipantSucceeded (+3 ms)",
        "callgate --> Client: added (103 ms after AddParticipant)",
        "Client -> callgate: TransferCall",
        "callgate -> Emulator: 202 in 30 ms",
        `Emulator --> ${phone}: calls`,
        `+1 425 555 0486 -> ${phone}: is transferred to`,
        "Emulator -> callgate: CallTransferAccepted (+3 ms)",
        "callgate --> Client: transferred (103 ms after TransferCall)",
      ],
    ],
    [
      "participants come, change and go; an old list that is late changes nothing",
      [
        participants(0, 1, ada, bob),
        participants(10, 3, { identifier: ada, isMuted: true }),
        participants(5, 2, ada, bob),
        participants(20, 4, ada),
      ],
      [
        "Emulator -> callgate: ParticipantsUpdated (+3 ms)",
        `${phone} * joins`,
        "+1 425 555 0486 * joins",
        "Emulator -> callgate: ParticipantsUpdated (+3 ms)",
        "+1 425 555 0486 * leaves",
        `${phone} * muted`,
        "Emulator -> callgate: ParticipantsUpdated (+3 ms · out of order)",
        "! An older list of participants that came late: nothing changes.",
        "Emulator -> callgate: ParticipantsUpdated (+3 ms)",
        `${phone} * no longer muted`,
      ],
    ],
    [
      "an event that came twice, after the log had forgotten its id",
      [event(0, "PlayCompleted", { id: "same" }), event(0, "PlayCompleted", { id: "same" })],
      [
        "Emulator -> callgate: PlayCompleted (+3 ms)",
        "callgate --> Client: play completed",
        "Emulator -> callgate: PlayCompleted (+3 ms · came again)",
        "callgate --> Client: play completed",
      ],
    ],
    [
      "input that is recognized",
      [
        command(0, "ACTION_RECOGNIZE_INPUT", { targets: [ada] }),
        event(900, "RecognizeCompleted", { operationContext: "context of ACTION_RECOGNIZE_INPUT", recognizeCompleted: { dtmfResult: { digits: "56#" } } }),
        event(990, "ContinuousDtmfRecognitionToneReceived", { continuousDtmfRecognitionToneReceived: { tone: "TONE_POUND" } }),
        event(995, "TranscriptionStarted"),
        event(996, "RecordingStateChanged", { recordingStateChanged: { state: "RECORDING_STATE_ACTIVE" } }),
      ],
      [
        "Client -> callgate: RecognizeInput",
        "callgate -> Emulator: 202 in 30 ms",
        `Emulator --> ${phone}: listens to`,
        "Emulator -> callgate: RecognizeCompleted (“56#” · +3 ms)",
        "callgate --> Client: recognize completed (903 ms after RecognizeInput)",
        "Emulator -> callgate: ContinuousDtmfRecognitionToneReceived (pound · +3 ms)",
        "Emulator -> callgate: TranscriptionStarted (+3 ms)",
        "callgate --> Client: transcription started",
        "Emulator -> callgate: RecordingStateChanged (active · +3 ms)",
      ],
    ],
    ["a type that nobody knows", [event(0, "HologramShimmered")], ["Emulator -> callgate: HologramShimmered (+3 ms)"]],
  ];
  it.each(stories)("%s", (_, events, want) => {
    expect(said(draw(...events))).toEqual(want);
  });

  it("puts a command before what happened while it was carried out", () => {
    const asked = command(0, "ACTION_CREATE_CALL");
    const early = event(10, "CallConnected");
    const before = event(-50, "IncomingCall");
    expect(inOrder([before, early, asked])).toEqual([before, asked, early]);
  });

  it("tells apart what lies within one millisecond", () => {
    const early = event(0, "CallConnected", { receiveTime: "2026-11-25T09:00:00.000900Z" });
    const asked = command(0, "ACTION_CREATE_CALL", {}, { time: "2026-11-25T09:00:00.000100Z" });
    expect(inOrder([early, asked])).toEqual([asked, early]);
  });

  it("shows presence from joining to leaving", () => {
    const { presences } = draw(participants(0, 1, ada), participants(10, 2, bob), participants(20, 3, bob));
    expect(presences).toEqual([
      { on: ada.rawId, from: 0, to: 1 },
      { on: bob.rawId, from: 1, to: undefined },
    ]);
  });
});

describe("layout", () => {
  it("finds the rows of a window without looking at all", () => {
    const { rows, height } = layout(draw(...Array.from({ length: 1000 }, (_, i) => event(i, "PlayCompleted"))));
    const [first, end] = visible(rows, height / 2, height / 2 + 500);
    expect(end - first).toBeLessThan(15);
    expect(rows[first]!.y).toBeLessThanOrEqual(height / 2);
    expect(rows[end - 1]!.y + rows[end - 1]!.height).toBeGreaterThanOrEqual(height / 2 + 500);
    expect(visible(rows, 0, 1)).toEqual([0, 1]);
    expect(visible([], 0, 100)).toEqual([0, 0]);
  });

  it("breaks between words, and words that are too long", () => {
    expect(wrap("one two three", 7)).toEqual(["one two", "three"]);
    expect(wrap("abcdefghij kl", 4)).toEqual(["abcd", "efgh", "ij", "kl"]);
    expect(wrap("", 4)).toEqual([]);
  });
});

describe("export", () => {
  it("writes Mermaid", () => {
    expect(toMermaid(draw(...placed())).split("\n")).toEqual([
      "sequenceDiagram",
      "    participant C as Client",
      "    participant G as callgate",
      "    participant U as Emulator",
      "    participant P1 as +1 425 555 0123",
      "    C->>G: CreateCall (by billing) [0.000 s]",
      "    G->>U: 201 in 30 ms",
      "    U-->>P1: calls",
      "    U->>G: CallConnected (+3 ms) [0.103 s]",
      "    G-->>C: connected (103 ms after CreateCall)",
      "    U->>G: ParticipantsUpdated (+3 ms) [0.104 s]",
      "    Note over P1: joins",
      "    activate P1",
      "    C->>G: HangUpCall [5.000 s]",
      "    G->>U: 204 in 30 ms",
      "    U->>G: CallDisconnected (+3 ms) [5.023 s]",
      "    G-->>C: call over: ended by application (23 ms after HangUpCall)",
      "    deactivate P1",
      "",
    ]);
  });

  it("lets no name be read as syntax", () => {
    const evil = { rawId: "8:acs:x_a;b#c\nend", communicationUserId: "8:acs:x_a;b#c\nend" };
    const text = toMermaid(draw(participants(0, 1, evil)));
    expect(text).toContain("participant P1 as a#59;b#35;c end");
  });

  it("writes an SVG that is XML, with its style and without variables", () => {
    const evil = { rawId: '8:acs:x_<"&\u0001>', communicationUserId: "x" };
    const svg = toSVG(draw(...placed(), participants(6000, 9, evil)));
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg).toContain("&lt;&quot;&amp;&gt;");
    expect(svg).not.toContain("var(");
    expect(svg).not.toContain("\u0001");
    expect(svg).toContain(">CallConnected</text>");
  });

  it("takes the fallbacks of variables", () => {
    expect(concrete("a{fill:var(--x, #fff);stroke:var(--y, rgb(1 2 3))}")).toBe("a{fill:#fff;stroke:rgb(1 2 3)}");
  });
});
