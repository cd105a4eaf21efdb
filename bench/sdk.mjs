// Places calls with the official SDK, so many in all and so many at once, and
// prints the processor time that took, in seconds.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../conformance/package.json', import.meta.url));
const { CallAutomationClient } = require('@azure/communication-call-automation');

const [endpoint, accessKey, total, load] = process.argv.slice(2);
const client = new CallAutomationClient(`endpoint=${endpoint}/;accesskey=${accessKey}`, { allowInsecureConnection: true });
const invite = {
  targetParticipant: { communicationUserId: '8:acs:6d889502-3d7a-41a8-befa-d21fd80e8767_00000028-2f1c-5555-e64a-5c3a0d006c6a' },
};
const options = { operationContext: '9ece62de-abfb-4ffa-bc7d-1cf7183e2a85' };

async function place(calls) {
  let left = calls;
  await Promise.all(Array.from({ length: Number(load) }, async () => {
    while (left-- > 0) await client.createCall(invite, 'https://callgate.invalid/callbacks/AUGaF8uWAXSi', options);
  }));
}

await place(1000); // warms up
const before = process.cpuUsage();
await place(Number(total));
const used = process.cpuUsage(before);
console.log(JSON.stringify({ seconds: (used.user + used.system) / 1e6 }));
