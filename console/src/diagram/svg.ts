// A diagram as a file that any viewer shows: its style inside, in concrete
// colours, on paper.

import style from "./diagram.css?inline";
import { heads, lines, row, type Shape } from "./draw";
import { headHeight, layout } from "./layout";
import type { Diagram } from "./model";

export function toSVG(diagram: Diagram): string {
  const l = layout(diagram);
  const body: Shape = {
    tag: "g",
    attributes: { transform: `translate(0 ${headHeight})` },
    children: [...lines(diagram, l), ...l.rows.map((r) => row(r, l, diagram.began))],
  };
  const height = l.height + headHeight;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" class="diagram" width="${l.width}" height="${height}" viewBox="0 0 ${l.width} ${height}">` +
    `<style>${escape(concrete(style))}</style><rect class="paper" width="100%" height="100%"/>` +
    [body, ...heads(diagram, l)].map(text).join("") +
    "</svg>\n"
  );
}

// concrete replaces the page's variables by their fallbacks, which are the light
// colours: few viewers know variables.
export function concrete(css: string): string {
  return css.replace(/var\(\s*--[\w-]+\s*,\s*([^()]*(?:\([^()]*\)[^()]*)*)\)/g, "$1");
}

function text(shape: Shape | string): string {
  if (typeof shape === "string") return escape(shape);
  const attributes = Object.entries(shape.attributes)
    .map(([name, value]) => ` ${name}="${escape(String(value))}"`)
    .join("");
  return `<${shape.tag}${attributes}>${shape.children.map(text).join("")}</${shape.tag}>`;
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
// What XML 1.0 cannot hold at all is left out.
const escape = (s: string) => s.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "").replace(/[&<>"']/g, (c) => entities[c]!);
