// The real binary, as its users run it, on ports of its own.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const binary = process.env.CALLGATE_BINARY ?? fileURLToPath(new URL("../../../.bin/callgate", import.meta.url));

// freePort is below the ports that systems give to whoever asks for any, and to
// outgoing connections: nobody gets it while the gateway is down.
async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = createServer();
    const free = await new Promise((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

export class Gateway {
  static async start(...args) {
    const gateway = new Gateway();
    gateway.folder = await mkdtemp(join(tmpdir(), "callgate-console-"));
    const ports = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    gateway.url = `http://127.0.0.1:${ports[1]}`;
    gateway.args = ["grpc", "http", "callback", "emulator"].map((name, i) => `--${name}-addr=127.0.0.1:${ports[i]}`);
    gateway.args.push(`--data-dir=${gateway.folder}`, "--log-sync=interval", ...args);
    await gateway.begin();
    return gateway;
  }

  // begin starts the process, and waits until it says that it is ready.
  async begin() {
    this.process = spawn(binary, this.args, { stdio: ["ignore", "pipe", "pipe"] });
    this.output = "";
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    await new Promise((resolve, reject) => {
      const listen = (chunk) => {
        this.output += chunk;
        if (this.output.includes("CallControl/CreateCall")) resolve();
      };
      this.process.stdout.on("data", listen);
      this.process.stderr.on("data", listen);
      this.process.once("error", reject);
      this.process.once("exit", (code) => reject(new Error(`the gateway ended with ${code}:\n${this.output}`)));
    });
  }

  // kill ends the process without giving it a chance to say so.
  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }

  async stop() {
    this.process.kill("SIGTERM");
    await this.ended;
    await rm(this.folder, { recursive: true, force: true });
  }

  async post(path, body) {
    const response = await fetch(this.url + path, { method: "POST", body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  // call places a call, and waits until it is answered, or not.
  async call(number, more = {}) {
    const body = { targets: [{ phoneNumber: number }], sourceCallerIdNumber: "+18005550100", waitTimeout: "60s", ...more };
    return (await this.post("/v1/calls", body)).callConnection.callConnectionId;
  }
}
