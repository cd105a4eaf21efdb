// The walk-through: every operation of Call Automation's call control, once or
// more, by whatever driver does it. Each step waits for the events that end it.
import assert from "node:assert/strict";

const user = (name) => ({ user: `8:acs:11111111-0000-4000-8000-000000000001_00000001-aaaa-4000-8000-${name}` });
const ann = user("00000000aaaa");
const bob = user("00000000bbbb");
const eve = user("00000000eeee");
const number = { phone: "+14255550123" };
const callerId = "+18005550100";
const incoming = { from: "+18447649276", to: "+18662315126", callerDisplayName: "Ada" };

// steps are the walk-through's, in order. They share what they need in s.
export const steps = {
  "create a call to a phone": async (d, s) => {
    const call = await d.createCall({ targets: [number], callerId, displayName: "Contoso", operationContext: "walk-create" });
    s.call = call.id;
    assert.equal((await d.event(s.call, "CallConnected")).operationContext, "walk-create");
    await d.event(s.call, "ParticipantsUpdated");
  },
  "get the call": async (d, s) => {
    const call = await d.getCall({ id: s.call });
    assert.equal(call.state, "connected");
    s.serverCallId = call.serverCallId;
  },
  "add a user, with a context, a time-out and custom headers": async (d, s) => {
    await d.addParticipant({
      id: s.call, party: ann, displayName: "Contoso", operationContext: "walk-add", timeout: 60, context: { voip: { room: "7" } },
    });
    assert.equal((await d.event(s.call, "AddParticipantSucceeded")).operationContext, "walk-add");
  },
  "add a phone, with custom SIP headers": async (d, s) => {
    await d.addParticipant({
      id: s.call, party: { phone: "+14255550124" }, callerId, operationContext: "walk-add-phone",
      context: { sip: { ticket: "12" }, userToUser: "00d4;encoding=hex" },
    });
    await d.event(s.call, "AddParticipantSucceeded", (e) => e.operationContext === "walk-add-phone");
  },
  "add someone who is busy": async (d, s) => {
    await d.addParticipant({ id: s.call, party: { phone: "+14257770486" }, callerId, operationContext: "walk-busy" });
    await d.event(s.call, "AddParticipantFailed", (e) => e.operationContext === "walk-busy");
  },
  "cancel an invitation": async (d, s) => {
    const { invitationId } = await d.addParticipant({ id: s.call, party: { phone: "+14257770408" }, callerId });
    await d.cancelAddParticipant({ id: s.call, invitationId, operationContext: "walk-cancel" });
    assert.equal((await d.event(s.call, "CancelAddParticipantSucceeded")).operationContext, "walk-cancel");
  },
  "list the participants": async (d, s) => {
    assert.deepEqual((await d.listParticipants({ id: s.call })).sort(), [d.source, number.phone, "+14255550124", ann.user].sort());
  },
  "get a participant": async (d, s) => {
    assert.equal((await d.getParticipant({ id: s.call, party: number })).muted ?? false, false);
  },
  "mute a participant": async (d, s) => {
    await d.muteParticipant({ id: s.call, party: ann, operationContext: "walk-mute" });
    assert.equal((await d.getParticipant({ id: s.call, party: ann })).muted, true);
  },
  "transfer one of a group, with a custom context": async (d, s) => {
    await d.transferCall({
      id: s.call, target: bob, transferee: ann, operationContext: "walk-transfer", context: { voip: { reason: "sales" } },
    });
    assert.equal((await d.event(s.call, "CallTransferAccepted")).operationContext, "walk-transfer");
  },
  "remove a participant": async (d, s) => {
    await d.removeParticipant({ id: s.call, party: { phone: "+14255550124" }, operationContext: "walk-remove" });
    await d.event(s.call, "RemoveParticipantSucceeded");
  },
  "create a group call": async (d, s) => {
    s.group = (await d.createCall({ targets: [bob, eve, number], callerId })).id;
    await d.event(s.group, "CallConnected");
    await d.event(s.group, "ParticipantsUpdated", (e) => (e.participants ?? e.participantsUpdated.participants).length === 4);
  },
  "move a participant here": async (d, s) => {
    await d.moveParticipants({ id: s.call, parties: [eve], from: s.group, operationContext: "walk-move" });
    await d.event(s.call, "MoveParticipantSucceeded");
  },
  "connect to a call by its server call id": async (d, s) => {
    s.second = (await d.connectCall({ kind: "serverCallLocator", id: s.serverCallId, operationContext: "walk-connect" })).id;
    await d.event(s.second, "CallConnected");
  },
  "connect to a group call": async (d, s) => {
    s.meeting = (await d.connectCall({ kind: "groupCallLocator", id: "33333333-0000-4000-8000-000000000003", operationContext: "walk-group" })).id;
    await d.event(s.meeting, "CallConnected");
  },
  "connect to a room": async (d, s) => {
    s.room = (await d.connectCall({ kind: "roomCallLocator", id: "99445276259151407", operationContext: "walk-room" })).id;
    await d.event(s.room, "CallConnected");
  },
  "hang up for oneself": async (d, s) => {
    await d.hangUp({ id: s.second, forEveryone: false });
    await d.event(s.second, "CallDisconnected");
    assert.equal((await d.getCall({ id: s.call })).state, "connected");
  },
  "hang up for everyone": async (d, s) => {
    for (const id of [s.call, s.group, s.meeting, s.room]) {
      await d.hangUp({ id, forEveryone: true });
      await d.event(id, "CallDisconnected");
    }
    await assert.rejects(d.getCall({ id: s.call }), { statusCode: 404 });
  },
  "transfer a call of two, without a transferee": async (d) => {
    const { id } = await d.createCall({ targets: [ann], operationContext: "walk-two" });
    await d.event(id, "CallConnected");
    await d.transferCall({ id, target: number, callerId, operationContext: "walk-transfer-two" });
    await d.event(id, "CallTransferAccepted");
    await d.event(id, "CallDisconnected");
  },
  "a transfer that is refused": async (d) => {
    const { id } = await d.createCall({ targets: [ann], operationContext: "walk-refused" });
    await d.event(id, "CallConnected");
    await d.transferCall({ id, target: { phone: "+14257770403" }, callerId, operationContext: "walk-transfer-refused" });
    await d.event(id, "CallTransferFailed");
    await d.hangUp({ id, forEveryone: true });
  },
  "call a Teams user": async (d) => {
    const { id } = await d.createCall({ targets: [{ teams: "22222222-0000-4000-8000-000000000002" }], operationContext: "walk-teams" });
    await d.event(id, "CallConnected");
    await d.hangUp({ id, forEveryone: true });
  },
  "a call that fails": async (d) => {
    const { id } = await d.createCall({ targets: [{ phone: "+14257770603" }], callerId, operationContext: "walk-fails" });
    await d.event(id, "CreateCallFailed");
    await d.event(id, "CallDisconnected");
  },
  "answer a call": async (d) => {
    const incomingCallContext = await d.ring(incoming);
    const { id } = await d.answerCall({ incomingCallContext, operationContext: "walk-answer" });
    assert.equal((await d.event(id, "CallConnected")).operationContext, "walk-answer");
    await d.control.hangUpParticipant({ callConnectionId: id });
    await d.event(id, "CallDisconnected");
  },
  "reject a call without a reason": async (d) => d.rejectCall({ incomingCallContext: await d.ring(incoming) }),
  "reject a call with each reason": async (d) => {
    for (const reason of ["none", "busy", "forbidden"]) await d.rejectCall({ incomingCallContext: await d.ring(incoming), reason });
  },
  "redirect a call": async (d) => d.redirectCall({ incomingCallContext: await d.ring(incoming), target: bob }),
};
