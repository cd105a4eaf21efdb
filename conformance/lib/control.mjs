// The emulator's control API, over REST.
export class Control {
  constructor(url) {
    this.url = url;
  }

  async #request(method, path, body) {
    const response = await fetch(this.url + path, { method, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  }

  placeIncomingCall(call) {
    return this.#request("POST", "/control/v1/incomingCalls", call);
  }

  hangUpParticipant(who) {
    return this.#request("POST", "/control/v1/participants:hangUp", who);
  }

  pressTones(what) {
    return this.#request("POST", "/control/v1/participants:pressTones", what);
  }

  speak(what) {
    return this.#request("POST", "/control/v1/participants:speak", what);
  }

  async listCalls() {
    return (await this.#request("GET", "/control/v1/calls")).calls ?? [];
  }

  async listReceivedRequests() {
    return (await this.#request("GET", "/control/v1/requests")).requests ?? [];
  }

  async injectFault(fault) {
    return (await this.#request("POST", "/control/v1/faults", fault)).faultId;
  }

  clearFaults() {
    return this.#request("DELETE", "/control/v1/faults");
  }

  reset() {
    return this.#request("POST", "/control/v1:reset", {});
  }
}
