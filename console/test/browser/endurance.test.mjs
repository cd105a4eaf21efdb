// What happens when much does, or when the gateway goes away.

import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { launch, live, open, screenshot, step, steps } from "./browser.mjs";
import { Gateway } from "./gateway.mjs";

let browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

it("goes on behind its last event when the gateway was killed and is back", async (t) => {
  const gateway = await Gateway.start();
  t.after(() => gateway.stop());
  const id = await gateway.call("+14255550123");
  const page = await open(browser, gateway, `/calls/${id}`);
  await live(page);
  await step(page, /joins/).waitFor();
  const resumed = [];
  page.on("request", (request) => request.url().includes("events:stream") && resumed.push(request.headers()["last-event-id"]));

  await gateway.kill();
  await page.getByRole("status").filter({ hasText: "Reconnecting" }).waitFor();
  await screenshot(page, "reconnecting");
  await gateway.begin();
  await live(page);
  assert.ok(resumed.length > 0 && resumed.every(Boolean), `asked to go on behind ${resumed}`);
  assert.equal(await steps(page).count(), 3, "what was drawn is there still, once");

  // The emulator forgot its calls; the log did not.
  const next = await gateway.call("+14255550486");
  await page.locator(`a[href="/calls/${next}"]`).click();
  await step(page, /CreateCallFailed/).waitFor();
  await page.locator(`a[href="/calls/${id}"]`).click();
  await step(page, /joins/).waitFor();
  assert.equal(await steps(page).count(), 3);
  await page.context().close();
});

it("gives its connection back while nobody looks, and catches up", async (t) => {
  const gateway = await Gateway.start();
  t.after(() => gateway.stop());
  const page = await open(browser, gateway, "/docs"); // of the same origin, to set the scene
  await page.clock.install();
  await page.goto(gateway.url);
  await live(page);
  const look = (hidden) =>
    page.evaluate((value) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await look(true);
  await page.clock.fastForward(11_000);
  await page.getByRole("status").filter({ hasText: "Paused" }).waitFor();
  await gateway.call("+14255550486");
  await look(false);
  await live(page);
  await page.getByText("call over: busy").waitFor();
  await page.context().close();
});

it("begins anew when the gateway comes back with another log", async (t) => {
  const gateway = await Gateway.start("--data-dir=:memory:");
  t.after(() => gateway.stop());
  await gateway.call("+14255550123");
  const page = await open(browser, gateway);
  await live(page);
  await page.getByText("1 active of 1").waitFor();
  await gateway.kill();
  await gateway.begin();
  await page.getByText("The gateway has another log than before").waitFor();
  await page.getByText("No calls yet.").waitFor();
  await page.context().close();
});

it("takes 5,000 events without freezing", async (t) => {
  const gateway = await Gateway.start("--emulator-time-scale=100");
  t.after(() => gateway.stop());
  const user = "8:acs:res_callgate";
  const id = await gateway.call("", { targets: [{ communicationUserId: user }] });
  const page = await open(browser, gateway, `/calls/${id}`);
  await live(page);
  await step(page, /joins/).waitFor();

  // Half of them in one call, which is drawn all the while, half in many.
  const events = 5000;
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" }); // not the time that others take
  const busy = async () => (await devtools.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value;
  await page.evaluate(() => {
    globalThis.frames = 0;
    const count = () => {
      globalThis.frames++;
      requestAnimationFrame(count);
    };
    count();
  });
  const before = await busy();
  const began = Date.now();
  await Promise.all([
    inTurn(2500, 10, () => gateway.post(`/v1/calls/${id}/participants:mute`, { participant: { communicationUserId: user } })),
    inTurn(500, 10, async () => {
      const other = await gateway.call("+14255550200");
      await gateway.post(`/v1/calls/${other}:hangUp`, { waitTimeout: "60s" });
    }),
  ]);
  const placed = Date.now() - began;
  await page.waitForFunction(() => Number(document.querySelector('g[role="option"]')?.getAttribute("aria-setsize")) >= 2500 + 3);
  const cpu = (await busy()) - before;
  const frames = await page.evaluate(() => globalThis.frames);
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);

  // Choosing a step in the middle of it all is answered at once.
  const clicked = Date.now();
  await steps(page).last().click();
  await page.getByLabel("The event as JSON").waitFor();
  const answered = Date.now() - clicked;
  t.diagnostic(`${events} events in ${placed} ms took ${cpu.toFixed(1)} s of the page's time in ${frames} frames; then ${nodes} nodes, and ${answered} ms to a step's JSON`);
  await screenshot(page, "many");
  assert.ok(cpu < 20, `it took ${cpu} s of the page's time`);
  assert.ok(cpu / frames < 0.25, `a frame took ${cpu / frames} s`);
  assert.ok(nodes < 3000, `it holds ${nodes} nodes`);
  await page.context().close();
});

// inTurn runs a job so many times, some at once.
async function inTurn(times, atOnce, job) {
  let left = times;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) await job();
    }),
  );
}
