/** A change that can be taken back. */
interface Step<T> {
  label: string;
  /** What stood before the change, in the past; what stood after it, in the future. */
  value: T;
  /** Changes of one series that follow each other are one step; null once the series has ended. */
  series: string | null;
}

/** A value with the changes that led to it. */
export interface History<T> {
  readonly present: T;
  readonly past: readonly Step<T>[];
  readonly future: readonly Step<T>[];
}

const longest = 100;

/** Returns a history without changes. */
export function begin<T>(present: T): History<T> {
  return { present, past: [], future: [] };
}

/** Adds a change. A change to the same value is none. */
export function change<T>(history: History<T>, label: string, next: T, series: string | null = null): History<T> {
  const { present, past } = history;
  if (next === present) return history;
  const last = past.at(-1);
  if (series !== null && last?.series === series) return { present: next, past, future: [] };
  return { present: next, past: [...past, { label, value: present, series }].slice(-longest), future: [] };
}

/** Ends the present series: the next change is a step of its own. */
export function seal<T>(history: History<T>): History<T> {
  const last = history.past.at(-1);
  if (last === undefined || last.series === null) return history;
  return { ...history, past: [...history.past.slice(0, -1), { ...last, series: null }] };
}

/** Takes the last change back. */
export function undo<T>({ present, past, future }: History<T>): History<T> {
  const last = past.at(-1);
  if (last === undefined) return { present, past, future };
  return {
    present: last.value,
    past: past.slice(0, -1),
    future: [{ label: last.label, value: present, series: null }, ...future],
  };
}

/** Makes the change again that was taken back last. */
export function redo<T>({ present, past, future }: History<T>): History<T> {
  const [next, ...rest] = future;
  if (next === undefined) return { present, past, future };
  return { present: next.value, past: [...past, { label: next.label, value: present, series: null }], future: rest };
}
