import { describe, expect, test } from "vitest";
import type { Schemas } from "../src/api";
import { change, splitWait } from "../src/graph/branches";
import type { Gap } from "../src/graph/canvas";
import { copySteps, duplicate, gapAfter, pasteSteps, readClip, withFollowers, writeClip } from "../src/graph/clip";
import {
  addEntry,
  canRemove,
  connect,
  edgeAt,
  insert,
  lostWith,
  nodeOf,
  openWays,
  remove,
  rename,
  replaceNode,
  waysToKeep,
} from "../src/graph/edit";
import { reaches } from "../src/graph/reach";
import { bodyOf, workOf } from "../src/graph/stored";
import { type Graph, type GraphNode, nodeTypes, readGraph } from "../src/graph/types";
import { waysOf } from "../src/graph/ways";
import { parse } from "../src/json";
import { random, randomDefinition } from "./random-graph";

const empty: Graph = { nodes: [], edges: [] };

function graph(nodes: string, edges: string): Graph {
  const list = (text: string) => text.split(" ").filter(Boolean);
  const types: Record<string, string> = {
    e: "entry_trigger",
    w: "wait",
    c: "condition_split",
    m: "channel_action",
    x: "exit",
  };
  return {
    nodes: list(nodes).map((id) => ({ id, type: types[id[0] ?? ""] ?? "exit", config: {} })),
    edges: list(edges).map((edge) => {
      const [source = "", handle, target = ""] =
        edge.split(/[.>]/).length === 3 ? edge.split(/[.>]/) : [edge.split(">")[0], undefined, edge.split(">")[1]];
      return { source, target, ...(handle === undefined ? {} : { sourceHandle: handle }) };
    }),
  };
}

const lines = (g: Graph) =>
  g.edges.map(({ source, sourceHandle, target }) => `${source}${sourceHandle ? `.${sourceHandle}` : ""}>${target}`);
const at = (g: Graph, id: string, handle: string | null = null) => edgeAt(g, { source: id, handle })?.target;

describe("a definition", () => {
  test("goes through the builder without an edit unchanged", () => {
    for (let seed = 0; seed < 1000; seed++) {
      const text = randomDefinition(seed);
      const draft = { definition: parse(text), timezone: "UTC", exitOn: [], exitWhen: null, goal: null };
      expect(JSON.stringify(bodyOf(workOf(draft as unknown as Schemas["Draft"])).definition)).toBe(text);
    }
  });

  test("keeps what an edit does not touch, to the letter", () => {
    for (let seed = 0; seed < 300; seed++) {
      const next = random(seed);
      const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
      let g = readGraph(parse(randomDefinition(seed)));
      for (let i = 0; i < 4 && g.nodes.length > 0; i++) {
        const node = pick(g.nodes);
        const gap = pick([...allGaps(g), null]);
        const edited = edit(Math.floor(next() * 6), g, node, gap, pick);
        expectKept(g, edited.graph, edited.touched);
        expectSound(edited.graph);
        g = edited.graph;
      }
    }
  });
});

function allGaps(g: Graph): Gap[] {
  return g.nodes.flatMap((node) => waysOf(node, g.edges).map(({ handle }) => ({ source: node.id, handle })));
}

function edit(
  kind: number,
  g: Graph,
  node: GraphNode,
  gap: Gap | null,
  pick: <T>(list: readonly T[]) => T,
): { graph: Graph; touched: string } {
  const touched = node.id;
  if (kind === 0 && gap) return { graph: insert(g, gap, pick(nodeTypes.slice(1))).graph, touched: "" };
  if (kind === 1)
    return { graph: canRemove(g, node.id) ? remove(g, node.id, pick(waysToKeep(g, node.id))) : g, touched };
  if (kind === 2 && gap) return { graph: connect(g, gap, node.id), touched: "" };
  if (kind === 3) return { graph: replaceNode(g, rename(node, "Another name")), touched };
  if (kind === 4) return { graph: duplicate(g, node.id)?.graph ?? g, touched: "" };
  return { graph: pasteSteps(g, gap, copySteps(g, withFollowers(g, node.id)))?.graph ?? g, touched: "" };
}

/** Every node that is still there is the same text, and every edge that still leads as before, too. */
function expectKept(before: Graph, after: Graph, touched: string) {
  for (const node of before.nodes) {
    const now = nodeOf(after, node.id);
    if (now && node.id !== touched) expect(JSON.stringify(now)).toBe(JSON.stringify(node));
  }
  const texts = new Set(after.edges.map((edge) => JSON.stringify({ ...edge, target: "" })));
  for (const edge of before.edges) {
    const gone =
      !nodeOf(after, edge.source) ||
      !after.edges.some((e) => e.source === edge.source && (e.sourceHandle ?? null) === (edge.sourceHandle ?? null));
    if (!gone) expect(texts).toContain(JSON.stringify({ ...edge, target: "" }));
  }
  const { nodes: _n, edges: _e, ...rest } = before;
  const { nodes: _m, edges: _f, ...now } = after;
  expect(JSON.stringify(now)).toBe(JSON.stringify(rest));
}

