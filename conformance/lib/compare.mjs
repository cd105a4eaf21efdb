// Upstream requests made comparable. What differs although both are right is taken
// out by name; everything else must be equal.

// Operations whose missing operationContext both the SDK and the gateway make up:
// the SDK for some of them, the gateway for all, so that events always correlate.
// The walk-through's own contexts begin with "walk-".
const madeUp = (context) => typeof context === "string" && !context.startsWith("walk-");

// comparable is a request without what legitimately differs. names gives ids, which
// each run makes anew, the same names in both by the order in which they appear.
export function comparable(request, names) {
  return {
    method: request.method,
    target: request.target.replace(idInPath, (_, place, id) => place + names.of(decodeURIComponent(id))),
    contentType: request.headers["content-type"] ?? null,
    accept: request.headers.accept ?? null,
    range: request.headers.range ?? null,
    repeatable: "repeatability-request-id" in request.headers && "repeatability-first-sent" in request.headers,
    body: request.body === "" ? null : comparableBody(JSON.parse(request.body), { names, kindless: kindless.includes(request.operation) }),
    status: request.status,
  };
}

// kindless are the operations in which the SDK names parties without their kind.
const kindless = [
  "play", "recognize", "hold", "unhold", "startContinuousDtmfRecognition", "stopContinuousDtmfRecognition", "sendDtmfTones",
];

// idInPath is the id that a path has after the kind of thing it names.
const idInPath = /(\/callConnections\/|\/recordings\/|\/objects\/)([^/:?]+)/;

function comparableBody(value, how, member = "") {
  if (Array.isArray(value)) return value.map((element) => comparableBody(element, how));
  if (value === null || typeof value !== "object") return comparableScalar(value, how.names, member);
  const body = {};
  for (const [name, inner] of Object.entries(value)) {
    if (leftOut(name, inner) || (name === "kind" && "rawId" in value && how.kindless)) continue;
    body[name] = comparableBody(inner, how, name);
  }
  return body;
}

function comparableScalar(value, names, member) {
  switch (member) {
    case "callbackUri": // each has a webhook of its own
    case "recordingStateCallbackUri":
      return "<callback>";
    case "invitationId": // made anew in each run
    case "callConnectionId":
    case "serverCallId":
    case "incomingCallContext":
    case "fromCall":
      return names.of(value);
  }
  return value;
}

// leftOut are members that say the same as their absence.
function leftOut(name, value) {
  switch (name) {
    case "operationContext":
      return madeUp(value);
    case "isAnonymous": // the SDK always says that a number is not anonymous
      return value === false;
    case "cloud": // the SDK always names the public cloud, which is the default
      return value === "public";
    case "callRejectReason": // the gateway always names the default
      return value === "none";
    case "playTo": // the SDK always names everyone, by nobody
      return value.length === 0;
    case "playOptions": // the SDK always says that it is not a loop
      return value.loop === false;
    case "initialSilenceTimeoutInSeconds": // the SDK always says its own defaults
      return value === 5;
    case "interToneTimeoutInSeconds":
      return value === 2;
    case "endSilenceTimeoutInMs":
      return value === 2000;
    case "dtmfOptions": // and the options around them, where there is no more
    case "speechOptions":
      return Object.entries(value).every(([inner, option]) => leftOut(inner, option));
    case "voipHeaders": // the SDK always sends both maps, empty ones too
    case "sipHeaders":
      return Object.keys(value).length === 0;
    case "customCallingContext": // and the context around them, where there is none
      return Object.entries(value).every(([inner, headers]) => leftOut(inner, headers));
  }
  return false;
}

// Names numbers ids in the order in which they appear.
export class Names {
  #names = new Map();

  of(id) {
    if (!this.#names.has(id)) this.#names.set(id, `id-${this.#names.size + 1}`);
    return this.#names.get(id);
  }
}
