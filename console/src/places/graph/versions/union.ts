import type { Difference } from "../../../graph/diff";
import { edgeSlots, nodesById } from "../../../graph/slots";
import type { Graph, GraphEdge, GraphNode } from "../../../graph/types";
import { lineKey, waysOf } from "../../../graph/ways";

/** How a step or a line stands to the other version. */
export type Mark = "added" | "removed" | "changed" | "same";

/** Two versions in one graph. */
export interface Union {
  graph: Graph;
  steps: ReadonlyMap<string, Mark>;
  /** By the key of the line on the canvas. */
  lines: ReadonlyMap<string, Mark>;
}

/** Draws `b`, and what only `a` has beside it. */
export function unite(a: Graph, b: Graph, differences: readonly Difference[]): Union {
  const [before, after] = [nodesById(a), nodesById(b)];
  const removed = a.nodes.filter(({ id }) => !after.has(id));
  const changed = new Set(differences.flatMap(({ kind, nodeId }) => (kind === "changed" && nodeId ? [nodeId] : [])));
  const nodes = [...b.nodes, ...removed];
  const [slotsA, slotsB] = [edgeSlots(a), edgeSlots(b)];
  const lines = new Map<string, Mark>();
  const edges: GraphEdge[] = [];
  for (const [slot, edge] of slotsB) {
    const old = slotsA.get(slot);
    edges.push(edge);
    lines.set(keyOf(b, after.get(edge.source), edge), old?.target === edge.target ? "same" : "added");
  }
  for (const [slot, edge] of slotsA) {
    const now = slotsB.get(slot);
    if (now?.target === edge.target) continue;
    const source = after.get(edge.source) ?? before.get(edge.source);
    const key = keyOf(after.has(edge.source) ? b : a, source, edge);
    edges.push(edge);
    // The canvas names a second line of one way by its target.
    lines.set(lines.has(key) ? `${key} ${edge.target}` : key, "removed");
  }
  const markOf = ({ id }: GraphNode): Mark => {
    if (!after.has(id)) return "removed";
    if (!before.has(id)) return "added";
    return changed.has(id) ? "changed" : "same";
  };
  return {
    graph: { ...b, nodes, edges },
    steps: new Map(nodes.map((node) => [node.id, markOf(node)])),
    lines,
  };
}

/** The key of an edge on the canvas: where one way only leads out, its handle is appearance. */
function keyOf(graph: Graph, source: GraphNode | undefined, edge: GraphEdge): string {
  const ways = source ? waysOf(source, graph.edges) : [];
  const single = ways.length === 1 && ways[0]?.handle === null;
  return lineKey(edge.source, single ? null : (edge.sourceHandle ?? null));
}

/** The steps around one: those that lead to it, and those it leads to. */
export function around(graph: Graph, id: string): { before: GraphNode[]; after: GraphNode[] } {
  const nodes = nodesById(graph);
  const named = (ids: string[]) => [...new Set(ids)].flatMap((other) => nodes.get(other) ?? []);
  return {
    before: named(graph.edges.flatMap((edge) => (edge.target === id ? [edge.source] : []))),
    after: named(graph.edges.flatMap((edge) => (edge.source === id ? [edge.target] : []))),
  };
}
