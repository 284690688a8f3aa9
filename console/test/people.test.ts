import { expect, test } from "vitest";
import { afterPage, begin, countOf, type Progress, runEach, runPages, settled } from "../src/places/people/bulk";
import type { Person } from "../src/places/people/csv";
import {
  beginEnroll,
  continueEnroll,
  type EnrollCalls,
  type EnrollRun,
  hasRest,
  plan,
  tally,
  workEnroll,
} from "../src/places/people/enroll-run";
import { pool } from "../src/places/people/pool";

const signal = () => new AbortController().signal;

function watch(progress: Progress) {
  const box = { now: progress };
  const report = (change: (before: Progress) => Progress) => {
    box.now = change(box.now);
  };
  return { box, report };
}

test("the pool works on six at a time, and finishes what is under way when it stops", async () => {
  const stop = new AbortController();
  let running = 0;
  let most = 0;
  const done: number[] = [];
  await pool(
    Array.from({ length: 30 }, (_, i) => i),
    6,
    stop.signal,
    async (i) => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      done.push(i);
      if (i === 9) stop.abort();
    },
  );
  expect(most).toBe(6);
  expect(running).toBe(0);
  expect(done.length).toBeLessThan(20);
});

test("pages are followed to the end, and their counts added up", async () => {
  const { box, report } = watch(begin("retry", 5, ["a", "b"]));
  const cursors: (string | undefined)[] = [];
  const pages = [
    { matched: 3, done: 2, skipped: 0, errors: 1, failures: [{ customerId: "a", code: "deadline" }], nextCursor: "1" },
    { matched: 0, done: 0, skipped: 0, errors: 0, nextCursor: "2" },
    { matched: 4, done: 3, skipped: 1, errors: 0 },
  ];
  await runPages(
    async (cursor) => {
      cursors.push(cursor);
      return pages[cursors.length - 1] ?? { matched: 0, done: 0, skipped: 0, errors: 0 };
    },
    report,
    signal(),
  );
  expect(cursors).toEqual([undefined, "1", "2"]);
  expect(box.now).toMatchObject({ state: "done", done: 5, skipped: 1, errors: 1, total: 7 });
  expect(box.now.failures).toEqual([{ id: "a", code: "deadline" }]);
  expect(box.now.verdicts.get("a")).toBe("error");
});

test("a page that fails keeps the counts so far", async () => {
  const { box, report } = watch(begin("remove", 5, []));
  const problem = new Error("no answer");
  await runPages(
    async (cursor) => {
      if (cursor) throw problem;
      return { matched: 2, done: 2, skipped: 0, errors: 0, nextCursor: "1" };
    },
    report,
    signal(),
  );
  expect(box.now).toMatchObject({ state: "failed", done: 2, problem });
  expect(settled(box.now)).toBe(2);
});

test("a stop is obeyed after the page", async () => {
  const { box, report } = watch(begin("retry", 5, []));
  const stop = new AbortController();
  await runPages(
    async () => {
      stop.abort();
      return { matched: 1, done: 1, skipped: 0, errors: 0, nextCursor: "1" };
    },
    report,
    stop.signal,
  );
  expect(box.now).toMatchObject({ state: "stopped", done: 1 });
});

test("each person gets a verdict", async () => {
  const { box, report } = watch(begin("retry", 3, ["a", "b", "c"]));
  const answers = { a: { verdict: "trying" }, b: { verdict: "skipped" }, c: { verdict: "error", code: "no" } } as const;
  await runEach(["a", "b", "c"], async (id) => answers[id as "a"], report, signal());
  expect(box.now).toMatchObject({ state: "done", done: 1, skipped: 1, errors: 1 });
  expect(countOf(box.now, "trying")).toBe(1);
  expect(box.now.failures).toEqual([{ id: "c", code: "no" }]);
});

test("the total grows with what matched since the start", () => {
  expect(afterPage(begin("retry", 1, []), { matched: 4, done: 4, skipped: 0, errors: 0 }).total).toBe(4);
});

const people = (n: number, from = 0): Person[] =>
  Array.from({ length: n }, (_, i) => ({ line: i + 1, id: `p${i + from}`, values: { n: i } }));

function newKeys() {
  let n = 0;
  return () => `key-${++n}`;
}

test("people are divided by number and by size", () => {
  expect(plan(people(2500), newKeys(), true).map((b) => [b.key, b.people.length])).toEqual([
    ["key-1", 1000],
    ["key-2", 1000],
    ["key-3", 500],
  ]);
  const large = people(3).map((p) => ({ ...p, values: { text: "x".repeat(400_000) } }));
  expect(plan(large, newKeys(), true).map((b) => b.people.length)).toEqual([2, 1]);
});

/** Enrolls all, except those whose ids are in `bad` at the time. */
function fakeCalls(bad: Set<string>, lost = { next: false }) {
  const asked: string[] = [];
  const calls: EnrollCalls = {
    store: async (part) =>
      part.map(({ id }) => ({
        customerId: id,
        outcome: bad.has(id) ? "error" : "stored",
        ...(bad.has(id) && { code: "x" }),
      })),
    enroll: async (key, part) => {
      asked.push(`${key}:${part.length}`);
      if (lost.next) throw new Error("lost");
      return part.map(({ id }) => ({ customerId: id, outcome: bad.has(id) ? "error" : "enrolled" }));
    },
  };
  return { calls, asked, lost };
}

async function work(run: EnrollRun, calls: EnrollCalls, keys: () => string): Promise<EnrollRun> {
  let last = run;
  const report = (next: EnrollRun) => {
    last = next;
  };
  await workEnroll(run, calls, report, signal(), keys);
  return last;
}

test("a lost answer is asked for again with the same key and people", async () => {
  const keys = newKeys();
  const { calls, asked, lost } = fakeCalls(new Set(), { next: true });
  const failed = await work(beginEnroll(people(1500), "none", keys), calls, keys);
  expect(failed.state).toBe("failed");
  lost.next = false;
  const done = await work(continueEnroll(failed, keys), calls, keys);
  expect(asked).toEqual(["key-1:1000", "key-1:1000", "key-2:500"]);
  expect(tally(done)).toEqual({ enrolled: 1500, skipped: 0, error: 0 });
  expect(hasRest(done)).toBe(false);
});

test("only calls with errors are repeated", async () => {
  const keys = newKeys();
  const bad = new Set(["p3"]);
  const { calls, asked } = fakeCalls(bad);
  const first = await work(beginEnroll(people(1500), "properties", keys), calls, keys);
  expect(tally(first)).toEqual({ enrolled: 1499, skipped: 0, error: 1 });
  expect(hasRest(first)).toBe(true);
  bad.clear();
  const second = await work(continueEnroll(first, keys), calls, keys);
  expect(asked.slice(2)).toEqual(["key-1:1000"]);
  expect(tally(second)).toEqual({ enrolled: 1500, skipped: 0, error: 0 });
});

test("who could not be stored is not enrolled, and comes later with a key of their own", async () => {
  const keys = newKeys();
  const bad = new Set(["p1"]);
  const { calls, asked } = fakeCalls(bad);
  const first = await work(beginEnroll(people(3), "attributes", keys), calls, keys);
  expect(asked).toEqual(["key-2:2"]);
  expect(first.verdicts.get("p1")).toEqual({ outcome: "error", code: "x" });
  bad.clear();
  const second = await work(continueEnroll(first, keys), calls, keys);
  expect(asked).toEqual(["key-2:2", "key-4:1"]);
  expect(tally(second)).toEqual({ enrolled: 3, skipped: 0, error: 0 });
});
