import words from "#words/versions";
import type { LineOverlay, Overlay, StepOverlay } from "../../../graph/overlay";
import type { Mark, Union } from "./union";

const steps: Record<Mark, StepOverlay> = {
  added: { className: "is-added", badge: { tone: "added", icon: "plus", text: words.added }, says: words.added },
  removed: {
    className: "is-removed",
    badge: { tone: "removed", icon: "minus", text: words.removed },
    says: words.removed,
  },
  changed: {
    className: "is-changed",
    badge: { tone: "changed", icon: "pencil", text: words.changed },
    says: words.changed,
  },
  same: { className: "is-dim", says: words.theSame },
};

const lines: Record<Mark, LineOverlay> = {
  added: { className: "edge--added" },
  removed: { className: "edge--removed" },
  changed: { className: "edge--changed" },
  same: {},
};

/** What differs, on the graph. */
export function overlayOf(union: Union): Overlay {
  return {
    steps: new Map([...union.steps].map(([id, mark]) => [id, steps[mark]])),
    lines: new Map([...union.lines].map(([key, mark]) => [key, lines[mark]])),
  };
}
