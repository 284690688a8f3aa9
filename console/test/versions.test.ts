import { describe, expect, test } from "vitest";
import { compare } from "../src/graph/diff";
import type { Graph, Work } from "../src/graph/types";
import { type Pick, press, readChoice } from "../src/places/graph/versions/choice";
import { around, unite } from "../src/places/graph/versions/union";

const before: Graph = {
  nodes: [
    { id: "in", type: "entry_trigger" },
    { id: "wait", type: "wait", config: { delayHours: 4, waitForEvent: "purchase" } },
    { id: "day", type: "wait", config: { delayHours: 24 } },
    { id: "out", type: "exit" },
  ],
  edges: [
    { source: "in", target: "wait" },
    { source: "wait", target: "day" },
    { source: "day", target: "out" },
  ],
};
const after: Graph = {
  nodes: [
    { id: "in", type: "entry_trigger" },
    { id: "wait", type: "wait", config: { delayHours: 2, waitForEvent: "purchase" } },
    { id: "mail", type: "channel_action" },
    { id: "out", type: "exit" },
  ],
  edges: [
    { source: "in", target: "wait" },
    { source: "wait", target: "mail" },
    { source: "mail", target: "out" },
  ],
};
const work = (definition: Graph): Work => ({ definition, timezone: "UTC", exitOn: [], exitWhen: null, goal: null });

describe("two versions in one graph", () => {
  const union = unite(before, after, compare(work(before), work(after)));

  test("steps of both are there, each with what became of it", () => {
    expect(Object.fromEntries(union.steps)).toEqual({
      in: "same",
      wait: "changed",
      mail: "added",
      out: "same",
      day: "removed",
    });
  });

  test("lines of both are there, also two of one way", () => {
    expect(Object.fromEntries(union.lines)).toEqual({
      "in ": "same",
      "wait ": "added",
      "mail ": "added",
      "wait  day": "removed",
      "day ": "removed",
    });
    expect(union.graph.edges).toHaveLength(5);
  });

  test("the same twice has no marks", () => {
    const same = unite(after, after, []);
    expect(new Set([...same.steps.values(), ...same.lines.values()])).toEqual(new Set(["same"]));
  });

  test("a removed step stood between its neighbors", () => {
    const { before: from, after: to } = around(before, "day");
    expect([from.map(({ id }) => id), to.map(({ id }) => id)]).toEqual([["wait"], ["out"]]);
  });
});

describe("the choice", () => {
  const picks: Pick[] = ["draft", 3, 2, 1];
  const read = (search: string, of = picks) => readChoice(new URLSearchParams(search), of);

  test("is the newest change, unless the address says more", () => {
    expect(read("")).toEqual({ a: 3, b: "draft" });
    expect(read("", [3, 2, 1])).toEqual({ a: 2, b: 3 });
    expect(read("", [1])).toEqual({ one: 1 });
    expect(read("", [])).toBeNull();
    expect(read("a=1&b=3")).toEqual({ a: 1, b: 3 });
    expect(read("one=2")).toEqual({ one: 2 });
    expect(read("a=77&b=draft")).toEqual({ a: 3, b: "draft" });
  });

  test("any two can be compared by two presses, the older first", () => {
    const all = picks.flatMap((x) => picks.filter((y) => y !== x).map((y) => [x, y] as const));
    for (const [x, y] of all) {
      const once = press({ a: 2, b: 3 }, x, null, picks);
      const twice = press(once, y, x, picks);
      const [older, newer] = picks.indexOf(x) > picks.indexOf(y) ? [x, y] : [y, x];
      expect(twice).toEqual({ a: older, b: newer });
    }
  });
});
