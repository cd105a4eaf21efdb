// The gateway against the official SDK: for the same walk-through, both must send
// the same requests to the upstream, path for path and body for body.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { comparable, Names } from "../lib/compare.mjs";
import { gatewayDriver, startGateway } from "../lib/gateway.mjs";
import { build } from "../lib/process.mjs";
import { sdkDriver, startEmulator } from "../lib/sdk.mjs";
import { steps } from "../lib/walk.mjs";
import { mediaSteps } from "../lib/walk-media.mjs";

let callgate;
before(async () => { callgate = await build(); });
after(() => callgate.remove());

test("the gateway sends what the SDK sends", async (t) => {
  const emulator = await startEmulator(callgate.binary);
  t.after(() => emulator.stop());
  const gateway = await startGateway(callgate.binary);
  t.after(() => gateway.stop());

  const sdk = recorder(sdkDriver(emulator));
  const ours = recorder(gatewayDriver(gateway, sdk.driver.source));
  const compared = new Set();
  for (const [name, step] of Object.entries({ ...steps, ...mediaSteps })) {
    await t.test(name, async () => {
      const expected = await sdk.record(step);
      const actual = await ours.record(step);
      assert.deepEqual(actual.map((r) => r.comparable), expected.map((r) => r.comparable));
      for (const { operation } of actual) compared.add(operation);
    });
  }
  await t.test("no operation was left out", () => {
    assert.deepEqual([...compared].sort(), [
      "addParticipant", "answerCall", "cancelAddParticipant", "cancelAllMediaOperations", "connect", "createCall", "deleteRecording",
      "downloadRecording", "getCall", "getParticipant", "getParticipants", "getRecordingProperties", "hangupCall", "hold",
      "moveParticipants", "mute", "pauseRecording", "play", "recognize", "redirectCall", "rejectCall", "removeParticipant",
      "resumeRecording", "sendDtmfTones", "startContinuousDtmfRecognition", "startMediaStreaming", "startRecording",
      "startTranscription", "stopContinuousDtmfRecognition", "stopMediaStreaming", "stopRecording", "stopTranscription",
      "terminateCall", "transferToParticipant", "unhold", "updateTranscription",
    ]);
  });
});

// recorder runs steps with a driver and finds what reached the upstream meanwhile.
function recorder(driver) {
  const shared = {};
  const names = new Names();
  let seen = 0;
  return {
    driver,
    record: async (step) => {
      await step(driver, shared);
      const requests = (await driver.control.listReceivedRequests()).slice(seen);
      seen += requests.length;
      return requests.map((r) => ({ operation: r.operation, comparable: comparable(r, names) }));
    },
  };
}
