// Answers incoming calls, has the caller press a key, and transfers to the desk behind
// that key. docs/tutorials/ivr.md goes through it.

import { type Answer, type CallEvent, Refused, consume, name, post } from "./callgate.ts";

const desks = new Map([["1", "8:acs:res_sales"], ["2", "8:acs:res_support"]]);

// serve goes through one call. Every step has a name that is made of the event, so
// that whoever is given the event after a crash goes through the same steps: those
// that were done are answered from memory, the others are done.
async function serve(event: CallEvent): Promise<string> {
  const incoming = event.incomingCall!;
  const answered = await post("calls:answer", {
    requestId: name(event.id, "answer"),
    incomingCallContext: incoming.incomingCallContext,
    waitTimeout: "30s",
  });
  if (!succeeded(answered)) return "the caller did not wait";
  const call = answered.callConnection.callConnectionId;

  const asked = await post(`calls/${call}/media:recognize`, {
    requestId: name(event.id, "ask"),
    recognizeInputType: "RECOGNIZE_INPUT_TYPE_DTMF",
    targetParticipant: { rawId: incoming.from.rawId },
    playPrompts: speech("Press one for sales, two for support."),
    interruptPrompt: true,
    dtmfOptions: { maxTonesToCollect: 1 },
    waitTimeout: "60s",
  });
  const key = asked.receipt.outcome?.event?.recognizeCompleted?.dtmfResult?.digits ?? "";

  const desk = desks.get(key);
  if (desk) {
    const transferred = await post(`calls/${call}:transfer`, {
      requestId: name(event.id, "transfer"),
      target: { communicationUserId: desk },
      waitTimeout: "60s",
    });
    if (succeeded(transferred)) return `pressed ${key}, transferred`;
  }

  await post(`calls/${call}/media:play`, {
    requestId: name(event.id, "goodbye"),
    playSources: speech("Nobody can take your call. Goodbye."),
    waitTimeout: "60s",
  });
  await post(`calls/${call}:hangUp`, { requestId: name(event.id, "hang up"), forEveryone: true });
  return `pressed "${key}", said goodbye`;
}

const succeeded = (answer: Answer) => answer.receipt.outcome?.status === "STATUS_SUCCEEDED";

const speech = (text: string) => [{ text: { text, voiceName: "en-US-NancyNeural" } }];

console.log("waiting for calls");
await consume(
  {
    group: "ivr",
    filter: { types: ["CALL_EVENT_TYPE_INCOMING_CALL"] },
    ackWait: "600s", // the longest that a caller is with us
  },
  async (event) => {
    const said = await serve(event).catch((problem: unknown) => {
      if (problem instanceof Refused && problem.status === 404) return "the caller hung up";
      throw problem; // it comes again, to us or to another
    });
    console.log(`call ${event.correlationId}: ${said}`);
  },
);
