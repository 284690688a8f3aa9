import { expect, test } from "vitest";
import { compare } from "../src/graph/diff";
import { merge } from "../src/graph/merge";
import type { GraphEdge, GraphNode, Work } from "../src/graph/types";
import { type JsonObject, parse } from "../src/json";

/** A repeatable source of numbers from 0 to below 1. */
function numbers(seed: number) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function work(nodes: GraphNode[], edges: GraphEdge[], rest: Partial<Work> = {}): Work {
  return { definition: { nodes, edges }, timezone: "UTC", exitOn: [], exitWhen: null, goal: null, ...rest };
}

/** A journey of waits and splits that join at random, and one exit. */
function randomWork(random: () => number): Work {
  const size = 4 + Math.floor(random() * 20);
  const nodes: GraphNode[] = [];
  const edges: GraphEdge[] = [];
  const later = (i: number) => `n${i + 1 + Math.floor(random() * (size - i))}`;
  for (let i = 0; i < size; i++) {
    const id = `n${i}`;
    if (random() < 0.3) {
      nodes.push({ id, type: "condition_split", config: { condition: { field: "a", operator: "eq", value: i } } });
      for (const sourceHandle of ["true", "false"]) edges.push({ source: id, target: later(i), sourceHandle });
    } else {
      nodes.push({ id, type: "wait", config: { delayHours: i + 1 }, x: { kept: i } });
      edges.push({ source: id, target: later(i) });
    }
  }
  nodes.push({ id: `n${size}`, type: "exit" });
  return work(nodes, edges);
}

type Change = (work: Work) => Work;

function editNodes(change: (node: GraphNode) => GraphNode): Change {
  return (w) => ({ ...w, definition: { ...w.definition, nodes: w.definition.nodes.map(change) } });
}

/** Changes that touch the node `id` only, and the edges that leave it. */
function randomChange(id: string, target: string, mark: string, random: () => number): Change {
  const kind = random();
  if (kind < 0.3) return editNodes((node) => (node.id === id ? { ...node, label: mark } : node));
  if (kind < 0.6) return editNodes((node) => (node.id === id ? { ...node, config: { mark } } : node));
  if (kind < 0.8) {
    return (w) => {
      const edges = w.definition.edges.map((edge) => (edge.source === id ? { ...edge, target } : edge));
      return { ...w, definition: { ...w.definition, edges } };
    };
  }
  return (w) => {
    const added: GraphNode = { id: `${mark}-${id}`, type: "wait", config: { delayHours: 5 } };
    const next = w.definition.edges.find((edge) => edge.source === id);
    const edges = w.definition.edges.map((edge) => (edge === next ? { ...edge, target: added.id } : edge));
    if (next) edges.push({ source: added.id, target: next.target });
    return { ...w, definition: { ...w.definition, nodes: [...w.definition.nodes, added], edges } };
  };
}

/** A random journey, and what two people change in different steps of it. */
function randomChanges(seed: number) {
  const random = numbers(seed);
  const base = randomWork(random);
  const last = `n${base.definition.nodes.length - 1}`;
  const mine: Change[] = [];
  const theirs: Change[] = [];
  for (const node of base.definition.nodes) {
    if (random() < 0.5) mine.push(randomChange(node.id, last, "mine", random));
    else if (random() < 0.7) theirs.push(randomChange(node.id, last, "theirs", random));
  }
  const apply = (changes: Change[], to: Work) => changes.reduce((w, change) => change(w), to);
  return { base, mine: apply(mine, base), theirs: apply(theirs, base), both: apply(theirs, apply(mine, base)) };
}

const seeds = Array.from({ length: 300 }, (_, i) => i + 1);

test("what two people change in different steps is put together", () => {
  for (const seed of seeds) {
    const { base, mine, theirs, both } = randomChanges(seed);
    const { merged, conflicts } = merge(base, mine, theirs);
    expect(conflicts, `seed ${seed}`).toEqual([]);
    expect(compare(merged, both), `seed ${seed}`).toEqual([]);
  }
});

test("what one person changes stays as it is, in its order", () => {
  for (const seed of seeds) {
    const { base, mine } = randomChanges(seed);
    const unchanged = { merged: mine, conflicts: [] };
    expect(merge(base, mine, base), `seed ${seed}`).toEqual(unchanged);
    expect(merge(base, base, mine), `seed ${seed}`).toEqual(unchanged);
    expect(merge(base, mine, mine), `seed ${seed}`).toEqual(unchanged);
  }
});

