import { describe, expect, test } from "vitest";
import {
  type Analytics,
  baselineOf,
  branchesOf,
  lineWidth,
  pauseAfter,
  rangeOf,
  versionsOf,
} from "../src/places/graph/live/figures";
import { difference, shareInterval } from "../src/places/graph/live/interval";
import { labelled, ticks } from "../src/places/graph/live/scale";

type Step = Analytics["steps"][number];

function step(nodeId: string, nodeType: Step["nodeType"], figures: Partial<Step> = {}): Step {
  const none = { entered: 0, completed: 0, active: 0, failed: 0, dropped: 0, completionRate: 0, converted: 0 };
  return { nodeId, nodeType, ...none, results: {}, ...figures };
}

const now: Analytics = {
  journeyId: "jrn_1",
  journeyName: "Cart",
  status: "active",
  asOf: "2026-11-28T14:07:32.000Z",
  enrollments: { total: 100, active: 6, completed: 86, expired: 1, cancelled: 3, failed: 4 },
  completionRate: 0.86,
  conversions: 12,
  conversionRate: 0.12,
  steps: [
    step("in", "entry_trigger", { entered: 90, completed: 90, converted: 11 }),
    step("test", "random_split", {
      entered: 90,
      completed: 80,
      active: 5,
      failed: 4,
      dropped: 1,
      branches: { ten: 50, holdout: 30 },
      branchesConverted: { ten: 9, holdout: 2 },
    }),
    step("mail", "channel_action", { entered: 50, completed: 50, label: "10 % off" }),
    step("out", "exit", { entered: 80, completed: 80 }),
    step("in", "entry_trigger", { version: 2, entered: 10, completed: 10, converted: 1 }),
    step("out", "exit", { version: 2, entered: 9, completed: 9 }),
    step("late", "wait", { version: 2, entered: 10, completed: 9, active: 1 }),
  ],
  edges: [
    { source: "in", target: "test", passed: 90 },
    { source: "test", target: "mail", sourceHandle: "ten", passed: 50 },
    { source: "test", target: "out", sourceHandle: "holdout", passed: 30 },
    { source: "mail", target: "out", passed: 50 },
    { source: "in", target: "late", passed: 10, version: 2 },
    { source: "late", target: "out", passed: 9, version: 2 },
  ],
};

describe("versions", () => {
  const [present, earlier] = versionsOf(now);

  test("each graph has figures of its own, which are never added up", () => {
    expect(versionsOf(now)).toHaveLength(2);
    expect(present?.counts).toEqual({ entered: 90, inside: 5, finished: 80, left: 1, failed: 4, converted: 11 });
    expect(earlier?.number).toBe(2);
    expect(earlier?.counts).toEqual({ entered: 10, inside: 1, finished: 9, left: 0, failed: 0, converted: 1 });
    for (const { counts } of versionsOf(now)) {
      expect(counts.inside + counts.finished + counts.left + counts.failed).toBe(counts.entered);
    }
  });

  test("the graph is drawn from the figures alone", () => {
    expect(present?.graph.nodes.map(({ id }) => id)).toEqual(["in", "test", "mail", "out"]);
    expect(present?.graph.nodes[2]).toEqual({ id: "mail", type: "channel_action", label: "10 % off" });
    expect(present?.graph.nodes[1]?.config).toEqual({ branches: [{ id: "ten" }, { id: "holdout" }] });
    expect(present?.graph.edges).toHaveLength(4);
    expect([...(present?.lines.keys() ?? [])]).toEqual(["in ", "test ten", "test holdout", "mail "]);
    expect(present?.lines.get("test ten")?.passed).toBe(50);
    expect(earlier?.lines.get("in ")?.passed).toBe(10);
  });

  test("a wait with several ways keeps them", () => {
    const figures = {
      ...now,
      steps: [step("w", "wait"), step("a", "exit"), step("b", "exit")],
      edges: [
        { source: "w", target: "a", sourceHandle: "bought", passed: 1 },
        { source: "w", target: "b", sourceHandle: "timeout", passed: 2 },
      ],
    };
    expect(versionsOf(figures)[0]?.graph.nodes[0]?.config).toEqual({ waitForEvent: { any: [{ id: "bought" }] } });
  });

  test("with one graph, the journey's own counts are taken", () => {
    const { steps, edges } = now;
    const one = { ...now, steps: steps.filter((s) => !s.version), edges: edges.filter((e) => !e.version) };
    expect(versionsOf(one)[0]?.counts).toEqual({
      entered: 100,
      inside: 6,
      finished: 86,
      left: 4,
      failed: 4,
      converted: 12,
    });
    expect(versionsOf({ ...one, versionsLeftOut: [1] })[0]?.counts.entered).toBe(90);
  });

  test("ways are in the order of the graph, and the holdout is found", () => {
    const split = present?.steps.get("test") as Step;
    const graph = present?.graph ?? { nodes: [], edges: [] };
    const branches = branchesOf(split, graph);
    expect(branches).toEqual([
      { id: "ten", taken: 50, converted: 9 },
      { id: "holdout", taken: 30, converted: 2 },
    ]);
    expect(baselineOf(split, branches, graph)).toBe("holdout");
    const renamed = branches.map((branch) => ({ ...branch, id: branch.id === "holdout" ? "b" : branch.id }));
    const other = {
      ...graph,
      edges: graph.edges.map((edge) => (edge.sourceHandle === "holdout" ? { ...edge, sourceHandle: "b" } : edge)),
    };
    expect(baselineOf(split, renamed, other), "the way that leads out at once").toBe("b");
  });
});

