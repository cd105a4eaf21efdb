import { chromium } from "playwright-core";
const [,, url, out, scheme="light", w="1440", h="900"] = process.argv;
const b = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox","--disable-gpu","--disable-quic","--no-first-run","--disable-background-networking","--disable-component-update","--disable-sync"] });
const p = await b.newPage({ viewport: { width: +w, height: +h }, colorScheme: scheme });
p.on("console", m => console.log("console:", m.type(), m.text().slice(0,300)));
p.on("pageerror", e => console.log("error:", e.message));
await p.goto(url); await p.waitForTimeout(3000);
await p.screenshot({ path: out });
await b.close();
