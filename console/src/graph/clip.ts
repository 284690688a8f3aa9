// Copies steps from one graph to another, or the same. The clipboard holds JSON of our own.
import { isExact, isObject, type Json, type JsonObject, parse } from "../json";
import type { Gap } from "./canvas";
import { type Added, edgeAt, nodeOf, splice } from "./edit";
import { newId } from "./ids";
import { reachable, roots } from "./reach";
import type { Graph, GraphEdge, GraphNode } from "./types";
import { waysOf } from "./ways";

/** Steps that were copied, with the edges between them. */
export interface Clip {
  nodes: GraphNode[];
  edges: GraphEdge[];
}

const mark = "journeys/steps";

/** Copies steps. */
export function copySteps(graph: Graph, ids: Iterable<string>): Clip {
  const chosen = new Set(ids);
  return {
    nodes: graph.nodes.filter(({ id }) => chosen.has(id)),
    edges: graph.edges.filter(({ source, target }) => chosen.has(source) && chosen.has(target)),
  };
}

/** A step and all to which it leads. */
export function withFollowers(graph: Graph, id: string): Set<string> {
  return reachable(graph, [id]);
}

/** A clip as text for the clipboard. */
export function writeClip({ nodes, edges }: Clip): string {
  return JSON.stringify({ [mark]: 1, nodes, edges });
}

/** Reads a clip from the clipboard; null if that holds something else. */
export function readClip(text: string): Clip | null {
  try {
    const clip = parse(text);
    if (!isObject(clip) || clip[mark] !== 1) return null;
    const { nodes, edges } = clip as unknown as Clip;
    return Array.isArray(nodes) && Array.isArray(edges) && nodes.length > 0 ? { nodes, edges } : null;
  } catch {
    return null;
  }
}

/**
 * Pastes steps on a way, with new ids, also where their configs name each other. Their open ways lead on to where
 * the way led. A second entry is left out. Undefined if nothing remains.
 */
export function pasteSteps(graph: Graph, gap: Gap | null, clip: Clip): Added | undefined {
  const hasEntry = graph.nodes.some(({ type }) => type === "entry_trigger");
  const copied = clip.nodes.filter(({ type }) => type !== "entry_trigger" || !hasEntry);
  const names = new Map<string, string>();
  const taken = (id: string) => nodeOf(graph, id) !== undefined || [...names.values()].includes(id);
  for (const { id, type } of copied) names.set(id, newId(type, taken));
  const nodes = copied.map((node) => renameNode(node, names));
  const edges = clip.edges.flatMap((edge) => {
    const source = names.get(edge.source);
    const target = names.get(edge.target);
    return source === undefined || target === undefined ? [] : [{ ...edge, source, target }];
  });
  const head = roots({ nodes, edges })[0];
  if (head === undefined) return undefined;
  if (gap === null) {
    return { graph: { ...graph, nodes: [...graph.nodes, ...nodes], edges: [...graph.edges, ...edges] }, id: head };
  }
  return { graph: splice(graph, gap, nodes, edges, head), id: head };
}

/** Where steps are pasted after a step: on its first way, or on the one that leads to it if it has none. */
export function gapAfter(graph: Graph, id: string | null): Gap | null {
  const node = nodeOf(graph, id) ?? graph.nodes.find(({ type }) => type === "entry_trigger");
  if (node === undefined) return null;
  const ways = waysOf(node, graph.edges).map(({ handle }) => ({ source: node.id, handle }));
  const way = ways.find((w) => edgeAt(graph, w) === undefined) ?? ways[0];
  if (way !== undefined) return way;
  const before = graph.edges.find(({ target }) => target === node.id);
  if (before === undefined) return null;
  const source = nodeOf(graph, before.source);
  const plain = source !== undefined && waysOf(source, graph.edges).some(({ handle }) => handle === null);
  return { source: before.source, handle: plain ? null : (before.sourceHandle ?? null) };
}

/** Adds a copy of a step after it. */
export function duplicate(graph: Graph, id: string): Added | undefined {
  const gap = gapAfter(graph, id);
  return gap === null ? undefined : pasteSteps(graph, gap, copySteps(graph, [id]));
}

function renameNode(node: GraphNode, names: ReadonlyMap<string, string>): GraphNode {
  const id = names.get(node.id) ?? node.id;
  if (node.config === undefined) return { ...node, id };
  return { ...node, id, config: renameIn(node.config, names) as JsonObject };
}

/** Renames steps where a config reads them: `step.<id>.result`, `decision.<id>.offer`, `{"step": "<id>"}`. */
function renameIn(value: Json, names: ReadonlyMap<string, string>, key = ""): Json {
  if (typeof value === "string") {
    if (key === "step") return names.get(value) ?? value;
    return value.replace(/\b(step|decision)\.([A-Za-z0-9_-]+)/g, (whole, root: string, id: string) => {
      const name = names.get(id);
      return name === undefined ? whole : `${root}.${name}`;
    });
  }
  if (value === null || typeof value !== "object" || isExact(value)) return value;
  if (Array.isArray(value)) return value.map((item) => renameIn(item, names));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, item === undefined ? item : renameIn(item, names, name)]),
  );
}
