import words from "#words/status";
import { Icon, type IconName } from "./icon";

/** The status of a journey. */
export type Status = "draft" | "active" | "paused" | "archived";

const icons: Record<Status, IconName> = { draft: "draft", active: "active", paused: "paused", archived: "archived" };

/** A journey's status in a table: shape, word and color. */
export function StatusWord({ status }: { status: Status }) {
  return (
    <span className={`state state--${status}`}>
      <Icon name={icons[status]} />
      {words[status]}
    </span>
  );
}

/** A journey's status beside its name. */
export function StatusChip({ status }: { status: Status }) {
  return (
    <span className={`chip chip--${status}`} title={words[status]}>
      <Icon name={icons[status]} />
      <span>{words[status]}</span>
    </span>
  );
}

interface Counts {
  total: number;
  active: number;
  completed: number;
  expired: number;
  cancelled: number;
  failed: number;
}

/** The people of a journey by where they are. The parts add up to `entered`. */
export function partsOf(counts: Counts) {
  return [
    { part: "inside", n: counts.active },
    { part: "finished", n: counts.completed },
    { part: "left", n: counts.expired + counts.cancelled },
    { part: "failed", n: counts.failed },
  ] as const;
}

/** Where the people of a journey are, as a bar. The numbers stand beside it. */
export function Sharebar({ counts }: { counts: Counts }) {
  const parts = partsOf(counts).filter(({ n }) => n > 0);
  return (
    <span className="sharebar" aria-hidden="true">
      {parts.map(({ part, n }) => (
        <i key={part} className={`d-${part}`} style={{ ["--w" as string]: `${(100 * n) / counts.total}%` }} />
      ))}
    </span>
  );
}
