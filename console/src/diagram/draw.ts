// A laid out diagram as shapes, which the page and the exported file share.

import { duration } from "../model/words";
import { arrowY, gutter, headHeight, partySpan, type Layout, type Row } from "./layout";
import { client, upstream, type Arrow, type Diagram, type Lifeline } from "./model";

export interface Shape {
  tag: "g" | "line" | "path" | "rect" | "circle" | "text" | "title";
  attributes: Record<string, string | number>;
  children: (Shape | string)[];
}

const shape = (tag: Shape["tag"], attributes: Shape["attributes"], ...children: Shape["children"]): Shape => ({ tag, attributes, children });

// fit cuts text to a width, at the size that labels have.
function fit(text: string, width: number): string {
  const most = Math.max(4, Math.floor(width / 6.2));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

// heads are the names on top.
export function heads(diagram: Diagram, { x }: Layout): Shape[] {
  return diagram.lifelines.map((line: Lifeline) =>
    shape(
      "g",
      { class: "head" },
      shape("title", {}, line.id.includes(":") ? line.id : line.title),
      shape("rect", { x: x.get(line.id)! - 65, y: 6, width: 130, height: headHeight - 12, rx: 6 }),
      shape("text", { class: "name", x: x.get(line.id)!, y: 24 }, fit(line.title, 126)),
      shape("text", { class: "small", x: x.get(line.id)!, y: 39 }, fit(line.detail, 126)),
    ),
  );
}

// lines are the lifelines, and the times that parties spend in the call.
export function lines(diagram: Diagram, { x, rows, height }: Layout): Shape[] {
  const y = (step: number | undefined) => (step === undefined || !rows[step] ? height : rows[step].y + arrowY);
  return [
    ...diagram.lifelines.map(({ id }) => shape("line", { class: "lifeline", x1: x.get(id)!, x2: x.get(id)!, y1: 0, y2: height })),
    ...diagram.presences.map(({ on, from, to }) =>
      shape("rect", { class: "presence", x: x.get(on)! - 4, y: y(from), width: 8, height: Math.max(4, y(to) - y(from)), rx: 4 }),
    ),
  ];
}

// row draws one step.
export function row({ step, y, height, lines }: Row, { x, width }: Layout, began: number): Shape {
  const line = y + arrowY;
  const shapes: Shape[] = [
    shape("rect", { class: "back", x: 4, y: y + 1, width: width - 8, height: height - 2, rx: 6 }),
    shape("text", { class: "time", x: gutter - 8, y: line + 4 }, since(step.at - began)),
  ];
  for (const a of step.arrows) shapes.push(...arrow(a, x.get(a.from)!, x.get(a.to)!, line, x.get(upstream)!));
  for (const { on, text, tone } of step.marks) {
    const at = x.get(on)!;
    shapes.push(shape("circle", { class: `mark ${tone}`, cx: at, cy: line, r: 5 }));
    if (text) shapes.push(shape("text", { class: "label start", x: at + 11, y: line + 4 }, fit(text, 130)));
  }
  if (lines.length > 0) {
    const left = x.get(client)! + 10;
    shapes.push(
      shape("rect", { class: `note ${step.note!.tone}`, x: left, y: line + 20, width: x.get(upstream)! - left - 10, height: lines.length * 16 + 8, rx: 4 }),
      ...lines.map((text, i) => shape("text", { class: "small start ink", x: left + 10, y: line + 36 + i * 16 }, text)),
    );
  }
  return shape("g", {}, ...shapes);
}

function arrow(a: Arrow, from: number, to: number, y: number, upstreamX: number): Shape[] {
  const way = Math.sign(to - from) || 1;
  const end = to - way * 2;
  // What passes other parties is named beside the one that it is about.
  const passes = Math.min(from, to) >= upstreamX && Math.abs(to - from) > 1.5 * partySpan;
  const room = passes ? partySpan - 16 : Math.abs(to - from) - 16;
  const middle = passes ? Math.max(from, to) - partySpan / 2 : (from + to) / 2;
  const shapes = [
    shape("line", { class: `arrow ${a.tone}${a.dashed ? " dashed" : ""}`, x1: from + way * 2, x2: end - way * 6, y1: y, y2: y }),
    a.cross
      ? shape("path", { class: `cross ${a.tone}`, d: `M${end - way * 10} ${y - 5}l10 10m0 -10l-10 10` })
      : shape("path", { class: `tip ${a.tone}`, d: `M${end} ${y}l${-way * 9} -4.5v9z` }),
    shape("text", { class: `label ${a.tone}`, x: middle, y: y - 8 }, fit(a.text, room)),
  ];
  if (a.under) shapes.push(shape("text", { class: "small", x: middle, y: y + 15 }, fit(a.under, room)));
  return shapes;
}

// since is a time since the beginning, as the left edge shows it.
export function since(milliseconds: number): string {
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(3)} s`;
  return duration(milliseconds);
}
