import { createContext, useContext, useSyncExternalStore } from "react";
import type { IconName } from "../ui/icon";

/** What a mode shows on a step, beyond what the definition says. */
export interface StepOverlay {
  /** Classes of console.css, such as "is-been", "is-now", "is-added". */
  className?: string;
  /** Takes the place of the second line. */
  line?: React.ReactNode;
  /** At the right: the clock of a simulation, or the figure of an exit. */
  end?: React.ReactNode;
  /** On the corner: a count of faults, or the word of a difference. */
  badge?: { tone: "bad" | "warn" | "added" | "removed" | "changed"; icon: IconName; text: string };
  /** Added to the step's accessible name. */
  says?: string;
  /** In the outline: instead of the fact below the name, and at the right. `line` and `end` stand there without it. */
  outline?: { sub?: React.ReactNode; end?: React.ReactNode };
}

/** What a mode shows on a line. */
export interface LineOverlay {
  /** Classes of console.css, such as "edge--done", "edge--flow". */
  className?: string;
  /** The stroke's width in px of the canvas. */
  width?: number;
  /** Stands beside the label of the way. */
  figure?: React.ReactNode;
}

/** The overlays of a mode, by node id and by line key. Kept outside of the nodes, so that a change draws only what changed. */
export interface Overlay {
  steps: ReadonlyMap<string, StepOverlay>;
  lines: ReadonlyMap<string, LineOverlay>;
}

export const noOverlay: Overlay = { steps: new Map(), lines: new Map() };

/** Holds the overlay that the canvas shows. */
export class OverlayStore {
  #value = noOverlay;
  #watchers = new Set<() => void>();

  set(next: Overlay) {
    this.#value = next;
    for (const watcher of this.#watchers) watcher();
  }
  get value(): Overlay {
    return this.#value;
  }
  subscribe = (watcher: () => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };
}

export const OverlayContext = createContext(new OverlayStore());

/** The overlay of a step. An overlay that is the same object does not draw again. */
export function useStepOverlay(id: string): StepOverlay | undefined {
  const overlays = useContext(OverlayContext);
  return useSyncExternalStore(overlays.subscribe, () => overlays.value.steps.get(id));
}

/** The overlay of a line. */
export function useLineOverlay(key: string): LineOverlay | undefined {
  const overlays = useContext(OverlayContext);
  return useSyncExternalStore(overlays.subscribe, () => overlays.value.lines.get(key));
}
