import { useState } from "preact/hooks";
import { callPath, navigate, useApp } from "../app";
import { ApiError, post } from "../api/http";
import type { Behaviour, CallConnection, Identifier } from "../api/types";
import { missed, over, type Call } from "../model/call";

const callerID = "+18005550100";
const ownUser = "8:acs:callgate_console";

// identifier reads a number or a raw id.
const identifier = (text: string) => (text.startsWith("+") ? { phoneNumber: text } : { rawId: text });
const withCallerID = (text: string) => (text.startsWith("+") || text.startsWith("4:") ? { sourceCallerIdNumber: callerID } : {});

// useAction runs one action at a time and keeps what went wrong.
function useAction() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const run = async (action: () => Promise<void>) => {
    setBusy(true);
    setError("");
    try {
      await action();
    } catch (failure) {
      setError(failure instanceof ApiError ? [failure.message, ...failure.violations].join(" ") : "The gateway does not answer.");
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run };
}

// Party is who is to be called: by what they do, or by a number of one's own.
function Party({ label, behaviours, value, onChange }: { label: string; behaviours: Behaviour[]; value: string; onChange: (value: string) => void }) {
  const matching = behaviours.find((b) => b.suffix && value.endsWith(b.suffix)) ?? behaviours.find((b) => !b.suffix);
  return (
    <div class="party">
      <label>
        {label}
        <select value={matching?.suffix} onChange={(event) => onChange(`+1425555${event.currentTarget.value || "0123"}`)}>
          {behaviours.map((b) => (
            <option key={b.suffix} value={b.suffix}>
              {b.name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Number or raw id
        <input value={value} spellcheck={false} autocomplete="off" onInput={(event) => onChange(event.currentTarget.value.trim())} />
      </label>
      <p class="fine">{matching?.meaning}.</p>
    </div>
  );
}

// Dialer places calls with the emulator's people, either way.
export function Dialer({ behaviours }: { behaviours: Behaviour[] }) {
  const app = useApp();
  const [who, setWho] = useState("+14255550123");
  const { busy, error, run } = useAction();
  const call = () =>
    run(async () => {
      const { callConnection } = await post<{ callConnection: CallConnection }>("/v1/calls", { targets: [identifier(who)], ...withCallerID(who) });
      app.store.placed(callConnection, app.now());
      navigate(callPath(callConnection.callConnectionId));
    });
  const ring = () =>
    run(async () => {
      const { correlationId } = await post<{ correlationId: string }>("/emulator/control/v1/incomingCalls", { from: who, to: ownUser });
      navigate(callPath(correlationId));
    });
  return (
    <form class="dialer" aria-labelledby="dialer-title" onSubmit={(event) => (event.preventDefault(), void call())}>
      <h2 id="dialer-title">Test numbers</h2>
      <Party label="Somebody who" behaviours={behaviours} value={who} onChange={setWho} />
      <div class="buttons">
        <button type="submit" class="first" disabled={busy}>
          Call them
        </button>
        <button type="button" disabled={busy} onClick={ring}>
          Have them call in
        </button>
      </div>
      {error && <p role="alert">{error}</p>}
    </form>
  );
}

// Actions are what can be done to a call of the emulator.
export function Actions({ call, behaviours }: { call: Call; behaviours: Behaviour[] }) {
  const app = useApp();
  const [who, setWho] = useState("+14255550124");
  const { busy, error, run } = useAction();
  if (over(call) || missed(call, app.now())) return null;
  const act = (path: string, body: unknown) => run(() => post(`/v1/calls/${encodeURIComponent(call.connection)}${path}`, body).then(() => undefined));
  const incoming = (verb: string, body: object, said: string) =>
    run(async () => {
      const answer = await post<{ callConnection?: CallConnection }>(`/v1/calls:${verb}`, { incomingCallContext: call.incomingContext, ...body });
      if (answer.callConnection) navigate(callPath(answer.callConnection.callConnectionId));
      else app.store.dismissed(call.key, said);
    });
  return (
    <form class="actions" aria-label="Act on this call" onSubmit={(event) => event.preventDefault()}>
      {call.state === "incoming" ? (
        <div class="buttons">
          <button type="button" class="first" disabled={busy} onClick={() => incoming("answer", {}, "")}>
            Answer
          </button>
          <button type="button" disabled={busy} onClick={() => incoming("reject", { callRejectReason: "CALL_REJECT_REASON_BUSY" }, "rejected: busy")}>
            Reject
          </button>
          <HangUpOther call={call} run={run} busy={busy} />
        </div>
      ) : (
        <>
          <Party label="Somebody else who" behaviours={behaviours} value={who} onChange={setWho} />
          <div class="buttons">
            <button type="button" disabled={busy} onClick={() => act("/participants:add", { participant: identifier(who), ...withCallerID(who) })}>
              Add
            </button>
            <button type="button" disabled={busy} onClick={() => act(":transfer", { target: identifier(who), ...withCallerID(who), ...transferee(call) })}>
              Transfer to
            </button>
            <span class="divide" />
            <HangUpOther call={call} run={run} busy={busy} />
            <button type="button" class="danger" disabled={busy} onClick={() => act(":hangUp", { forEveryone: true })}>
              Hang up
            </button>
          </div>
        </>
      )}
      {error && <p role="alert">{error}</p>}
    </form>
  );
}

// transferee is whom a transfer is about: in a group it has to be said.
function transferee(call: Call): { transferee?: Pick<Identifier, "rawId"> } {
  const here = [...call.present.keys()].filter((raw) => !call.self.has(raw));
  return here.length > 1 ? { transferee: { rawId: here[0]! } } : {};
}

// HangUpOther has the other side hang up.
function HangUpOther({ call, run, busy }: { call: Call; run: (action: () => Promise<void>) => Promise<void>; busy: boolean }) {
  const here = [...call.present.keys()].filter((raw) => !call.self.has(raw));
  const hangUp = () =>
    run(async () => {
      await post("/emulator/control/v1/participants:hangUp", {
        ...(call.connection ? { callConnectionId: call.connection } : { serverCallId: call.serverCall }),
        ...(here.length > 1 ? { rawId: here[0] } : {}),
      });
    });
  return (
    <button type="button" disabled={busy} onClick={hangUp}>
      The other side hangs up
    </button>
  );
}
