// Retries or takes out many people, and counts what became of them. Nothing here knows React or the API.
import { pool } from "./pool";

export type Action = "retry" | "remove";

/** What became of one person. */
export type Verdict =
  | "todo"
  | "asking"
  | "trying" // retried, and still at the step
  | "went" // on from the step
  | "again" // failed again
  | "out" // taken out
  | "skipped" // moved meanwhile, or cannot be retried
  | "error"; // not known to be done

/** A customer for whom the action failed. */
export interface Failure {
  id: string;
  code: string;
}

/** How far an action is. `done + skipped + errors` of `total` people are dealt with. */
export interface Progress {
  action: Action;
  state: "running" | "stopping" | "stopped" | "done" | "failed";
  /** How many there were at the start; more may match while it runs. */
  total: number;
  done: number;
  skipped: number;
  errors: number;
  failures: readonly Failure[];
  verdicts: ReadonlyMap<string, Verdict>;
  /** Why it stopped, if it failed as a whole. */
  problem?: unknown;
}

/** Returns an action that has not begun. */
export function begin(action: Action, total: number, ids: readonly string[]): Progress {
  const verdicts = new Map(ids.map((id) => [id, "todo" as const]));
  return { action, state: "running", total, done: 0, skipped: 0, errors: 0, failures: [], verdicts };
}

/** How many are dealt with. */
export const settled = ({ done, skipped, errors }: Progress) => done + skipped + errors;

/** What one call for a page of people did. */
export interface PageAnswer {
  matched: number;
  done: number;
  skipped: number;
  errors: number;
  failures?: { customerId: string; code: string }[];
  nextCursor?: string;
}

/** Adds the answer of a page. */
export function afterPage(progress: Progress, answer: PageAnswer): Progress {
  const failures = (answer.failures ?? []).map(({ customerId, code }) => ({ id: customerId, code }));
  const verdicts = new Map(progress.verdicts);
  for (const { id } of failures) if (verdicts.has(id)) verdicts.set(id, "error");
  const next = {
    ...progress,
    done: progress.done + answer.done,
    skipped: progress.skipped + answer.skipped,
    errors: progress.errors + answer.errors,
    failures: [...progress.failures, ...failures],
    verdicts,
  };
  return { ...next, total: Math.max(next.total, settled(next)) };
}

/** Adds the verdict on one person. */
export function afterOne(progress: Progress, id: string, verdict: Verdict, code = ""): Progress {
  const verdicts = new Map(progress.verdicts).set(id, verdict);
  switch (verdict) {
    case "error":
      return { ...progress, verdicts, errors: progress.errors + 1, failures: [...progress.failures, { id, code }] };
    case "skipped":
      return { ...progress, verdicts, skipped: progress.skipped + 1 };
    case "trying":
    case "out":
      return { ...progress, verdicts, done: progress.done + 1 };
    default:
      return { ...progress, verdicts };
  }
}

/** Refines the verdict on someone who was retried, which changes no count. */
export function refine(progress: Progress, id: string, verdict: Verdict): Progress {
  return { ...progress, verdicts: new Map(progress.verdicts).set(id, verdict) };
}

/** How many have a verdict. */
export function countOf(progress: Progress, verdict: Verdict): number {
  let n = 0;
  for (const v of progress.verdicts.values()) if (v === verdict) n++;
  return n;
}

type Report = (change: (before: Progress) => Progress) => void;

/** Acts on all who match, page by page. A page may match no one without being the last. */
export async function runPages(
  call: (cursor: string | undefined) => Promise<PageAnswer>,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  let cursor: string | undefined;
  try {
    do {
      const answer = await call(cursor);
      report((before) => afterPage(before, answer));
      cursor = answer.nextCursor;
    } while (cursor !== undefined && !signal.aborted);
    report((before) => ({ ...before, state: cursor === undefined ? "done" : "stopped" }));
  } catch (problem) {
    report((before) => ({ ...before, state: "failed", problem }));
  }
}

/** The answer of a call for one person. */
export interface OneAnswer {
  verdict: Verdict;
  code?: string;
}

/** Acts on people one by one, six at a time. */
export async function runEach(
  ids: readonly string[],
  call: (id: string) => Promise<OneAnswer>,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  let failed = false;
  const left = new Set(ids);
  await pool(ids, 6, signal, async (id) => {
    if (failed) return;
    report((before) => refine(before, id, "asking"));
    try {
      const { verdict, code } = await call(id);
      left.delete(id);
      report((before) => afterOne(before, id, verdict, code));
    } catch (problem) {
      failed = true;
      report((before) => ({ ...refine(before, id, "todo"), state: "failed", problem }));
    }
  });
  if (!failed) report((before) => ({ ...before, state: left.size > 0 ? "stopped" : "done" }));
}
