// Upstream requests made comparable. What differs although both are right is taken
// out by name; everything else must be equal.

// Operations whose missing operationContext both the SDK and the gateway make up:
// the SDK for some of them, the gateway for all, so that events always correlate.
// The walk-through's own contexts begin with "walk-".
const madeUp = (context) => typeof context === "string" && !context.startsWith("walk-");

// comparable is a request without what legitimately differs. names gives ids, which
// each run makes anew, the same names in both by the order in which they appear.
export function comparable(request, names) {
  const id = request.callConnectionId;
  const target = id ? request.target.replace(encodeURIComponent(id), names.of(id)) : request.target;
  return {
    method: request.method,
    target,
    contentType: request.headers["content-type"] ?? null,
    accept: request.headers.accept ?? null,
    repeatable: "repeatability-request-id" in request.headers && "repeatability-first-sent" in request.headers,
    body: request.body === "" ? null : comparableBody(JSON.parse(request.body), names),
    status: request.status,
  };
}

function comparableBody(value, names, member = "") {
  if (Array.isArray(value)) return value.map((element) => comparableBody(element, names));
  if (value === null || typeof value !== "object") return comparableScalar(value, names, member);
  const body = {};
  for (const [name, inner] of Object.entries(value)) {
    if (!leftOut(name, inner)) body[name] = comparableBody(inner, names, name);
  }
  return body;
}

function comparableScalar(value, names, member) {
  switch (member) {
    case "callbackUri": // each has a webhook of its own
      return "<callback>";
    case "invitationId": // made anew in each run
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
