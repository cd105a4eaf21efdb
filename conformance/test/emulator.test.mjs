// The official SDK against the emulator.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { build } from "../lib/process.mjs";
import { clientOf, sdkDriver, startEmulator } from "../lib/sdk.mjs";
import { steps } from "../lib/walk.mjs";
import { mediaSteps } from "../lib/walk-media.mjs";

let callgate;
before(async () => { callgate = await build(); });
after(() => callgate.remove());

test("the SDK walks through every operation", async (t) => {
  const emulator = await startEmulator(callgate.binary);
  t.after(() => emulator.stop());
  const driver = sdkDriver(emulator);
  const shared = {};
  for (const [name, step] of Object.entries({ ...steps, ...mediaSteps })) {
    await t.test(name, () => step(driver, shared));
  }
  await t.test("its parser takes every callback", () => {
    assert.deepEqual(emulator.application.failures, []);
    const types = new Set(emulator.application.callbacks.all.map((c) => c.type));
    for (const type of ["CallConnected", "CallDisconnected", "ParticipantsUpdated", "CreateCallFailed", "CallTransferAccepted",
      "CallTransferFailed", "AddParticipantSucceeded", "AddParticipantFailed", "RemoveParticipantSucceeded",
      "CancelAddParticipantSucceeded", "MoveParticipantSucceeded", "PlayStarted", "PlayCompleted", "PlayFailed", "PlayCanceled",
      "RecognizeCompleted", "RecognizeFailed", "RecognizeCanceled", "ContinuousDtmfRecognitionToneReceived",
      "ContinuousDtmfRecognitionToneFailed", "ContinuousDtmfRecognitionStopped", "SendDtmfTonesCompleted", "SendDtmfTonesFailed",
      "HoldFailed", "TranscriptionStarted", "TranscriptionUpdated", "TranscriptionStopped", "TranscriptionFailed",
      "MediaStreamingStarted", "MediaStreamingStopped", "MediaStreamingFailed", "RecordingStateChanged", "StartRecordingFailed"]) {
      assert.ok(types.has(type), `no ${type} arrived`);
    }
  });
  await t.test("its parser loses no member of their data", () => {
    for (const { raw, event, type } of emulator.application.callbacks.all) {
      for (const [member, value] of Object.entries(raw.data)) {
        assert.ok(member in event || value === null, `${type}: ${member} was lost`);
      }
    }
  });
  await t.test("callbacks reach the address with its query, signed", () => {
    for (const { url, authorization } of emulator.application.callbacks.all) {
      assert.match(decodeURIComponent(url), /^\/callbacks\?key=a b$/);
      assert.match(authorization, /^Bearer \S+\.\S+\.\S+$/);
    }
  });
});

test("what the SDK makes of refusals and trouble", async (t) => {
  const emulator = await startEmulator(callgate.binary, "--participants-page-size=2");
  t.after(() => emulator.stop());
  const { application, control, connectionString } = emulator;
  const client = clientOf(connectionString);
  const ann = { communicationUserId: "8:acs:res_ann" };
  const call = async () => {
    const { callConnection, callConnectionProperties: { callConnectionId } } =
      await client.createGroupCall([ann, { communicationUserId: "8:acs:res_bob" }], application.callbackUrl);
    await application.event(callConnectionId, "ParticipantsUpdated", (e) => e.participants.length === 3);
    return callConnection;
  };

  await t.test("a participant list of several pages", async () => {
    assert.equal((await (await call()).listParticipants()).values.length, 3);
  });
  await t.test("an unknown call", async () => {
    await assert.rejects(client.getCallConnection("x").getCallConnectionProperties(), { statusCode: 404, code: "8522", message: "Call not found." });
  });
  await t.test("a wrong key", async () => {
    const stranger = clientOf(connectionString.replace(/accesskey=.*/, "accesskey=AAAA"));
    await assert.rejects(stranger.getCallConnection("x").getCallConnectionProperties(), { statusCode: 401 });
  });
  await t.test("a missing caller id", async () => {
    await assert.rejects(client.createCall({ targetParticipant: { phoneNumber: "+14255550123" } }, application.callbackUrl), { statusCode: 400 });
  });
  await t.test("muting a phone", async () => {
    await assert.rejects((await call()).muteParticipant({ phoneNumber: "+14255550123" }), { statusCode: 400 });
  });
  await t.test("media of a call that nobody answered", async () => {
    const { callConnection } = await client.createCall({ targetParticipant: { communicationUserId: "8:acs:res_ann0408" } }, application.callbackUrl);
    await assert.rejects(callConnection.getCallMedia().playToAll([{ kind: "textSource", text: "hello" }]), { statusCode: 400, code: "8501" });
  });
  await t.test("recording an unknown call", async () => {
    await assert.rejects(client.getCallRecording().start({ callConnectionId: "x" }), { statusCode: 404, code: "8522", message: "Call not found." });
  });
  await t.test("tones whose answer is lost are sent once", async () => {
    const phone = { phoneNumber: "+14255550123" };
    const { callConnection, callConnectionProperties: { callConnectionId } } =
      await client.createCall({ targetParticipant: phone, sourceCallIdNumber: { phoneNumber: "+18005550100" } }, application.callbackUrl);
    await application.event(callConnectionId, "ParticipantsUpdated");
    await control.injectFault({ kind: "FAULT_KIND_RESET_AFTER", operation: "sendDtmfTones", count: 1 });
    await callConnection.getCallMedia().sendDtmfTones(["one"], phone);
    const sent = (await control.listReceivedRequests()).filter((r) => r.operation === "sendDtmfTones");
    assert.deepEqual(sent.map((r) => r.effect), ["EFFECT_PERFORMED", "EFFECT_REPEATED"]);
  });
  await t.test("a throttled request is sent again and acts once", async () => {
    await control.reset();
    await control.injectFault({ kind: "FAULT_KIND_THROTTLE", operation: "createCall", count: 1 });
    await client.createCall({ targetParticipant: ann }, application.callbackUrl);
    const requests = await control.listReceivedRequests();
    assert.deepEqual(requests.map((r) => [r.status, r.effect]), [[429, "EFFECT_NONE"], [201, "EFFECT_PERFORMED"]]);
    assert.equal(requests[0].headers["repeatability-request-id"], requests[1].headers["repeatability-request-id"]);
    assert.equal((await control.listCalls()).length, 1);
  });
  await t.test("an answer that is lost does not make a second call", async () => {
    await control.reset();
    await control.injectFault({ kind: "FAULT_KIND_RESET_AFTER", operation: "createCall", count: 1 });
    await client.createCall({ targetParticipant: ann }, application.callbackUrl);
    assert.deepEqual((await control.listReceivedRequests()).map((r) => r.effect), ["EFFECT_PERFORMED", "EFFECT_REPEATED"]);
    assert.equal((await control.listCalls()).length, 1);
  });
  await t.test("unknown fields in a callback", async () => {
    await control.reset();
    await control.injectFault({ kind: "FAULT_KIND_UNKNOWN_FIELDS" });
    await call();
    assert.deepEqual(application.failures, []);
  });
});
