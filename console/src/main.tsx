import { render } from "preact";
import { App, AppContext } from "./app";
import type { Config } from "./api/types";
import { Page } from "./views/page";
import "./style.css";

const root = document.getElementById("console")!;

async function start() {
  const response = await fetch("/console/config.json", { cache: "no-store" });
  if (!response.ok) throw new Error(response.statusText);
  const date = Date.parse(response.headers.get("Date") ?? "");
  const app = new App((await response.json()) as Config, Number.isNaN(date) ? 0 : date - Date.now());
  render(
    <AppContext.Provider value={app}>
      <Page />
    </AppContext.Provider>,
    root,
  );
}

start().catch(() => {
  render(<p class="alone">The gateway does not answer. Load the page again when it does.</p>, root);
});
