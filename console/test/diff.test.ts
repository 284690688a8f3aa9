import { expect, test } from "vitest";
import { compare } from "../src/graph/diff";
import type { GraphEdge, GraphNode, Work } from "../src/graph/types";
import { parse } from "../src/json";

const steps: GraphNode[] = [
  { id: "in", type: "entry_trigger", config: { eventType: "cart_updated" } },
  { id: "wait", type: "wait", label: "Time to buy", config: { delayHours: 4, waitForEvent: "purchase" } },
  { id: "test", type: "random_split", config: { branches: [branch("offer", 50), branch("free", 50)] } },
  {
    id: "mail",
    type: "channel_action",
    label: "Still thinking?",
    config: { channel: "email", payload: { subject: "Hi" } },
  },
  { id: "day", type: "wait", label: "A day more", config: { delay: { value: 1, unit: "days" } } },
  { id: "out", type: "exit", label: "Reminded" },
];
const lines: GraphEdge[] = [
  { source: "in", target: "wait" },
  { source: "wait", target: "out", sourceHandle: "event" },
  { source: "wait", target: "test", sourceHandle: "timeout" },
  { source: "test", target: "mail", sourceHandle: "offer" },
  { source: "test", target: "out", sourceHandle: "free" },
  { source: "mail", target: "day" },
  { source: "day", target: "out" },
];

function branch(id: string, weight: number) {
  return { id, weight };
}

function work(nodes: GraphNode[], edges: GraphEdge[], rest: Partial<Work> = {}): Work {
  return { definition: { nodes, edges }, timezone: "UTC", exitOn: [], exitWhen: null, goal: null, ...rest };
}

function edit(id: string, change: Partial<GraphNode>): Work {
  return work(
    steps.map((node) => (node.id === id ? ({ ...node, ...change } as GraphNode) : node)),
    lines,
  );
}

const before = work(steps, lines, { goal: { eventType: "purchase", windowDays: 3 } });

test("a work does not differ from itself, whatever the order of its keys, steps and edges", () => {
  const turned = JSON.stringify(before, (_key, value) =>
    value && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).reverse())
      : value,
  );
  const other = JSON.parse(turned) as Work;
  expect(compare(before, before)).toEqual([]);
  expect(compare(before, other)).toEqual([]);
  const { nodes, edges } = before.definition;
  expect(
    compare(before, { ...before, definition: { nodes: [...nodes].reverse(), edges: [...edges].reverse() } }),
  ).toEqual([]);
  const placed = nodes.map((node) => ({ ...node, position: { x: 1, y: 2 }, config: node.config ?? {} }));
  expect(compare(before, { ...before, definition: { nodes: placed, edges } })).toEqual([]);
});

test("a field is told in words", () => {
  const later = edit("wait", { config: { waitForEvent: "purchase", delay: { unit: "days", value: 2 } } });
  expect(compare(work(steps, lines), later)).toEqual([
    { kind: "changed", nodeId: "wait", fields: [{ name: "At most", before: "4 hours", after: "2 days" }] },
  ]);
});

test("shares of a random split are percentages, and a new way was not there", () => {
  const after = work(
    [
      ...steps.map((node) =>
        node.id === "test"
          ? { ...node, config: { branches: [branch("offer", 50), branch("free", 40), branch("holdout", 10)] } }
          : node,
      ),
      { id: "held", type: "exit", label: "Holdout" },
    ],
    [...lines, { source: "test", target: "held", sourceHandle: "holdout" }],
  );
  expect(compare(work(steps, lines), after)).toEqual([
    {
      kind: "changed",
      nodeId: "test",
      fields: [
        { name: "free", before: "50 %", after: "40 %" },
        { name: "holdout", before: "not there", after: "10 %" },
      ],
    },
    { kind: "added", nodeId: "held", fields: [] },
  ]);
});

test("a step that was taken out between two others changes neither of them", () => {
  const after = work(
    steps.filter((node) => node.id !== "day"),
    [...lines.filter((edge) => edge.source !== "day" && edge.target !== "day"), { source: "mail", target: "out" }],
  );
  expect(compare(work(steps, lines), after)).toEqual([{ kind: "removed", nodeId: "day", fields: [] }]);
  expect(compare(after, work(steps, lines))).toEqual([{ kind: "added", nodeId: "day", fields: [] }]);
});

test("a way that leads elsewhere is a change of its step", () => {
  const after = work(
    steps,
    lines.map((edge) => (edge.sourceHandle === "free" ? { ...edge, target: "mail" } : edge)),
  );
  expect(compare(work(steps, lines), after)).toEqual([
    {
      kind: "changed",
      nodeId: "test",
      fields: [{ name: "Way “free” goes to", before: "Reminded", after: "Still thinking?" }],
    },
  ]);
});

test("settings are told by their fields", () => {
  const after: Work = {
    ...before,
    timezone: "Europe/Berlin",
    goal: { windowDays: 7, eventType: "purchase" },
    exitOn: [{ eventType: "unsubscribed", as: "cancelled" }],
  };
  expect(compare(before, after)).toEqual([
    {
      kind: "changed",
      nodeId: null,
      setting: "timezone",
      fields: [{ name: "Time zone", before: "UTC", after: "Europe/Berlin" }],
    },
    { kind: "changed", nodeId: null, setting: "goal", fields: [{ name: "Window", before: "3 days", after: "7 days" }] },
    {
      kind: "added",
      nodeId: null,
      setting: "exitOn",
      fields: [{ name: "unsubscribed", before: "not there", after: "unsubscribed, Leaves as: cancelled" }],
    },
  ]);
});

test("numbers are compared as they are written, and unknown fields by their path", () => {
  const config = (text: string) => edit("mail", { config: parse(text) as GraphNode["config"] & object });
  const differences = compare(
    config('{"channel":"email","payload":{"n":9007199254740992},"extra":{"deep":1}}'),
    config('{"channel":"email","payload":{"n":9007199254740993},"extra":{"deep":"1"}}'),
  );
  expect(differences).toEqual([
    {
      kind: "changed",
      nodeId: "mail",
      fields: [
        { name: "Content: n", before: "9007199254740992", after: "9007199254740993" },
        { name: "extra.deep", before: "1", after: '"1"' },
      ],
    },
  ]);
});

test("long texts are cut to where they differ", () => {
  const text = "word ".repeat(100);
  const [difference] = compare(
    edit("mail", { config: { payload: { text: `${text}here` } } }),
    edit("mail", { config: { payload: { text: `${text}there` } } }),
  );
  expect(difference?.fields[0]?.before).toMatch(/^….*word here$/);
  expect(difference?.fields[0]?.after).toMatch(/^….*word there$/);
});

test("weights are compared as they were written", () => {
  const split = (weights: string) =>
    edit("test", { config: parse(`{"branches":[{"id":"a","weight":${weights}},{"id":"b","weight":5e1}]}`) as never });
  expect(compare(split("50.0"), split("150"))).toMatchObject([
    {
      fields: [
        { name: "a", before: "50 %", after: "75 %" },
        { name: "b", before: "50 %", after: "25 %" },
      ],
    },
  ]);
});
