// Calls people, waits for what becomes of each call, and tells those who answer
// something. docs/tutorials/campaign.md goes through it.
//
//	campaign NAME NUMBER...

import { type Answer, type Outcome, Refused, name, post } from "./callgate.ts";

const callerId = "+18005550100";
const atOnce = 10; // calls
const message = "The water will be off tomorrow from nine to ten.";

// reach calls a number and says what came of it. Its requests are named after the
// campaign and the number: run again, it acts on nobody twice, and says the same.
async function reach(campaign: string, number: string): Promise<string> {
  const created = await post("calls", {
    requestId: name(campaign, number, "call"),
    targets: [{ phoneNumber: number }],
    sourceCallerIdNumber: callerId,
  });
  const connected = await outcomeOf(created);
  if (connected.status !== "STATUS_SUCCEEDED") return connected.event?.result?.reason ?? "";

  const call = created.callConnection.callConnectionId;
  try {
    const played = await post(`calls/${call}/media:play`, {
      requestId: name(campaign, number, "tell"),
      playSources: [{ text: { text: message, voiceName: "en-US-NancyNeural" } }],
    });
    if ((await outcomeOf(played)).status !== "STATUS_SUCCEEDED") return "HUNG_UP";
  } catch (problem) {
    if (problem instanceof Refused && problem.status === 404) return "HUNG_UP";
    throw problem;
  }
  await post(`calls/${call}:hangUp`, { requestId: name(campaign, number, "hang up"), forEveryone: true });
  return "TOLD";
}

// outcomeOf waits until an action has ended, for as long as that takes.
async function outcomeOf({ receipt }: Answer): Promise<Outcome> {
  for (;;) {
    const { outcome } = await post<{ outcome?: Outcome }>("events:waitForOutcome", { receipt, timeout: "60s" });
    if (outcome) return outcome;
  }
}

const [campaign, ...numbers] = process.argv.slice(2);
if (!campaign || numbers.length === 0) throw new Error("usage: campaign NAME NUMBER...");
const next = numbers.values();
// If it fails, run it again: whoever was called is not called again.
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    for (const number of next) console.log(number, await reach(campaign, number));
  }),
);
