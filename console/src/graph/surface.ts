import type { ReactFlowInstance } from "@xyflow/react";
import { createContext, type RefObject, useContext, useSyncExternalStore } from "react";
import { type Store, store } from "../store";
import type { CanvasProps } from "./canvas";
import type { Layout, Point } from "./layout";

/** A way that is being dragged to a step. */
export interface Pull {
  from: Point;
  to: Point;
  /** The step under the pointer; null for none. */
  target: string | null;
  /** Why it cannot lead there; "" if it can. */
  refused: string;
}

/** What the parts of one canvas share. Steps and lines watch single values of it, so that a change draws only those. */
export class Surface {
  /** The step or end that the Tab key reaches. */
  readonly focused: Store<string | null> = store<string | null>(null);
  readonly selected: Store<string | null> = store<string | null>(null);
  /** The line at which something would be added. */
  readonly hot: Store<string | null> = store<string | null>(null);
  readonly pull: Store<Pull | null> = store<Pull | null>(null);
  layout: Layout | null = null;
  props: CanvasProps | null = null;
  flow: ReactFlowInstance<never> | null = null;
  readonly root: RefObject<HTMLElement | null> = { current: null };
  /** Whether the focus was on a step when it was last seen. */
  within = false;
  /** The steps that had the focus, the latest last. */
  readonly trail: string[] = [];

  /** A step or end got the focus. */
  focusIn(id: string) {
    this.within = true;
    this.trail.push(id);
    if (this.trail.length > 100) this.trail.shift();
    this.focused.set(id);
  }

  /** Moves the focus to a step or end, and brings it into view. */
  focus(id: string) {
    this.focused.set(id);
    this.root.current?.querySelector<HTMLElement>(`[data-step="${CSS.escape(id)}"]`)?.focus({ preventScroll: true });
    this.reveal(id);
  }

  /** Moves the drawing, if a step is out of sight. */
  reveal(id: string) {
    const box = this.layout?.boxes.get(id);
    const root = this.root.current;
    if (!root || !box) return;
    if (!this.flow) {
      root.querySelector(`[data-step="${CSS.escape(id)}"]`)?.scrollIntoView({ block: "nearest" });
      return;
    }
    const { x, y, zoom } = this.flow.getViewport();
    const dx = outside(box.x * zoom + x, box.width * zoom, root.clientWidth);
    const dy = outside(box.y * zoom + y, box.height * zoom, root.clientHeight);
    if (dx !== 0 || dy !== 0) void this.flow.setViewport({ x: x + dx, y: y + dy, zoom }, { duration: motion() });
  }

  /** Zooms around the middle of the canvas. */
  zoomBy(factor: number) {
    if (this.flow) this.zoomTo(this.flow.getZoom() * factor);
  }

  zoomTo(zoom: number) {
    void this.flow?.zoomTo(Math.min(mostZoom, Math.max(leastZoom, zoom)), { duration: motion() });
  }

  /** Moves the drawing under the canvas. */
  pan(dx: number, dy: number) {
    const at = this.flow?.getViewport();
    if (at) void this.flow?.setViewport({ ...at, x: at.x + dx, y: at.y + dy });
  }

  /** Shows all of the drawing, at its own size at most. */
  fit() {
    this.#show(leastZoom, motion());
  }

  /** Shows all of the drawing if its steps can then be told apart, or else where it starts. */
  open() {
    this.#show(0.3, 0);
  }

  #show(least: number, duration: number) {
    const root = this.root.current;
    if (!root || !this.flow || !this.layout) return;
    const margin = 16;
    const over = this.props?.children ? 24 : 0; // for what stands above the drawing
    const { width, height, boxes, flow } = this.layout;
    const all = Math.min(
      (root.clientWidth - 2 * margin) / (width || 1),
      (root.clientHeight - 2 * margin - over) / (height || 1),
    );
    const zoom = Math.max(least, leastZoom, Math.min(1, all));
    const start = boxes.get(flow.starts[0] ?? "");
    const middle = zoom > all && start ? start.x + start.width / 2 : width / 2;
    const y = Math.max(margin + over, Math.min(44, (root.clientHeight - height * zoom) / 2));
    void this.flow.setViewport({ x: root.clientWidth / 2 - middle * zoom, y, zoom }, { duration });
  }
}

/** The least and the greatest zoom. */
export const leastZoom = 0.05;
export const mostZoom = 2;

/** How long a move takes, in ms. */
export function motion(): number {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 180;
}

/** By how much a span must move to be inside of a length. */
function outside(start: number, length: number, whole: number): number {
  const margin = Math.min(32, Math.max(0, (whole - length) / 2));
  if (start < margin) return margin - start;
  if (start + length > whole - margin) return whole - margin - start - length;
  return 0;
}

export const SurfaceContext = createContext(new Surface());

export const useSurface = () => useContext(SurfaceContext);

/** Whether a store holds this value. The component renders again only when that changes. */
export function useIs<T>(source: Store<T>, value: T): boolean {
  return useSyncExternalStore(source.subscribe, () => source.get() === value);
}
