// What arrived, and waiting for what has not yet.
const patience = 60_000;

export class Arrivals {
  #all = [];
  #waiting = new Set();

  add(arrival) {
    this.#all.push(arrival);
    for (const look of [...this.#waiting]) look();
  }

  get all() {
    return this.#all;
  }

  // find resolves with the first arrival that matches, past or to come.
  find(what, matches) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.#all.find(matches);
        if (!found) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`no ${what} among ${JSON.stringify(this.#all.map((a) => [a.type, a.callConnectionId]))}`));
      }, patience);
      this.#waiting.add(look);
      look();
    });
  }
}
