import { useMemo } from "react";
import { layout } from "../../graph/layout";
import type { Graph } from "../../graph/types";

const kinds: Record<string, string> = {
  entry_trigger: "k-entry",
  wait: "k-wait",
  condition_split: "k-condition",
  multi_split: "k-multi",
  random_split: "k-random",
  nba_decision: "k-decision",
  channel_action: "k-message",
  update_customer: "k-update",
  exit: "k-exit",
};

// The least part of the canvas that is shown, so that a short journey is not drawn large.
const least = { width: 1100, height: 700 };
const margin = 16;

/** A graph at a glance: shapes and lines without words. */
export function Mini({ graph }: { graph: Graph }) {
  const { boxes, lines, width, height } = useMemo(() => layout(graph), [graph]);
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const w = Math.max(width + 2 * margin, least.width);
  const h = Math.max(height + 2 * margin, least.height);
  return (
    <span className="mini" aria-hidden="true">
      <svg aria-hidden="true" viewBox={`${(width - w) / 2} ${(height - h) / 2} ${w} ${h}`}>
        {lines.map(({ line, points }) => (
          <polyline key={line.key} className="l" points={points.map(({ x, y }) => `${x},${y}`).join(" ")} />
        ))}
        {[...boxes.values()].map((box) => {
          const node = nodes.get(box.id);
          return (
            node && (
              <rect
                key={box.id}
                className={`m ${kinds[node.type] ?? "k-unknown"}`}
                x={box.x}
                y={box.y}
                width={box.width}
                height={box.height}
                rx={node.type === "exit" ? box.height / 2 : 16}
              />
            )
          );
        })}
      </svg>
    </span>
  );
}
