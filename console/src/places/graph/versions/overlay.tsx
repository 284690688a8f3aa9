import words from "#words/versions";
import { wayParts } from "../../../graph/describe";
import type { LineOverlay, Overlay, StepOverlay } from "../../../graph/overlay";
import { nodesById } from "../../../graph/slots";
import type { Graph } from "../../../graph/types";
import { lineKey, waysOf } from "../../../graph/ways";
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

/** What differs, on the graph. A share that changed stands there with what it was. */
export function overlayOf(union: Union, before: Graph): Overlay {
  const shares = changedShares(before, union.graph);
  return {
    steps: new Map([...union.steps].map(([id, mark]) => [id, steps[mark]])),
    lines: new Map(
      [...union.lines].map(([key, mark]) => [key, mark === "same" ? (shares.get(key) ?? lines.same) : lines[mark]]),
    ),
  };
}

function changedShares(before: Graph, after: Graph): Map<string, LineOverlay> {
  const old = nodesById(before);
  const changed = new Map<string, LineOverlay>();
  for (const node of after.nodes) {
    const was = old.get(node.id);
    if (was?.type !== "random_split" || node.type !== "random_split") continue;
    for (const way of waysOf(node, after.edges)) {
      const [from, to] = [wayParts(was, way).share, wayParts(node, way).share];
      if (from === "" || from === to) continue;
      changed.set(lineKey(node.id, way.handle), { ...lines.changed, figure: <s>{from}</s> });
    }
  }
  return changed;
}
