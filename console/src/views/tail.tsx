import { useEffect, useRef, useState } from "preact/hooks";
import { callPath, follow, useApp } from "../app";
import { EventStream, type StreamState } from "../api/stream";
import type { CallEvent } from "../api/types";
import { commandOf } from "../model/command";
import { limits } from "../model/store";
import { clock, content, ending, nameOf, received, why } from "../model/words";
import { Filters, isEmpty, noFilter, type Filter } from "./filters";
import { Inspector } from "./json";
import { List } from "./virtual";

// TailView shows events one by one as they come. Without a filter they are those
// of the page's own stream; a filter is the gateway's work, on a stream of its own.
export function TailView() {
  const app = useApp();
  const [filter, setFilter] = useState<Filter>(noFilter);
  const [selected, setSelected] = useState<CallEvent>();
  const filtered = useFiltered(filter);
  const events = filtered ? filtered.events : app.store.tail;
  return (
    <div class={`tail${selected ? " inspecting" : ""}`}>
      <section class="stream" aria-labelledby="events-title">
        <div class="title">
          <h1 id="events-title">Events</h1>
          <span class="muted" role="status">
            {events.length.toLocaleString("en")} {filtered ? `matching, ${filtered.state.kind}` : `in the ${app.window}`}
          </span>
        </div>
        <Filters value={filter} onChange={setFilter} />
        {filtered?.state.kind === "refused" && <p role="alert">{filtered.state.why}</p>}
        <div class="events-head" aria-hidden="true">
          <span>received</span>
          <span>event</span>
          <span>call</span>
          <span>context</span>
          <span>result</span>
        </div>
        {events.length > 0 ? (
          <List
            label="Events, oldest first"
            class="events"
            count={events.length}
            rowHeight={30}
            stickToEnd
            row={(i) => <EventRow event={events[i]!} selected={events[i]!.cursor === selected?.cursor} onSelect={setSelected} />}
          />
        ) : (
          <p class="empty">{filtered ? "Nothing that matches has come yet." : "Nothing has happened yet."}</p>
        )}
        {events.length >= limits.tail && <p class="fine">The page keeps the newest {limits.tail.toLocaleString("en")}; the log has more.</p>}
      </section>
      {selected && <Inspector event={selected} onClose={() => setSelected(undefined)} />}
    </div>
  );
}

function EventRow({ event, selected, onSelect }: { event: CallEvent; selected: boolean; onSelect: (event: CallEvent) => void }) {
  const id = event.callConnectionId || (event.serverCallId && event.correlationId) || "";
  return (
    <div class={`event${selected ? " selected" : ""}`}>
      <span class="time">{clock(received(event))}</span>
      <button type="button" class={`name ${ending(event)?.tone ?? ""}`} aria-pressed={selected} onClick={() => onSelect(event)}>
        {nameOf(event)}
        {event.command && <span class="muted"> {commandOf(event)!.action}</span>}
      </button>
      {id ? (
        <a href={callPath(id)} onClick={follow} title={id}>
          {id.slice(0, 8)}
        </a>
      ) : (
        <span />
      )}
      <span class="muted cut">{event.operationContext}</span>
      <span class="cut">{why(event.result) || content(event)}</span>
    </div>
  );
}

// useFiltered keeps a stream with a filter, as long as there is one.
function useFiltered(filter: Filter): { events: CallEvent[]; state: StreamState } | undefined {
  const events = useRef<CallEvent[]>([]);
  const [state, setState] = useState<StreamState>({ kind: "connecting" });
  const [, setCount] = useState(0);
  const empty = isEmpty(filter);
  useEffect(() => {
    if (empty) return;
    events.current = [];
    let scheduled = 0;
    const changed = () => {
      scheduled ||= requestAnimationFrame(() => {
        scheduled = 0;
        setCount((n) => n + 1);
      });
    };
    const stream = new EventStream(
      () => {
        const params = new URLSearchParams(filter.from === "latest" ? { latest: "true" } : filter.from === "earliest" ? { earliest: "true" } : { from_time: filter.from });
        params.set("include_commands", "true");
        for (const [field, values] of Object.entries(filter.values)) for (const value of values) params.append(`filter.${field}`, value);
        return params;
      },
      {
        events: (came) => {
          events.current.push(...came);
          if (events.current.length > limits.tail * 1.2) events.current = events.current.slice(-limits.tail);
          changed();
        },
        gap: () => undefined, // the page's own stream says it
        reset: () => {
          events.current = [];
          changed();
        },
        state: setState,
      },
    );
    return () => {
      cancelAnimationFrame(scheduled);
      stream.close();
    };
  }, [filter, empty]);
  return empty ? undefined : { events: events.current, state };
}
