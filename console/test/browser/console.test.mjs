import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { launch, live, open, screenshot, step, steps } from "./browser.mjs";
import { Gateway } from "./gateway.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser;
let gateway;

before(async () => {
  [browser, gateway] = await Promise.all([launch(), Gateway.start()]);
});

after(async () => {
  await browser?.close();
  await gateway?.stop();
});

// accessible holds what is seen to the rules of WCAG 2 A and AA.
async function accessible(page) {
  await page.evaluate(axe); // by the debugger, which the page's policy does not bind
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
      // A step is named by a sentence, not by the scattered words of its drawing.
      rules: { "label-content-name-mismatch": { enabled: false } },
    }),
  );
  assert.deepEqual(
    violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target} ${n.any.map((a) => a.message)}`).join("; ")}`),
    [],
  );
}

// drawn are the words in the diagram, step by step.
async function drawn(page) {
  return steps(page).evaluateAll((all) => all.map((s) => [...s.querySelectorAll(".label")].map((t) => t.textContent)));
}

async function downloaded(page, button) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: button }).click()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), "utf8") };
}

describe("a call", () => {
  let page;

  before(async () => {
    page = await open(browser, gateway);
    await live(page);
  });

  after(() => page.context().close());

  it("is placed with a test number, and drawn as it happens", async () => {
    await page.getByText("No calls yet.").waitFor();
    await page.getByRole("button", { name: "Call them" }).click();
    await step(page, /ParticipantsUpdated/).waitFor();
    const [[, answer], ...rest] = await drawn(page);
    assert.match(answer, /^201 in /);
    assert.deepEqual(rest, [
      ["CallConnected", "connected"],
      ["ParticipantsUpdated", "joins"],
    ]);
    await page.getByRole("heading", { name: "+1 425 555 0123" }).waitFor();
  });

  it("shows who is added, who is not and why, a transfer, and the end", async () => {
    const who = page.getByLabel("Somebody else who");
    await who.selectOption("busy");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await step(page, /AddParticipantFailed.*The callee is busy/).waitFor();
    await who.selectOption("answers at once");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await step(page, /ParticipantsUpdated.*4:\+14255550200 joins/).waitFor();
    await screenshot(page, "call");
    await who.selectOption("answers");
    await page.getByLabel("Number or raw id").first().waitFor();
    await page.getByRole("form", { name: "Act on this call" }).getByLabel("Number or raw id").fill("+14255550125");
    await page.getByRole("button", { name: "Transfer to" }).click();
    await step(page, /CallTransferAccepted/).waitFor();
    await page.getByRole("button", { name: "Hang up", exact: true }).click();
    await Promise.all([step(page, /CallDisconnected/).waitFor(), step(page, /HangUpCall/).waitFor()]); // in any order
    const words = (await drawn(page)).flat();
    for (const want of ["AddParticipant", "invites", "busy", "not added: busy", "added", "TransferCall", "transferred", "is transferred to", "HangUpCall", "call over: ended by application"]) {
      assert.ok(words.includes(want), `${want} is not among ${words}`);
    }
    assert.equal(await page.getByRole("form", { name: "Act on this call" }).count(), 0);
  });

  it("gives the JSON of a step, with the upstream's data on demand", async () => {
    await step(page, /^CallDisconnected/).click();
    const json = page.getByLabel("The event as JSON");
    assert.equal(JSON.parse(await json.textContent()).typeName, "Microsoft.Communication.CallDisconnected");
    await page.getByRole("button", { name: "Load the upstream’s data" }).click();
    await page.waitForFunction(() => document.querySelector("pre").textContent.includes('"data"'));
    assert.ok(JSON.parse(await json.textContent()).data.callConnectionId);
    await screenshot(page, "json");
    await page.getByRole("button", { name: "Close the event" }).click();
  });

  it("is saved as SVG and as Mermaid", async () => {
    const svg = await downloaded(page, "Save SVG");
    assert.match(svg.name, /^call-[\w-]+\.svg$/);
    const paper = await browser.newPage(); // which lets a file have its style inside
    const parsed = await paper.evaluate((text) => {
      const root = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
      return [root.tagName, [...root.querySelectorAll("text")].map((t) => t.textContent)];
    }, svg.text);
    await paper.close();
    assert.equal(parsed[0], "svg");
    for (const want of ["callgate", "+1 425 555 0123", "CallTransferAccepted", "The callee is busy. Try again later."]) assert.ok(parsed[1].includes(want), want);
    const mermaid = await downloaded(page, "Save Mermaid");
    assert.match(mermaid.text, /^sequenceDiagram\n/);
    assert.match(mermaid.text, /C->>G: AddParticipant \[/);
  });

  it("is found again by its address", async () => {
    const before = await drawn(page);
    await page.reload();
    await step(page, /^CallDisconnected/).waitFor();
    assert.deepEqual(await drawn(page), before);
  });

  it("leaves the browser nothing to complain about", () => assert.deepEqual(page.complaints, []));
});

describe("an incoming call", () => {
  it("rings, is answered and hung up by the other side; another is rejected", async () => {
    const page = await open(browser, gateway);
    await live(page);
    await page.getByRole("button", { name: "Have them call in" }).click();
    await page.getByRole("button", { name: "Answer" }).click();
    await step(page, /joins/).waitFor();
    assert.deepEqual((await drawn(page)).flat().filter((w) => !/^200 in /.test(w)), ["calls", "IncomingCall", "AnswerCall", "CallConnected", "connected", "ParticipantsUpdated", "joins"]);
    await page.getByRole("button", { name: "The other side hangs up" }).click();
    await step(page, /CallDisconnected/).waitFor();
    await page.getByRole("button", { name: "Have them call in" }).click();
    await page.getByRole("button", { name: "Reject" }).click();
    await page.getByRole("region", { name: "Calls" }).getByText("rejected: busy").waitFor();
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
});

describe("the list", () => {
  it("grows by itself, whoever places the calls", async () => {
    const page = await open(browser, gateway);
    await live(page);
    const id = await gateway.call("+14255550603");
    const entry = page.locator(`a[href="/calls/${id}"]`);
    await entry.getByText("call over: declined").waitFor();
    await entry.click();
    await step(page, /CreateCallFailed/).waitFor();
    assert.equal(new URL(page.url()).pathname, `/calls/${id}`);
    await page.goBack();
    await page.getByRole("heading", { name: "Choose a call" }).waitFor();
    await page.context().close();
  });
});

describe("the tail of events", () => {
  it("filters as StreamEvents does", async () => {
    const id = await gateway.call("+14255550486");
    const page = await open(browser, gateway, "/events");
    await page.getByRole("button", { name: "CreateCallFailed" }).first().waitFor();
    await page.getByText("Filter", { exact: true }).click();
    await page.getByLabel("Types", { exact: true }).fill("Nonsense");
    await page.keyboard.press("Enter");
    await page.getByText("There is no such type.").waitFor();
    await page.getByLabel("Types", { exact: true }).fill("createcallfailed");
    await page.keyboard.press("Enter");
    await page.getByLabel("Types", { exact: true }).fill("CommandAccepted");
    await page.keyboard.press("Enter");
    await page.getByLabel("Call connections").fill(id);
    await page.keyboard.press("Enter");
    await page.getByText("2 matching, live").waitFor();
    assert.deepEqual(await page.locator(".event .name").allTextContents(), ["CommandAccepted CreateCall", "CreateCallFailed"]);
    await screenshot(page, "events");
    await accessible(page);
    await page.getByRole("button", { name: "Remove CommandAccepted" }).click();
    await page.getByText("1 matching, live").waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByText("in the last hour").waitFor();
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
});

describe("everybody", () => {
  it("can use it by keyboard alone", async () => {
    const page = await open(browser, gateway);
    await live(page);
    const press = async (key, until, most = 40) => {
      for (let i = 0; i < most; i++) {
        await page.keyboard.press(key);
        if (await page.evaluate(until)) return;
      }
      assert.fail(`${key} never leads there: ${until}`);
    };
    await press("Tab", () => document.activeElement?.getAttribute("aria-label") === "Calls");
    await page.keyboard.press("ArrowDown");
    await page.getByRole("listbox").waitFor();
    await press("Tab", () => document.activeElement?.getAttribute("role") === "listbox");
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByLabel("The event as JSON").waitFor();
    const chosen = page.locator('[role="option"][aria-selected="true"]');
    assert.equal(await chosen.getAttribute("aria-posinset"), "2");
    assert.equal(await page.getByRole("listbox").getAttribute("aria-activedescendant"), await chosen.getAttribute("id"));
    await page.keyboard.press("Escape");
    await page.getByLabel("The event as JSON").waitFor({ state: "detached" });
    await page.context().close();
  });

  for (const colorScheme of ["light", "dark"]) {
    it(`can read it when it is ${colorScheme}`, async () => {
      const id = await gateway.call("+14255550486");
      const page = await open(browser, gateway, `/calls/${id}`, { colorScheme });
      await step(page, /CreateCallFailed/).click();
      await accessible(page);
      const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const [red] = background.match(/\d+/g).map(Number);
      assert.equal(red < 128, colorScheme === "dark", background);
      await screenshot(page, colorScheme);
      await page.context().close();
    });
  }

  it("can use it on a phone", async () => {
    const id = await gateway.call("+14255550123");
    const page = await open(browser, gateway, `/calls/${id}`, { viewport: { width: 390, height: 800 } });
    await step(page, /CallConnected/).waitFor();
    const fits = async () => assert.deepEqual(await page.evaluate(() => [document.documentElement, document.querySelector(".bar")].map((e) => e.scrollWidth)), [390, 390]);
    await fits();
    await page.route("**/v1/events:stream*", (route) => route.abort());
    await page.reload();
    await page.getByRole("status").filter({ hasText: "Reconnecting" }).waitFor(); // the longest word there
    await fits();
    await page.unroute("**/v1/events:stream*");
    await step(page, /CallConnected/).waitFor();
    await screenshot(page, "phone");
    await page.getByRole("link", { name: "All calls" }).click();
    await page.getByRole("heading", { name: "Calls" }).waitFor();
    await page.context().close();
  });
});

describe("a gateway that asks for a token", () => {
  it("gets one, and is asked again until it is the right one", async () => {
    const page = await open(browser, gateway, "/docs"); // of the same origin, to set the scene
    await page.route("**/v1/**", (route) =>
      route.request().headers().authorization === "Bearer right" ? route.continue() : route.fulfill({ status: 401, json: { code: 16, message: "who are you?" } }),
    );
    await page.goto(gateway.url);
    const token = page.getByLabel("Bearer token");
    await token.fill("wrong");
    await accessible(page);
    await page.keyboard.press("Enter");
    await page.getByText("did not accept the token").waitFor();
    await token.fill("right");
    await page.keyboard.press("Enter");
    await live(page);
    await token.waitFor({ state: "hidden" });
    assert.deepEqual(await page.evaluate(() => [{ ...sessionStorage }, { ...localStorage }]), [{ "callgate.token": "right" }, {}]);
    await page.context().close();
  });
});

describe("the API reference", () => {
  it("shows the contract, without anything from elsewhere", async () => {
    const page = await open(browser, gateway, "/docs");
    await page.getByText("/v1/calls/{call_connection_id}:transfer").first().waitFor();
    await page.getByRole("button", { name: /post \/v1\/calls$/ }).first().click().catch(() => page.locator(".opblock-summary-control").first().click());
    await page.getByText("Request body").first().waitFor();
    await screenshot(page, "reference");
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
});
