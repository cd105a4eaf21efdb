import type { ComponentChildren, TargetedKeyboardEvent } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

// useViewport follows what part of a scrolled element is seen.
export function useViewport() {
  const ref = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  useEffect(() => {
    const element = ref.current!;
    const measure = () => setView((was) => {
      const now = { top: element.scrollTop, height: element.clientHeight };
      return was.top === now.top && was.height === now.height ? was : now;
    });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    measure();
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, []);
  return { ref, ...view };
}

// useStickyEnd keeps an element scrolled to its end while it grows, if it was there,
// or begins there.
export function useStickyEnd(ref: { current: HTMLElement | null }, size: number, height: number, begins: boolean) {
  const atEnd = useRef(begins);
  useEffect(() => {
    const element = ref.current!;
    const note = () => (atEnd.current = element.scrollTop + element.clientHeight >= element.scrollHeight - 40);
    element.addEventListener("scroll", note, { passive: true });
    return () => element.removeEventListener("scroll", note);
  }, [ref]);
  useLayoutEffect(() => {
    if (atEnd.current && ref.current) ref.current.scrollTop = ref.current.scrollHeight;
  }, [ref, size, height]);
}

// reveal scrolls an element as little as shows the part from top on, of a height,
// below what covers its upper edge.
export function reveal(element: HTMLElement, top: number, height: number, covered = 0) {
  const seen = element.clientHeight - covered;
  if (top < element.scrollTop) element.scrollTop = top;
  else if (top + height > element.scrollTop + seen) element.scrollTop = top + height - seen;
}

interface Props {
  count: number;
  rowHeight: number;
  row: (index: number) => ComponentChildren;
  label: string;
  class?: string;
  stickToEnd?: boolean;
  onKeyDown?: (event: TargetedKeyboardEvent<HTMLDivElement>) => void;
}

// List draws only the rows that are seen, of any number. Each row is a listitem.
export function List({ count, rowHeight, row, label, stickToEnd, onKeyDown, ...rest }: Props) {
  const { ref, top, height } = useViewport();
  useStickyEnd(ref, count, height, stickToEnd ?? false);
  const first = Math.max(0, Math.floor(top / rowHeight) - 6);
  const end = Math.min(count, Math.ceil((top + height) / rowHeight) + 6);
  const rows = [];
  for (let i = first; i < end; i++) {
    rows.push(
      <div key={i} role="listitem" aria-setsize={count} aria-posinset={i + 1} class="row" style={{ top: `${i * rowHeight}px`, height: `${rowHeight}px` }}>
        {row(i)}
      </div>,
    );
  }
  return (
    <div ref={ref} class={`list ${rest.class ?? ""}`} tabIndex={0} role="region" aria-label={label} onKeyDown={onKeyDown}>
      <div role="list" aria-label={label} class="rows" style={{ height: `${count * rowHeight}px` }}>
        {rows}
      </div>
    </div>
  );
}
