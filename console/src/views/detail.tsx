import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { callPath, follow, navigate, useApp, type App } from "../app";
import { ApiError, get } from "../api/http";
import type { CallEvent } from "../api/types";
import { toMermaid } from "../diagram/mermaid";
import { build } from "../diagram/model";
import { toSVG } from "../diagram/svg";
import { others, over, type Call } from "../model/call";
import { limits } from "../model/store";
import { partyName } from "../model/words";
import { age, StateWords } from "./calls";
import { DiagramView } from "./diagram";
import { Actions } from "./emulator";
import { Copy, Inspector } from "./json";

// Detail shows one call: its story so far from the log, and what happens from now
// on from the stream.
export function Detail({ id }: { id: string }) {
  const app = useApp();
  const [trouble, setTrouble] = useState("");
  const [loaded, setLoaded] = useState(false);
  const [selected, setSelected] = useState("");
  const kept = useRef<Call | undefined>(undefined); // the page may have to forget it while it is looked at
  const call = (kept.current = app.store.calls.get(id) ?? answered(app, id) ?? kept.current);

  useEffect(() => {
    if (call && call.key !== id) navigate(callPath(call.key)); // it rang, and was answered
  }, [call?.key, id]);

  useEffect(() => {
    const gone = new AbortController();
    history(app, id, gone.signal)
      .catch((error: unknown) => !gone.signal.aborted && setTrouble(error instanceof ApiError ? error.message : "The gateway does not answer."))
      .finally(() => setLoaded(true));
    return () => gone.abort();
  }, [app, id]);

  const diagram = useMemo(() => call && build(call, app.upstreamName), [call, call?.revision, app]);
  if (!call || !diagram) {
    return (
      <section class="detail welcome" aria-label="Call">
        <p>{trouble || (loaded ? "The log has no such call." : "Looking for the call…")}</p>
      </section>
    );
  }
  const event = diagram.steps.find((step) => step.key === selected)?.event;
  const names = others(call).map(partyName);
  const who = names.length > 3 ? `${names.slice(0, 2).join(", ")} and ${names.length - 2} others` : names.join(", ") || "somebody";
  return (
    <section class={`detail${event ? " inspecting" : ""}`} aria-labelledby="call-title">
      <div class="top">
        <a class="back-link" href="/" onClick={follow}>
          All calls
        </a>
        <div class="title">
          <h1 id="call-title">{who}</h1>
          <StateWords call={call} now={app.now()} />
          <span class="muted">{age(call, app.now())}</span>
          <span class="space" />
          <div class="buttons">
            <button type="button" onClick={() => save(`${fileName(call)}.svg`, "image/svg+xml", toSVG(diagram))}>
              Save SVG
            </button>
            <button type="button" onClick={() => save(`${fileName(call)}.mmd`, "text/plain", toMermaid(diagram))}>
              Save Mermaid
            </button>
            <Copy text={() => toMermaid(diagram)}>Copy Mermaid</Copy>
          </div>
        </div>
        <Ids call={call} />
        {app.config.emulator && <Actions call={call} behaviours={app.config.emulator.behaviours} />}
        {trouble && <p role="alert">{trouble}</p>}
        {call.forgotten > 0 && (
          <p class="fine">
            The first {call.forgotten.toLocaleString("en")} events are not drawn: the page keeps {limits.eventsPerCall.toLocaleString("en")} of one call.
          </p>
        )}
      </div>
      {diagram.steps.length > 0 ? (
        <DiagramView diagram={diagram} live={!over(call)} selected={selected} onSelect={setSelected} />
      ) : (
        <p class="empty">Nothing has come of it yet.</p>
      )}
      {event && <Inspector event={event} onClose={() => setSelected("")} />}
      <p class="legend fine">
        <span>
          <b>+n ms</b> how long after it happened the callback came
        </span>
        <span>
          <b>dashed</b> concluded, not told
        </span>
        <span>Choose a step for its JSON.</span>
      </p>
    </section>
  );
}

function Ids({ call }: { call: Call }) {
  const ids = [
    ["Call connection", call.connection],
    ["Correlation", call.correlation],
    ["Server call", call.serverCall],
  ].filter(([, id]) => id);
  return (
    <dl class="ids">
      {ids.map(([name, id]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd title={id}>{id}</dd>
        </div>
      ))}
    </dl>
  );
}

// answered finds the connection that answered a call which rang, by what both have
// in common.
function answered(app: App, correlation: string): Call | undefined {
  for (const call of app.store.calls.values()) if (call.correlation === correlation) return call;
  return undefined;
}

// history takes in what the log has of a call, the newest of it where that is
// more than the page keeps.
async function history(app: App, id: string, signal: AbortSignal) {
  let events: CallEvent[] = [];
  let all = 0;
  for (let token = ""; ; ) {
    const params = new URLSearchParams({ page_size: "1000", include_commands: "true", page_token: token });
    const page = await get<{ events?: CallEvent[]; nextPageToken?: string }>(`/v1/calls/${encodeURIComponent(id)}/events?${params}`, signal);
    all += page.events?.length ?? 0;
    events = [...events, ...(page.events ?? [])].slice(-limits.eventsPerCall);
    token = page.nextPageToken ?? "";
    if (!token) break;
  }
  if (events.length > 0) app.store.load(id, events, all - events.length);
}

const fileName = (call: Call) => `call-${(call.connection || call.serverCall || call.key).replace(/[^\w-]+/g, "").slice(0, 40)}`;

function save(name: string, type: string, content: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