/** Ids are unique, edges connect nodes, and there is no circle. */
function expectSound(g: Graph) {
  const ids = g.nodes.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { source, target } of g.edges) {
    expect(ids).toContain(source);
    expect(ids).toContain(target);
    expect(reaches(g, target, source)).toBe(false);
  }
}

describe("insert", () => {
  test("an empty graph begins with an entry and an exit", () => {
    const { graph: g, id } = addEntry(empty);
    expect(g.nodes.map(({ type }) => type)).toEqual(["entry_trigger", "exit"]);
    expect(at(g, id)).toBe(g.nodes[1]?.id);
  });

  test("a step stands between its neighbors", () => {
    const { graph: g, id } = insert(graph("e x", "e>x"), { source: "e", handle: null }, "channel_action");
    expect(lines(g)).toEqual([`e>${id}`, `${id}>x`]);
  });

  test("a condition brings an exit on its false side", () => {
    const { graph: g, id } = insert(graph("e x", "e>x"), { source: "e", handle: null }, "condition_split");
    expect(at(g, id, "true")).toBe("x");
    expect(nodeOf(g, at(g, id, "false") ?? null)?.type).toBe("exit");
  });

  test("the branches of a random split lead on together", () => {
    const { graph: g, id } = insert(graph("e x", "e>x"), { source: "e", handle: null }, "random_split");
    expect([at(g, id, "a"), at(g, id, "b")]).toEqual(["x", "x"]);
  });

  test("an exit takes the place of an exit, and leaves other steps to be led to again", () => {
    const replaced = insert(graph("e x", "e>x"), { source: "e", handle: null }, "exit");
    expect(replaced.graph.nodes.map(({ id }) => id)).toEqual(["e", replaced.id]);
    const cut = insert(graph("e m x", "e>m m>x"), { source: "e", handle: null }, "exit");
    expect(lines(cut.graph)).toEqual([`e>${cut.id}`, "m>x"]);
  });

  test("a way that leads nowhere gets the step", () => {
    const { graph: g, id } = insert(graph("e c x", "e>c c.true>x"), { source: "c", handle: "false" }, "channel_action");
    expect(at(g, "c", "false")).toBe(id);
    expect(openWays(g, nodeOf(g, id) as GraphNode)).toEqual([{ source: id, handle: null }]);
  });
});

describe("remove", () => {
  test("joins the neighbors", () => {
    expect(lines(remove(graph("e m x", "e>m m>x"), "m"))).toEqual(["e>x"]);
  });

  test("a split keeps one branch, and what only the others led to goes", () => {
    const g = graph("e c m1 m2 x1 x2", "e>c c.true>m1 c.false>m2 m1>x1 m2>x2");
    expect(waysToKeep(g, "c")).toHaveLength(2);
    expect(lostWith(g, "c", { source: "c", handle: "false" })).toBe(2);
    const kept = remove(g, "c", { source: "c", handle: "false" });
    expect(lines(kept)).toEqual(["e>m2", "m2>x2"]);
    expect(kept.nodes.map(({ id }) => id)).toEqual(["e", "m2", "x2"]);
  });

  test("where the branches meet again, nothing is asked twice and the join stays", () => {
    const g = graph("e c m x", "e>c c.true>m c.false>x m>x");
    expect(lines(remove(g, "c", { source: "c", handle: "false" }))).toEqual(["e>x"]);
  });

  test("the way to a deleted exit leads nowhere", () => {
    expect(lines(remove(graph("e x", "e>x"), "x"))).toEqual([]);
  });

  test("the only entry stays while there are other steps", () => {
    expect(canRemove(graph("e x", "e>x"), "e")).toBe(false);
  });
});

describe("connect", () => {
  test("leads a way to a step, and drops the exit that it leaves", () => {
    const g = connect(graph("e c m x1 x2", "e>c c.true>m c.false>x2 m>x1"), { source: "c", handle: "false" }, "x1");
    expect(lines(g)).toEqual(["e>c", "c.true>m", "c.false>x1", "m>x1"]);
    expect(g.nodes.map(({ id }) => id)).not.toContain("x2");
  });

  test("closes no circle", () => {
    const g = graph("e m1 m2 x", "e>m1 m1>m2 m2>x");
    for (const target of ["m1", "m2", "e"]) expect(connect(g, { source: "m2", handle: null }, target)).toBe(g);
  });
});

