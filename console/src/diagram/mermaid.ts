// A diagram as Mermaid text, for documents and tickets.

import { since } from "./draw";
import { client, gateway, upstream, type Arrow, type Diagram } from "./model";

export function toMermaid(diagram: Diagram): string {
  const names = new Map<string, string>([[client, "C"], [gateway, "G"], [upstream, "U"]]);
  const out = ["sequenceDiagram"];
  for (const line of diagram.lifelines) {
    const name = names.get(line.id) ?? `P${names.size - 2}`;
    names.set(line.id, name);
    out.push(`    participant ${name} as ${clean(line.title)}`);
  }
  const present = new Set<string>();
  diagram.steps.forEach((step, i) => {
    step.arrows.forEach((a, n) => {
      const text = [a.text, a.under && `(${a.under})`, n === 0 && `[${since(step.at - diagram.began)}]`].filter(Boolean).join(" ");
      out.push(`    ${names.get(a.from)}${kind(a)}${names.get(a.to)}: ${clean(text)}`);
    });
    for (const mark of step.marks) {
      if (mark.text) out.push(`    Note over ${names.get(mark.on)}: ${clean(mark.text)}`);
    }
    for (const { on, from, to } of diagram.presences) {
      if (from === i) {
        present.add(on);
        out.push(`    activate ${names.get(on)}`);
      }
      if (to === i && present.delete(on)) out.push(`    deactivate ${names.get(on)}`);
    }
    if (step.note) out.push(`    Note over C,U: ${clean(step.note.text)}`);
  });
  for (const on of present) out.push(`    deactivate ${names.get(on)}`);
  return `${out.join("\n")}\n`;
}

function kind(a: Arrow): string {
  if (a.cross) return a.dashed ? "--x" : "-x";
  return a.dashed ? "-->>" : "->>";
}

// clean keeps text from being read as syntax: Mermaid ends a statement at ";" and
// begins an entity at "#".
const clean = (text: string) =>
  text.replace(/[\r\n]+/g, " ").replace(/[#;<>]/g, (c) => `#${c.charCodeAt(0)};`);
