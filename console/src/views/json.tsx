import { useEffect, useState } from "preact/hooks";
import { ApiError, errorOf, send } from "../api/http";
import { Parser } from "../api/sse";
import type { CallEvent } from "../api/types";
import { clock, nameOf, received } from "../model/words";

// Inspector shows one event as the API gives it.
export function Inspector({ event, onClose }: { event: CallEvent; onClose: () => void }) {
  const [whole, setWhole] = useState<CallEvent>();
  const [error, setError] = useState("");
  useEffect(() => {
    setWhole(undefined);
    setError("");
  }, [event.cursor]);
  const load = () => withData(event).then(setWhole, (failure: unknown) => setError(failure instanceof ApiError ? failure.message : "It could not be loaded."));
  return (
    <aside class="inspector" aria-label="Event">
      <div class="title">
        <h2>{nameOf(event)}</h2>
        <span class="space" />
        <button type="button" class="quiet" onClick={onClose} aria-label="Close the event">
          ✕
        </button>
      </div>
      <p class="fine">Received at {clock(received(event))}</p>
      <pre tabIndex={0} aria-label="The event as JSON">
        <Json value={whole ?? event} />
      </pre>
      {error && <p role="alert">{error}</p>}
      <div class="buttons">
        <Copy text={() => JSON.stringify(whole ?? event, null, 2)}>Copy JSON</Copy>
        {!whole && !event.command && (
          <button type="button" onClick={load}>
            Load the upstream’s data
          </button>
        )}
      </div>
    </aside>
  );
}

// Copy puts text on the clipboard, where the browser lets it.
export function Copy({ text, children }: { text: () => string; children: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  if (!navigator.clipboard) return null;
  return (
    <button type="button" onClick={() => navigator.clipboard.writeText(text()).then(() => setDone(true))}>
      {done ? "Copied" : children}
    </button>
  );
}

const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

// Json is a value, indented, with its parts told apart.
function Json({ value }: { value: unknown }) {
  const text = JSON.stringify(value, null, 2);
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(token)) {
    parts.push(text.slice(from, match.index));
    from = match.index + match[0].length;
    parts.push(<span class={match[2] ? "key" : match[1] ? "string" : "number"}>{match[1] ?? match[0]}</span>, match[2] ?? "");
  }
  return (
    <>
      {parts}
      {text.slice(from)}
    </>
  );
}

// withData asks the log for the event once more, with the upstream's own data.
async function withData(event: CallEvent): Promise<CallEvent> {
  const params = new URLSearchParams({ from_time: event.receiveTime ?? "", include_data: "true" });
  if (event.callConnectionId) params.set("filter.call_connection_ids", event.callConnectionId);
  else if (event.serverCallId) params.set("filter.server_call_ids", event.serverCallId);
  const given = AbortSignal.timeout(10_000);
  const response = await send(`/v1/events:stream?${params}`, { headers: { Accept: "text/event-stream" }, signal: given });
  if (!response.ok) throw await errorOf(response);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new Parser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error("the log has no such event");
      for (const message of parser.push(value)) {
        const found = (JSON.parse(message.data) as { event?: CallEvent }).event;
        if (found?.cursor === event.cursor) return found;
      }
    }
  } finally {
    await reader.cancel();
  }
}
