import { useEffect, useRef, useState } from "preact/hooks";
import { follow, useApp, usePath } from "../app";
import { session } from "../api/http";
import type { StreamState } from "../api/stream";
import { CallsView } from "./calls";
import { TailView } from "./tail";

export function Page() {
  const app = useApp();
  const path = usePath();
  const call = /^\/calls\/([^/]+)$/.exec(path)?.[1];
  useEffect(() => {
    document.title = path === "/events" ? "Events · callgate" : "Calls · callgate";
  }, [path]);
  return (
    <>
      <header class="bar">
        <a class="brand" href="/" aria-label="callgate" onClick={follow}>
          <img src="/console/icon.svg" alt="" width="22" height="22" />
          <span>callgate</span>
        </a>
        <nav aria-label="Main">
          <a href="/" aria-current={path !== "/events" ? "page" : undefined} onClick={follow}>
            Calls
          </a>
          <a href="/events" aria-current={path === "/events" ? "page" : undefined} onClick={follow}>
            Events
          </a>
          <a href="/docs">API reference</a>
        </nav>
        <span class="space" />
        <span class="mode" title={app.config.emulator ? "Nobody is really called: the upstream is the emulator." : "Calls are real: this page only looks."}>
          {app.config.emulator ? "emulator" : "live upstream"}
        </span>
        <Connection state={app.state} />
      </header>
      {app.notice && (
        <p class="notice" role="status">
          {app.notice}
          <button type="button" class="quiet" onClick={() => app.say("")}>
            Dismiss
          </button>
        </p>
      )}
      <main>{path === "/events" ? <TailView /> : <CallsView selected={call ? decodeURIComponent(call) : ""} />}</main>
      <TokenDialog />
    </>
  );
}

function Connection({ state }: { state: StreamState }) {
  const words: Record<StreamState["kind"], string> = {
    connecting: "Connecting",
    live: "Live",
    waiting: "Reconnecting",
    paused: "Paused",
    refused: "Stopped",
  };
  const why = state.kind === "waiting" || state.kind === "refused" ? state.why : "";
  return (
    <span class={`connection ${state.kind}`} role="status" title={why}>
      <span class="dot" aria-hidden="true" />
      {words[state.kind]}
      {state.kind === "refused" && <span class="why">: {why}</span>}
    </span>
  );
}

// TokenDialog asks for a token when the API wants one.
function TokenDialog() {
  const [needed, setNeeded] = useState(session.needed);
  const dialog = useRef<HTMLDialogElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const tried = session.token !== null;
  useEffect(() => {
    setNeeded(session.needed); // it may have become so since the first drawing
    return session.onNeeded(setNeeded);
  }, []);
  useEffect(() => {
    if (needed && !dialog.current?.open) dialog.current?.showModal();
    else if (!needed) dialog.current?.close();
  }, [needed]);
  const give = (event: Event) => {
    event.preventDefault();
    const token = input.current!.value.trim();
    if (!token) return;
    input.current!.value = "";
    session.give(token);
  };
  return (
    <dialog ref={dialog} aria-labelledby="token-title" onCancel={(event) => event.preventDefault()}>
      <form onSubmit={give}>
        <h2 id="token-title">A token is needed</h2>
        <p>{tried ? "The gateway did not accept the token." : "The gateway asks who you are."} It is kept until this tab is closed.</p>
        <label>
          Bearer token
          <input ref={input} type="password" autocomplete="off" spellcheck={false} required />
        </label>
        <div class="buttons">
          <button type="submit" class="first">
            Go on
          </button>
        </div>
      </form>
    </dialog>
  );
}
