// Headless Chromium, which must find nothing wrong with the page.

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const screenshots = fileURLToPath(new URL("../../screenshots/", import.meta.url));

export async function launch() {
  await mkdir(screenshots, { recursive: true });
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

// open gives a page that collects what the browser complains about: errors of
// scripts, breaches of the policy, requests that leave the gateway.
export async function open(browser, gateway, path = "/", options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-US", timezoneId: "UTC", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(error.stack ?? error.message));
  page.on("console", (message) => page.complaints.push(`${message.type()}: ${message.text()}`));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(gateway.url) && !url.startsWith("data:") && !url.startsWith("blob:")) page.complaints.push(`leaves the gateway: ${url}`);
  });
  await page.goto(gateway.url + path);
  return page;
}

// live waits until the page has its stream.
export const live = (page) => page.getByRole("status").filter({ hasText: "Live" }).waitFor();

export const steps = (page) => page.getByRole("listbox", { name: "Sequence diagram" }).getByRole("option");
export const step = (page, name) => page.getByRole("listbox", { name: "Sequence diagram" }).getByRole("option", { name });

export const screenshot = (page, name) => page.screenshot({ path: `${screenshots}${name}.png` });
