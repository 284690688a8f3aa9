import { isObject, type Json, type JsonObject, same } from "../json";
import { edgeSlots, nodesById } from "./slots";
import type { Graph, GraphEdge, GraphNode, Work } from "./types";

/** Where both sides changed the same thing in different ways: a step with its ways, or a setting. */
export interface Conflict {
  nodeId: string | null;
  setting?: string;
}

/** What two people made of one base, put together. */
export interface Merge {
  /** Both changes; where they conflict, mine. A step that one side removed and the other changed is kept. */
  merged: Work;
  conflicts: Conflict[];
}

/**
 * Merges two works that started from `base`: steps by their ids, edges by the way that they are, settings
 * one by one. Keys that the console does not know and the order of the steps are kept.
 */
export function merge(base: Work, mine: Work, theirs: Work): Merge {
  const conflicts: Conflict[] = [];
  const { definition: baseGraph, ...baseSettings } = base;
  const { definition: myGraph, ...mySettings } = mine;
  const { definition: theirGraph, ...theirSettings } = theirs;
  const settings = mergeKeys(
    baseSettings as unknown as JsonObject,
    mySettings as unknown as JsonObject,
    theirSettings as unknown as JsonObject,
    (setting) => conflicts.push({ nodeId: null, setting }),
  );
  const definition = mergeGraphs(baseGraph, myGraph, theirGraph, (nodeId) => {
    if (!conflicts.some((conflict) => conflict.nodeId === nodeId)) conflicts.push({ nodeId });
  });
  return { merged: { ...settings, definition } as unknown as Work, conflicts };
}

type OnConflict = (id: string) => void;

function mergeGraphs(base: Graph, mine: Graph, theirs: Graph, onConflict: OnConflict): Graph {
  const { nodes: _b, edges: _be, ...baseRest } = base;
  const { nodes: _m, edges: _me, ...myRest } = mine;
  const { nodes: _t, edges: _te, ...theirRest } = theirs;
  const rest = mergeKeys(baseRest, myRest, theirRest, () => {}); // appearance: mine
  const nodes = mergeLists(nodesById(base), nodesById(mine), nodesById(theirs), {
    both: (b, m, t, id) => mergeNodes(b, m, t, () => onConflict(id)),
    halfRemoved: onConflict,
  });
  const edges = mergeLists(edgeSlots(base), edgeSlots(mine), edgeSlots(theirs), {
    both: mergeEdges(onConflict),
    halfRemoved: (_key, edge) => onConflict(edge.source),
  });
  keepEnds(nodes, edges, [mine, theirs], onConflict);
  return { ...rest, nodes: [...nodes.values()], edges: [...edges.values()] };
}

interface Rules<T> {
  /** Merges what both sides changed; `base` is absent where both added it. */
  both: (base: T | undefined, mine: T, theirs: T, key: string) => T;
  /** Called for what one side removed and the other changed. It is kept. */
  halfRemoved: (key: string, kept: T) => void;
}

function mergeLists<T extends JsonObject>(
  base: ReadonlyMap<string, T>,
  mine: ReadonlyMap<string, T>,
  theirs: ReadonlyMap<string, T>,
  rules: Rules<T>,
): Map<string, T> {
  const merged = new Map<string, T>();
  for (const key of mergeOrder([...base.keys()], [...mine.keys()], [...theirs.keys()])) {
    const [b, m, t] = [base.get(key), mine.get(key), theirs.get(key)];
    const value = m && t ? mergeTwo(b, m, t, () => rules.both(b, m, t, key)) : keepOne(b, m ?? t, key, rules);
    if (value) merged.set(key, value);
  }
  return merged;
}

function mergeTwo<T extends Json | undefined>(base: T | undefined, mine: T, theirs: T, both: () => T): T {
  if (same(theirs, base) || same(mine, theirs)) return mine;
  return same(mine, base) ? theirs : both();
}

/** What one side has only: it was added there, or removed on the other side. */
function keepOne<T extends JsonObject>(base: T | undefined, kept: T | undefined, key: string, rules: Rules<T>) {
  if (base === undefined || kept === undefined) return kept;
  if (same(kept, base)) return undefined;
  rules.halfRemoved(key, kept);
  return kept;
}

/** The keys of both sides: in my order, or in theirs if I left it as it was; what they added stands where they put it. */
function mergeOrder(base: string[], mine: string[], theirs: string[]): string[] {
  if (same(mine, base)) return union(theirs, mine);
  return union(mine, theirs);
}

function union(first: string[], second: string[]): string[] {
  const order = [...first];
  const known = new Set(first);
  let before: string | undefined;
  for (const key of second) {
    if (!known.has(key)) {
      order.splice(before === undefined ? 0 : order.indexOf(before) + 1, 0, key);
      known.add(key);
    }
    before = key;
  }
  return order;
}

/** A step that both sides changed: its type and settings are one thing, each key of its appearance is another. */
function mergeNodes(base: GraphNode | undefined, mine: GraphNode, theirs: GraphNode, onConflict: () => void) {
  const what = ({ type, config }: GraphNode): JsonObject => ({ type, config });
  const runs = mergeTwo<JsonObject>(base && what(base), what(mine), what(theirs), () => {
    onConflict();
    return what(mine);
  });
  const merged = mergeKeys(base ?? {}, mine, theirs, (key) => {
    if (key !== "type" && key !== "config") onConflict();
  });
  const { config, ...rest } = { ...merged, ...runs };
  return (config === undefined ? rest : { ...rest, config }) as GraphNode;
}

function mergeEdges(onConflict: OnConflict) {
  return (base: GraphEdge | undefined, mine: GraphEdge, theirs: GraphEdge): GraphEdge =>
    mergeKeys(base ?? {}, mine, theirs, (key) => {
      if (key === "target") onConflict(mine.source);
    }) as GraphEdge;
}

/** Merges objects key by key, and `data` within; where both sides changed a key in different ways, mine. */
function mergeKeys(
  base: JsonObject,
  mine: JsonObject,
  theirs: JsonObject,
  onConflict: (key: string) => void,
): JsonObject {
  const names = new Set([...Object.keys(mine), ...Object.keys(theirs)]);
  const entries = [...names].map((key): [string, Json | undefined] => {
    const [b, m, t] = [base[key], mine[key], theirs[key]];
    const both = () => {
      if (key === "data" && isObject(m) && isObject(t)) {
        return mergeKeys(isObject(b) ? b : {}, m, t, () => onConflict(key));
      }
      onConflict(key);
      return m;
    };
    return [key, mergeTwo<Json | undefined>(b, m, t, both)];
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** Puts back the steps that one side removed and to or from which an edge of the other side leads. */
function keepEnds(
  nodes: Map<string, GraphNode>,
  edges: Map<string, GraphEdge>,
  sides: readonly Graph[],
  onConflict: OnConflict,
) {
  for (const edge of [...edges.values()]) {
    for (const id of [edge.source, edge.target]) {
      if (nodes.has(id)) continue;
      const side = sides.find((graph) => graph.nodes.some((node) => node.id === id));
      const node = side?.nodes.find((other) => other.id === id);
      if (!side || !node) continue;
      nodes.set(id, node);
      onConflict(id);
      for (const [slot, out] of edgeSlots(side)) {
        if (out.source === id && !edges.has(slot) && nodes.has(out.target)) edges.set(slot, out);
      }
    }
  }
}
