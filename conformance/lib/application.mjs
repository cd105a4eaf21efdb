// An application as a user of the SDK writes it: one webhook for callbacks, which
// the SDK parses, and one for Event Grid.
import { createServer } from "node:http";
import { once } from "node:events";
import { parseCallAutomationEvent } from "@azure/communication-call-automation";
import { Arrivals } from "./arrivals.mjs";

export async function startApplication() {
  const callbacks = new Arrivals();
  const eventGrid = new Arrivals();
  const failures = []; // of parsing; every callback must pass the SDK's parser
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    if (request.url.startsWith("/eventgrid")) {
      const [event] = JSON.parse(text);
      if (request.headers["aeg-event-type"] === "SubscriptionValidation") {
        response.end(JSON.stringify({ validationResponse: event.data.validationCode }));
        return;
      }
      eventGrid.add({ type: event.eventType, subject: event.subject, data: event.data });
      response.end();
      return;
    }
    try {
      const parsed = parseCallAutomationEvent(text);
      const [raw] = JSON.parse(text);
      callbacks.add({
        type: parsed.kind, callConnectionId: parsed.callConnectionId, event: parsed, raw, url: request.url,
        authorization: request.headers.authorization,
      });
    } catch (error) {
      failures.push(`${error.message}: ${text}`);
    }
    response.end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    callbackUrl: `${url}/callbacks?key=a b`, // the service keeps a query, blanks and all
    eventGridUrl: `${url}/eventgrid`,
    failures, callbacks, eventGrid,
    event: async (callConnectionId, type, matches = () => true) =>
      (await callbacks.find(`${type} for ${callConnectionId}`,
        (c) => c.type === type && c.callConnectionId === callConnectionId && matches(c.event))).event,
    recording: async (recordingId, type, matches = () => true) =>
      (await callbacks.find(`${type} for recording ${recordingId}`,
        (c) => c.type === type && c.event.recordingId === recordingId && matches(c.event))).event,
    recordingFile: async (recordingId) =>
      (await eventGrid.find("RecordingFileStatusUpdated",
        (e) => e.type === "Microsoft.Communication.RecordingFileStatusUpdated" && e.subject.endsWith(`/recordingId/${recordingId}`))).data,
    incomingCall: async (serverCallId) =>
      (await eventGrid.find("IncomingCall",
        (e) => e.type === "Microsoft.Communication.IncomingCall" && e.data.serverCallId === serverCallId)).data,
    stop: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}
