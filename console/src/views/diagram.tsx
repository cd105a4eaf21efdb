import { h, type TargetedKeyboardEvent, type VNode } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { heads, lines, row, type Shape } from "../diagram/draw";
import { headHeight, layout, visible } from "../diagram/layout";
import type { Diagram } from "../diagram/model";
import { reveal, useStickyEnd, useViewport } from "./virtual";
import "../diagram/diagram.css";

const draw = (shape: Shape | string): VNode | string =>
  typeof shape === "string" ? shape : h(shape.tag, shape.attributes as object, ...shape.children.map(draw));

interface Props {
  diagram: Diagram;
  // More is to come: the newest step is kept in sight.
  live: boolean;
  // The key of the step that is looked at.
  selected: string;
  onSelect: (key: string) => void;
}

// DiagramView draws what is seen of a diagram. Steps are chosen by pointer, or
// with the arrow keys.
export function DiagramView({ diagram, live, selected, onSelect }: Props) {
  const l = useMemo(() => layout(diagram), [diagram]);
  const { ref, top, height } = useViewport();
  useStickyEnd(ref, l.height, height, live);
  const [active, setActive] = useState("");
  useEffect(() => setActive(selected), [selected]);
  const [first, end] = visible(l.rows, top - 200, top + height + 200);

  const at = l.rows.findIndex((r) => r.step.key === active);
  const move = (to: number) => {
    const target = l.rows[Math.max(0, Math.min(l.rows.length - 1, to))];
    const element = ref.current;
    if (!target || !element) return;
    setActive(target.step.key);
    if (selected) onSelect(target.step.key);
    reveal(element, target.y, target.height, headHeight);
  };
  const keys: Record<string, () => void> = {
    ArrowDown: () => move(at < 0 ? first : at + 1),
    ArrowUp: () => move(at < 0 ? end - 1 : at - 1),
    PageDown: () => move(at + 10),
    PageUp: () => move(at - 10),
    Home: () => move(0),
    End: () => move(l.rows.length - 1),
    Enter: () => onSelect(active),
    " ": () => onSelect(active),
    Escape: () => onSelect(""),
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>) => {
    const act = keys[event.key];
    if (!act || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  };
  const shown = at >= first && at < end ? `step-${active}` : undefined;
  return (
    <div class="canvas" ref={ref} tabIndex={0} role="listbox" aria-label="Sequence diagram, step by step" aria-activedescendant={shown} onKeyDown={onKeyDown}>
      <svg class="diagram heads" width={l.width} height={headHeight} role="presentation">
        {heads(diagram, l).map(draw)}
      </svg>
      <svg class="diagram" width={l.width} height={l.height} role="presentation">
        {lines(diagram, l).map(draw)}
        {l.rows.slice(first, end).map((r, i) => (
          <g
            key={r.step.key}
            id={`step-${r.step.key}`}
            role="option"
            aria-selected={r.step.key === selected}
            aria-setsize={l.rows.length}
            aria-posinset={first + i + 1}
            aria-label={r.step.says}
            class={`step${r.step.key === active ? " active" : ""}${r.step.key === selected ? " selected" : ""}`}
            onClick={() => onSelect(r.step.key === selected ? "" : r.step.key)}
          >
            {draw(row(r, l, diagram.began))}
          </g>
        ))}
      </svg>
    </div>
  );
}