test("the width of a line is its share of all who entered", () => {
  expect(lineWidth(90, 90)).toBe(13);
  expect(lineWidth(45, 90)).toBe(6.5);
  expect(lineWidth(1, 10_000)).toBe(1.5);
  expect(lineWidth(0, 0)).toBe(1.5);
});

// The examples of Newcombe 1998, table II, method 10.
test.each([
  [56, 70, 48, 80, 0.2, 0.0524, 0.3339],
  [9, 10, 3, 10, 0.6, 0.1705, 0.809],
  [6, 7, 2, 7, 0.5714, 0.0582, 0.8062],
  [5, 56, 0, 29, 0.0893, -0.0381, 0.1926],
  [0, 10, 0, 10, 0, -0.2775, 0.2775],
  [10, 10, 0, 20, 1, 0.6791, 1],
])("%i of %i against %i of %i", (part, whole, basePart, baseWhole, value, low, high) => {
  const found = difference([part, whole], [basePart, baseWhole]);
  expect(found?.value).toBeCloseTo(value, 4);
  expect(found?.low).toBeCloseTo(low, 4);
  expect(found?.high).toBeCloseTo(high, 4);
});

test("without people there is no difference, and a share may be anything", () => {
  expect(difference([0, 0], [1, 2])).toBeUndefined();
  expect(difference([1, 2], [0, 0])).toBeUndefined();
  expect(shareInterval(0, 0)).toEqual({ low: 0, high: 1 });
});

test("an axis has round whole numbers up to the maximum", () => {
  expect(ticks(1911)).toEqual([0, 1000, 2000]);
  expect(ticks(0)).toEqual([0, 1]);
  expect(ticks(1)).toEqual([0, 1]);
  expect(ticks(3)).toEqual([0, 1, 2, 3]);
  for (const max of [0, 1, 4, 7, 99, 100, 101, 12_480, 1_000_001]) {
    const lines = ticks(max);
    expect(lines.at(-1)).toBeGreaterThanOrEqual(max);
    expect(lines.length).toBeLessThanOrEqual(4);
    expect(lines.every(Number.isInteger)).toBe(true);
  }
});

test("the last day has a label, and there are few", () => {
  for (const n of [1, 7, 14, 30, 90]) {
    expect(labelled(n, 7).has(n - 1)).toBe(true);
    expect(labelled(n, 7).size).toBeLessThanOrEqual(7);
  }
});

test("figures are read every 10 s, and less often while no one moves", () => {
  expect([0, 1, 2, 3, 9].map(pauseAfter)).toEqual([10_000, 20_000, 40_000, 60_000, 60_000]);
});

test("a range ends today, in UTC", () => {
  expect(rangeOf(7, Date.parse("2026-11-29T00:10:00Z"))).toEqual({ from: "2026-11-23", to: "2026-11-29" });
});
