import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { launch, live, open } from "./browser.mjs";
import { Gateway } from "./gateway.mjs";

const token = (name) => `the-token-of-${name}-for-the-browser`;

describe("a gateway that asks who one is", () => {
  let browser, gateway, folder;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "callgate-signin-"));
    const names = ["ada", "auditor"];
    await writeFile(join(folder, "tokens"), names.map((n) => `${n}:${createHash("sha256").update(token(n)).digest("hex")}\n`).join(""));
    await writeFile(join(folder, "policy.yaml"), "principals:\n  token:ada: {role: operator}\n  token:auditor: {role: viewer, calls: all}\n");
    [browser, gateway] = await Promise.all([
      launch(),
      Gateway.start(`--token-file=${join(folder, "tokens")}`, `--policy-file=${join(folder, "policy.yaml")}`),
    ]);
  });

  after(async () => {
    await browser?.close();
    await gateway?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  // as is a page of somebody who gives the browser's own dialog a token as the password.
  const as = (name) => open(browser, gateway, "/", { httpCredentials: { username: "anybody", password: token(name) } });

  it("has the browser ask, and shows nothing to who does not answer", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await assert.rejects(page.goto(gateway.url), /ERR_INVALID_AUTH_CREDENTIALS/);
    assert.match((await fetch(gateway.url)).headers.get("www-authenticate"), /Basic realm="callgate"/);
    await context.close();
  });

  it("takes a token as the password, for the page, its stream and its buttons", async () => {
    const page = await as("ada");
    await live(page);
    await page.getByRole("button", { name: "Call them" }).click();
    await page.getByRole("listbox", { name: "Sequence diagram" }).getByRole("option", { name: /CallConnected/ }).first().waitFor();
    assert.deepEqual(page.complaints.filter((c) => !/401/.test(c)), []);
    await page.context().close();
  });

  it("lets who may only look look, and place no calls", async () => {
    const page = await as("auditor");
    await live(page);
    const refused = page.waitForResponse((r) => r.request().method() === "POST" && r.url().endsWith("/v1/calls"));
    await page.getByRole("button", { name: "Call them" }).click();
    assert.equal((await refused).status(), 403);
    assert.equal(await page.evaluate(async () => (await fetch("/emulator/control/v1/calls")).status), 403);
    await page.context().close();
  });
});
