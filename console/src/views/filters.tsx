import { useEffect, useState } from "preact/hooks";
import { get } from "../api/http";
import { pascal } from "../model/words";

// Filter is the EventFilter of StreamEvents, and where to begin.
export interface Filter {
  values: Record<Field, string[]>;
  // "latest", "earliest", or a time.
  from: string;
}

const fields = {
  types: "Types",
  call_connection_ids: "Call connections",
  operation_contexts: "Operation contexts",
  correlation_ids: "Correlation ids",
  server_call_ids: "Server calls",
  type_names: "Full type names",
} as const;
type Field = keyof typeof fields;

export const noFilter: Filter = {
  values: { types: [], call_connection_ids: [], operation_contexts: [], correlation_ids: [], server_call_ids: [], type_names: [] },
  from: "earliest",
};

export const isEmpty = (filter: Filter) => Object.values(filter.values).every((values) => values.length === 0);

// Filters are given as StreamEvents takes them: all fields must match, each by any
// of its values.
export function Filters({ value, onChange }: { value: Filter; onChange: (filter: Filter) => void }) {
  const types = useTypes();
  const set = (field: Field, values: string[]) => onChange({ ...value, values: { ...value.values, [field]: values } });
  return (
    <details class="filters">
      <summary>
        Filter
        {!isEmpty(value) && <span class="mode">{Object.values(value.values).flat().length} set</span>}
      </summary>
      <div class="grid">
        {(Object.keys(fields) as Field[]).map((field) => (
          <Values key={field} label={fields[field]} values={value.values[field]} options={field === "types" ? types : undefined} onChange={(values) => set(field, values)} />
        ))}
        <label>
          Begin
          <select value={value.from} onChange={(event) => onChange({ ...value, from: event.currentTarget.value })}>
            <option value="earliest">with the earliest that the log has</option>
            <option value="latest">now</option>
          </select>
        </label>
        <div class="buttons">
          <button type="button" disabled={isEmpty(value)} onClick={() => onChange(noFilter)}>
            Clear
          </button>
        </div>
      </div>
    </details>
  );
}

// Values is a field that holds several values: Enter or a comma adds one.
function Values({ label, values, options, onChange }: { label: string; values: string[]; options: Map<string, string> | undefined; onChange: (values: string[]) => void }) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const id = `filter-${label.replaceAll(" ", "-").toLowerCase()}`;
  const add = () => {
    const given = text.trim();
    if (!given) return;
    const value = options ? options.get(given.toLowerCase()) : given;
    setWrong(!value);
    if (!value) return;
    if (!values.includes(value)) onChange([...values, value]);
    setText("");
  };
  return (
    <div class="values">
      <label for={id}>{label}</label>
      <div class="box">
        {values.map((value) => (
          <button key={value} type="button" class="chip" aria-label={`Remove ${shown(value)}`} onClick={() => onChange(values.filter((other) => other !== value))}>
            {shown(value)} <span aria-hidden="true">✕</span>
          </button>
        ))}
        <input
          id={id}
          value={text}
          list={options && `${id}-list`}
          autocomplete="off"
          spellcheck={false}
          aria-invalid={wrong}
          onInput={(event) => {
            setWrong(false);
            setText(event.currentTarget.value);
          }}
          onBlur={add}
          onKeyDown={(event) => {
            if (event.key === "Enter" || event.key === ",") {
              event.preventDefault();
              add();
            } else if (event.key === "Backspace" && text === "") {
              onChange(values.slice(0, -1));
            }
          }}
        />
      </div>
      {options && (
        <datalist id={`${id}-list`}>
          {[...options.values()].map((type) => (
            <option key={type} value={shown(type)} />
          ))}
        </datalist>
      )}
      {wrong && <p class="fine wrong">There is no such type.</p>}
    </div>
  );
}

const prefix = "CALL_EVENT_TYPE_";
const shown = (value: string) => (value.startsWith(prefix) ? pascal(value.slice(prefix.length)) : value);

// useTypes are the types of the contract that this gateway speaks, by the ways in
// which people write them.
function useTypes(): Map<string, string> {
  const [types, setTypes] = useState(new Map<string, string>());
  useEffect(() => {
    interface Contract {
      components: { schemas: Record<string, { enum?: string[] }> };
    }
    get<Contract>("/openapi.json")
      .then((contract) => {
        const names = contract.components.schemas["callgate.v1.CallEventType"]?.enum ?? [];
        const known = new Map<string, string>();
        for (const name of names.filter((n) => !n.endsWith("_UNSPECIFIED"))) {
          known.set(shown(name).toLowerCase(), name);
          known.set(name.toLowerCase(), name);
        }
        setTypes(known);
      })
      .catch(() => undefined); // the field then knows no type; the stream says why
  }, []);
  return types;
}
