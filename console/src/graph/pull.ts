// Dragging by pointer: a kind of step onto a line, or a way to another step. HTML's own
// dragging does not exist on touch screens.
import words from "#words/graph";
import { say } from "../say";
import { announce } from "../ui/announce";
import type { Gap } from "./canvas";
import { nameOf } from "./describe";
import type { Line } from "./flow";
import type { Point } from "./layout";
import { distanceTo } from "./path";
import type { Surface } from "./surface";
import type { Graph } from "./types";

const least = 5; // px before a press becomes a drag
const near = 36; // px from a line at which a step is dropped on it

/** The canvas on which a step can be dropped. */
let area: Surface | null = null;

/** Makes a canvas the one on which steps are dropped. Returns what ends it. */
export function dropOn(surface: Surface): () => void {
  area = surface;
  return () => {
    if (area === surface) area = null;
  };
}

interface Tracked {
  start?: () => void;
  move: (event: PointerEvent) => void;
  /** Null if it was called off. */
  end: (event: PointerEvent | null) => void;
}

/** Follows a pointer from a press until it is let go or called off. */
function track(press: React.PointerEvent, { start, move, end }: Tracked) {
  if (press.button !== 0) return;
  let moving = false;
  const stop = new AbortController();
  const on = { signal: stop.signal };
  const finish = (event: PointerEvent | null) => {
    stop.abort();
    if (!moving) return;
    end(event);
    // The click that follows a drag is none.
    const swallow = (click: Event) => {
      click.stopPropagation();
      click.preventDefault();
    };
    window.addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => window.removeEventListener("click", swallow, { capture: true }));
  };
  window.addEventListener(
    "pointermove",
    (event) => {
      if (event.pointerId !== press.pointerId) return;
      const far = Math.hypot(event.clientX - press.clientX, event.clientY - press.clientY) > least;
      if (!moving && !far) return;
      if (!moving) start?.();
      moving = true;
      move(event);
    },
    on,
  );
  window.addEventListener("pointerup", (event) => event.pointerId === press.pointerId && finish(event), on);
  window.addEventListener("pointercancel", () => finish(null), on);
  window.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !moving) return;
      event.stopPropagation();
      finish(null);
    },
    { ...on, capture: true },
  );
}

/**
 * Starts to drag a kind of step from the palette: for `onPointerDown` of its item. A copy of the item follows the
 * pointer. Dropped on a line, `onDrop` of the canvas is called. A press without a move stays a click.
 */
export function startPaletteDrag(press: React.PointerEvent<HTMLElement>, type: string) {
  const item = press.currentTarget;
  let ghost: HTMLElement | null = null;
  let gap: Gap | null = null;
  track(press, {
    start() {
      ghost = item.cloneNode(true) as HTMLElement;
      ghost.className = `${item.className} ghost`;
      ghost.ariaHidden = "true";
      document.body.append(ghost);
    },
    move(event) {
      if (ghost) ghost.style.translate = `${event.clientX + 8}px ${event.clientY + 8}px`;
      const line = area && lineAt(area, event);
      gap = line ? { source: line.source, handle: line.way.handle } : null;
      area?.hot.set(line?.key ?? null);
    },
    end(event) {
      ghost?.remove();
      area?.hot.set(null);
      if (event && gap) area?.props?.onDrop?.(gap, type);
    },
  });
}

function placeOf(surface: Surface, event: PointerEvent): Point | null {
  const root = surface.root.current;
  if (!root || !surface.flow) return null;
  const rect = root.getBoundingClientRect();
  const inside =
    event.clientX >= rect.left &&
    event.clientX <= rect.right &&
    event.clientY >= rect.top &&
    event.clientY <= rect.bottom;
  return inside ? surface.flow.screenToFlowPosition({ x: event.clientX, y: event.clientY }) : null;
}

/** The line nearest to the pointer; on a step, the line below it if there is one only. */
function lineAt(surface: Surface, event: PointerEvent): Line | null {
  const at = placeOf(surface, event);
  if (!at || !surface.layout || !surface.flow) return null;
  const reach = near / surface.flow.getZoom();
  let found: Line | null = null;
  let least = reach;
  for (const { line, points } of surface.layout.lines) {
    if (line.jumps) continue;
    const box = line.target === null ? surface.layout.boxes.get(`end ${line.key}`) : undefined;
    const distance = box && within(box, at) ? 0 : distanceTo(points, at);
    if (distance < least) {
      least = distance;
      found = line;
    }
  }
  return found;
}

function within(box: { x: number; y: number; width: number; height: number }, at: Point): boolean {
  return at.x >= box.x && at.x <= box.x + box.width && at.y >= box.y && at.y <= box.y + box.height;
}

/** Starts to drag a way to another step. What would make a circle is refused while it is dragged. */
export function startConnect(press: React.PointerEvent, surface: Surface, line: Line) {
  press.stopPropagation();
  const from = surface.layout?.lines.find((l) => l.line.key === line.key)?.points[0];
  if (!from) return;
  track(press, {
    move(event) {
      const to = placeOf(surface, event);
      if (!to) return surface.pull.set({ from, to: from, target: null, refused: "" });
      const target = stepAt(surface, to);
      const refused = target === null ? "" : refusal(surface.props?.graph, line.source, target);
      if (refused !== "" && surface.pull.get()?.refused !== refused) announce(refused);
      surface.pull.set({ from, to, target, refused });
    },
    end(event) {
      const pull = surface.pull.get();
      surface.pull.set(null);
      if (!event || !pull || pull.target === null || pull.refused !== "" || pull.target === line.target) return;
      surface.props?.onConnect?.({ source: line.source, handle: line.way.handle }, pull.target);
    },
  });
}

function stepAt(surface: Surface, at: Point): string | null {
  for (const box of surface.layout?.boxes.values() ?? []) if (!box.line && within(box, at)) return box.id;
  return null;
}

/** Why a way of a step cannot lead to another one; "" if it can. */
export function refusal(graph: Graph | undefined, source: string, target: string): string {
  if (!graph) return "";
  if (source === target) return words.toItself;
  const node = graph.nodes.find((n) => n.id === target);
  if (node?.type === "entry_trigger") return words.intoEntry;
  const from = graph.nodes.find((n) => n.id === source);
  return leadsTo(graph, target, source) && from ? say(words.cycle, { name: nameOf(from) }) : "";
}

function leadsTo(graph: Graph, from: string, to: string): boolean {
  const seen = new Set([from]);
  for (const id of seen) {
    if (id === to) return true;
    for (const edge of graph.edges) if (edge.source === id) seen.add(edge.target);
  }
  return false;
}
