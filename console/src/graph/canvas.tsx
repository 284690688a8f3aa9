import type { ReactNode } from "react";
import type { OverlayStore } from "./overlay";
import type { Graph } from "./types";

/** Where a step can be added: after a node, by one of its ways. */
export interface Gap {
  source: string;
  handle: string | null;
}

export interface CanvasProps {
  graph: Graph;
  /** Figures, marks and differences; may change many times a second. */
  overlays: OverlayStore;
  /** The id of the chosen step; null for none. */
  selected: string | null;
  onSelect: (id: string | null) => void;
  /** Called for "+" on a line, a way that leads nowhere, and the key A. Absent: the graph cannot be edited. */
  onInsert?: (gap: Gap, anchor: HTMLElement | null) => void;
  /** Called when a palette item is dropped on a line (type of node), or a way is dragged to another step. */
  onDrop?: (gap: Gap, type: string) => void;
  onConnect?: (gap: Gap, target: string) => void;
  /** Called for keys on the focused step that the canvas does not handle itself. */
  onKey?: (event: React.KeyboardEvent, id: string) => void;
  /** Show the outline in place of the drawing. Phones always show it. */
  outline?: boolean;
  /** On the canvas, at the top right: a legend. */
  children?: ReactNode;
}

/** The graph of a journey: drawn, or as an outline. */
export function Canvas(_props: CanvasProps) {
  return <div className="canvas" />;
}
