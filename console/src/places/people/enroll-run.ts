// Enrolls people in calls of up to 1,000, each with a key of its own: a call is repeated with the key and
// the people that it had, so that a lost answer enrolls no one twice.
import { bytesOf, type Person } from "./csv";

/** What the other columns are. */
export type Meaning = "none" | "properties" | "attributes";

/** The verdict on one person. */
export interface EnrollVerdict {
  outcome: "enrolled" | "skipped" | "error";
  code: string;
}

/** One call. Its people never change, since its key stands for them. */
export interface Batch {
  key: string;
  people: readonly Person[];
  /** Whether the attributes of its people are stored. */
  stored: boolean;
  done: boolean;
}

export interface EnrollRun {
  meaning: Meaning;
  state: "running" | "stopping" | "stopped" | "failed" | "done";
  total: number;
  batches: readonly Batch[];
  verdicts: ReadonlyMap<string, EnrollVerdict>;
  /** Whose attributes were not stored, so that they were not enrolled. */
  unstored: readonly Person[];
  problem?: unknown;
}

interface Outcome {
  customerId: string;
  outcome: string;
  code?: string;
}

/** The calls of the API. */
export interface EnrollCalls {
  store(people: readonly Person[]): Promise<Outcome[]>;
  enroll(key: string, people: readonly Person[], meaning: Meaning): Promise<Outcome[]>;
}

const maxPeople = 1000;
const maxBytes = 900_000;

/** Divides people into calls. */
export function plan(people: readonly Person[], newKey: () => string, stored: boolean): Batch[] {
  const batches: Batch[] = [];
  let part: Person[] = [];
  let bytes = 0;
  const close = () => {
    if (part.length > 0) batches.push({ key: newKey(), people: part, stored, done: false });
    part = [];
    bytes = 0;
  };
  for (const person of people) {
    const size = bytesOf([person.id, person.values]) + 40;
    if (part.length === maxPeople || bytes + size > maxBytes) close();
    part.push(person);
    bytes += size;
  }
  close();
  return batches;
}

/** Returns a run that has not begun. */
export function beginEnroll(people: readonly Person[], meaning: Meaning, newKey: () => string): EnrollRun {
  const batches = plan(people, newKey, meaning !== "attributes");
  return { meaning, state: "running", total: people.length, batches, verdicts: new Map(), unstored: [] };
}

/** How many have each verdict. */
export function tally({ verdicts }: EnrollRun) {
  const counts = { enrolled: 0, skipped: 0, error: 0 };
  for (const { outcome } of verdicts.values()) counts[outcome]++;
  return counts;
}

/**
 * Returns the run that does the rest: calls that had no answer or errors are repeated as they were, and those
 * whose attributes were not stored come into calls of their own.
 */
export function continueEnroll(run: EnrollRun, newKey: () => string): EnrollRun {
  const batches = run.batches.map((batch) => ({
    ...batch,
    done: batch.done && batch.people.every(({ id }) => run.verdicts.get(id)?.outcome !== "error"),
  }));
  const { problem: _, ...rest } = run;
  return { ...rest, state: "running", batches: [...batches, ...plan(run.unstored, newKey, false)], unstored: [] };
}

/** Whether there is something left to do. */
export function hasRest(run: EnrollRun): boolean {
  return run.unstored.length > 0 || run.batches.some((batch) => !batch.done) || tally(run).error > 0;
}

/** Works through the calls of a run that are not done, one after the other. */
export async function workEnroll(
  start: EnrollRun,
  calls: EnrollCalls,
  report: (run: EnrollRun) => void,
  signal: AbortSignal,
  newKey: () => string,
): Promise<void> {
  let run = start;
  const set = (next: EnrollRun) => {
    run = next;
    report(next);
  };
  try {
    for (let i = 0; i < run.batches.length; i++) {
      let batch = run.batches[i];
      if (batch === undefined || batch.done) continue;
      if (signal.aborted) return set({ ...run, state: "stopped" });
      if (!batch.stored) {
        run = afterStore(run, i, await calls.store(batch.people), newKey);
        set(run);
        batch = run.batches[i] ?? batch;
      }
      const outcomes = batch.people.length > 0 ? await calls.enroll(batch.key, batch.people, run.meaning) : [];
      set(afterEnroll(run, i, outcomes));
    }
    set({ ...run, state: "done" });
  } catch (problem) {
    set({ ...run, state: "failed", problem });
  }
}

function replace(run: EnrollRun, i: number, batch: Batch): readonly Batch[] {
  return run.batches.map((other, j) => (j === i ? batch : other));
}

function afterStore(run: EnrollRun, i: number, outcomes: readonly Outcome[], newKey: () => string): EnrollRun {
  const batch = run.batches[i];
  if (batch === undefined) return run;
  const errors = new Map(
    outcomes.flatMap((o) => (o.outcome === "error" ? [[o.customerId, o.code ?? ""] as const] : [])),
  );
  const verdicts = new Map(run.verdicts);
  for (const [id, code] of errors) verdicts.set(id, { outcome: "error", code });
  const people = batch.people.filter(({ id }) => !errors.has(id));
  const unstored = batch.people.filter(({ id }) => errors.has(id));
  const next = { key: newKey(), people, stored: true, done: false };
  return { ...run, verdicts, batches: replace(run, i, next), unstored: [...run.unstored, ...unstored] };
}

function afterEnroll(run: EnrollRun, i: number, outcomes: readonly Outcome[]): EnrollRun {
  const batch = run.batches[i];
  if (batch === undefined) return run;
  const verdicts = new Map(run.verdicts);
  for (const { customerId, outcome, code } of outcomes) {
    verdicts.set(customerId, { outcome: outcome as EnrollVerdict["outcome"], code: code ?? "" });
  }
  return { ...run, verdicts, batches: replace(run, i, { ...batch, done: true }) };
}
