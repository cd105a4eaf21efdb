// Building and running the real binary.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const module = fileURLToPath(new URL("../..", import.meta.url));
const startTimeout = 60_000;

// build compiles callgate into a folder of its own, which remove() deletes.
export async function build() {
  const folder = await mkdtemp(join(tmpdir(), "callgate-conformance-"));
  const binary = join(folder, process.platform === "win32" ? "callgate.exe" : "callgate");
  await promisify(execFile)("go", ["build", "-o", binary, "./cmd/callgate"], { cwd: module });
  return { binary, remove: () => rm(folder, { recursive: true, force: true }) };
}

// run starts the binary and resolves with what it printed once that matches ready.
export async function run(binary, args, ready) {
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"], env: withoutSettings() });
  let printed = "";
  let complained = "";
  child.stderr.on("data", (data) => (complained += data));
  const exited = once(child, "exit");
  const match = await new Promise((resolve, reject) => {
    const fail = (why) => {
      clearTimeout(timer);
      reject(new Error(`callgate ${args.join(" ")}: ${why}\n${printed}${complained}`));
    };
    const timer = setTimeout(() => {
      child.kill();
      fail("not ready in time");
    }, startTimeout);
    child.once("error", (error) => fail(error.message));
    exited.then(([code]) => fail(`ended with ${code}`)); // once it is ready, nobody hears that
    child.stdout.on("data", (data) => {
      printed += data;
      const found = printed.match(ready);
      if (found) {
        clearTimeout(timer);
        resolve(found);
      }
    });
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await exited;
  };
  return { match, stop };
}

// withoutSettings is the environment without what would configure callgate.
function withoutSettings() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("CALLGATE_")));
}