describe("branches follow the form", () => {
  const wait = (config: object) => ({ id: "w", type: "wait", config }) as GraphNode;
  const plain = { ...graph("e w m x", "e>w w>m m>x") };

  test("a wait gets ways with its first event, and has one again without any", () => {
    const g = change(plain, wait({ waitForEvent: "purchase" }));
    expect(at(g, "w", "timeout")).toBe("m");
    expect(nodeOf(g, at(g, "w", "event") ?? null)?.type).toBe("exit");
    expect(lines(change(g, wait({})))).toEqual(["e>w", "w>m", "m>x"]);
  });

  test("a way that is renamed keeps its edge; another event leads where the first does", () => {
    const any = (...ids: string[]) => wait({ waitForEvent: { any: ids.map((id) => ({ id, eventType: id })) } });
    const one = change(change(plain, wait({ waitForEvent: "purchase" })), any("bought"));
    const target = at(one, "w", "bought");
    expect(target).toBeDefined();
    const two = change(one, any("bought", "called"));
    expect(at(two, "w", "called")).toBe(target);
    expect(lines(change(two, any("called")))).toEqual(lines(two).filter((line) => !line.startsWith("w.bought")));
  });

  test("a wait whose event shares the plain way stays so until it is split", () => {
    const shared = change(plain, wait({ waitForEvent: "purchase" }));
    const g = { ...plain, nodes: shared.nodes.filter(({ id }) => nodeOf(plain, id)) };
    expect(change(g, wait({ waitForEvent: "refund" })).edges).toEqual(plain.edges);
    expect(at(splitWait(g, "w", ["event"]), "w", "timeout")).toBe("m");
  });

  test("a branch is renamed with its edge, and removed without its steps", () => {
    const split = (...ids: string[]) =>
      ({ id: "r", type: "random_split", config: { branches: ids.map((id) => ({ id, weight: 1 })) } }) as GraphNode;
    const g: Graph = {
      nodes: [split("a", "b"), ...graph("m x", "m>x").nodes],
      edges: [...graph("", "r.a>x r.b>m m>x").edges],
    };
    expect(lines(change(g, split("a", "holdout")))).toEqual(["r.a>x", "r.holdout>m", "m>x"]);
    const less = change(g, split("a"));
    expect(lines(less)).toEqual(["r.a>x", "m>x"]);
    expect(nodeOf(less, "m")).toBeDefined();
  });
});

describe("copies", () => {
  test("have ids of their own, also where they read each other", () => {
    const g = readGraph(
      parse(`{"nodes": [
        {"id": "e", "type": "entry_trigger"}, {"id": "d", "type": "nba_decision", "config": {"decisionFlowId": "f"}},
        {"id": "c", "type": "condition_split", "config": {"condition": {"field": "decision.d.offer", "operator": "eq", "value": 9007199254740993}}},
        {"id": "w", "type": "wait", "config": {"eventSince": {"step": "d"}}}, {"id": "x", "type": "exit"}],
        "edges": [{"source": "e", "target": "d"}, {"source": "d", "target": "c"}, {"source": "c", "target": "w", "sourceHandle": "true"},
          {"source": "c", "target": "x", "sourceHandle": "false"}, {"source": "w", "target": "x"}]}`),
    );
    const clip = readClip(writeClip(copySteps(g, ["d", "c", "w"])));
    const pasted = pasteSteps(addEntry(empty).graph, null, clip ?? { nodes: [], edges: [] })?.graph ?? empty;
    const [decision, condition, wait] = pasted.nodes.slice(2);
    expect(decision?.id).toMatch(/^decision_[0-9a-f]{8}$/);
    expect(JSON.stringify(condition?.config)).toBe(
      `{"condition":{"field":"decision.${decision?.id}.offer","operator":"eq","value":9007199254740993}}`,
    );
    expect(wait?.config).toEqual({ eventSince: { step: decision?.id } });
  });

  test("stand on the way, and lead on", () => {
    const g = graph("e m x", "e>m m>x");
    const pasted = pasteSteps(g, gapAfter(g, "e"), copySteps(g, ["m"]));
    expect(lines(pasted?.graph ?? empty)).toEqual([`e>${pasted?.id}`, "m>x", `${pasted?.id}>m`]);
  });

  test("of other text are none", () => {
    expect(readClip("Hello")).toBeNull();
    expect(readClip('{"nodes":[]}')).toBeNull();
  });
});
