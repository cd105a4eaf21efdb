import type { TargetedKeyboardEvent } from "preact";
import { callPath, follow, navigate, useApp, windows, type Window } from "../app";
import { missed, others, over, type Call } from "../model/call";
import { limits, newest } from "../model/store";
import { duration, partyName } from "../model/words";
import { Detail } from "./detail";
import { Dialer } from "./emulator";
import { List, reveal } from "./virtual";

const rowHeight = 60;

export function CallsView({ selected }: { selected: string }) {
  const app = useApp();
  const calls = newest(app.store);
  const active = calls.filter((call) => !over(call) && !missed(call, app.now())).length;
  const step = (event: TargetedKeyboardEvent<HTMLDivElement>) => {
    const way = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (!way || calls.length === 0) return;
    event.preventDefault();
    const at = calls.findIndex((call) => call.key === selected);
    const next = Math.min(calls.length - 1, Math.max(0, at + way));
    navigate(callPath(calls[next]!.key));
    reveal(event.currentTarget, next * rowHeight, rowHeight);
  };
  return (
    <div class={`calls${selected ? " chosen" : ""}`}>
      <section class="side" aria-labelledby="calls-title">
        <div class="title">
          <h1 id="calls-title">Calls</h1>
          <span class="muted">
            {active} active of {calls.length}
          </span>
          <span class="space" />
          <label class="inline">
            <span class="hidden">Show</span>
            <select value={app.window} onChange={(event) => app.look(event.currentTarget.value as Window)}>
              {Object.keys(windows).map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        </div>
        {calls.length > 0 ? (
          <List
            label="Calls"
            count={calls.length}
            rowHeight={rowHeight}
            onKeyDown={step}
            row={(i) => <CallRow key={calls[i]!.key} call={calls[i]!} selected={calls[i]!.key === selected} now={app.now()} />}
          />
        ) : (
          <p class="empty">No calls yet. {app.config.emulator ? "Call a test number below." : "They appear as soon as something happens in them."}</p>
        )}
        {app.store.forgotten > 0 && (
          <p class="fine">
            {app.store.forgotten} older {app.store.forgotten === 1 ? "call is" : "calls are"} not shown: the page keeps {limits.calls} calls and{" "}
            {limits.events.toLocaleString("en")} events.
          </p>
        )}
        {app.config.emulator && <Dialer behaviours={app.config.emulator.behaviours} />}
      </section>
      {selected ? <Detail key={`${app.store.generation} ${selected}`} id={selected} /> : <Welcome />}
    </div>
  );
}

function CallRow({ call, selected, now }: { call: Call; selected: boolean; now: number }) {
  const who = others(call).map(partyName).join(", ") || "somebody";
  return (
    <a class="call" href={callPath(call.key)} aria-current={selected ? "true" : undefined} onClick={follow}>
      <span class="who">{who}</span>
      <span class="age">{age(call, now)}</span>
      <StateWords call={call} now={now} />
      <span class="muted count">
        {call.events.length + call.forgotten} {call.events.length + call.forgotten === 1 ? "event" : "events"}
      </span>
    </a>
  );
}

// age is how long a call has been going on, or did.
export function age(call: Call, now: number): string {
  if (over(call) || missed(call, now)) return duration(call.last - call.began);
  const seconds = Math.floor((now - call.began) / 1000);
  if (seconds < 1) return "just now";
  return seconds < 10 ? `${seconds} s` : duration(seconds * 1000);
}

// StateWords are how far a call is, and how it ended.
export function StateWords({ call, now }: { call: Call; now: number }) {
  const state = missed(call, now) ? "over" : call.state;
  return (
    <span class={`state ${state} ${call.ended?.tone ?? ""}`}>
      <span class="dot" aria-hidden="true" />
      {state === "incoming" ? "rings here" : state !== call.state ? "not answered here" : over(call) ? (call.ended?.text ?? "call over") : state}
    </span>
  );
}

function Welcome() {
  const app = useApp();
  return (
    <section class="detail welcome" aria-label="Call">
      <div>
        <h2>Choose a call</h2>
        <p>
          Its sequence diagram is drawn as it happens: what your services asked for, what the upstream answered, and every callback that came of it.
        </p>
        {app.config.emulator && <p>The upstream is the emulator, so nobody’s phone rings: call a test number to see how a call goes.</p>}
      </div>
    </section>
  );
}
