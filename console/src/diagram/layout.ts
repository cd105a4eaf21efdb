// Where everything in a diagram is, in pixels.

import type { Diagram, Step } from "./model";

export interface Row {
  step: Step;
  y: number;
  height: number;
  lines: string[];
}

export interface Layout {
  width: number;
  height: number;
  x: Map<string, number>;
  rows: Row[];
}

export const headHeight = 52;
export const gutter = 70;
// Of a row: where its arrows are, and how much it takes without a note.
export const arrowY = 30;
const rowHeight = 54;
const lineHeight = 16;
const notePadding = 14;
// Of columns: client to callgate, to the upstream, to the parties.
const spans = [232, 260, 156];
export const partySpan = 144;
const edge = 74;
const lastEdge = 140; // what happens to the last party is written there
const noteCharacters = 72;

export function layout(diagram: Diagram): Layout {
  const x = new Map<string, number>();
  let at = gutter + edge;
  diagram.lifelines.forEach((line, i) => {
    x.set(line.id, at);
    at += spans[i] ?? partySpan;
  });
  const width = Math.max(...x.values()) + lastEdge;
  let y = 0;
  const rows = diagram.steps.map((step) => {
    const lines = step.note ? wrap(step.note.text, noteCharacters) : [];
    const row = { step, y, height: rowHeight + (lines.length > 0 ? lines.length * lineHeight + notePadding : 0), lines };
    y += row.height;
    return row;
  });
  return { width, height: y + 24, x, rows };
}

// wrap breaks text into lines of at most so many characters, between words where
// it can.
export function wrap(text: string, most: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (let word of text.split(/\s+/)) {
    if (line && line.length + 1 + word.length > most) {
      lines.push(line);
      line = "";
    }
    for (; word.length > most; word = word.slice(most)) lines.push(word.slice(0, most));
    line = line ? `${line} ${word}` : word;
  }
  if (line) lines.push(line);
  return lines;
}

// visible are the rows that a window from top to bottom shows: [first, end).
export function visible(rows: readonly Row[], top: number, bottom: number): [number, number] {
  const find = (y: number) => {
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const row = rows[middle]!;
      if (row.y + row.height <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return [find(top), Math.min(rows.length, find(bottom) + 1)];
}
