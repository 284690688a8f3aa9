// Where the arrow keys lead on the drawing.
import type { Gap } from "./canvas";
import type { Line } from "./flow";
import type { Box, Layout } from "./layout";
import { endId, isEnd } from "./measures";
import type { Surface } from "./surface";

const panBy = 80; // px

/** Runs a key on a step or end with the focus. What the canvas does not know goes to its owner. */
export function handleKey(event: React.KeyboardEvent, surface: Surface, id: string) {
  const { layout, props, root } = surface;
  if (!layout || !props || event.defaultPrevented) return;
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (plain && event.shiftKey && surface.flow && event.key.startsWith("Arrow")) {
    event.preventDefault();
    const [dx, dy] = arrows[event.key] ?? [0, 0];
    return surface.pan(-dx * panBy, -dy * panBy);
  }
  const next =
    plain &&
    (surface.flow ? neighbor(layout, id, event.key, surface.trail) : listed(root.current, layout, id, event.key));
  if (next) {
    event.preventDefault();
    return surface.focus(next);
  }
  if (plain && !event.shiftKey && event.key.toLowerCase() === "a" && props.onInsert) {
    const gap = gapAfter(layout, id);
    if (gap) {
      event.preventDefault();
      return props.onInsert(gap, event.currentTarget as HTMLElement);
    }
  }
  if (!layout.boxes.get(id)?.line) props.onKey?.(event, id);
}

const arrows: Record<string, [number, number]> = {
  ArrowDown: [0, 1],
  ArrowUp: [0, -1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};

/** Where a step is added after this one: where a way leads nowhere, or else by its first way. */
export function gapAfter(drawn: Layout, id: string): Gap | null {
  const end = drawn.boxes.get(id)?.line;
  const lines = drawn.flow.stops.get(id)?.out ?? [];
  const line: Line | undefined = end ?? lines.find((l) => l.target === null) ?? lines[0];
  return line ? { source: line.source, handle: line.way.handle } : null;
}

/** What a key leads to in the outline: up and down along the list, left to the step before, right to the one after. */
function listed(root: HTMLElement | null, drawn: Layout, id: string, key: string): string | null {
  const rows = [...(root?.querySelectorAll<HTMLElement>("[data-step]") ?? [])].map((row) => row.dataset["step"] ?? "");
  const now = rows.indexOf(id);
  switch (key) {
    case "ArrowDown":
      return rows[now + 1] ?? null;
    case "ArrowUp":
      return rows[now - 1] ?? null;
    case "Home":
      return rows[0] ?? null;
    case "End":
      return rows.at(-1) ?? null;
    case "ArrowLeft":
      return drawn.boxes.get(id)?.line?.source ?? drawn.flow.stops.get(id)?.before ?? null;
    case "ArrowRight":
      return below(drawn, id)[0] ?? null;
    default:
      return null;
  }
}

/** The steps and ends that a step's ways lead to, from left to right. */
export function below(drawn: Layout, id: string): string[] {
  const lines = drawn.flow.stops.get(id)?.out ?? [];
  return lines.map((line) => (isEnd(line) ? endId(line) : (line.target ?? "")));
}

/** The steps that lead to a step or end, from left to right. */
export function above(drawn: Layout, id: string): string[] {
  const box = drawn.boxes.get(id);
  if (box?.line) return [box.line.source];
  const sources = new Set(drawn.flow.stops.get(id)?.into.map((line) => line.source));
  return [...sources].sort((a, b) => middle(drawn.boxes.get(a)) - middle(drawn.boxes.get(b)));
}

/** What a key on a step leads to; null for nothing. `trail` is where the focus came from, the latest last. */
export function neighbor(drawn: Layout, id: string, key: string, trail: readonly string[]): string | null {
  switch (key) {
    case "ArrowDown":
      return latest(below(drawn, id), trail);
    case "ArrowUp":
      return latest(above(drawn, id), trail);
    case "ArrowLeft":
      return beside(drawn, id, -1);
    case "ArrowRight":
      return beside(drawn, id, 1);
    case "Home":
      return drawn.flow.starts[0] ?? null;
    default:
      return null;
  }
}

/** The one that was visited last, or else the first: so that going up and down again ends where it began. */
function latest(ids: string[], trail: readonly string[]): string | null {
  for (let i = trail.length - 1; i >= 0; i--) {
    const id = trail[i];
    if (id !== undefined && ids.includes(id)) return id;
  }
  return ids[0] ?? null;
}

/** The nearest one to a side: in the same row, or else in the rows next to it. */
function beside(drawn: Layout, id: string, side: -1 | 1): string | null {
  const from = drawn.boxes.get(id);
  if (!from) return null;
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const box of drawn.boxes.values()) {
    const dx = (middle(box) - middle(from)) * side;
    if (dx <= 0) continue;
    const distance = dx + Math.abs(box.row - from.row) * 10_000;
    if (distance < least) {
      least = distance;
      best = box.id;
    }
  }
  return best;
}

function middle(box: Box | undefined): number {
  return box ? box.x + box.width / 2 : 0;
}
