import words from "#words/build";
import type { StepOverlay } from "../../../graph/overlay";
import { say } from "../../../say";
import type { Finding } from "./findings";

/** The badges of steps with findings. A step whose badge stays the same keeps its object, and is not drawn again. */
export function marks(
  findings: readonly Finding[],
  before: ReadonlyMap<string, StepOverlay>,
): ReadonlyMap<string, StepOverlay> {
  const counts = new Map<string, { bad: number; warn: number }>();
  for (const { nodeId, tone } of findings) {
    if (nodeId === null) continue;
    const count = counts.get(nodeId) ?? { bad: 0, warn: 0 };
    count[tone]++;
    counts.set(nodeId, count);
  }
  return new Map(
    [...counts].map(([id, { bad, warn }]) => {
      const next = bad > 0 ? mark("bad", bad) : mark("warn", warn);
      const old = before.get(id);
      return [id, old?.says === next.says ? (old ?? next) : next];
    }),
  );
}

function mark(tone: "bad" | "warn", n: number): StepOverlay {
  const bad = tone === "bad";
  return {
    className: bad ? "node--fault" : "node--warning",
    badge: { tone, icon: bad ? "bang" : "warning", text: String(n) },
    says: say(bad ? words.faults : words.warnings, { n }),
  };
}