const start: GraphNode = { id: "in", type: "entry_trigger" };
const mail: GraphNode = { id: "mail", type: "channel_action", config: { channel: "email", templateId: "a" } };
const exit: GraphNode = { id: "out", type: "exit" };
const line: GraphEdge[] = [
  { source: "in", target: "mail" },
  { source: "mail", target: "out" },
];
const small = work([start, mail, exit], line);

function withMail(change: JsonObject): Work {
  return editNodes((node) => (node.id === "mail" ? { ...node, ...change } : node))(small);
}

test("a name and the settings of one step are two things", () => {
  const mine = withMail({ label: "Welcome" });
  const theirs = withMail({ config: { channel: "sms" } });
  const { merged, conflicts } = merge(small, mine, theirs);
  expect(conflicts).toEqual([]);
  expect(merged.definition.nodes[1]).toEqual({ ...mail, label: "Welcome", config: { channel: "sms" } });
});

test("two settings of one step are a conflict, and mine are kept", () => {
  const mine = withMail({ config: { channel: "sms" } });
  const { merged, conflicts } = merge(small, mine, withMail({ config: { channel: "push" } }));
  expect(conflicts).toEqual([{ nodeId: "mail" }]);
  expect(merged).toEqual(mine);
});

test("each setting of the journey is a thing of its own", () => {
  const mine = { ...small, timezone: "Europe/Berlin", goal: { eventType: "a", windowDays: 1 } };
  const theirs = { ...small, exitOn: [{ eventType: "b" }], goal: { eventType: "a", windowDays: 2 } };
  const { merged, conflicts } = merge(small, mine, theirs);
  expect(merged).toEqual({ ...mine, exitOn: theirs.exitOn });
  expect(conflicts).toEqual([{ nodeId: null, setting: "goal" }]);
});

test("a step that one removed and the other changed is kept with its ways, and is a conflict", () => {
  const removed = work([start, exit], [{ source: "in", target: "out" }]);
  const changed = withMail({ label: "Welcome" });
  for (const [mine, theirs] of [
    [removed, changed],
    [changed, removed],
  ] as const) {
    const { merged, conflicts } = merge(small, mine, theirs);
    expect(conflicts).toContainEqual({ nodeId: "mail" });
    expect(merged.definition.nodes).toContainEqual({ ...mail, label: "Welcome" });
  }
});

test("a step to which the other side leads a new line is kept", () => {
  const removed = work([start, exit], [{ source: "in", target: "out" }]);
  const wait: GraphNode = { id: "wait", type: "wait", config: { delayHours: 1 } };
  const inserted = work(
    [start, wait, mail, exit],
    [
      { source: "in", target: "wait" },
      { source: "wait", target: "mail" },
      { source: "mail", target: "out" },
    ],
  );
  const { merged, conflicts } = merge(small, removed, inserted);
  expect(conflicts.map(({ nodeId }) => nodeId)).toContain("mail");
  const ids = new Set(merged.definition.nodes.map((node) => node.id));
  for (const edge of merged.definition.edges)
    expect([ids.has(edge.source), ids.has(edge.target)]).toEqual([true, true]);
  expect(merged.definition.edges).toContainEqual({ source: "mail", target: "out" });
});

test("exact numbers and unknown keys come through, in the order of their keys", () => {
  const text =
    '{"definition":{"viewport":{"zoom":1.50},"nodes":[{"zz":[1.0],"id":"in","type":"entry_trigger","config":{"n":9007199254740993}}],"edges":[]},"timezone":"UTC","exitOn":[],"exitWhen":null,"goal":null}';
  const base = parse(text) as unknown as Work;
  const theirs = editNodes((node) => ({ ...node, label: "Start" }))(base);
  const { merged } = merge(base, { ...base, timezone: "Asia/Tokyo" }, theirs);
  expect(JSON.stringify(merged.definition)).toContain('"config":{"n":9007199254740993}');
  expect(JSON.stringify(merged.definition)).toContain('"viewport":{"zoom":1.50}');
  expect(merged.definition.nodes[0]?.label).toBe("Start");
});
